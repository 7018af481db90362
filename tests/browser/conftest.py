"""A browser on Debian's chromium, a bank served for each module, and nothing on the console."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, ViewportSize, expect

from tests.browser.served import ACCOUNTS, Served, serving

PATIENT_MS = 20_000
"""A screen redraws ten seconds after the last event at the latest: what falls between drawing it and hearing
the stream is seen then."""
expect.set_options(timeout=PATIENT_MS)

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES: dict[str, ViewportSize] = {
    "kiosk": {"width": 1080, "height": 1920},
    "display": {"width": 1920, "height": 1080},
    "guard": {"width": 390, "height": 844},
    "teller": {"width": 1366, "height": 768},
    "lobby": {"width": 1180, "height": 820},
    "manager": {"width": 1366, "height": 900},
    "operations": {"width": 1366, "height": 900},
    "checker": {"width": 1366, "height": 900},
    "privacy": {"width": 1366, "height": 900},
}
ANSWERED_NO = "Failed to load resource: the server responded with a status of 4"
"""Chromium reports every refusal as an error; that the hall says no is not one."""

OpenScreen = Callable[..., Page]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    chromium = shutil.which("chromium")
    assert chromium, "Expected chromium: run `make browser`"
    return {**browser_type_launch_args, "executable_path": chromium, "args": FLAGS}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("bank") / "hall") as running:
        yield running


class Watch:
    """What the consoles of a test's pages said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.allowed: list[str] = [ANSWERED_NO]

    def allow(self, part: str) -> None:
        """A test that cuts the line expects the browser to say so."""
        self.allowed.append(part)

    def console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.note(f"{message.type}: {message.text} ({message.location.get('url')})")

    def over(self, page: Page) -> None:
        """Hear a page's console and its scripts' errors."""
        page.on("console", self.console)
        page.on("pageerror", lambda error: self.note(f"page error: {error}"))

    def note(self, text: str) -> None:
        if not any(part in text for part in self.allowed):
            self.said.append(text)


@pytest.fixture
def watch() -> Iterator[Watch]:
    watching = Watch()
    yield watching
    assert watching.said == [], "Expected silent consoles (content-security violations are said there too)"


@pytest.fixture
def screen(browser: Any, served: Served, watch: Watch) -> Iterator[OpenScreen]:
    """Opens a screen as its audience does: `screen("kiosk", "/b/…", language="en")`."""
    contexts: list[BrowserContext] = []

    def open_screen(
        account: str,
        path: str,
        *,
        language: str = "zh",
        scheme: str = "light",
        size: str = "",
        context: BrowserContext | None = None,
    ) -> Page:
        if context is None:
            context = browser.new_context(
                viewport=SIZES[size or account],
                color_scheme=scheme,
                locale="zh-CN" if language == "zh" else "en-GB",
            )
            contexts.append(context)
            context.add_cookies(
                [
                    {"name": "openhall_language", "value": language, "url": served.url},
                    {"name": "openhall_session", "value": served.token(account), "url": served.url},
                ]
            )
        page = context.new_page()
        page.set_default_timeout(PATIENT_MS)
        watch.over(page)
        page.goto(served.url + path)
        return page

    yield open_screen
    for context in contexts:
        context.close()


assert set(SIZES) == set(ACCOUNTS), "Expected a size for each account"
