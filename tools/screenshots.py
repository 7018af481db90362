"""Photograph the screens of a busy branch: the pictures of the documentation, or every screen to look at.

    .venv/bin/python -m tools.screenshots                 write docs/pictures/*.png
    .venv/bin/python -m tools.screenshots --all FOLDER    every screen and state, both languages

The branch is the sample bank's, on a made-up day, served for the while it takes; nothing is left behind.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.browser import days
from tests.browser.conftest import FLAGS, SIZES
from tests.browser.served import BRANCH, ROOT, Served, serving

PICTURES = ROOT / "docs" / "pictures"
COLOURS = 128
"""Screens have few colours: a palette makes a picture a fifth of its size and nobody sees it."""

Scheme = Literal["light", "dark"]


@dataclass(frozen=True)
class Shot:
    """A picture: of which screen, by whom, how."""

    name: str
    account: str
    path: str
    language: str = "en"
    scheme: Scheme = "light"
    size: str = ""
    press: str = ""
    width: int = 1200


README = (
    Shot("branch", "manager", "branch"),
    Shot("display", "display", "display"),
    Shot("kiosk", "kiosk", "kiosk", language="zh", width=540),
    Shot("counter", "teller", "counter?counter=C2"),
    Shot("lobby", "lobby", "lobby"),
    Shot("guard", "guard", "guard", width=390),
)


def every_state() -> Iterator[Shot]:
    """Each screen in each state that the busy branch has."""
    for language, scheme in (("zh", "light"), ("en", "dark")):
        dark: Scheme = "dark" if scheme == "dark" else "light"
        for name, account, path, press in (
            ("home", "manager", "../../", ""),
            ("kiosk", "kiosk", "kiosk", ""),
            ("kiosk-needs", "kiosk", "kiosk?service=accounts", ""),
            ("kiosk-class", "kiosk", "kiosk?need=withdraw_pension", ""),
            ("kiosk-person", "kiosk", "kiosk?person=1", ""),
            ("kiosk-ticket", "kiosk", "kiosk?ticket=t30", ""),
            ("kiosk-elder", "kiosk", "kiosk?elder=34", ""),
            ("guard", "guard", "guard", ""),
            ("display", "display", "display", ""),
            ("counter-choose", "teller", "counter?counter=-", ""),
            ("counter-called", "teller", "counter?counter=C2", ""),
            ("counter-serving", "teller", "counter?counter=C4", ""),
            ("counter-paused", "teller", "counter?counter=C5", ""),
            ("counter-closed", "teller", "counter?counter=C7", ""),
            ("lobby", "lobby", "lobby", ""),
            ("lobby-sheet", "lobby", "lobby", ".line button"),
            ("branch", "manager", "branch", ""),
            ("problem", "teller", "guard", ""),
        ):
            yield Shot(f"{name}-{language}", account, path, language, dark, press=press)


def take(browser: Browser, served: Served, shot: Shot, folder: Path) -> None:
    """One picture."""
    context = browser.new_context(
        viewport=SIZES[shot.size or shot.account],
        color_scheme=shot.scheme,
        locale="zh-CN" if shot.language == "zh" else "en-GB",
    )
    context.add_cookies(
        [
            {"name": "openhall_language", "value": shot.language, "url": served.url},
            {"name": "openhall_session", "value": served.token(shot.account), "url": served.url},
        ]
    )
    page = context.new_page()
    page.goto(f"{served.url}/b/{BRANCH}/{shot.path}")
    if shot.press:
        page.locator(shot.press).first.click()
    page.wait_for_timeout(700)  # the chart draws after its data has come
    save(page.screenshot(), folder / f"{shot.name}.png", shot.width)
    context.close()


def save(picture: bytes, path: Path, width: int) -> None:
    """Made smaller, with a palette."""
    image = Image.open(BytesIO(picture)).convert("RGB")
    if image.width > width:
        image = image.resize((width, image.height * width // image.width), Image.Resampling.LANCZOS)
    image.quantize(COLOURS).save(path, optimize=True)


def main() -> None:
    """Serve, photograph, clean up."""
    shots: tuple[Shot, ...] = README
    folder = PICTURES
    if sys.argv[1:2] == ["--all"]:
        shots, folder = tuple(every_state()), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("Expected chromium: run `make browser`")
    with tempfile.TemporaryDirectory() as scratch, serving(Path(scratch) / "hall") as served:
        days.busy_hall(served, days.NORMAL_DAY)
        days.advised_hall(served)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            for shot in shots:
                take(browser, served, shot, folder)
            browser.close()


if __name__ == "__main__":
    main()
