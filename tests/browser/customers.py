"""Customers' own pages in a browser that never signed in, and what is measured on their screens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from playwright.sync_api import Page, ViewportSize

from tests.browser.conftest import PATIENT_MS, Watch
from tests.browser.served import BRANCH, ROOT, Served

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
AXE_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PHONE: ViewportSize = {"width": 390, "height": 844}
SMALL: ViewportSize = {"width": 320, "height": 568}
TARGET_PX_AT_LEAST = 60

_TEXTS = """[...document.querySelectorAll('body *')]
  .filter((e) => e.checkVisibility() && !e.matches('option'))
  .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))"""

SMALL_TEXT = f"""(least) => {_TEXTS}
  .filter((e) => parseFloat(getComputedStyle(e).fontSize) < least)
  .map((e) => `${{getComputedStyle(e).fontSize}} ${{e.textContent.trim().slice(0, 30)}}`)"""
"""What is set smaller than so many pixels."""

TIGHT_LINES = f"""(least) => {_TEXTS}
  .filter((e) => !e.matches('.ticket-number, .phone-number, .phone-window, output'))
  .map((e) => [e, getComputedStyle(e)])
  .filter(([e, css]) => parseFloat(css.lineHeight) / parseFloat(css.fontSize) < least)
  .map(([e, css]) => `${{css.lineHeight}} for ${{css.fontSize}}: ${{e.textContent.trim().slice(0, 30)}}`)"""
"""Lines closer than so many times their type; a number alone has one line."""

NARROW_TARGETS = """(least) => [...document.querySelectorAll('a, button, select, summary, textarea, label')]
  .filter((e) => e.checkVisibility())
  .filter((e) => e.tagName !== 'LABEL' || e.querySelector('[type="radio"], [type="checkbox"]'))
  .map((e) => [e, e.getBoundingClientRect()])
  .filter(([e, box]) => box.height < least || box.width < least)
  .map(([e, box]) => `${e.tagName} ${e.textContent.trim().slice(0, 30)} ${box.width} x ${box.height}`)"""
"""What can be pressed and is smaller than a finger."""

CHOICES = """() => [...document.querySelectorAll('main :is(a, button)')]
  .filter((e) => e.checkVisibility() && !e.closest('.elder-tools, .keys, summary')).length"""
"""How much there is to choose from on a screen, tools and keypad apart."""

TOO_WIDE = "document.documentElement.scrollWidth - innerWidth"


def address(served: Served, number: str) -> str:
    """The path of a number's own page, from the sheet that the lobby shows to the customer."""
    headers = {"Authorization": f"Bearer {served.token('lobby')}", "Accept": "text/html"}
    sheet = httpx.get(f"{served.url}/b/{BRANCH}/ticket/{number}", headers=headers).text
    found = re.search(r'href="[^"]*(/t/[^"]+)"', sheet)
    assert found, sheet
    return found[1]


@contextmanager
def phone(
    browser: Any,
    served: Served,
    watch: Watch,
    path: str,
    *,
    language: str = "zh",
    elder: int = 0,
    size: ViewportSize = PHONE,
    **options: Any,
) -> Iterator[Page]:
    """A customer's phone at an address."""
    locale = "zh-CN" if language == "zh" else "en-GB"
    context = browser.new_context(viewport=size, locale=locale, has_touch=True, **options)
    cookies = [{"name": "openhall_language", "value": language, "url": served.url}]
    if elder:
        cookies.append({"name": "openhall_elder", "value": str(elder), "url": served.url})
    context.add_cookies(cookies)
    page = context.new_page()
    page.set_default_timeout(PATIENT_MS)
    page.on("console", watch.console)
    page.on("pageerror", lambda error: watch.note(f"page error: {error}"))
    page.goto(served.url + path)
    yield page
    context.close()


def axe(page: Page) -> list[str]:
    """What axe finds wrong."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("(rules) => axe.run(document, rules)", AXE_RULES)
    assert found["passes"], "axe looked at something"
    return [
        f"{v['id']}: {n['target']} {n['failureSummary']}" for v in found["violations"] for n in v["nodes"]
    ]
