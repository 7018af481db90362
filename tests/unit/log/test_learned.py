"""Is what was learned kept, named by its content, and found again?"""

from pathlib import Path

import msgspec
import pytest

from openhall.log import learned
from openhall.log.rebuild import Projector
from openhall.log.schema import learned_habits
from openhall.log.sqlite import SqliteStore
from openhall.log.troubles import DatabaseCorrupt
from openhall.science.habits import Habits, assumed_habits


def of_lane(mean_ms: float = 300_000) -> Habits:
    return assumed_habits("lane", [("cash", mean_ms), ("accounts", 540_000)], ["ordinary", "green"])


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore.open(tmp_path / "hall.db")


def test_what_is_kept_is_found_as_it_was(store: SqliteStore) -> None:
    with store:
        kept, is_new = learned.keep(store, of_lane(), now_ms=5)
        assert is_new
        assert kept.learned_ms == 5
        assert learned.latest(store, "lane") == kept
        assert learned.find(store, "lane", kept.version) == kept
        assert learned.latest_of_all(store) == {"lane": kept}
        assert msgspec.json.decode(learned.bodies(store)["lane"], type=Habits) == of_lane()
        assert learned.latest(store, "elsewhere") is None
        assert learned.find(store, "lane", "0" * 12) is None


def test_the_same_again_adds_nothing_and_keeps_its_moment(store: SqliteStore) -> None:
    with store:
        first, _ = learned.keep(store, of_lane(), now_ms=5)
        again, is_new = learned.keep(store, first, now_ms=9)
        assert (again, is_new) == (first, False)
        assert len(learned.versions(store, "lane")) == 1


def test_the_latest_is_believed_and_the_earlier_ones_stay(store: SqliteStore) -> None:
    with store:
        first, _ = learned.keep(store, of_lane(), now_ms=5)
        second, _ = learned.keep(store, of_lane(360_000), now_ms=9)
        assert learned.latest(store, "lane") == second
        assert [v.version for v in learned.versions(store, "lane")] == [second.version, first.version]
        back, is_new = learned.keep(store, of_lane(), now_ms=12)
        assert is_new
        assert back.version == first.version
        assert learned.latest(store, "lane") == back, "what is learned again is believed again"


def test_a_version_is_named_by_its_content_alone() -> None:
    habits = of_lane()
    assert learned.named(habits) == learned.named(learned.named(habits))
    moved = msgspec.structs.replace(habits, learned_ms=77)
    assert learned.named(moved).version == learned.named(habits).version
    assert learned.named(of_lane(1)).version != learned.named(habits).version


def test_a_rebuild_leaves_it_alone(store: SqliteStore) -> None:
    with store:
        kept, _ = learned.keep(store, of_lane(), now_ms=5)
        Projector(store, [], []).rebuild()
        assert learned.latest(store, "lane") == kept


def test_a_body_that_cannot_be_read_is_trouble_with_a_place(store: SqliteStore) -> None:
    with store:
        kept, _ = learned.keep(store, of_lane(), now_ms=5)
        with store.transaction() as connection:
            connection.execute(learned_habits.update().values(body=b"{}"))
        with pytest.raises(DatabaseCorrupt, match=kept.version):
            learned.latest(store, "lane")
