"""Who is trained for two posts, who served in two, and whose training would help customers most [D4]."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from openhall.network.model import Bank, Person
from openhall.staffing.plan import WeekPlan

POSTS = ("teller", "lobby", "guard", "remote")
POST_OF = {"window": "teller", "lobby": "lobby", "guard": "guard", "remote": "remote"}


class Candidate(msgspec.Struct, frozen=True):
    """Somebody who would learn a post or a service."""

    person_id: str
    post: str = ""
    service: str = ""
    saved_minutes: float = 0.0
    """Late minutes that the plan would have less, its shifts and meals as they are; what is missing below a
    minimum is priced in."""


class CrossTraining(msgspec.Struct, frozen=True):
    """The measure and the plan."""

    staff_count: int
    trained_count: int
    served_count: int
    trained: tuple[str, ...] = ()
    served: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    """The most useful first."""

    @property
    def rate(self) -> float:
        """Of the staff, who really served in two posts."""
        return self.served_count / self.staff_count if self.staff_count else 0.0


def posts_of(person: Person) -> tuple[str, ...]:
    """The posts that somebody is trained for and can be planned at."""
    return tuple(p for p in POSTS if p in person.posts and (p != "teller" or person.skills))


def cross_posts(bank: Bank, branch_id: str, plans: Sequence[WeekPlan]) -> CrossTraining:
    """Who is trained for two posts, and who served in two on the days of some plans.

    Staff are the branch's own people who can be planned at a post at all.
    """
    staff = [p for p in bank.people if p.branch == branch_id and posts_of(p)]
    at: dict[str, set[str]] = {p.id: set() for p in staff}
    for plan in plans:
        for day in plan.days:
            for duty in day.duties:
                if duty.person_id in at:
                    at[duty.person_id] |= {POST_OF[s.post] for s in duty.stints if s.post in POST_OF}
    trained = tuple(p.id for p in staff if len(posts_of(p)) > 1)
    served = tuple(p.id for p in staff if len(at[p.id]) > 1)
    return CrossTraining(len(staff), len(trained), len(served), trained, served)
