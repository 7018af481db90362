"""Are plans kept, changed by one person at a time, and found on the day they are for?"""

from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

from openhall.log import plans
from openhall.log.schema import plan_drafts
from openhall.log.sqlite import SqliteStore
from openhall.log.troubles import DatabaseCorrupt
from openhall.staffing.plan import DayPlan, WeekPlan

MONDAY = date(2026, 12, 14)


def week(first: date = MONDAY, branch: str = "lane", late: float = 5.0) -> WeekPlan:
    days = tuple(DayPlan(first + timedelta(days=n), is_open=n < 6, late_minutes=late) for n in range(7))
    return WeekPlan(branch, first, days, "0" * 12, "optimal", 0.0)


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore.open(tmp_path / "hall.db")


def test_a_draft_is_found_as_it_was_and_a_later_one_takes_its_place(store: SqliteStore) -> None:
    with store:
        assert plans.draft(store, "lane", MONDAY) is None
        first = plans.save_draft(store, week(), seen=None, now_ms=5, by="chen")
        assert plans.draft(store, "lane", MONDAY) == first
        second = plans.save_draft(store, week(late=3), seen=first.revision, now_ms=6, by="wu")
        assert plans.draft(store, "lane", MONDAY) == second
        assert (second.revision, second.changed_by) == (2, "wu")
        assert plans.draft(store, "elsewhere", MONDAY) is None


def test_who_has_not_seen_the_latest_draft_changes_nothing(store: SqliteStore) -> None:
    with store:
        first = plans.save_draft(store, week(), seen=None, now_ms=5, by="chen")
        latest = plans.save_draft(store, week(late=3), seen=first.revision, now_ms=6, by="wu")
        with pytest.raises(plans.PlanChanged, match="revision 2, not 1"):
            plans.save_draft(store, week(late=9), seen=first.revision, now_ms=7, by="chen")
        with pytest.raises(plans.PlanChanged):
            plans.publish(store, "lane", MONDAY, seen=first.revision, now_ms=7, by="chen")
        assert plans.draft(store, "lane", MONDAY) == latest
        assert plans.published_on(store, "lane", MONDAY) is None


def test_the_same_change_again_is_a_retry(store: SqliteStore) -> None:
    with store:
        first = plans.save_draft(store, week(), seen=None, now_ms=5, by="chen")
        done = plans.save_draft(store, week(late=3), seen=first.revision, now_ms=6, by="chen", key="k1")
        again = plans.save_draft(store, week(late=3), seen=first.revision, now_ms=9, by="chen", key="k1")
        assert again == done
        with pytest.raises(plans.PlanChanged):
            plans.save_draft(store, week(late=4), seen=first.revision, now_ms=9, by="chen", key="k2")


def test_a_day_goes_by_the_plan_published_last(store: SqliteStore) -> None:
    with store:
        with pytest.raises(plans.NoDraft):
            plans.publish(store, "lane", MONDAY, seen=1, now_ms=6, by="chen")
        one = plans.save_draft(store, week(), seen=None, now_ms=5, by="chen")
        published = plans.publish(store, "lane", MONDAY, seen=one.revision, now_ms=6, by="chen")
        assert plans.published_on(store, "lane", MONDAY + timedelta(days=6)) == published
        assert plans.published_on(store, "lane", MONDAY + timedelta(days=7)) is None
        assert plans.published_on(store, "lane", MONDAY - timedelta(days=1)) is None
        two = plans.save_draft(store, week(late=1), seen=one.revision, now_ms=7, by="chen")
        assert plans.published_on(store, "lane", MONDAY) == published, "a draft binds nobody"
        again = plans.publish(store, "lane", MONDAY, seen=two.revision, now_ms=8, by="wu")
        assert again.version != published.version
        assert plans.published_on(store, "lane", MONDAY) == again


def test_earlier_weeks_are_found_nearest_first_each_once(store: SqliteStore) -> None:
    with store:
        for number in range(4):
            first = MONDAY - timedelta(weeks=number)
            for late in (1.0, 2.0):
                made = plans.save_draft(store, week(first, late=late), seen=None, now_ms=1, by="chen")
                plans.publish(store, "lane", first, seen=made.revision, now_ms=int(late), by="chen")
        found = plans.published_before(store, "lane", MONDAY, 2)
        assert [plan.first for plan in found] == [MONDAY - timedelta(weeks=n) for n in (1, 2)]
        assert all(plan.days[0].late_minutes == 2.0 for plan in found)
        assert plans.published_before(store, "other", MONDAY, 2) == []


def test_a_plan_that_cannot_be_read_is_said_to_be_damaged(store: SqliteStore) -> None:
    with store:
        plans.save_draft(store, week(), seen=None, now_ms=5, by="chen")
        with store.transaction() as connection:
            connection.execute(plan_drafts.update().values(body=msgspec.json.encode({"a": 1})))
        with pytest.raises(DatabaseCorrupt, match="lane"):
            plans.draft(store, "lane", MONDAY)
