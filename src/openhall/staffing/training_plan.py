"""What one more training would save: each candidate's plan priced again. Brings numpy: for workers."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from openhall.network.calendar import services_at
from openhall.network.model import Person
from openhall.science.roster.week import POSTS, Group, Post, Week
from openhall.science.roster.week_greedy import DayCosts
from openhall.staffing.asking import PlanRequest
from openhall.staffing.cross_training import Candidate, CrossTraining, cross_posts
from openhall.staffing.plan import Duty, WeekPlan
from openhall.staffing.planning import demands_of
from openhall.staffing.roster import Translation

CANDIDATES_SHOWN = 5
SAVED_LEAST = 1.0
LEARNED: tuple[Post, ...] = ("window", "lobby")
"""Posts that somebody can be trained for: guards and remote tellers are another profession."""

Floats = NDArray[np.float64]


def training(request: PlanRequest, plan: WeekPlan, earlier: Sequence[WeekPlan] = ()) -> CrossTraining:
    """The measure of some weeks and the plan's best candidates.

    Each candidate is taken to have one post or service more, the shifts and meals of the plan as they are.
    A new roster could use the training better, so the savings are no less than said.
    """
    measure = cross_posts(request.bank, request.branch, (*earlier, plan))
    single = msgspec.structs.replace(request, first=plan.first, days=len(plan.days), current=None, others=())
    translation = Translation(single, demands_of(single))
    week = translation.week
    there = _there(translation, plan)
    services = [s.id for s in services_at(request.bank, request.place)]
    groups = [week.workers[w].group for w in range(len(week.workers))]
    base = _cost(week, week.groups, groups, there)
    found: list[Candidate] = []
    for w, member in enumerate(translation.members):
        group = week.groups[groups[w]]
        for post, service, learned in _trainings(member.person, group, services):
            tried = [*groups]
            tried[w] = len(week.groups)
            saved = base - _cost(week, (*week.groups, learned), tried, there)
            if saved >= SAVED_LEAST:
                found.append(Candidate(member.person.id, post, service, round(saved, 1)))
    found.sort(key=lambda c: (-c.saved_minutes, c.person_id, c.service))
    return msgspec.structs.replace(measure, candidates=tuple(found[:CANDIDATES_SHOWN]))


def _trainings(person: Person, group: Group, services: Sequence[str]) -> list[tuple[str, str, Group]]:
    """(post, service, group afterwards) of each training that somebody lacks."""
    if "guard" in group.posts or not ({"teller", "lobby"} & set(person.posts)):
        return []
    found = []
    if "lobby" not in group.posts:
        posts = tuple(p for p in POSTS if p in (*group.posts, "lobby"))
        found.append(("lobby", "", Group(posts, group.skills)))
    for index, service in enumerate(services):
        if index not in group.skills:
            posts = tuple(p for p in POSTS if p in (*group.posts, "window"))
            skills = tuple(sorted((*group.skills, index)))
            found.append(("teller", service, Group(posts, skills)))
    return found


def _there(translation: Translation, plan: WeekPlan) -> Floats:
    """(workers, days, segments): who is at work and not away."""
    week = translation.week
    found = np.zeros((len(week.workers), len(week.days), len(week.segments)))
    rows = {member.person.id: w for w, member in enumerate(translation.members)}
    for d, day in enumerate(plan.days):
        for duty in day.duties:
            if duty.person_id in rows:
                for s, segment in enumerate(week.segments):
                    since = translation.minute(segment.first)
                    until = translation.minute(segment.until)
                    found[rows[duty.person_id], d, s] = float(_is_there(duty, since, until))
    return found


def _is_there(duty: Duty, since: int, until: int) -> bool:
    is_away = any(
        s.post in ("break", "gap", "travel") and s.from_minute < until and since < s.until_minute
        for s in duty.stints
    )
    return duty.from_minute <= since and until <= duty.until_minute and not is_away


def _cost(week: Week, groups: Sequence[Group], of_worker: Sequence[int], there: Floats) -> float:
    """Late minutes and the price of missed minimums over all days."""
    changed = msgspec.structs.replace(week, groups=tuple(groups))
    total = 0.0
    for day, numbers in enumerate(week.days):
        if not any(numbers.is_open):
            continue
        counts = np.zeros((1, len(groups), len(week.segments)))
        for w, group in enumerate(of_worker):
            counts[0, group] += there[w, day]
        late, missing = DayCosts(changed, day).losses(counts)
        total += float(late[0] + missing[0])
    return total
