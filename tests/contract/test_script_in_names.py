"""Is whatever the bank, its people and its customers write shown as they wrote it, and never run?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from litestar.testing import TestClient

from openhall.access.rights import BOUND_TO_NO_BRANCH
from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.app.settings import LimitSettings, Settings
from openhall.hall.model import commands as c
from openhall.kernel.clock import ManualClock
from openhall.kernel.event import SYSTEM, Answer, Command, Request
from openhall.log.sessions import SignedIn
from openhall.network.model import Role
from openhall.network.sample import sample_files
from openhall.web.guarding import guarded
from openhall.web.site import create_site
from tests.contract.test_rights import address
from tests.places import at

SCRIPT: Final = "</script><script>evil()</script><img src=x onerror=evil()>\"'"
IN_TOML: Final = SCRIPT.replace('"', '\\"')
BRANCH: Final = "lanqiao"
PASSWORD: Final = "a long enough password"
READERS: Final[tuple[Role, ...]] = (
    "manager",
    "lobby",
    "teller",
    "kiosk",
    "operations",
    "privacy",
    "administrator",
)
RUN: Final = re.compile(r"<script>evil|<img src=x|onerror=evil\(\)>\"'")


def evil_files() -> dict[str, bytes]:
    """The sample bank with a script behind every name that a person can read."""
    files = dict(sample_files())
    for name in ("bank.toml", "branches.toml"):
        text = files[name].decode()
        text = re.sub(r'(name = \{ en = "[^"]*)"(, zh = "[^"]*)"', rf'\1{IN_TOML}"\2{IN_TOML}"', text)
        text = re.sub(r'(address = \{ en = "[^"]*)"', rf'\1{IN_TOML}"', text)
        assert "evil()" in text, name
        files[name] = text.encode()
    head, *rows = files["people.csv"].decode().splitlines()
    at_name = head.split(",").index("name")
    cells = [row.split(",") for row in rows]
    quoted = SCRIPT.replace('"', '""')
    for row in cells:
        row[at_name] = f'"{row[at_name]}{quoted}"'
    files["people.csv"] = "\n".join([head, *(",".join(row) for row in cells)]).encode() + b"\n"
    return files


class Site:
    def __init__(self, app: App, client: TestClient[Any], paths: list[str]) -> None:
        self.app, self.client, self.paths = app, client, paths
        self.tokens: dict[str, str] = {}
        for role in READERS:
            branch = None if role in BOUND_TO_NO_BRANCH else BRANCH
            app.accounts.create(role, role, PASSWORD, branch=branch)
            signed_in = app.accounts.sign_in(role, PASSWORD)
            assert isinstance(signed_in, SignedIn)
            self.tokens[role] = signed_in.token

    def do(self, command: Command, key: str) -> None:
        branch = self.app.bank.branch(BRANCH)
        assert branch is not None
        request = Request(self.app.today(branch), key, SYSTEM, command)
        answer = self.client.blocking_portal.call(self.app.submit, request)
        assert isinstance(answer, Answer), answer

    def page(self, path: str, role: str, language: str = "en") -> Any:
        headers = {"accept": "text/html", "accept-language": language}
        if role:
            headers["authorization"] = f"Bearer {self.tokens[role]}"
        return self.client.get(path, headers=headers, follow_redirects=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    place = Folder(tmp_path_factory.mktemp("evil") / "bank")
    place.create(evil_files())
    app = build(place, ManualClock(at(9)), settings=Settings(limits=LimitSettings(0, 0, 0, 0)))
    made = create_site(app)
    paths = [path for method, path, *_ in guarded(made) if method == "GET" and "stream" not in path]
    with TestClient(made) as client:
        found = Site(app, client, paths)
        branch = app.bank.branch(BRANCH)
        assert branch is not None
        client.blocking_portal.call(app.open_day, branch, SYSTEM)
        found.do(c.OpenDoors(), "doors")
        found.do(c.IssueTicket(service_id=app.bank.services[0].id, override_reason="other"), "ticket")
        yield found


def test_no_page_runs_what_somebody_wrote(site: Site) -> None:
    pages, shown = 0, 0
    for path in site.paths:
        for role in ("", *READERS):
            answer = site.page(address(path, BRANCH), role)
            if "html" not in answer.headers.get("content-type", ""):
                continue
            pages += 1
            shown += "evil()" in answer.text
            assert not RUN.search(answer.text), f"{path} as {role or 'nobody'}"
            assert answer.status_code < 500, f"{path} as {role or 'nobody'}"
    assert pages > 50
    assert shown > 30, "the names are on the pages, as text"


def test_a_customers_page_shows_names_as_text(site: Site) -> None:
    branch = site.app.bank.branch(BRANCH)
    assert branch is not None
    state = site.app.hall(site.app.today(branch))
    assert state is not None
    token = site.app.links.token(site.app.today(branch), next(iter(state.tickets)))
    for language in ("en", "zh"):
        answer = site.page(f"/t/{token}", "", language)
        assert answer.status_code == 200
        assert "evil()" in answer.text
        assert not RUN.search(answer.text)


@pytest.mark.parametrize(
    "name", ["<script>evil()</script>", '"><img src=x>', "javascript:evil()", "a b", "É"]
)
def test_an_account_cannot_be_named_like_a_script(site: Site, name: str) -> None:
    refused = site.app.accounts.create(name, "teller", PASSWORD, branch=BRANCH)
    assert getattr(refused, "code", "") == "account_name_invalid"


TEMPLATES: Final = sorted((Path(build.__code__.co_filename).parents[1] / "web" / "templates").rglob("*.html"))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_needs_an_inline_script_or_style(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")", text)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=\"|javascript:", text)
    assert "|safe" not in text.replace(" ", ""), "what is marked safe is made by a library, in code"
