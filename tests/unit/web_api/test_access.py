"""Accounts and approvals over HTTP, as a browser and as a program see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
from argon2 import PasswordHasher
from litestar import Litestar
from litestar.testing import TestClient

from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.kernel.clock import DAY_MS, ManualClock
from openhall.network.model import Role
from openhall.network.sample import sample_files
from openhall.web.signing_in import Doorkeeper
from openhall.web.site import create_site

BRANCH, OTHER = "wutong", "lanqiao"
PASSWORD = "a long enough password"
STAFF: dict[str, tuple[Role, str | None, str | None]] = {
    "root": ("administrator", None, None),
    "ops": ("operations", None, None),
    "boss": ("manager", BRANCH, "zhao-minzhi"),
    "boss-at-head-office": ("operations", None, "zhao-minzhi"),
    "far-boss": ("manager", OTHER, None),
    "mei": ("teller", BRANCH, "gao-fei"),
}


@dataclass
class Site:
    app: App
    client: TestClient[Any]
    keys: int = 0

    def ask(
        self, who: str, method: str, path: str, body: Any = None, *, key: str = "", **more: Any
    ) -> httpx.Response:
        """As a program, with a token; a new key each time unless one is given."""
        self.keys += 1
        self.client.cookies.clear()
        headers = {"Idempotency-Key": key or f"k{self.keys}", "accept": "application/json"}
        if who:
            signed_in = self.app.accounts.sign_in(who, PASSWORD)
            headers["authorization"] = f"Bearer {signed_in.token}"  # type: ignore[union-attr]
        return self.client.request(method, path, json=body, headers=headers | more.pop("headers", {}), **more)

    def code(self, *asked: Any, **more: Any) -> str:
        """The code of a refusal; empty when it was done."""
        answer = self.ask(*asked, **more)
        return "" if answer.is_success else str(answer.json()["code"])


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Litestar:
    """The routes, put together once: each test puts a bank of its own behind them."""
    place = Folder(tmp_path_factory.mktemp("routes") / "bank")
    place.create(sample_files())
    app = build(place)
    app.store.close()
    return create_site(app)


@pytest.fixture
def site(tmp_path: Path, application: Litestar) -> Iterator[Site]:
    place = Folder(tmp_path / "bank")
    place.create(sample_files())
    app = build(place)
    app.accounts._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    for name, (role, branch, person) in STAFF.items():
        app.accounts.create(name, role, PASSWORD, branch=branch, person_id=person)
    door = Doorkeeper(sign_ins=40, failures=3)
    application.state.update({"openhall": app, "door": door})
    yield Site(app, TestClient(application))
    app.store.close()


def body(
    name: str = "lan", role: Role = "teller", branch: str = BRANCH, person_id: str = ""
) -> dict[str, str]:
    return {"name": name, "role": role, "branch": branch, "person_id": person_id}


def test_an_account_is_made_with_an_initial_password_that_opens_nothing_else(site: Site) -> None:
    made = site.ask("boss", "POST", "/api/accounts", body()).json()
    assert (made["account"]["name"], made["proposal"]) == ("lan", None)
    first = site.ask("", "POST", "/api/session", {"name": "lan", "password": made["password"]}).json()
    assert first["step"] == "password"
    half = {"authorization": f"Bearer {first['token']}"}
    assert site.ask("", "GET", "/api/session", headers=half).status_code == 401
    chosen = site.ask(
        "", "POST", "/api/session/password", {"password": "three green lamps"}, headers=half
    ).json()
    assert chosen["step"] == ""
    assert site.ask("", "GET", "/api/session", headers=half).status_code == 401, "the token of before"
    whole = {"authorization": f"Bearer {chosen['token']}"}
    assert site.ask("", "GET", "/api/session", headers=whole).json()["name"] == "lan"


def test_a_retry_gets_the_same_initial_password_and_no_second_account(site: Site) -> None:
    first, again = (site.ask("root", "POST", "/api/accounts", body(), key="same").json() for _ in range(2))
    assert first == again
    assert site.code("root", "POST", "/api/accounts", body("lin"), key="same") == "command_id_reused"
    assert site.code("root", "POST", "/api/accounts", body()) == "account_exists"


@pytest.mark.parametrize(
    ("who", "wish", "code", "why"),
    [
        ("boss", body(branch=OTHER), "branch_not_yours", "another branch"),
        ("boss", body(role="manager"), "account_above", "no manager by a manager"),
        ("mei", body(), "role_may_not", "tellers make no accounts"),
        ("root", body(branch="nowhere"), "account_branch_wrong", "no such branch"),
        ("root", body(role="operations"), "account_branch_wrong", "head office has none"),
        ("root", body("Lan"), "account_name_invalid", "capitals"),
        ("root", body(person_id="nobody"), "plan_person_unknown", "not on the staff"),
        ("root", body() | {"password": "x"}, "input_invalid", "nobody sets another's password"),
    ],
)
def test_an_account_that_must_not_be_made_is_refused(
    site: Site, who: str, wish: dict[str, str], code: str, why: str
) -> None:
    assert site.code(who, "POST", "/api/accounts", wish) == code, why


def test_a_role_with_power_waits_for_a_second_person(site: Site) -> None:
    asked = site.ask("root", "POST", "/api/accounts", body("lin", "manager")).json()
    proposal = f"/api/approvals/{asked['proposal']['id']}/decision"
    assert site.app.accounts.find("lin") is None
    assert site.code("root", "POST", proposal, {"is_approved": True}) == "approval_own"
    assert site.code("far-boss", "POST", proposal, {"is_approved": True}) == "branch_not_yours"
    assert site.code("ops", "POST", proposal, {"is_approved": False}) == "approval_reason_missing"
    seen = site.ask("ops", "GET", "/api/approvals").json()
    assert [each["summary"]["title"] for each in seen] == ["New account lin"] or "lin" in str(seen)
    assert asked["password"] not in str(seen)
    assert "argon2" not in str(seen)
    done = site.ask("ops", "POST", proposal, {"is_approved": True}).json()
    assert (done["state"], done["is_carried_out"]) == ("approved", True)
    first = site.ask("", "POST", "/api/session", {"name": "lin", "password": asked["password"]}).json()
    assert first["step"] == "password"


def test_one_person_under_two_accounts_is_one_person(site: Site) -> None:
    change = {"what": "role", "role": "manager", "branch": BRANCH}
    refused = site.code("boss-at-head-office", "POST", "/api/accounts/mei", change)
    assert refused == "role_may_not", "operations look after no accounts"
    asked = site.ask("root", "POST", "/api/accounts/mei", change).json()
    proposal = site.app.approvals.get(asked["proposal"]["id"])
    assert proposal is not None
    as_boss = site.code("boss", "POST", f"/api/approvals/{proposal.id}/decision", {"is_approved": True})
    assert as_boss == "", "a manager of the branch is a second person to the administrator"
    found = site.app.accounts.find("mei")
    assert found is not None
    assert found.role == "manager"


def test_taking_over_somebody_with_power_needs_two(site: Site) -> None:
    for what in ("password", "codes"):
        asked = site.ask("root", "POST", "/api/accounts/ops", {"what": what}).json()
        assert asked["account"] is None, what
        assert asked["proposal"]["state"] == "waiting", what
    assert site.code("ops", "POST", "/api/accounts/ops", {"what": "enable"}) == "role_may_not"
    assert site.code("root", "POST", "/api/accounts/root", {"what": "password"}) == "account_own"
    stopped = site.ask("root", "POST", "/api/accounts/ops", {"what": "disable"}).json()
    assert stopped["account"]["is_disabled"], "to stop somebody is quick"


def test_a_proposal_is_taken_back_by_its_maker_alone(site: Site) -> None:
    asked = site.ask("root", "POST", "/api/accounts", body("lin", "manager")).json()
    path = f"/api/approvals/{asked['proposal']['id']}/withdrawal"
    assert site.code("ops", "POST", path) == "approval_not_yours"
    assert site.ask("root", "POST", path).json()["state"] == "withdrawn"


def test_a_manager_sees_and_resets_the_accounts_of_the_branch(site: Site) -> None:
    names = {each["account"]["name"] for each in site.ask("boss", "GET", "/api/accounts").json()}
    assert names == {"boss", "mei"}
    reset = site.ask("boss", "POST", "/api/accounts/mei", {"what": "password"}).json()
    assert len(reset["password"]) == 19
    assert site.code("boss", "POST", "/api/accounts/far-boss", {"what": "disable"}) == "branch_not_yours"
    assert site.code("boss", "POST", "/api/accounts/nobody", {"what": "disable"}) == "account_unknown"


def test_every_session_ends_when_the_account_is_switched_off(site: Site) -> None:
    signed_in = site.app.accounts.sign_in("mei", PASSWORD)
    token = signed_in.token  # type: ignore[union-attr]
    site.ask("boss", "POST", "/api/accounts/mei", {"what": "disable"})
    mine = {"authorization": f"Bearer {token}"}
    assert site.ask("", "GET", "/api/session", headers=mine).status_code == 401


def test_one_time_codes_are_set_up_and_asked_for(site: Site) -> None:
    begun = site.ask("mei", "POST", "/api/session/codes", {"password": PASSWORD}).json()
    assert begun["picture"].startswith("data:image/svg+xml")
    mine = site.app.accounts.sign_in("mei", PASSWORD)
    headers = {"authorization": f"Bearer {mine.token}"}  # type: ignore[union-attr]
    code = pyotp.TOTP(begun["secret"]).at(site.app.wall.now_ms() // 1_000)
    done = site.ask("", "POST", "/api/session/codes/confirmation", {"code": code}, headers=headers).json()
    assert len(done["recovery_codes"]) == 8
    half = site.ask("", "POST", "/api/session", {"name": "mei", "password": PASSWORD}).json()
    assert half["step"] == "code"
    on = {"authorization": f"Bearer {half['token']}"}
    whole = site.ask("", "POST", "/api/session/code", {"code": done["recovery_codes"][0]}, headers=on).json()
    assert whole["step"] == ""


def test_signing_in_gives_the_browser_another_session_than_the_one_it_had(site: Site) -> None:
    """Session fixation: a cookie that somebody planted is worth nothing afterwards."""
    ours = {"sec-fetch-site": "same-origin"}
    credentials = {"name": "mei", "password": PASSWORD}
    planted = site.client.post("/api/session", json=credentials, headers=ours).json()["token"]
    answer = site.client.post("/api/session", json=credentials, headers=ours)
    assert answer.cookies["openhall_session"] != planted
    assert site.app.accounts.who(planted) is None


def test_an_address_that_fails_too_often_has_to_wait(site: Site) -> None:
    site.app.wall = clock = ManualClock(site.app.wall.now_ms())  # type: ignore[assignment]
    wrong = [{"name": f"somebody-{n}", "password": "wrong password"} for n in range(4)]
    codes = [site.code("", "POST", "/api/session", each) for each in wrong]
    assert codes == ["sign_in_failed"] * 3 + ["too_many_requests"]
    right = {"name": "mei", "password": PASSWORD}
    assert site.code("", "POST", "/api/session", right) == "too_many_requests", "whoever it is"
    clock.advance(61_000)
    assert site.code("", "POST", "/api/session", right) == ""


def test_only_so_many_sign_ins_are_looked_at_in_a_minute(site: Site) -> None:
    site.app.wall = ManualClock(site.app.wall.now_ms())  # type: ignore[assignment]
    right = {"name": "mei", "password": PASSWORD}
    codes = [site.code("", "POST", "/api/session", right) for _ in range(41)]
    assert codes == [""] * 40 + ["too_many_requests"]


def test_asking_how_long_is_left_does_not_make_it_longer_and_working_does(site: Site) -> None:
    signed_in = site.app.accounts.sign_in("mei", PASSWORD)
    token = signed_in.token  # type: ignore[union-attr]
    mine = {"authorization": f"Bearer {token}"}

    def seen_ms() -> int:
        return site.app.accounts.sessions_of(token)[0].seen_ms

    before = seen_ms()
    site.app.accounts._sessions._clock = ManualClock(before + 60_000)
    for path, headers in (("/api/session/left", {}), (f"/b/{BRANCH}/counter", {"hx-request": "true"})):
        site.ask("", "GET", path, headers=mine | headers)
        assert seen_ms() == before, path
    site.ask("", "POST", "/api/session/activity", headers=mine)
    assert seen_ms() == before + 60_000


def test_the_access_record_is_for_administrators_and_can_be_filtered(site: Site) -> None:
    site.ask("boss", "POST", "/api/accounts/mei", {"what": "disable"})
    rows = site.ask("root", "GET", "/api/access-record?account=mei&action=disabled").json()
    assert [(row["actor"], row["account"]) for row in rows] == [("boss", "mei")]
    assert site.code("boss", "GET", "/api/access-record") == "role_may_not"
    shown = site.ask("root", "GET", "/head/access?check=true&lang=en", headers={"accept": "text/html"}).text
    assert "The chain is whole." in shown


@pytest.mark.parametrize("who", ["root", "ops", "boss"])
def test_an_approval_that_nobody_gave_lapses_on_every_list(site: Site, who: str) -> None:
    site.ask("root", "POST", "/api/accounts", body("lin", "manager"))
    site.app.approvals._clock = ManualClock(site.app.wall.now_ms() + 8 * DAY_MS)
    assert [each["state"] for each in site.ask(who, "GET", "/api/approvals").json()] == ["lapsed"]
