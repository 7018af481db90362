"""The twin of a hall: from a snapshot and a branch's habits to waits, room and advice [C10, C16, D5].

Runs in a worker process, never where tickets are served: it brings the engine's machine code with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from openhall.hall.model.commands import GiveAdvice, TellWaits
from openhall.hall.snapshot import Seat, Snapshot, Someone
from openhall.hall.told import JoiningWait, Move, RoomLeft, TicketWait
from openhall.kernel.clock import HOUR_MS, MINUTE_MS
from openhall.science import engine, habits
from openhall.science.engine import Fork, Ints, Model
from openhall.science.habits import Arrivals, GroupHabits, GroupRules, Habits

FUTURES = 400
"""For waits: the 10 % point of a wait then has a standard error of about 4 % of its spread."""

ADVICE_FUTURES = 300
ROOM_FUTURES = 200
HORIZON_MINUTES = 60
SIT_DOWN_MS = 2 * MINUTE_MS
"""From the decision to open a counter till it calls."""

PAUSE_LASTS_MS = 10 * MINUTE_MS
"""A counter that is paused is taken to call again after so long: nobody says when at the time."""

ROOM_AT_MOST = 2_000
OFFERS_AT_MOST = 8
"""Waiting customers for whom an offer is worked out: those nearest to being late."""

MOVES_AT_MOST = 8
CLOSING_COSTS_AT_MOST_MS = MINUTE_MS
"""A counter is said to be dispensable when closing it costs less than a late minute in the hour."""

FORESEEN_AT_MOST_MS = 12 * HOUR_MS
ARRIVALS_TRUST = 10
"""The forecast counts as much as so many people who were seen: ten come early, and nothing is concluded
yet."""

SEED = 20_200_224
"""Any number: the same one always, so that an answer moves with the hall and not with chance."""


@dataclass(frozen=True)
class Groups:
    """The engine's groups of one branch: pairs of service and class, and needs with a pace of their own."""

    habits: tuple[GroupHabits, ...]
    rules: tuple[GroupRules, ...]
    numbers: dict[tuple[str, str, str], int]

    def number(self, service: str, class_code: str, need: str = "") -> int:
        """The group of a ticket: that of its need where there is one."""
        found = self.numbers.get((service, class_code, need))
        return self.numbers[service, class_code, ""] if found is None else found

    def mask(self, services: Sequence[str], classes: Sequence[str]) -> int:
        """The groups that a counter serves; no classes are all of them."""
        mask = 0
        for number, group in enumerate(self.habits):
            if group.service in services and (not classes or group.class_code in classes):
                mask |= 1 << number
        return mask


def groups_of(shot: Snapshot, believed: Habits) -> Groups:
    """The branch's groups: learned ones first, as they are; what is new in the configuration is assumed."""
    wanted = [(service, mean, code) for service, mean in shot.services for code, _, _ in shot.classes]
    services, classes = {s for s, _ in shot.services}, {k: (start, rank) for k, start, rank in shot.classes}
    known = [g for g in believed.groups if g.service in services and g.class_code in classes]
    have = {(g.service, g.class_code) for g in known if not g.need}
    known = [g for g in known if (g.service, g.class_code) in have]
    known += [habits.assumed(s, code, mean) for s, mean, code in wanted if (s, code) not in have]
    rules = []
    for group in known:
        start, rank = classes[group.class_code]
        own = (0, rank) if shot.is_strict else (start, 0)
        rules.append(GroupRules(own[0], own[1], shot.late_after_ms))
    numbers = {(g.service, g.class_code, g.need): number for number, g in enumerate(known)}
    return Groups(tuple(known), tuple(rules), numbers)


def arrivals_of(shot: Snapshot, believed: Habits, groups: Groups) -> Arrivals:
    """Who will come: what was learned, made more or less by who has come today; else the pace of the last
    hour.

    With n people seen where m were expected the rest of the day is taken (n + k) / (m + k) times as busy.
    """
    now = shot.now_ms - shot.origin_ms
    learned = believed.arrivals
    if learned is None or learned.from_ms + learned.width_ms * len(learned.expected) <= now:
        return _as_lately(shot, groups, now)
    so_far = 0.0
    for number, expected in enumerate(learned.expected):
        gone = (now - learned.from_ms - number * learned.width_ms) / learned.width_ms
        so_far += expected * min(1.0, max(0.0, gone))
    factor = (shot.joined_today + ARRIVALS_TRUST) / (so_far + ARRIVALS_TRUST)
    mix = _mix_in(groups, believed.groups, learned.mix)
    return Arrivals(
        learned.from_ms,
        learned.width_ms,
        tuple(e * factor for e in learned.expected),
        mix,
        learned.dispersion,
    )


def _mix_in(
    groups: Groups, learned: Sequence[GroupHabits], mixes: Sequence[tuple[float, ...]]
) -> tuple[tuple[float, ...], ...]:
    """Shares by learned group as shares by the groups of today's configuration."""
    found = []
    for mix in mixes:
        row = [0.0] * len(groups.habits)
        for group, share in zip(learned, mix, strict=True):
            number = groups.numbers.get((group.service, group.class_code, group.need))
            if number is not None:
                row[number] += share
        total = sum(row)
        found.append(tuple(share / total for share in row) if total else tuple([1 / len(row)] * len(row)))
    return tuple(found)


def _as_lately(shot: Snapshot, groups: Groups, now: int) -> Arrivals:
    counts = [0.0] * len(groups.habits)
    for service, code, count in shot.recent:
        if (service, code, "") in groups.numbers:
            counts[groups.number(service, code)] += count
    total = sum(counts)
    mix = tuple(c / total for c in counts) if total else tuple([1 / len(counts)] * len(counts))
    width = 15 * MINUTE_MS
    # Never less than one stretch: a crowd that was there at once is no rate.
    seen_for = max(width, min(HOUR_MS, shot.now_ms - shot.checkin_opens_ms))
    expected = total * width / seen_for if shot.is_open else 0.0
    return Arrivals(now, width, (expected,) * 8, (mix,) * 8)


@dataclass(frozen=True)
class Twin:
    """One hall, ready to be simulated."""

    shot: Snapshot
    groups: Groups
    model: Model
    fork: Fork
    probed: tuple[int, ...]
    """Groups that somebody could join, in the order of the probes behind the line."""

    @property
    def now(self) -> int:
        """The moment of the fork in the engine's time, from the day's origin."""
        return self.fork.now_ms


def twin_of(shot: Snapshot, believed: Habits, *, with_probes: bool) -> Twin:
    """Everything that the engine needs of a hall."""
    groups = groups_of(shot, believed)
    model = habits.model_of(groups.habits, groups.rules, arrivals_of(shot, believed, groups))
    probed = tuple(groups.numbers[s, code, ""] for s, _ in shot.services for code, _, _ in shot.classes)
    fork = _fork(shot, groups, model, probed if with_probes else ())
    return Twin(shot, groups, model, fork, probed if with_probes else ())


def _fork(shot: Snapshot, groups: Groups, model: Model, probed: Sequence[int]) -> Fork:
    now = shot.now_ms - shot.origin_ms
    line = [one for one in shot.people if one.kind == "waiting"]
    others = [one for one in shot.people if one.kind != "waiting"]
    people = np.zeros((len(shot.people) + len(probed), engine.PERSON_COLUMNS), np.int64)
    for row, one in zip(people, line, strict=False):
        _write_person(row, shot, groups, model, one)
    for number, group in enumerate(probed):
        row = people[len(line) + number]
        row[engine.KIND], row[engine.HERE_GROUP], row[engine.NEXT] = engine.PROBE, group, -1
        row[engine.CUSTOMER] = row[engine.JOINED] = 0
        row[engine.JOINED] = now
        row[engine.HERE_PLACE] = _place(model, group, now, shot.next_seq + number)
    for row, one in zip(people[len(line) + len(probed) :], others, strict=True):
        _write_person(row, shot, groups, model, one)
    seats = np.zeros((len(shot.seats), engine.SEAT_COLUMNS), np.int64)
    for row, seat in zip(seats, shot.seats, strict=True):
        _write_seat(row, shot, groups, seat, line)
    return Fork(people, seats, _schedule(shot, groups, now), now, len(line) + len(probed))


def _place(model: Model, group: int, joined: int, number: int) -> int:
    return int(model.groups[group, engine.BASE]) + (joined << engine.ORDER_SHIFT) + number


_NONE_NAMED = -2
"""The engine's word for a ticket that names no further service."""

_KINDS = {
    "waiting": engine.WAITING,
    "away": engine.AWAY,
    "helped": engine.HELPED,
    "coming": engine.COMING,
    "at_counter": engine.AT_A_COUNTER,
}


def _write_person(row: Ints, shot: Snapshot, groups: Groups, model: Model, one: Someone) -> None:
    joined = max(0, one.joined_ms - shot.origin_ms)
    group = _guess(shot, groups, one) if one.kind == "coming" else 0
    if one.kind != "coming":
        group = groups.number(one.service, one.class_code, one.need)
    own = groups.habits[group]
    lasted, floor = shot.now_ms - one.joined_ms, 0.0
    if one.kind == "waiting" and own.patience is not None:
        floor = own.patience.share_below(lasted)
    elif one.kind in {"away", "helped"}:
        lasted = shot.now_ms - one.since_ms
        floor = (own.away if one.kind == "away" else own.elsewhere).share_below(lasted)
    row[engine.KIND] = _KINDS[one.kind]
    row[engine.HERE_GROUP] = group
    row[engine.HERE_PLACE] = _place(model, group, joined, one.seq)
    row[engine.JOINED] = one.since_ms - shot.origin_ms if one.since_ms else joined
    row[engine.FLOOR] = min(int(floor * habits.WORD), habits.WORD - 1)
    row[engine.CUSTOMER] = one.seq
    row[engine.NEXT] = _NONE_NAMED if one.kind != "coming" else -1
    if one.next_service:
        row[engine.NEXT] = groups.number(one.next_service, one.class_code)
    row[engine.AT_COUNTER] = max(0, one.counter)


def _guess(shot: Snapshot, groups: Groups, one: Someone) -> int:
    """What somebody without a ticket will ask for: the services of the last hour in turn, ordinary class."""
    code = shot.classes[0][0]
    services = [s for s, k, count in shot.recent if k == code for _ in range(count)]
    services = services or [s for s, _ in shot.services]
    return groups.number(services[one.seq * 7 % len(services)], code)


def _write_seat(row: Ints, shot: Snapshot, groups: Groups, seat: Seat, line: Sequence[Someone]) -> None:
    mask = groups.mask(seat.services, seat.classes)
    row[engine.SEAT_MASK] = mask if seat.is_calling else 0
    if seat.stage == "free":
        # A free counter with customers in line has its pause between two of them; one whose only customers
        # have just joined was idle, and calls at once.
        before = (one for one in line if one.joined_ms < shot.now_ms)
        numbers = (groups.number(one.service, one.class_code, one.need) for one in before)
        first = next((g for g in numbers if mask >> g & 1), -1)
        if seat.is_calling and first >= 0 and not shot.resume_ms:
            row[engine.STAGE], row[engine.SEAT_GROUP] = engine.BETWEEN, first
            row[engine.SEAT_CUSTOMER] = shot.next_seq
        return
    group = groups.number(seat.service, seat.class_code, seat.need)
    own = groups.habits[group]
    lasted = max(0, shot.now_ms - seat.since_ms)
    table = own.service_time if seat.stage == "serving" else own.walk
    row[engine.STAGE] = engine.SERVING if seat.stage == "serving" else engine.WALKING
    row[engine.SEAT_GROUP] = group
    row[engine.SEAT_FLOOR] = min(int(table.share_below(lasted) * habits.WORD), habits.WORD - 1)
    row[engine.ELAPSED] = lasted
    row[engine.SEAT_CUSTOMER] = seat.seq


def _schedule(shot: Snapshot, groups: Groups, now: int) -> Ints:
    """What is known of the rest of the day: the hall's pause, and paused counters that will go on."""
    events = []
    if shot.resume_ms:
        events.append((now, engine.WHOLE_HALL, 0))
        events.append((shot.resume_ms - shot.origin_ms, engine.WHOLE_HALL, 1))
    for number, seat in enumerate(shot.seats):
        if seat.is_paused:
            events.append((now + PAUSE_LASTS_MS, number, groups.mask(seat.services, seat.classes)))
    return np.array(sorted(events), np.int64).reshape(-1, 3)


# --- answers -----------------------------------------------------------------------------------------


def waits(shot: Snapshot, believed: Habits, *, futures: int = FUTURES) -> TellWaits:
    """What each waiting ticket and somebody joining now would wait, and how many more can be served today.

    The asker's own patience is left out: an interval is for somebody who stays.
    """
    twin = twin_of(shot, believed, with_probes=True)
    longest = max((r.head_start_ms for r in twin.groups.rules), default=0)
    overtaking = FORESEEN_AT_MOST_MS if shot.is_strict else longest
    found = engine.futures(
        twin.model,
        twin.fork,
        np.zeros((1, engine.ACTION_COLUMNS), np.int64),
        count=futures,
        seed=SEED,
        branch=0,
        arrive_until_ms=min(twin.now + overtaking, shot.closes_ms - shot.origin_ms) if shot.is_open else 0,
        number=shot.next_seq + len(twin.probed),
    )
    later = np.where(found.reached < 0, FORESEEN_AT_MOST_MS, found.reached - twin.now)
    low, middle, high = np.quantile(later, (0.1, 0.5, 0.9), axis=0, method="nearest").astype(int).tolist()
    line = [one for one in shot.people if one.kind == "waiting"]
    tickets = tuple(
        TicketWait(one.ticket_id, low[n], middle[n], high[n])
        for n, one in enumerate(line)
        if middle[n] < FORESEEN_AT_MOST_MS
    )
    asked = [(n, twin.groups.habits[group]) for n, group in enumerate(twin.probed, len(line))]
    joining = tuple(
        JoiningWait(own.service, own.class_code, low[n], middle[n], high[n])
        for n, own in asked
        if middle[n] < FORESEEN_AT_MOST_MS
    )
    return TellWaits(shot.now_ms, tickets, joining, _room(twin))


def _room(twin: Twin) -> RoomLeft | None:
    """How many more can be served, with the bank's stated probability; None while the doors are not open or
    no counter calls, when a count would say less about the day than about the minute."""
    shot = twin.shot
    deadlines = np.array([shot.closes_ms, shot.closes_ms + shot.overtime_ms], np.int64) - shot.origin_ms
    if not shot.is_open or shot.now_ms >= shot.closes_ms or not any(s.is_calling for s in shot.seats):
        return None
    joiners = 200
    while True:
        done = engine.room(
            twin.model,
            twin.fork,
            count=ROOM_FUTURES,
            seed=SEED,
            branch=0,
            joiners=joiners,
            number=shot.next_seq + len(twin.probed),
            deadlines_ms=deadlines,
        )
        sure = np.quantile(done, 1 - shot.sure_percent / 100, axis=0, method="lower").astype(int).tolist()
        if sure[1] < joiners * 0.9 or joiners >= ROOM_AT_MOST:
            return RoomLeft(sure[0], sure[1])
        joiners = min(ROOM_AT_MOST, 2 * joiners)


def advice(shot: Snapshot, believed: Habits, *, futures: int = ADVICE_FUTURES) -> GiveAdvice:
    """What could be done now, and how many late minutes each would save within the hour.

    Every move meets the same futures, so that a difference is the move's and not chance's.
    """
    twin = twin_of(shot, believed, with_probes=False)
    candidates = [*_openings(twin), *_closings(twin), *_offers(twin)]
    actions = np.zeros((1 + len(candidates), engine.ACTION_COLUMNS), np.int64)
    for row, (_, action) in zip(actions[1:], candidates, strict=True):
        row[:] = action
    until = twin.now + HORIZON_MINUTES * MINUTE_MS
    found = engine.futures(
        twin.model,
        twin.fork,
        actions,
        count=futures,
        seed=SEED,
        branch=0,
        arrive_until_ms=min(until, shot.closes_ms - shot.origin_ms) if shot.is_open else 0,
        until_ms=until,
        number=shot.next_seq,
    )
    saved = found.late[:, :1] - found.late[:, 1:]
    moves = []
    for column, (moves_alike, _) in zip(saved.T, candidates, strict=True):
        low, high = np.quantile(column, (0.1, 0.9), method="nearest").astype(int).tolist()
        mean, error = round(float(column.mean())), round(float(column.std()) / futures**0.5)
        worth = {"saved_ms": mean, "saved_low_ms": low, "saved_high_ms": high, "error_ms": error}
        moves += [msgspec.structs.replace(move, **worth) for move in moves_alike]
    late = round(float(found.late[:, 0].mean()))
    return GiveAdvice(HORIZON_MINUTES, late, tuple(_worth_saying(moves)))


def _worth_saying(moves: list[Move]) -> list[Move]:
    """What surely helps, most first; then what could be spared without anybody noticing."""
    helps = [
        m for m in moves if m.kind != "close" and m.saved_ms >= MINUTE_MS and m.saved_ms > 2 * m.error_ms
    ]
    spare = [m for m in moves if m.kind == "close" and -m.saved_low_ms <= CLOSING_COSTS_AT_MOST_MS]
    helps.sort(key=lambda m: -m.saved_ms)
    return [*helps[:MOVES_AT_MOST], *([] if helps else spare[:2])]


Candidate = tuple[list[Move], tuple[int, int, int, int]]


def _openings(twin: Twin) -> list[Candidate]:
    """Each closed counter with each person who could sit there. Those with the same skills at the same kind
    of counter are the same to the customers, and are simulated once."""
    alike: dict[int, list[Move]] = {}
    first: dict[int, int] = {}
    for number, seat in enumerate(twin.shot.seats):
        if seat.is_open:
            continue
        for sitter in twin.shot.sitters:
            services = [s for s in seat.services if s in sitter.skills]
            mask = twin.groups.mask(services, seat.classes)
            if mask:
                move = Move("open", 0, 0, 0, 0, seat.counter_id, sitter.person_id)
                alike.setdefault(mask, []).append(move)
                first.setdefault(mask, number)
    at = twin.now + SIT_DOWN_MS
    return [(moves, (engine.SET_MASK, first[mask], mask, at)) for mask, moves in alike.items()]


def _closings(twin: Twin) -> list[Candidate]:
    calling = [(n, s) for n, s in enumerate(twin.shot.seats) if s.is_calling]
    if len(calling) < 2:
        return []
    return [
        ([Move("close", 0, 0, 0, 0, seat.counter_id)], (engine.SET_MASK, number, 0, twin.now))
        for number, seat in calling
    ]


def _offers(twin: Twin) -> list[Candidate]:
    line = [(n, one) for n, one in enumerate(o for o in twin.shot.people if o.kind == "waiting")]
    asked = [(n, one) for n, one in line if one.channel is not None][:OFFERS_AT_MOST]
    return [
        (
            [Move("offer", 0, 0, 0, 0, ticket_id=one.ticket_id, channel=one.channel)],
            (engine.OFFER, number, 0, 0),
        )
        for number, one in asked
    ]
