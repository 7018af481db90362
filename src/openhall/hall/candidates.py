"""Which moves could be made now or soon, under the rules that every change of a day keeps [D3, D5, D6].

Nothing here knows what a move is worth: that is `hall.moves`, or `hall.plain_moves` where the twin is silent.
Times are ms since the epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import msgspec

from openhall.hall.course import FAR_MS, Spell, able, spells_of
from openhall.hall.model.advising import asks
from openhall.hall.model.planning import Stints, stint_at, with_lunch, with_stint
from openhall.hall.plan import PlannedStint
from openhall.hall.snapshot import Helper, Snapshot, Worker
from openhall.hall.told import FromPost, Move
from openhall.kernel.clock import HOUR_MS, MINUTE_MS

LEAVES_POST = frozenset({"lobby", "remote"})
"""Posts from which somebody can be sent to a window. A guard stays; a meal is moved, not broken off."""


class MoveRules(msgspec.Struct, frozen=True):
    """Which moves are looked for.

    Parameters
    ----------
    horizon_minutes : within which a move begins, and over which late time is counted.
    grid_minutes : what begins or ends later does so at a multiple of this; nobody sits down for less.
    starts_minutes : from now, at which a window could open; 0 is at once.
    lasts_minutes : for how long.
    lunch_shifts_minutes : by how much a meal break could be moved.
    lunch_away_minutes_most : a meal break stays so near to where the plan had it.
    lunch_notice_minutes : so long before its new or old beginning it is not touched any more.
    work_minutes_most : nobody works longer without a break.
    borrowed_minutes_least : nobody is asked to come for less.
    offers_most : customers for whom another way is looked at, those nearest to being late.
    """

    horizon_minutes: int = 120
    grid_minutes: int = 10
    starts_minutes: tuple[int, ...] = (0, 30, 60)
    lasts_minutes: tuple[int, ...] = (30, 60, 120)
    lunch_shifts_minutes: tuple[int, ...] = (-90, -60, -30, 30, 60, 90)
    lunch_away_minutes_most: int = 90
    lunch_notice_minutes: int = 10
    work_minutes_most: int = 300
    borrowed_minutes_least: int = 60
    offers_most: int = 8

    def __post_init__(self) -> None:
        for name in ("horizon_minutes", "grid_minutes", "work_minutes_most"):
            if getattr(self, name) < 1:
                raise ValueError(f"Expected {name} of 1 or more, got {getattr(self, name)}")
        for name in ("starts_minutes", "lasts_minutes"):
            values = getattr(self, name)
            if not values or min(values) < 0 or list(values) != sorted(set(values)):
                raise ValueError(f"Expected {name} of rising numbers from 0 up, got {values}")
        if self.offers_most < 0 or self.lunch_notice_minutes < 0:
            raise ValueError("Expected offers_most and lunch_notice_minutes of 0 or more")


@dataclass(frozen=True)
class Course:
    """How the rest of the day is to go, with the moves that are thought of."""

    stints: Stints
    workers: tuple[Worker, ...]
    let_go: frozenset[str] = frozenset()
    """Counters that close now."""

    def spells(self, shot: Snapshot) -> list[Spell]:
        """Who then calls where and when."""
        return spells_of(shot, self.stints, self.let_go, self.workers)


@dataclass(frozen=True)
class Candidate:
    """A move, and the day with it. Those with the same `key` are the same to the customers."""

    key: tuple[object, ...]
    move: Move
    course: Course
    staffed_ms: int
    """Time of people that it takes within the horizon."""
    others: tuple[Move, ...] = ()
    """The same with somebody else, best first."""


def course_of(shot: Snapshot) -> Course:
    """The day as planned."""
    return Course(shot.stints, shot.workers)


def helping(shot: Snapshot, course: Course, rules: MoveRules) -> Iterator[Candidate]:
    """Moves that can save late time, from a course on: openings, meal breaks, colleagues from elsewhere."""
    look = _Look(shot, course, rules)
    for candidate in (*look.openings(), *look.kept_open(), *look.lunches(), *look.loans()):
        if not asks(candidate.move) & shot.resting:
            yield candidate


def closings(shot: Snapshot, course: Course, rules: MoveRules) -> Iterator[Candidate]:
    """Counters that could be let go, as far as enough stay and their people have sat long enough."""
    look = _Look(shot, course, rules)
    calling = [seat for seat in shot.seats if seat.is_calling]
    if len(calling) <= max(1, shot.terms.windows_least):
        return
    sitting = {worker.counter_id: worker for worker in shot.workers if worker.counter_id}
    for seat in calling:
        worker = sitting.get(seat.counter_id)
        stint = stint_at(course.stints, worker.person_id, shot.now_ms) if worker else None
        has_sat = stint is None or shot.now_ms - stint.from_ms >= shot.terms.stint_least_ms
        move = Move("close", 0, 0, 0, 0, seat.counter_id, worker.person_id if worker else "")
        if not has_sat or asks(move) & shot.resting:
            continue
        without = replace(course, let_go=course.let_go | {seat.counter_id})
        yield Candidate(("close", seat.counter_id), move, without, -look.horizon_ms)


def offers(shot: Snapshot, rules: MoveRules) -> Iterator[tuple[int, Move]]:
    """(row in line, move) for the next customers who could be offered another way."""
    line = (one for one in shot.people if one.kind == "waiting")
    asked = [(row, one) for row, one in enumerate(line) if one.channel is not None]
    for row, one in asked[: rules.offers_most]:
        move = Move("offer", 0, 0, 0, 0, ticket_id=one.ticket_id, channel=one.channel)
        if not asks(move) & shot.resting:
            yield row, move


class _Look:
    """One look at a course."""

    def __init__(self, shot: Snapshot, course: Course, rules: MoveRules) -> None:
        self.shot, self.course, self.rules, self.terms = shot, course, rules, shot.terms
        self.now_ms = shot.now_ms
        self.horizon_ms = rules.horizon_minutes * MINUTE_MS
        self.grid_ms = rules.grid_minutes * MINUTE_MS
        self.by_person = {p: list(g) for p, g in groupby(course.stints, key=lambda s: s.person_id)}
        self.spells = course.spells(shot)
        self.by_counter = {n: list(g) for n, g in groupby(self.spells, key=lambda s: s.counter)}
        self.lobby = [s for s in course.stints if s.post == "lobby" and s.until_ms > self.now_ms]
        self.meals = dict(shot.meals)
        self.shown = {(m.kind, m.counter_id, m.person_id) for m in shot.shown}

    # -- windows ------------------------------------------------------------------------------------------

    def openings(self) -> list[Candidate]:
        """Each kind of free counter, each way of serving there, each time; the person best spared."""
        found: dict[tuple[object, ...], list[tuple[tuple[object, ...], Move, Course]]] = {}
        kinds: dict[tuple[object, ...], list[int]] = {}
        for number, seat in enumerate(self.shot.seats):
            kinds.setdefault((seat.could_serve, seat.classes), []).append(number)
        for start in self.rules.starts_minutes:
            from_ms = self._moment(start)
            for kind, numbers in kinds.items():
                free = [(n, self._free_until(n, from_ms)) for n in numbers]
                free = [(n, until_ms) for n, until_ms in free if until_ms > from_ms]
                if not free:
                    continue
                for worker in self.course.workers:
                    for move, key in self._sittings(worker, free, from_ms):
                        rank = self._rank(worker, move)
                        found.setdefault(("open", kind, *key), []).append((rank, move, self.course))
        return [self._best(key, ways) for key, ways in found.items()]

    def _sittings(
        self, worker: Worker, free: Sequence[tuple[int, int]], from_ms: int
    ) -> Iterator[tuple[Move, tuple[object, ...]]]:
        """Somebody at a counter of one kind from a moment on, for as long as each of the usual times."""
        services = able(self.shot, free[0][0], worker.skills)
        spared_ms, post = self._spared(worker, from_ms)
        if not services or spared_ms <= from_ms:
            return
        shown = [
            (n, u) for n, u in free if ("open", self.shot.seats[n].counter_id, worker.person_id) in self.shown
        ]
        number, free_ms = max(shown or free, key=lambda each: (each[1], -each[0]))
        latest_ms, ends = min(spared_ms, free_ms), set()
        for lasts in self.rules.lasts_minutes:
            until_ms = min(latest_ms, self._round_up(from_ms + lasts * MINUTE_MS))
            if spared_ms - until_ms < self.terms.stint_least_ms:
                until_ms = latest_ms
            if until_ms - from_ms >= max(self.grid_ms, self.terms.stint_least_ms):
                ends.add(until_ms)
        for until_ms in sorted(ends):
            new = PlannedStint(
                worker.person_id, "window", from_ms, until_ms, self.shot.seats[number].counter_id
            )
            if self._keeps_lobby(worker, from_ms, until_ms) and self._keeps_person(
                worker, self._with(worker, new)
            ):
                is_now, is_open_end = from_ms == self.now_ms, until_ms >= FAR_MS
                move = Move(
                    "open",
                    0,
                    0,
                    0,
                    0,
                    new.counter_id,
                    worker.person_id,
                    from_ms=0 if is_now else from_ms,
                    until_ms=0 if is_open_end else until_ms,
                    from_post=post,
                )
                yield move, (services, from_ms, until_ms)

    def kept_open(self) -> list[Candidate]:
        """Whose time at a window is about to end could stay."""
        found = []
        for spell in self.spells:
            if not self.now_ms < spell.until_ms < self.now_ms + self.horizon_ms:
                continue
            worker = next(w for w in self.course.workers if w.person_id == spell.person_id)
            spared_ms, post = self._spared(worker, spell.until_ms)
            latest_ms = min(spared_ms, self._free_until(spell.counter, spell.until_ms))
            counter_id = self.shot.seats[spell.counter].counter_id
            for lasts in self.rules.lasts_minutes:
                until_ms = min(latest_ms, self._round_up(spell.until_ms + lasts * MINUTE_MS))
                if until_ms <= spell.until_ms:
                    continue
                if 0 < spared_ms - until_ms < self.terms.stint_least_ms:
                    until_ms = latest_ms
                new = PlannedStint(worker.person_id, "window", spell.until_ms, until_ms, counter_id)
                is_kept = self._keeps_person(worker, self._with(worker, new))
                if not is_kept or not self._keeps_lobby(worker, spell.until_ms, until_ms):
                    continue
                move = Move("open", 0, 0, 0, 0, counter_id, worker.person_id)
                move = msgspec.structs.replace(
                    move, from_ms=spell.until_ms, until_ms=until_ms, from_post=post
                )
                key = ("keep", counter_id, until_ms)
                found.append(self._best(key, [((), move, self.course)]))
        return found

    def _best(
        self, key: tuple[object, ...], ways: list[tuple[tuple[object, ...], Move, Course]]
    ) -> Candidate:
        ways = sorted(ways, key=lambda way: way[0])
        _, move, course = ways[0]
        from_ms, until_ms = move.from_ms or self.now_ms, move.until_ms or FAR_MS
        new = PlannedStint(move.person_id, "window", from_ms, until_ms, move.counter_id)
        stints = with_stint(course.stints, new)
        others = tuple(way[1] for way in ways[1:] if way[1].counter_id == move.counter_id)
        return Candidate(key, move, replace(course, stints=stints), self._within(from_ms, until_ms), others)

    # -- meal breaks, colleagues from elsewhere ------------------------------------------------------------

    def lunches(self) -> list[Candidate]:
        """Meal breaks that begin within the horizon, at another time."""
        found = []
        notice_ms = self.now_ms + self.rules.lunch_notice_minutes * MINUTE_MS
        for worker in self.course.workers:
            mine = self.by_person.get(worker.person_id, [])
            meal = next((s for s in mine if s.post == "break" and s.from_ms > notice_ms), None)
            planned_ms = self.meals.get(worker.person_id)
            if meal is None or meal.from_ms > self.now_ms + self.horizon_ms or meal.from_ms != planned_ms:
                continue  # a meal is moved once, not again and again
            for shift in self.rules.lunch_shifts_minutes:
                from_ms = meal.from_ms + shift * MINUTE_MS
                until_ms = from_ms + meal.until_ms - meal.from_ms
                if from_ms < notice_ms or not self._may_eat(worker, mine, from_ms, until_ms):
                    continue
                move = Move("lunch", 0, 0, 0, 0, person_id=worker.person_id)
                move = msgspec.structs.replace(move, from_ms=from_ms, until_ms=until_ms, from_post="break")
                stints = with_lunch(self.course.stints, worker.person_id, from_ms, until_ms)
                after = tuple(s for s in stints if s.person_id == worker.person_id)
                if self._keeps_person(worker, after) and self._counters_are_single(stints, worker.person_id):
                    course = replace(self.course, stints=stints)
                    found.append(Candidate(("lunch", worker.person_id, from_ms), move, course, 0))
        return found

    def _may_eat(self, worker: Worker, mine: Sequence[PlannedStint], from_ms: int, until_ms: int) -> bool:
        """Near to where the plan had it, on duty around it, nobody working too long, the lobby kept."""
        away_ms = self.rules.lunch_away_minutes_most * MINUTE_MS
        work_ms = self.rules.work_minutes_most * MINUTE_MS
        begins_ms, ends_ms = mine[0].from_ms, mine[-1].until_ms
        is_inside = (
            begins_ms + self.terms.stint_least_ms <= from_ms
            and until_ms <= ends_ms - self.terms.stint_least_ms
        )
        is_short = from_ms - begins_ms <= work_ms and ends_ms - until_ms <= work_ms
        displaced = [s for s in mine if s.from_ms < until_ms and from_ms < s.until_ms]
        can_leave = all(s.post in {"window", "lobby", "remote", "break"} for s in displaced)
        if abs(from_ms - self.meals[worker.person_id]) > away_ms or not (
            is_inside and is_short and can_leave
        ):
            return False
        is_lobby = any(s.post == "lobby" for s in displaced)
        return not is_lobby or self._keeps_lobby(worker, from_ms, until_ms)

    def _counters_are_single(self, stints: Stints, person_id: str) -> bool:
        """Whether nobody else is to be at a counter where this person would now stay longer."""
        mine = [s for s in stints if s.person_id == person_id and s.post == "window"]
        others = [s for s in stints if s.person_id != person_id and s.post == "window"]
        return not any(
            a.counter_id == b.counter_id and a.from_ms < b.until_ms and b.from_ms < a.until_ms
            for a in mine
            if a.until_ms > self.now_ms
            for b in others
        )

    def loans(self) -> list[Candidate]:
        """Somebody from a neighbouring branch, at the counter where they can do most."""
        return [found for helper in self.shot.helpers if (found := self._loan(helper)) is not None]

    def _loan(self, helper: Helper) -> Candidate | None:
        from_ms = self._round_up(self.now_ms + helper.travel_ms)
        open_ends = [(n, self._free_until(n, from_ms)) for n in range(len(self.shot.seats))]
        least_ms = self.rules.borrowed_minutes_least * MINUTE_MS
        ways = [
            (len(able(self.shot, n, helper.skills)), -n, min(until_ms, helper.until_ms))
            for n, until_ms in open_ends
            if min(until_ms, helper.until_ms) - from_ms >= least_ms
        ]
        if not ways or not max(ways)[0] or from_ms >= self.now_ms + self.horizon_ms:
            return None
        _, minus, until_ms = max(ways)
        counter_id = self.shot.seats[-minus].counter_id
        move = Move("borrow", 0, 0, 0, 0, counter_id, helper.person_id, from_branch=helper.from_branch)
        move = msgspec.structs.replace(move, from_ms=from_ms, until_ms=until_ms, from_post="travel")
        worker = Worker(helper.person_id, helper.skills, ("teller",), "", from_ms, until_ms)
        new = PlannedStint(helper.person_id, "window", from_ms, until_ms, counter_id)
        course = replace(
            self.course,
            stints=with_stint(self.course.stints, new),
            workers=(*self.course.workers, worker),
        )
        staffed_ms = self._within(from_ms, until_ms) + 2 * helper.travel_ms
        return Candidate(("borrow", helper.person_id), move, course, staffed_ms)

    # -- rules --------------------------------------------------------------------------------------------

    def _spared(self, worker: Worker, from_ms: int) -> tuple[int, FromPost]:
        """Till when somebody could sit at a window from a moment on, and what they would leave for it.

        (0, "") where they cannot: not a teller, not here, at a window till later, at a meal, off duty.
        """
        nowhere: tuple[int, FromPost] = (0, "")
        if "teller" not in worker.posts or worker.here_from_ms > self.now_ms:
            return nowhere  # who is still on the way is asked on arrival
        busy = [s for s in self.spells if s.person_id == worker.person_id and s.until_ms > from_ms]
        if any(s.from_ms <= from_ms for s in busy):
            return nowhere
        limit_ms = min([worker.here_until_ms or FAR_MS, *(s.from_ms for s in busy)])
        mine = self.by_person.get(worker.person_id, [])
        now = next((s for s in mine if s.from_ms <= from_ms < s.until_ms), None)
        if self.shot.foreseen is None or worker.here_until_ms:
            # Without a plan, and for colleagues from elsewhere, whoever has nothing to do is free.
            following = (s.from_ms for s in mine if s.from_ms > from_ms)
            return nowhere if now is not None else (min([limit_ms, *following]), "")
        if now is None or not self._can_leave(now):
            return nowhere
        if now.post in LEAVES_POST and 0 < from_ms - now.from_ms < self.terms.stint_least_ms:
            return nowhere
        until_ms = now.until_ms
        for stint in mine:
            if stint.from_ms == until_ms and self._can_leave(stint):
                until_ms = stint.until_ms
        post: FromPost = "lobby" if now.post == "lobby" else "remote" if now.post == "remote" else ""
        return min(limit_ms, until_ms), post

    def _can_leave(self, stint: PlannedStint) -> bool:
        """Whether a post can be left for a window; a window that nobody sits at any more can."""
        if stint.post != "window":
            return stint.post in LEAVES_POST
        return not any(
            s.person_id == stint.person_id and s.from_ms < stint.until_ms and stint.from_ms < s.until_ms
            for s in self.spells
        )

    def _keeps_lobby(self, worker: Worker, from_ms: int, until_ms: int) -> bool:
        """Whether enough others are in the lobby all the time that this person would be away from it."""
        own = [s for s in self.lobby if s.person_id == worker.person_id]
        away = [(max(s.from_ms, from_ms), min(s.until_ms, until_ms)) for s in own]
        others = [s for s in self.lobby if s.person_id != worker.person_id]
        for begins_ms, ends_ms in away:
            if begins_ms >= ends_ms:
                continue
            moments = {begins_ms, *(s.until_ms for s in others if begins_ms < s.until_ms < ends_ms)}
            for moment in moments:
                if sum(s.from_ms <= moment < s.until_ms for s in others) < self.terms.lobby_least:
                    return False
        return True

    def _keeps_person(self, worker: Worker, after: Stints) -> bool:
        """Whether somebody's day then has few enough changes, and no new stretch that is too short."""
        before = self.by_person.get(worker.person_id, [])
        least_ms = self.terms.stint_least_ms
        short, was_short = (sum(ms < least_ms for _, _, ms in worked(each)) for each in (after, before))
        return switches(after) <= max(self.terms.switches_most, switches(before)) and short <= was_short

    def _with(self, worker: Worker, new: PlannedStint) -> Stints:
        return with_stint(tuple(self.by_person.get(worker.person_id, [])), new)

    def _rank(self, worker: Worker, move: Move) -> tuple[object, ...]:
        """Smaller is better spared: named before, leaving the lesser post, having changed least."""
        is_shown = (move.kind, move.counter_id, move.person_id) in self.shown
        mine = tuple(self.by_person.get(worker.person_id, []))
        posts = ("", "remote", "lobby")
        return (
            not is_shown,
            posts.index(move.from_post),
            switches(mine),
            -len(worker.skills),
            worker.person_id,
        )

    # -- times --------------------------------------------------------------------------------------------

    def _moment(self, start_minutes: int) -> int:
        return self._round_up(self.now_ms + start_minutes * MINUTE_MS) if start_minutes else self.now_ms

    def _round_up(self, at_ms: int) -> int:
        since_ms = at_ms - self.shot.origin_ms
        return self.shot.origin_ms - (-since_ms // self.grid_ms) * self.grid_ms

    def _free_until(self, number: int, from_ms: int) -> int:
        """Till when a counter has nobody, from a moment on; that moment where it has."""
        seat = self.shot.seats[number]
        if seat.is_open and not (seat.is_calling or seat.is_paused) and from_ms == self.now_ms:
            return from_ms  # closing: its customer is still there
        for spell in self.by_counter.get(number, []):
            if spell.until_ms > from_ms:
                return max(from_ms, spell.from_ms)
        return FAR_MS

    def _within(self, from_ms: int, until_ms: int) -> int:
        return max(0, min(until_ms, self.now_ms + self.horizon_ms) - from_ms)


def worked(mine: Sequence[PlannedStint]) -> list[tuple[str, str, int]]:
    """(post, counter, ms) of somebody's day, one after another; a meal break divides nothing."""
    found: list[tuple[str, str, int]] = []
    for stint in mine:
        if stint.post in {"break", "gap", "travel"}:
            continue
        ms = stint.until_ms - stint.from_ms
        if found and found[-1][:2] == (stint.post, stint.counter_id):
            ms += found.pop()[2]
        found.append((stint.post, stint.counter_id, ms))
    return found


def switches(mine: Sequence[PlannedStint]) -> int:
    """How often somebody changes post or counter on a day."""
    return max(0, len(worked(mine)) - 1)


def hours_price_ms(staffed_ms: int, late_minutes_per_hour: float) -> float:
    """What so much of people's time is worth, as late time."""
    return staffed_ms / HOUR_MS * late_minutes_per_hour * MINUTE_MS
