"""Is a machine gone wild slowed down, and a busy hall not?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.testing import TestClient

from openhall.app.build import build
from openhall.app.folder import Folder
from openhall.app.settings import LimitSettings, Settings
from openhall.kernel.clock import MINUTE_MS
from openhall.log.sessions import SignedIn
from openhall.network.sample import sample_files
from openhall.web.rates import BURST_SECONDS, Rate, Rates
from openhall.web.site import create_site

PASSWORD = "a long enough password"
SLOW = LimitSettings(account_per_second=1, device_per_second=1, address_per_second=1, unknown_per_second=1)


def test_a_bucket_is_emptied_by_asking_and_fills_as_time_goes_by() -> None:
    rates, rate = Rates(), Rate(per_minute=6, at_once=2)
    assert [rates.take("one", rate, 0) for _ in range(3)] == [0, 0, 10_000]
    assert rates.take("another", rate, 0) == 0, "each has a bucket of its own"
    assert rates.take("one", rate, 9_999) == 1
    assert rates.take("one", rate, 10_000) == 0
    assert rates.take("one", rate, 10_000 + MINUTE_MS) == 0
    assert [rates.take("one", rate, 10_000 + MINUTE_MS) for _ in range(2)] == [0, 10_000], "never over full"


def test_a_clock_that_is_put_back_gives_nothing_and_takes_nothing() -> None:
    rates, rate = Rates(), Rate(per_minute=60, at_once=1)
    assert rates.take("one", rate, 100_000) == 0
    assert rates.take("one", rate, 0) > 0
    assert rates.take("one", rate, 1_000) == 0


def test_what_is_remembered_is_bounded() -> None:
    rates = Rates(names_at_most=10)
    for number in range(50):
        assert rates.note(f"place {number}", 1, 0)
    assert len(rates) == 10
    assert rates.note("place 0", 1, 0), "asked for longest ago, and forgotten"
    assert not rates.note("place 49", 1, 0)


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=200), st.integers(1, 600), st.integers(1, 50))
def test_never_more_than_the_burst_and_the_rate_together(
    gaps_ms: list[int], per_minute: int, at_once: int
) -> None:
    rates, rate, now_ms, taken = Rates(), Rate(per_minute, at_once), 0, 0
    for gap_ms in gaps_ms:
        now_ms += gap_ms
        wait_ms = rates.take("one", rate, now_ms)
        assert wait_ms >= 0
        taken += wait_ms == 0
        assert taken <= at_once + now_ms * per_minute / MINUTE_MS + 1e-6


@pytest.fixture
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient[Any]]:
    place = Folder(tmp_path_factory.mktemp("rates") / "bank")
    place.create(sample_files())
    app = build(place, settings=Settings(limits=SLOW))
    for name, role in (("li", "teller"), ("kiosk", "kiosk")):
        app.accounts.create(name, role, PASSWORD, branch="lanqiao")  # type: ignore[arg-type]
    with TestClient(create_site(app)) as client:
        yield client


def flood(client: TestClient[Any], path: str, headers: dict[str, str]) -> list[int]:
    sent = {"accept": "application/json", **headers}
    return [client.get(path, headers=sent).status_code for _ in range(2 * BURST_SECONDS + 20)]


@pytest.mark.parametrize("name", ["li", "kiosk"])
def test_an_account_that_asks_without_end_is_told_to_wait_and_for_how_long(
    client: TestClient[Any],
    name: str,
) -> None:
    signed_in = client.app.state.openhall.accounts.sign_in(name, PASSWORD)
    assert isinstance(signed_in, SignedIn)
    bearer = {"authorization": f"Bearer {signed_in.token}"}
    statuses = flood(client, "/api/session", bearer)
    assert statuses[:BURST_SECONDS] == [200] * BURST_SECONDS
    assert 429 in statuses
    answer = client.get("/api/session", headers={"accept": "application/json", **bearer})
    if answer.status_code == 429:
        assert answer.json()["code"] == "too_many_requests"
        assert int(answer.headers["retry-after"]) >= 1
    assert client.get("/sign-in").status_code == 200, "nobody else has to wait"


@pytest.mark.parametrize(
    ("path", "headers", "first", "reason"),
    [
        ("/healthz", {}, 200, "who is not signed in, by address"),
        ("/api/session", {"authorization": "Bearer forged"}, 401, "sessions that are none, by address"),
    ],
)
def test_an_address_that_asks_without_end_is_told_to_wait(
    client: TestClient[Any],
    path: str,
    headers: dict[str, str],
    first: int,
    reason: str,
) -> None:
    statuses = flood(client, path, headers)
    assert statuses[:BURST_SECONDS] == [first] * BURST_SECONDS, reason
    assert statuses[-1] in {429, first}
    assert statuses.count(429) > 0
