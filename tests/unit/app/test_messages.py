"""Does a message get out once, late rather than never, and not at all when it is too late?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from openhall.app.blocking import Blocking
from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.app.message_words import ALERT_NAMES, NOTICES, words_of
from openhall.app.messages import PAUSES_SECONDS, MessageDesk, adapters_of
from openhall.app.settings import Settings, WebhookSettings
from openhall.kernel.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, ManualClock
from openhall.log import outbox
from openhall.log.outbox import Draft, OutboxFull
from openhall.log.schema import messages, personal
from openhall.messages.outgoing import Later, Never, Outcome, Outgoing, Sent
from openhall.network.sample import sample_files
from tests.places import at
from tests.unit.messages.receivers import SECRET, content, gateway

START_MS = 1_800_000_000_000
NUMBER = "13800000000"
_keys = count()


class Scripted:
    """A receiver that answers as it is told, and remembers what it took. One of our adapters' siblings: what
    is tested here is the desk; the adapters have real receivers in their own tests."""

    place = "https://gateway.bank.example"

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes) or [Sent()]
        self.tried: list[Outgoing] = []
        self.taken: list[str] = []

    async def send(self, message: Outgoing) -> Outcome:
        self.tried.append(message)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Sent):
            self.taken.append(message.id)
        return outcome

    async def close(self) -> None:
        return None


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    place = Folder(tmp_path_factory.mktemp("messages") / "bank")
    place.create(sample_files())
    found = build(place, ManualClock(at(9)))
    yield found
    found.store.close()


@pytest.fixture
def app(installed: App) -> App:
    """With an empty outbox."""
    with installed.store.transaction() as connection:
        connection.execute(delete(messages))
    return installed


@pytest.fixture
def clock(app: App) -> ManualClock:
    clock = ManualClock(START_MS)
    app.personal.clock = clock
    return clock


def desk_of(app: App, clock: ManualClock, receiver: Scripted, chance: float = 0.5) -> MessageDesk:
    return MessageDesk(
        app.store,
        clock,
        lambda: chance,
        {"sms": receiver},
        app.personal,
        {"ticket_id": app.links, "appointment_id": app.appointment_links},
        lambda: app.bank,
        Blocking(),
    )


def contact(app: App) -> str:
    consent = app.personal.consent("notice")
    ref = app.personal.put_once(
        "wutong",
        "notice",
        {"to": NUMBER},
        "customer",
        key=f"k{next(_keys)}",
        consent=consent.version if consent else "",
    )
    assert isinstance(ref, str)
    return ref


def draft(ref: str, cause: str = "notice one", good_for_ms: int = HOUR_MS) -> Draft:
    return Draft(
        cause=cause,
        kind="notice",
        branch="wutong",
        channel="sms",
        template="notice.ahead",
        expires_ms=START_MS + good_for_ms,
        contact_ref=ref,
        blanks={"branch": "wutong", "day": "2026-11-23", "ticket_id": "t1", "number": "A001", "ahead": 5},
    )


def state_of(app: App, cause: str = "notice one") -> tuple[str, int, str]:
    found = outbox.find(app.store, outbox.message_id(cause))
    assert found is not None
    return found.state, found.attempts, found.error_code


def turn(desk: MessageDesk) -> None:
    asyncio.run(desk.run_once("sms"))


def test_a_message_is_kept_once_a_cause_and_sent_once(app: App, clock: ManualClock) -> None:
    receiver = Scripted()
    desk, ref = desk_of(app, clock, receiver), contact(app)
    assert outbox.put(app.store, [draft(ref)], START_MS) == 1
    assert outbox.put(app.store, [draft(ref)], START_MS + 5) == 0, "the same cause"
    turn(desk)
    turn(desk)
    assert [m.to.contact for m in receiver.tried] == [NUMBER]
    assert state_of(app) == ("sent", 1, "")
    assert outbox.put(app.store, [draft(ref)], START_MS + 9) == 0, "also after it was sent"


def test_neither_number_nor_sentence_is_in_the_outbox_and_the_look_is_on_record(
    app: App, clock: ManualClock
) -> None:
    ref = contact(app)
    outbox.put(app.store, [draft(ref)], START_MS)
    turn(desk_of(app, clock, Scripted()))
    kept = outbox.find(app.store, outbox.message_id("notice one"))
    assert NUMBER not in str(kept)
    assert [(line.actor, line.action, line.reason) for line in app.personal.accesses(ref)] == [
        ("customer", "written", "notice"),
        ("system", "read", "send_notice"),
    ]


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        ({"sealed": b"\0" * 60}, "key_wrong"),
        ({"branch": "heping"}, "seal_broken"),
        ({"kind": "contact"}, "seal_broken"),
    ],
)
def test_a_message_that_cannot_be_made_holds_up_none_behind_it(
    app: App, clock: ManualClock, harm: dict[str, object], code: str
) -> None:
    """Somebody changed a sealed contact in the file; the message to it is the first in the queue."""
    receiver, broken, sound = Scripted(), contact(app), contact(app)
    desk = desk_of(app, clock, receiver)
    outbox.put(app.store, [draft(broken)], START_MS)
    outbox.put(app.store, [draft(sound, "notice two")], START_MS + 1)
    with app.store.transaction() as connection:
        connection.execute(update(personal).where(personal.c.ref == broken).values(harm))
    clock.advance(1)
    turn(desk)
    assert [message.id for message in receiver.tried] == [outbox.message_id("notice two")]
    assert state_of(app) == ("waiting", 1, code), "and it is tried again, further and further apart"


def test_a_message_without_a_sentence_holds_up_none_behind_it(app: App, clock: ManualClock) -> None:
    """Written by a release that knew another kind, say."""
    receiver, ref = Scripted(), contact(app)
    desk = desk_of(app, clock, receiver)
    unknown = msgspec.structs.replace(draft(ref), template="notice.of_tomorrow")
    outbox.put(app.store, [unknown], START_MS)
    outbox.put(app.store, [draft(ref, "notice two")], START_MS + 1)
    clock.advance(1)
    turn(desk)
    assert [message.id for message in receiver.tried] == [outbox.message_id("notice two")]
    assert state_of(app) == ("waiting", 1, "not_made")


def test_what_fails_is_tried_again_further_and_further_apart(app: App, clock: ManualClock) -> None:
    receiver = Scripted(Later("http_500"))
    desk = desk_of(app, clock, receiver)
    outbox.put(app.store, [draft(contact(app), good_for_ms=DAY_MS)], START_MS)
    waited = []
    for _ in range(len(PAUSES_SECONDS)):
        turn(desk)
        found = outbox.find(app.store, outbox.message_id("notice one"))
        assert found is not None
        waited.append((found.due_ms - clock.now_ms()) // SECOND_MS)
        clock.advance(found.due_ms - clock.now_ms())
    assert waited == list(PAUSES_SECONDS), "half way between half and one and a half times"
    turn(desk)
    assert state_of(app) == ("dead", len(PAUSES_SECONDS) + 1, "http_500"), "and given up at last"
    assert len({message.id for message in receiver.tried}) == 1, "always under the same id"


def test_when_a_receiver_says_when_to_come_back_it_is_left_alone_till_then(
    app: App, clock: ManualClock
) -> None:
    receiver = Scripted(Later("http_429", 90_000), Sent())
    desk = desk_of(app, clock, receiver)
    outbox.put(app.store, [draft(contact(app))], START_MS)
    turn(desk)
    clock.advance(89_999)
    turn(desk)
    assert len(receiver.tried) == 1
    clock.advance(1)
    turn(desk)
    assert state_of(app)[0] == "sent"


def test_a_receiver_that_is_down_is_asked_with_one_message_and_not_with_all(
    app: App, clock: ManualClock
) -> None:
    receiver = Scripted(Later("not_reached"))
    desk, ref = desk_of(app, clock, receiver), contact(app)
    outbox.put(app.store, [draft(ref, f"notice {n}", DAY_MS) for n in range(50)], START_MS)
    turn(desk)
    first = len(receiver.tried)
    assert first <= 4, "what was under way at the same moment"
    clock.advance(5 * SECOND_MS)
    turn(desk)
    assert len(receiver.tried) == first + 1, "then a single one, to see"
    receiver.outcomes = [Sent()]
    clock.advance(2 * MINUTE_MS)
    for _ in range(5):
        turn(desk)
        clock.advance(MINUTE_MS)
    assert len(set(receiver.taken)) == len(receiver.taken) == 50


def test_too_late_is_not_sent(app: App, clock: ManualClock) -> None:
    receiver = Scripted(Later("not_reached"), Sent())
    desk = desk_of(app, clock, receiver)
    outbox.put(app.store, [draft(contact(app), good_for_ms=MINUTE_MS)], START_MS)
    turn(desk)
    clock.advance(MINUTE_MS)
    turn(desk)
    assert receiver.taken == []
    assert state_of(app)[0] == "expired"
    assert asyncio.run(desk.try_again(outbox.message_id("notice one"))), "somebody wants it all the same"
    turn(desk)
    assert state_of(app)[0] == "sent"


def test_never_is_never_and_shown_till_somebody_gives_it_up(app: App, clock: ManualClock) -> None:
    desk = desk_of(app, clock, Scripted(Never("http_400")))
    outbox.put(app.store, [draft(contact(app))], START_MS)
    turn(desk)
    assert state_of(app) == ("dead", 1, "http_400")
    assert [m.error_code for m in outbox.unsent(app.store, 10)] == ["http_400"]
    assert asyncio.run(desk.drop(outbox.message_id("notice one")))
    assert outbox.unsent(app.store, 10) == []
    assert not asyncio.run(desk.drop(outbox.message_id("notice one"))), "there is nothing left to give up"


def test_when_the_contact_is_erased_nothing_is_sent(app: App, clock: ManualClock) -> None:
    receiver, ref = Scripted(), contact(app)
    outbox.put(app.store, [draft(ref)], START_MS)
    app.personal.erase(ref, "customer", "customer_request")
    turn(desk_of(app, clock, receiver))
    assert receiver.tried == []
    assert state_of(app) == ("dropped", 0, "contact_gone")


def test_a_full_outbox_takes_no_more_and_loses_nothing(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "WAITING_AT_MOST", 2)
    ref = contact(app)
    outbox.put(app.store, [draft(ref, "one"), draft(ref, "two")], START_MS)
    with pytest.raises(OutboxFull):
        outbox.put(app.store, [draft(ref, "three")], START_MS)
    assert [q.count for q in outbox.queues(app.store, START_MS)] == [2]


def test_settled_messages_are_forgotten_after_a_month(app: App, clock: ManualClock) -> None:
    desk = desk_of(app, clock, Scripted())
    outbox.put(app.store, [draft(contact(app))], START_MS)
    turn(desk)
    clock.advance(30 * DAY_MS - 1)
    asyncio.run(desk.tidy_once())
    assert state_of(app)[0] == "sent"
    clock.advance(1)
    asyncio.run(desk.tidy_once())
    assert outbox.find(app.store, outbox.message_id("notice one")) is None


def test_a_crash_between_sending_and_noting_it_sends_again_under_the_same_id(
    app: App, clock: ManualClock
) -> None:
    receiver = Scripted()
    outbox.put(app.store, [draft(contact(app))], START_MS)
    (message,) = outbox.due(app.store, ["sms"], START_MS, 10)
    before = desk_of(app, clock, receiver)
    outgoing = before._outgoing(message)
    assert outgoing is not None
    assert asyncio.run(before.send(outgoing)) == Sent()  # and here the power fails
    turn(desk_of(app, clock, receiver))
    assert receiver.taken == [message.id, message.id]
    assert receiver.tried[0] == receiver.tried[1], "to the byte the same, so that the receiver can tell"
    assert state_of(app)[0] == "sent"


def test_a_restart_in_the_middle_sends_what_was_left_to_a_real_receiver(tmp_path: Path) -> None:
    place = Folder(tmp_path / "bank")
    place.create(sample_files())

    async def whole() -> list[str]:
        async with gateway(b"503 Busy", b"204 No Content") as found:
            own = Settings(sms=WebhookSettings(url=found.url, secret=SECRET))
            app = build(place, ManualClock(at(9)), settings=own)
            ref = contact(app)
            now_ms = app.wall.now_ms()
            given = msgspec.structs.replace(draft(ref), expires_ms=now_ms + 2 * HOUR_MS)
            outbox.put(app.store, [given], now_ms)
            await app.messages.run_once("sms")
            assert state_of(app) == ("waiting", 1, "http_503")
            await app.stop()
            app = build(place, ManualClock(at(9)), settings=own)
            await app.messages.try_again(outbox.message_id("notice one"))
            await app.messages.run_once("sms")
            assert state_of(app)[0] == "sent"
            await app.stop()
            assert found.received[0].verified()["data"] == found.received[1].verified()["data"]
            assert content(found.received[1])["text"].startswith("梧桐")
            return found.ids()

    ids = asyncio.run(whole())
    assert len(ids) == 2
    assert len(set(ids)) == 1


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["ok", "500", "cut", "never"]), min_size=1, max_size=30),
    st.integers(1, 6),
    st.lists(st.integers(1, 200), min_size=5, max_size=14),
)
def test_whatever_a_receiver_does_each_cause_is_taken_at_most_once_by_id(
    app: App, script: list[str], causes_count: int, steps: list[int]
) -> None:
    answers: dict[str, Outcome] = {
        "ok": Sent(),
        "500": Later("http_500"),
        "cut": Later("cut_off"),
        "never": Never("http_400"),
    }
    clock = ManualClock(START_MS)
    app.personal.clock = clock
    receiver = Scripted(*(answers[word] for word in script), Sent())
    ref, run = contact(app), app.wall.now_ms()
    causes = [f"{run} {id(receiver)} {n}" for n in range(causes_count)]
    outbox.put(app.store, [draft(ref, cause, DAY_MS) for cause in causes], START_MS)
    desk = desk_of(app, clock, receiver)
    for n, seconds in enumerate(steps):
        if n % 7 == 6:
            desk = desk_of(app, clock, receiver)  # a restart
        turn(desk)
        clock.advance(seconds * SECOND_MS)
    for _ in range(12):
        turn(desk)
        clock.advance(HOUR_MS)
    states = [state_of(app, cause)[0] for cause in causes]
    assert set(states) <= {"sent", "dead"}, "with the receiver well again nothing waits for ever"
    assert len(receiver.taken) == states.count("sent")
    assert len(set(receiver.taken)) == len(receiver.taken)


def test_ways_out_are_those_that_are_set_up(app: App) -> None:
    assert adapters_of(Settings(), app.wall) == {}
    own = Settings(staff=WebhookSettings(url="https://im.bank.example/hook", secret=SECRET))
    assert {c: a.place for c, a in adapters_of(own, app.wall).items()} == {
        "staff": "https://im.bank.example"
    }, "the path may hold a key, and is not shown"


def test_every_sentence_is_filled_in_both_languages(app: App) -> None:
    blanks: dict[str, str | int] = {
        "branch": "wutong",
        "number": "A012",
        "ahead": 5,
        "window": 3,
        "minutes": 25,
        "time": "10:30",
        "level": "red",
        "value": "31.0",
        "limit": "30.0",
    }
    for template in (*NOTICES, *(f"alert.{kind}" for kind in ALERT_NAMES), "test"):
        for language in ("en", "zh"):
            subject, text = words_of(app.bank, template, blanks, language, "https://hall.example/t/x")
            assert subject, template
            assert text, template
            assert "{" not in subject + text, template
            assert ("https://hall.example/t/x" in text) == template.startswith("notice")
