"""Do the tables for reports say what the hall says?"""

from random import Random

from openhall.flows.day import day_rules
from openhall.flows.series import QueueSeries
from openhall.flows.ticket_rows import Values, ticket_values
from openhall.hall.model import ROOM
from openhall.hall.model.state import HallState, TicketStatus
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.event import Recorded, StreamId
from openhall.log.memory import MemoryStore
from openhall.network.sample import sample_bank
from openhall.network.version import version_of
from openhall.rehearsal.invented import InventedParameters, rehearse_invented
from tests.places import DAY

BRANCH = "lanqiao"


def a_day() -> tuple[HallState, list[Recorded]]:
    """An invented day with everything in it: holds, diversions, no-shows, second services."""
    rules = day_rules(version_of(sample_bank()), BRANCH, DAY)
    assert rules is not None
    store, stream = MemoryStore(), StreamId(BRANCH, DAY)
    parameters = InventedParameters(
        surge_factor=1.5, hold_share=0.3, no_show_share=0.2, two_services_share=0.3, offer_share=0.8
    )
    rehearse_invented(stream, rules, parameters, store=store, rng=Random(5))
    events = list(store.read(stream=stream))
    state = ROOM.initial(stream)
    for recorded in events:
        ROOM.apply(state, ROOM.read(recorded.type, recorded.version, recorded.body), recorded.stamp)
    return state, events


def folded(events: list[Recorded]) -> dict[str, Values]:
    rows: dict[str, Values] = {}
    for recorded in events:
        event = ROOM.read(recorded.type, recorded.version, recorded.body)
        for ticket_id, values in ticket_values(event, recorded.stamp):
            rows.setdefault(ticket_id, {}).update(values)
    return rows


def test_a_row_says_of_a_ticket_what_the_hall_says() -> None:
    state, events = a_day()
    rows = folded(events)
    assert rows.keys() == state.tickets.keys()
    for ticket in state.tickets.values():
        row = rows[ticket.id]
        assert row["outcome"] == ticket.status.value
        assert row["number"] == ticket.number
        assert row["service"] == ticket.service_id
        assert row["class_code"] == ticket.class_code
        assert row["joined_ms"] == ticket.joined_ms
        assert row["issued_ms"] == ticket.issued_ms
        assert row.get("called_ms") == (ticket.first_called_ms or None)
        assert row["ended_ms"] == ticket.ended_ms
        assert row["held_ms"] == ticket.held_total_ms


def test_the_day_has_every_ending_that_this_test_speaks_of() -> None:
    state, _ = a_day()
    endings = {ticket.status for ticket in state.tickets.values()}
    assert endings >= {TicketStatus.SERVED, TicketStatus.NO_SHOW, TicketStatus.DIVERTED}
    assert any(ticket.held_total_ms for ticket in state.tickets.values())
    assert any(ticket.services_done > 1 for ticket in state.tickets.values())


def test_the_series_has_each_minute_once_and_ends_with_nobody() -> None:
    _, events = a_day()
    series, state = QueueSeries(), ROOM.initial(StreamId(BRANCH, DAY))
    for recorded in events:
        ROOM.apply(state, ROOM.read(recorded.type, recorded.version, recorded.body), recorded.stamp)
        series.note(state, recorded.at_ms)
    steps = {b - a for a, b in zip(series.minutes_ms, series.minutes_ms[1:], strict=False)}
    assert steps == {MINUTE_MS}
    assert len(series.waiting) == len(series.open_counters) == len(series.minutes_ms)
    assert (series.waiting[-1], max(series.waiting) > 5) == (0, True)
