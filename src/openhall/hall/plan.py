"""The day's plan as the hall knows it: who was to sit where and when, and for how many customers.

It travels inside events, so that a day replays without the planning room. Times are ms since the epoch; a
stretch is half open.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from openhall.network.model import Post
from openhall.network.staffing import PlannedPost

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_OptionalId = Annotated[str, msgspec.Meta(max_length=64)]
_Moment = Annotated[int, msgspec.Meta(ge=0, le=10**13)]
_People = Annotated[float, msgspec.Meta(ge=0, le=100_000)]


class PlannedStint(msgspec.Struct, frozen=True):
    """Somebody at one post, without a change; for a window at one counter."""

    person_id: _Id
    post: PlannedPost
    from_ms: _Moment
    until_ms: _Moment
    counter_id: _OptionalId = ""


class PlannedColleague(msgspec.Struct, frozen=True):
    """Somebody from another branch who helps out today [D6]: with which skills, and for which posts."""

    person_id: _Id
    from_branch: _Id
    skills: tuple[_Id, ...]
    posts: tuple[Post, ...]


class PlannedDay(msgspec.Struct, frozen=True):
    """A published plan of one day.

    `expected` people join in each interval of `interval_ms` from `from_ms` on; their number of the whole day
    has the coefficient of variation `day_cv`. `windows` is how many are needed in each.
    """

    version: _Id
    from_ms: _Moment
    interval_ms: Annotated[int, msgspec.Meta(ge=60_000, le=3_600_000)]
    expected: tuple[_People, ...]
    windows: tuple[Annotated[int, msgspec.Meta(ge=0, le=1_000)], ...]
    stints: tuple[PlannedStint, ...]
    colleagues: tuple[PlannedColleague, ...] = ()
    day_cv: Annotated[float, msgspec.Meta(ge=0, le=10)] = 0.15
    stint_least_ms: Annotated[int, msgspec.Meta(ge=0, le=86_400_000)] = 1_800_000
    switches_most: Annotated[int, msgspec.Meta(ge=0, le=100)] = 4
    lobby_least: Annotated[int, msgspec.Meta(ge=0, le=100)] = 1
    windows_least: Annotated[int, msgspec.Meta(ge=0, le=100)] = 2
