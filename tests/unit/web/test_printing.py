"""Numbers and guidance on paper: from the ticket machine by themselves, from the lobby by a word [C1]."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest
from litestar.testing import TestClient

from openhall.access.devices import KioskSettings, PrinterSettings
from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.app.slips import LANGUAGES, guidance_slip, ticket_slip
from openhall.devices.paper import bytes_of
from openhall.devices.slip import Code, Line, Slip
from openhall.hall.model import commands as c
from openhall.kernel.clock import ManualClock, from_datetime
from openhall.kernel.event import SYSTEM, Answer, Command, Request, StreamId
from openhall.kernel.refusal import Refusal
from openhall.network.sample import sample_files
from openhall.web.site import create_site
from tests.places import ZONE
from tests.unit.devices.printers import FONT, PAPER_OUT, Paper, Sink
from tests.unit.devices.usb_printers import PRODUCT, VENDOR, UsbSink

DAY = date(2026, 11, 24)
STREAM = StreamId("wutong", DAY)
PATIENT_SECONDS = 15
PASSWORD = "for-these-tests-only"
HERE = "/api/branches/wutong"


class Hall:
    """A branch in the morning with a ticket machine and a printer."""

    def __init__(self, app: App, client: TestClient[Any], sink: Sink) -> None:
        self.app, self.client, self.sink = app, client, sink
        self.tokens: dict[str, str] = {}
        self.sent = 0

    def do(self, command: Command, actor: str = SYSTEM) -> Any:
        self.sent += 1
        answer = self.client.blocking_portal.call(
            self.app.submit, Request(STREAM, f"k{self.sent}", actor, command)
        )
        assert isinstance(answer, Answer), answer
        return answer.events[-1]

    def call(self, method: str, path: str, who: str, body: Any = None, key: str = "") -> Any:
        self.sent += 1
        headers = {"Authorization": f"Bearer {self.tokens[who]}", "Idempotency-Key": key or f"h{self.sent}"}
        return self.client.request(method, f"{HERE}{path}", headers=headers, json=body)

    def texts(self, slip: Slip) -> str:
        return "\n".join(part.text for part in slip.parts if isinstance(part, Line))

    def printed(self, count: int) -> list[Paper]:
        """The slips once so many came out."""
        printer = self.app.devices.printing.find("printer")
        assert printer is not None
        assert printer.wait(lambda: printer.waiting_count == 0, PATIENT_SECONDS)
        slips = self.sink.wait(count, PATIENT_SECONDS)
        assert len(slips) == count
        return [Paper(data) for data in slips]


@pytest.fixture
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    place = Folder(tmp_path_factory.mktemp("bank") / "hall")
    place.create(sample_files())
    at_ms = from_datetime(datetime(DAY.year, DAY.month, DAY.day, 9, tzinfo=ZONE))
    app, sink = build(place, ManualClock(at_ms)), Sink()
    settings = PrinterSettings(host="127.0.0.1", port=sink.port, letters="gb18030", kiosks=("kiosk",))
    records = app.devices.records
    records.make("kiosk", "wutong", "kiosk", "By the door", KioskSettings(), by="manager")
    records.make("printer", "wutong", "printer", "Printer", settings, by="manager")
    code = records.new_code("kiosk")
    assert not isinstance(code, Refusal)
    paired = app.devices.pair(code[1])
    assert not isinstance(paired, Refusal)
    app.accounts.create("lobby", "lobby", PASSWORD, branch="wutong")
    signed_in = app.accounts.sign_in("lobby", PASSWORD)
    assert not isinstance(signed_in, Refusal)
    with TestClient(create_site(app)) as client:
        made = Hall(app, client, sink)
        made.tokens = {"kiosk": paired[1].token, "lobby": signed_in.token}
        branch = app.bank.branch("wutong")
        assert branch is not None
        client.blocking_portal.call(app.open_day, branch, SYSTEM, "open")
        made.do(c.OpenDoors())
        yield made
    sink.close()


def test_a_number_from_the_ticket_machine_comes_out_by_itself_with_all_that_matters(hall: Hall) -> None:
    issued = hall.call("POST", "/commands/IssueTicket", "kiosk", {"service_id": "cash"})
    assert issued.status_code == 200, issued.text
    ticket = next(e for e in issued.json()["events"] if e["type"] == "TicketIssued")
    paper = hall.printed(1)[0]
    text = "\n".join(paper.text)
    for wanted in (ticket["number"], "现金业务", "Cash", "梧桐路支行", "2026-11-24 09:00", "People ahead"):
        assert wanted in text
    assert "?" not in text
    assert paper.is_cut
    state = hall.call("GET", f"/print/{ticket['ticket_id']}", "kiosk").json()["state"]
    assert state == "printed"


def test_without_paper_the_machine_shows_the_number_and_says_so(hall: Hall) -> None:
    hall.sink.status = dict(PAPER_OUT)
    issued = hall.call("POST", "/commands/IssueTicket", "kiosk", {"service_id": "cash"})
    ticket = next(e for e in issued.json()["events"] if e["type"] == "TicketIssued")
    printer = hall.app.devices.printing.find("printer")
    assert printer is not None
    assert printer.wait(lambda: printer.state == "paper_out", PATIENT_SECONDS)
    found = next(h for h in hall.app.devices.health("wutong") if h.id == "printer")
    assert (found.state, found.code, found.waiting_count) == ("down", "paper_out", 1)
    headers = {"Authorization": f"Bearer {hall.tokens['kiosk']}"}
    shown = hall.client.get(f"/b/wutong/kiosk?ticket={ticket['ticket_id']}&lang=en", headers=headers).text
    assert ticket["number"] in shown
    assert "It could not be printed. The number on the screen is valid without paper." in shown


def test_a_usb_printer_that_is_unplugged_stops_no_number_and_prints_when_it_is_back(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = UsbSink(is_plugged=False)
    monkeypatch.setattr("usb.backend.libusb1.get_backend", lambda: bus)
    usb = PrinterSettings(
        connection="usb", usb_vendor=VENDOR, usb_product=PRODUCT, letters="gb18030", kiosks=("kiosk",)
    )
    hall.app.devices.records.change("printer", "Printer", usb)
    hall.client.blocking_portal.call(hall.app.devices.run_once)
    issued = hall.call("POST", "/commands/IssueTicket", "kiosk", {"service_id": "cash"})
    assert issued.status_code == 200
    number = next(e["number"] for e in issued.json()["events"] if e["type"] == "TicketIssued")
    printer = hall.app.devices.printing.find("printer")
    assert printer is not None
    assert printer.wait(lambda: printer.state == "unreachable", PATIENT_SECONDS)
    found = next(h for h in hall.app.devices.health("wutong") if h.id == "printer")
    assert (found.state, found.code, found.waiting_count) == ("down", "unreachable", 1)
    bus.is_plugged = True
    assert printer.wait(lambda: printer.waiting_count == 0, PATIENT_SECONDS)
    assert number in "\n".join(Paper(bus.wait(1, PATIENT_SECONDS)[0]).text)


def test_a_number_given_by_the_lobby_is_printed_only_on_its_word_and_a_retry_prints_once(hall: Hall) -> None:
    issued = hall.do(c.IssueTicket("cash", class_basis="staff"), "qian-lixin")
    body = {"what": "ticket", "ticket": issued.number}
    first = hall.call("POST", "/print", "lobby", body, key="press")
    assert (first.status_code, first.json()["printer"]) == (200, "Printer")
    assert hall.call("POST", "/print", "lobby", body, key="press").status_code == 200
    assert issued.number in "\n".join(hall.printed(1)[0].text)
    assert hall.call("GET", "/print/press", "lobby").json()["state"] == "printed"
    assert hall.call("GET", "/print/press", "kiosk").json()["state"] == "none", "another's request"


def test_guidance_says_what_to_have_ready_and_offers_another_way(hall: Hall) -> None:
    rules = hall.app.hall(STREAM).day_rules  # type: ignore[union-attr]
    rule = next(r for r in rules.triage if "withdraw_cash" in r.needs)
    body = {"what": "guidance", "need": "withdraw_cash", "offers": [rule.id]}
    assert hall.call("POST", "/print", "lobby", body).status_code == 200
    text = "".join("\n".join(hall.printed(1)[0].text).split())
    need = next(n for s in rules.services for n in s.needs if n.code == "withdraw_cash")
    for language in LANGUAGES:
        for said in (need.name, rule.says, *need.documents):
            assert "".join(said.get(language).split()) in text
    assert "offer" in text


@pytest.mark.parametrize(
    ("body", "status", "code", "why"),
    [
        ({"what": "ticket", "ticket": "Z999"}, 404, "ticket_unknown", "no such number"),
        ({"what": "ticket"}, 404, "ticket_unknown", "which number?"),
        ({"what": "guidance", "need": "fly"}, 404, "need_unknown", "not the bank's need"),
        (
            {"what": "guidance", "need": "withdraw_cash", "offers": ["x"]},
            400,
            "input_invalid",
            "an offer that no rule makes",
        ),
        ({"what": "poem"}, 400, "input_invalid", "nothing else is printed"),
    ],
)
def test_what_cannot_be_printed_is_refused(
    hall: Hall, body: dict[str, Any], status: int, code: str, why: str
) -> None:
    answer = hall.call("POST", "/print", "lobby", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), why


def test_without_a_printer_the_lobby_hears_so_and_a_kiosk_prints_nothing_at_all(hall: Hall) -> None:
    hall.app.devices.revoke("printer")
    issued = hall.call("POST", "/commands/IssueTicket", "kiosk", {"service_id": "cash"})
    assert issued.status_code == 200
    answer = hall.call("POST", "/print", "lobby", {"what": "ticket", "ticket": "A001"})
    assert (answer.status_code, answer.json()["code"]) == (409, "printer_missing")
    assert hall.call("POST", "/print", "kiosk", {"what": "ticket", "ticket": "A001"}).status_code == 403


@pytest.mark.parametrize("letters", ["picture", "gb18030"])
def test_both_slips_fit_narrow_paper_in_either_way(hall: Hall, letters: str) -> None:
    issued = hall.do(c.IssueTicket("cash"), "device-kiosk")
    state = hall.app.hall(STREAM)
    assert state is not None
    waits = hall.client.blocking_portal.call(hall.app.waits, STREAM)
    ticket = ticket_slip(state, state.tickets[issued.ticket_id], waits, "https://hall.example.cn/t/x")
    assert any(isinstance(part, Code) for part in ticket.parts)
    rules = state.day_rules
    need = next(n for s in rules.services for n in s.needs if n.documents)
    guidance = guidance_slip(rules, need, rules.triage[:1], "A001", hall.app.clock.now_ms())
    for slip in (ticket, guidance):
        own = PrinterSettings(host="p", letters=letters, width_dots=384)  # type: ignore[arg-type]
        paper = Paper(bytes_of(slip, own, FONT), 384)
        assert paper.is_cut
        assert 0.01 < paper.dark_share < 0.5
