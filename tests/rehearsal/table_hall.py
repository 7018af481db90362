"""Plays a table of customers through the real hall: its own commands, decided and applied by the room.

Everybody presses what people would press, when it happens: a customer who leaves is marked as left at that
moment, not when the turn comes. At every counter that calls and is free, somebody presses Next, in the order
of the counters' numbers, whenever there is somebody whom it can serve.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import NamedTuple

from openhall.hall.model import ROOM
from openhall.hall.model import commands as c
from openhall.hall.model.state import CounterState, HallState, TicketStatus
from openhall.kernel.event import Command, Event, Stamp
from openhall.kernel.refusal import Refusal
from openhall.science import engine
from tests.places import LANE
from tests.rehearsal.table_days import LAST_JOINING, MIDNIGHT, Change, Customer, TableDay


class Phase(IntEnum):
    """The order of what happens in one millisecond; calls come after all of it."""

    ENDS = 0
    CHANGES = 1
    RETURNS = 2
    CHECKS = 3
    ENTERS = 4
    LEAVES = 5
    DOORS = 6


class Call(NamedTuple):
    """The hall called a customer (by the row in the table)."""

    at_ms: int
    counter: int
    row: int


class TableHall:
    """One day in the hall."""

    def __init__(self, day: TableDay, watch: Callable[[TableHall], None] | None = None) -> None:
        self.day = day
        self.watch = watch
        """Is shown the hall after each millisecond in which something happened."""
        self.state: HallState = ROOM.initial(LANE)
        self.calls: list[Call] = []
        self.now = 0
        self.seq = 0
        self._agenda: list[tuple[int, Phase, int, Callable[[], None]]] = []
        self._added = 0
        self._visits: dict[int, str] = {}
        self.tickets: dict[int, str] = {}
        self._rows: dict[str, int] = {}
        self._busy_until: dict[str, int] = {}
        self._wanted: dict[str, Change] = {}
        """What has to wait for the customer at the counter."""
        self._is_opened = False

    def live(self) -> None:
        """The whole day."""
        self.do(c.OpenDay(self.day.rules))
        for change in self.day.changes:
            self._add(change.at_ms, Phase.CHANGES, lambda change=change: self._change(change))  # type: ignore[misc]
        for customer in sorted(self.day.customers, key=lambda one: one.number):
            if customer.checked_ms >= 0:
                self._add(customer.checked_ms, Phase.CHECKS, lambda one=customer: self._check(one))  # type: ignore[misc]
            enter_ms = int(self.day.table[customer.row, engine.ENTER])
            self._add(enter_ms, Phase.ENTERS, lambda one=customer: self._enter(one))  # type: ignore[misc]
        self._add(LAST_JOINING, Phase.DOORS, lambda: self._do_only(c.CloseDoors()))
        while self._agenda:
            self.now = self._agenda[0][0]
            while self._agenda and self._agenda[0][0] == self.now:
                # A round: what a call ends in the same millisecond comes after it, in the next one.
                due = []
                while self._agenda and self._agenda[0][0] == self.now:
                    due.append(heapq.heappop(self._agenda))
                for _, _, _, happen in due:
                    happen()
                if not any(at == self.now for at, _, _, _ in self._agenda[:1]):
                    self._press_next()
            if self.watch:
                self.watch(self)
        if not self.state.pending_count:
            self.do(c.EndDay())

    # -- asking -------------------------------------------------------------------------------------------

    def do(self, command: Command) -> Sequence[Event]:
        """A command that must be accepted."""
        result = self.ask(command)
        assert not isinstance(result, Refusal), f"{command} at {self.now}: {result}"
        return result

    def ask(self, command: Command) -> Sequence[Event] | Refusal:
        """A command that may be refused."""
        at_ms = MIDNIGHT + self.now
        result = ROOM.decide(self.state, command, Stamp(self.seq + 1, at_ms, "somebody"))
        if not isinstance(result, Refusal):
            for event in result:
                self.seq += 1
                ROOM.apply(self.state, event, Stamp(self.seq, at_ms, "somebody"))
        return result

    def _add(self, at_ms: int, phase: Phase, happen: Callable[[], None]) -> None:
        self._added += 1
        heapq.heappush(self._agenda, (int(at_ms), phase, self._added, happen))

    # -- counters -----------------------------------------------------------------------------------------

    def _change(self, change: Change) -> None:
        if not change.counter:
            self._change_hall(change)
            return
        self._wanted[change.counter] = change
        self._carry_out(change.counter)

    def _change_hall(self, change: Change) -> None:
        if change.is_paused and self._is_opened:
            self.do(c.PauseHall("break", MIDNIGHT + self.now + 1))
        elif self._is_opened:
            self.do(c.ResumeHall())
        elif not change.is_paused:
            self._is_opened = True
            self.do(c.OpenDoors())

    def _carry_out(self, counter_id: str) -> None:
        """Bring a counter to what is wanted, as far as its customer allows."""
        change, counter = self._wanted[counter_id], self.state.counters[counter_id]
        if change.is_paused:
            if counter.is_open and not counter.pause_reason:
                self.do(c.PauseCounter(counter_id, "break"))
        elif not change.person:
            if counter.is_open and not counter.is_closing:
                self.do(c.CloseCounter(counter_id))
        else:
            self._seat(counter, change.person)

    def _seat(self, counter: CounterState, person: str) -> None:
        if not counter.is_open:
            self.do(c.OpenCounter(counter.id, person))
            return
        if counter.person_id != person:
            result = self.ask(c.HandOverCounter(counter.id, person))
            if isinstance(result, Refusal):
                assert result.code == "counter_cannot_serve"  # the relief waits till the customer has gone
                if counter.is_calling:
                    self.do(c.PauseCounter(counter.id, "break"))
                return
        if counter.pause_reason or counter.is_closing:
            self.do(c.ResumeCounter(counter.id))

    def _press_next(self) -> None:
        for number, counter in enumerate(self.state.counters.values()):
            if (
                counter.is_calling
                and not counter.ticket_id
                and self._busy_until.get(counter.id, 0) <= self.now
            ):
                result = self.ask(c.CallNext(counter.id))
                if isinstance(result, Refusal):
                    assert result.code in {"nobody_waiting", "hall_paused", "doors_not_open"}
                else:
                    self._called(number, counter)

    def _called(self, number: int, counter: CounterState) -> None:
        row = self._rows[counter.ticket_id]
        is_first = all(call.row != row for call in self.calls)
        self.calls.append(Call(self.now, number, row))
        values = self.day.table[row]
        if is_first and values[engine.ABSENT] > 0:
            for _ in range(self.day.rules.call.recalls_at_least):
                self.do(c.Recall(counter.id))
            end = self.now + int(values[engine.ABSENT])
            self._busy_until[counter.id] = end
            self._add(end, Phase.ENDS, lambda: self._absent(counter, row))
            return
        is_second = self.state.tickets[counter.ticket_id].services_done > 0
        work = int(values[engine.NEXT_WORK if is_second else engine.WORK])
        self.do(c.StartService(counter.id))
        following = self.day.customers[row].next_service
        if following and not is_second and not self.state.tickets[counter.ticket_id].later_services:
            self.do(c.AddService(counter.ticket_id, following))
        end = self.now + int(values[engine.WALK]) + work
        self._busy_until[counter.id] = end + int(values[engine.GAP])
        self._add(end, Phase.ENDS, lambda: self._finish(counter))
        self._add(self._busy_until[counter.id], Phase.ENDS, lambda: None)  # a moment to press Next at

    def _finish(self, counter: CounterState) -> None:
        self.do(c.FinishService(counter.id))
        self._carry_out(counter.id)

    def _absent(self, counter: CounterState, row: int) -> None:
        self.do(c.MarkNoShow(counter.id))
        self._carry_out(counter.id)
        later = int(self.day.table[row, engine.REINSTATED])
        if later < engine.NEVER:
            reinstate = c.Reinstate(self.tickets[row], "came_back")
            self._add(self.now + later, Phase.RETURNS, lambda: self._do_only(reinstate))

    def _do_only(self, command: Command) -> None:
        self.do(command)

    # -- customers ----------------------------------------------------------------------------------------

    def _check(self, customer: Customer) -> None:
        self.do(c.RecordEntryCheck("place_code", "admit"))
        self._visits[customer.row] = list(self.state.visits)[-1]

    def _enter(self, customer: Customer) -> None:
        row = customer.row
        visit = self._visits.get(row, "")
        self.do(c.IssueTicket(customer.service, visit, class_code=customer.class_code, class_basis="staff"))
        ticket = list(self.state.tickets)[-1]
        self.tickets[row], self._rows[ticket] = ticket, row
        if customer.next_service and customer.is_known_before:
            self.do(c.AddService(ticket, customer.next_service))
        values = self.day.table[row]
        gone, out, back = int(values[engine.GONE]), int(values[engine.OUT]), int(values[engine.BACK])
        is_hold, offered = customer.out_is_hold and back < engine.NEVER, int(values[engine.OFFERED])
        if offered >= 0 and not customer.next_service:
            out, is_hold = self.now, False
            back = min(engine.NEVER, self.now + offered)
        if gone < engine.NEVER:
            self._add(gone, Phase.LEAVES, lambda: self._leave(row))
        if out < engine.NEVER and out < back:
            self._add(out, Phase.LEAVES, lambda: self._step_out(row, back, gone, is_hold=is_hold))

    def _is_waiting(self, row: int) -> bool:
        ticket = self.state.tickets[self.tickets[row]]
        return ticket.status is TicketStatus.WAITING and not ticket.first_called_ms

    def _leave(self, row: int) -> None:
        if self._is_waiting(row):
            self.do(c.MarkReneged(self.tickets[row]))

    def _step_out(self, row: int, back: int, gone: int, *, is_hold: bool) -> None:
        if not self._is_waiting(row):
            return
        ticket = self.tickets[row]
        if is_hold:
            self.do(c.HoldTicket(ticket, "li"))
            self._add(back, Phase.RETURNS, lambda: self._return(row, c.ResumeTicket(ticket), gone))
            return
        self.do(c.OfferDiversion(ticket, "phone"))
        diversion = list(self.state.diversions)[-1]
        self.do(c.AcceptDiversion(diversion))
        if back >= engine.NEVER:
            self._add(
                self.now + 1, Phase.RETURNS, lambda: self._do_only(c.CompleteDiversion(diversion, True))
            )
        else:
            fails = c.FailDiversion(diversion, "did_not_work")
            self._add(back, Phase.RETURNS, lambda: self._return(row, fails, gone))

    def _return(self, row: int, command: Command, gone: int) -> None:
        self.do(command)
        if gone <= self.now:
            self.do(c.MarkReneged(self.tickets[row]))
