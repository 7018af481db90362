"""Every page of the product, once: what axe looks at in both languages and both schemes, and what the
documentation's pictures are taken of. A page that is missing here fails a test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import httpx
from litestar.handlers import HTTPRouteHandler
from playwright.sync_api import Browser, Page, ViewportSize, expect

from openhall.web.configuration_pages import SECTIONS
from openhall.web.site import HANDLERS
from tests.browser import customers
from tests.browser.conftest import SIZES
from tests.browser.served import BRANCH, Served

NO_PAGES: Final = re.compile(
    r"/live$|/ticket/|/start$|/panel$|/export/|\.ics$|^/language/|^/elder/|^/sign-in/bank|^/metrics$|^/api/|/files$"
    r"|^/healthz$|^/readyz$|^/health$"
)
"""Parts of a page, files, redirects, and what programs read."""


Scheme = Literal["light", "dark"]
VIEWPORTS: Final[dict[str, ViewportSize]] = {**SIZES, "phone": customers.PHONE}
LOCALES: Final = {"zh": "zh-CN", "en": "en-GB"}


@dataclass(frozen=True)
class View:
    """A page in one state: where it is, who looks at it, and what is pressed first."""

    path: str
    account: str = ""
    """Whose session; empty for somebody who is not signed in."""
    picture: str = ""
    """The name of its picture in the documentation; empty for none."""
    size: str = ""
    """Whose screen, or `phone`, where it is not the account's own."""
    press: str = ""


def views(served: Served) -> Iterator[View]:
    """Every page of a busy branch, in every state worth a look."""
    line = served.read("/tickets")
    yield from _customers(served, line[-1]["number"], line[-1]["id"])
    yield from _hall()
    yield from _around(served)
    yield from _head_office(served)


def _customers(served: Served, number: str, ticket: str) -> Iterator[View]:
    kiosk, own = f"/b/{BRANCH}/kiosk", customers.address(served, number)
    yield View(kiosk, "kiosk", "kiosk")
    yield View(f"{kiosk}?elder=28", "kiosk", "kiosk-elder")
    yield View(f"{kiosk}?service=accounts", "kiosk")
    yield View(f"{kiosk}?need=open_account", "kiosk")
    yield View(f"{kiosk}?person=1", "kiosk", "kiosk-person")
    yield View(f"{kiosk}?ticket={ticket}", "kiosk", "kiosk-ticket")
    yield View(own, "", "phone", "phone")
    yield View(f"{own}?elder=28", "", "phone-elder", "phone")
    yield View(f"{own}?do=out", "", "", "phone")
    yield View("/t/no-such-number", "", "", "phone")
    yield View("/g", "", "guides", "phone")
    yield View("/g/atm?step=1", "", "guide", "phone")
    yield View("/book", "", "", "phone")
    yield View(f"/book/{BRANCH}", "", "booking", "phone")
    yield View(f"/b/{BRANCH}/display", "display", "display")


def _hall() -> Iterator[View]:
    hall = f"/b/{BRANCH}"
    yield View(f"{hall}/guard", "guard", "guard")
    yield View(f"{hall}/counter", "teller")
    for counter, picture in (("C1", ""), ("C2", "counter"), ("C4", ""), ("C5", ""), ("C7", "")):
        account = "teller" if picture else "manager"
        yield View(f"{hall}/counter?counter={counter}", account, picture)
    yield View(f"{hall}/lobby", "lobby", "lobby")
    yield View(f"{hall}/lobby", "lobby", "", press=".line button")
    yield View(f"{hall}/appointments", "lobby", "appointments")
    yield View(f"{hall}/alerts", "lobby")


def _around(served: Served) -> Iterator[View]:
    """What a branch manager looks after."""
    hall = f"/b/{BRANCH}"
    yield View("/", "manager", "home")
    yield View(f"{hall}/branch", "manager", "branch")
    yield View(f"{hall}/alerts", "manager", "alerts")
    yield View(f"{hall}/report", "manager", "report")
    yield View(f"{hall}/plan", "manager")
    yield View(f"{hall}/learned", "manager")
    yield View(f"{hall}/personal", "manager", "personal")
    yield View(f"{hall}/personal", "lobby")
    yield View(f"{hall}/personal/access", "manager")
    yield View(f"{hall}/devices", "manager", "devices")
    yield View(f"{hall}/accounts", "manager", "accounts")
    yield View(f"{hall}/approvals", "manager")
    yield View(f"{hall}/configuration", "manager")
    yield View("/account", "manager", "account")
    yield View("/sign-in", "", "sign-in", "manager")
    yield View("/pair", "", "pair", "kiosk")
    yield View(f"{hall}/guard", "teller", "refused")
    yield View("/nowhere", "teller")
    yield View(f"{hall}/configuration/drafts/{_draft(served, 'manager', BRANCH)}", "manager")


def _head_office(served: Served) -> Iterator[View]:
    yield View("/", "operations", "home-head-office")
    yield View(f"/b/{BRANCH}/branch", "operations")
    yield View("/b/lanqiao/branch", "operations")
    yield View("/head/report", "operations")
    yield View("/head/alerts", "operations", "head-alerts")
    yield View("/head/configuration", "operations", "configuration")
    for section in SECTIONS:
        yield View(f"/head/configuration/{section}", "operations")
    yield View(f"/head/configuration/drafts/{_draft(served, 'operations', '')}", "operations")
    yield View("/head/configuration/versions/1", "operations")
    yield View("/", "privacy")
    yield View("/head/personal", "privacy")
    yield View("/head/personal/access", "privacy")
    yield View("/head/approvals", "checker")
    yield View("/head/accounts", "checker", "head-accounts")
    yield View("/head/access", "checker", "access-record")
    yield View("/head/devices", "checker")
    yield View("/head/messages", "checker", "messages")
    yield View("/head/health", "checker", "health")


def _draft(served: Served, account: str, branch: str) -> str:
    """A draft of the configuration; asked for again, the same one."""
    headers = {"Authorization": f"Bearer {served.token(account)}", "Idempotency-Key": f"gallery-{account}"}
    body = {"name": "Longer Saturdays", "branch": branch}
    made = httpx.post(f"{served.url}/api/configuration/drafts", json=body, headers=headers)
    assert made.is_success, made.text
    return str(made.json()["id"])


def pages() -> set[str]:
    """The addresses of all pages of the site, with their blanks. Controllers are the API's."""
    plain = [each for each in HANDLERS if isinstance(each, HTTPRouteHandler) and "GET" in each.http_methods]
    return {path for each in plain for path in each.paths if not NO_PAGES.search(path)}


def is_of(path: str, page: str) -> bool:
    """Whether an address is one of a page's."""
    pattern = "[^/]+".join(re.escape(part) for part in re.split(r"{\w+:\w+}", page))
    return re.fullmatch(pattern, path.split("?")[0]) is not None


def opened(browser: Browser, served: Served, view: View, language: str, scheme: Scheme) -> Page:
    """The page as it is looked at, in a context of its own, not loaded yet: `load` does that."""
    context = browser.new_context(
        viewport=VIEWPORTS[view.size or view.account], color_scheme=scheme, locale=LOCALES[language]
    )
    held = {"openhall_language": language}
    if view.account:
        held["openhall_session"] = served.token(view.account)
    context.add_cookies([{"name": name, "value": value, "url": served.url} for name, value in held.items()])
    return context.new_page()


def load(page: Page, served: Served, view: View) -> None:
    """Go there, and press what is to be pressed."""
    page.goto(served.url + view.path)
    if view.press:
        page.locator(view.press).first.click()
        expect(page.locator("#sheet")).to_be_visible()
