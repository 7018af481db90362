"""What the lobby prints and has said aloud at triage [C1], and the call of who may not hear it [C5]."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import days
from tests.browser.conftest import OpenScreen
from tests.browser.served import BRANCH, Served
from tests.browser.test_devices import LISTEN, LOUD_ENOUGH
from tests.unit.devices.printers import FINE, PAPER_OUT, Paper, Sink

LOBBY, COUNTER = f"/b/{BRANCH}/lobby", f"/b/{BRANCH}/counter?counter=C2"
PATIENT_SECONDS = 20
NEEDS_A_CARD = "withdraw_cash"


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    printer = Sink()
    yield printer
    printer.close()


@pytest.fixture(scope="module")
def hall(served: Served, sink: Sink) -> Served:
    """A branch in the morning with a printer for the lobby."""
    days.open_hall(served, days.NORMAL_DAY, counters=2)
    settings = {"host": "127.0.0.1", "port": sink.port, "letters": "gb18030", "kiosks": ["kiosk"]}
    made = served.call("POST", "/devices", json={"kind": "printer", "name": "Lobby", "settings": settings})
    assert made.status_code == 200, made.text
    return served


def triaged(lobby: Page) -> str:
    """A customer who would draw cash and has a card gets a number; the number."""
    form = lobby.locator("[data-triage]")
    form.locator("[name=need]").select_option(NEEDS_A_CARD)
    form.locator("[name=has_card]").check()
    form.locator("[name=amount]").fill("500")
    form.locator("button.primary").click()
    expect(lobby.locator("[data-result-offers]")).to_be_visible()
    return lobby.locator("[data-result-number]").inner_text()


@pytest.mark.parametrize(
    ("language", "button", "ready", "printed"),
    [
        ("zh", "打印指引", "请准备好", "已在“Lobby”打印"),
        ("en", "Print the guidance", "Please have ready:", "Printed at Lobby."),
    ],
)
@pytest.mark.usefixtures("hall")
def test_guidance_comes_out_on_paper_with_the_number_what_to_bring_and_the_offer(
    screen: OpenScreen, sink: Sink, language: str, button: str, ready: str, printed: str
) -> None:
    lobby = screen("lobby", LOBBY, language=language)
    number = triaged(lobby)
    before = len(sink.slips)
    lobby.get_by_role("button", name=button).click()
    expect(lobby.locator(".toast")).to_contain_text(printed)
    paper = Paper(sink.wait(before + 1, PATIENT_SECONDS)[-1])
    text = "".join("\n".join(paper.text).split())
    offer = lobby.locator("[data-result-offers] li").first.evaluate("(item) => item.firstChild.data")
    for wanted in (number, ready, offer):
        assert "".join(wanted.split()) in text
    assert paper.is_cut


def test_without_paper_the_lobby_is_told_and_the_number_counts(
    hall: Served, screen: OpenScreen, sink: Sink
) -> None:
    lobby = screen("lobby", LOBBY, language="en")
    number = triaged(lobby)
    sink.status = dict(PAPER_OUT)
    before = len(sink.slips)
    lobby.get_by_role("button", name="Print the number").click()
    expect(lobby.locator(".device-panel")).to_contain_text("There is no paper.")
    assert hall.ticket(number)["status"] == "waiting"
    sink.status = dict(FINE)
    expect(lobby.locator(".toast")).to_contain_text("Printed at Lobby.")
    assert number in "\n".join(Paper(sink.wait(before + 1, PATIENT_SECONDS)[-1]).text)


def test_at_the_machine_nobody_waits_for_a_paper_that_does_not_come(
    hall: Served, screen: OpenScreen, sink: Sink
) -> None:
    sink.status = dict(PAPER_OUT)
    kiosk = screen("kiosk", f"/b/{BRANCH}/kiosk?need={NEEDS_A_CARD}", language="en")
    kiosk.get_by_role("button", name="Take a number").click()
    said = kiosk.locator("[data-print-state]")
    expect(said).to_have_text(
        "The paper does not come just now. The number on the screen is valid without paper."
    )
    assert hall.ticket(kiosk.locator(".ticket-number").inner_text())["status"] == "waiting"
    sink.status = dict(FINE)
    expect(said).to_have_text("It is printed: please take the paper below.")


def test_guidance_is_read_out_sentence_by_sentence(hall: Served, screen: OpenScreen) -> None:
    lobby = screen("lobby", "/healthz", language="en")
    lobby.add_init_script(f"({LISTEN})()")
    said: list[str] = []

    def note(request: Any) -> None:
        if request.url.endswith("/api/speech"):
            said.append(request.post_data_json["text"])

    lobby.on("request", note)
    lobby.goto(hall.url + LOBBY)
    triaged(lobby)
    offer = lobby.locator("[data-result-offers] li").first.evaluate("(item) => item.firstChild.data")
    lobby.get_by_role("button", name="Read the guidance out").click()
    lobby.wait_for_event("request", lambda request: "kept meanwhile" in (request.post_data or ""))
    assert said[0] == "Withdraw cash"
    assert said[1].startswith("Please have ready: ")
    assert said[2] == f"If you would rather not wait: {offer}"
    heard = lobby.evaluate("window.heard")
    assert len(heard) >= len(said) - 1
    assert all(sound["rms"] > LOUD_ENOUGH for sound in heard)


# --- somebody who may not hear ---------------------------------------------------------------------------


def test_who_may_not_hear_is_shown_a_card_with_number_and_window_by_whoever_fetches_them(
    hall: Served, screen: OpenScreen
) -> None:
    issued = hall.issue("cash", handling=["written"])
    number = issued["number"]
    hall.do("CallTicket", counter_id="C2", ticket_id=issued["ticket_id"], reason="emergency")
    for account, path in (("lobby", LOBBY), ("guard", f"/b/{BRANCH}/guard"), ("teller", COUNTER)):
        page = screen(account, path, language="en")
        page.get_by_role("button", name="Show the card").click()
        card = page.locator("#call-card")
        expect(card).to_contain_text(number)
        expect(card).to_contain_text("Please come with me.")
        expect(card).to_contain_text("请跟我来")
        size = card.locator(".call-card-number").evaluate("(e) => parseFloat(getComputedStyle(e).fontSize)")
        assert size >= 90, "read at arm's length and farther"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.keyboard.press("Escape")
        expect(card).to_be_hidden()
    hall.do("StartService", counter_id="C2")
    hall.do("FinishService", counter_id="C2")


def test_staff_hear_the_same_two_notes_as_the_hall_when_somebody_rings(
    hall: Served, screen: OpenScreen
) -> None:
    lobby = screen("lobby", "/healthz", language="en")
    lobby.add_init_script(f"({LISTEN})()")
    lobby.goto(hall.url + LOBBY)
    lobby.keyboard.press("Tab")  # a browser lets a page sound once somebody has touched it
    hall.do("RingForColleague", "kiosk", place="kiosk", reason="question")
    expect(lobby.locator(".rings")).to_be_visible()
    for _ in range(50):
        heard = lobby.evaluate("window.heard")
        if heard:
            break
        lobby.wait_for_timeout(100)
    assert [round(sound["seconds"], 1) for sound in heard] == [1.1], "the chime"
