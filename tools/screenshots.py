"""Photograph the product: the pictures of the documentation, in both languages, or every page to look at.

    .venv/bin/python -m tools.screenshots                 write docs/pictures/*.png
    .venv/bin/python -m tools.screenshots --all FOLDER    every page and state, also in the dark

The branch is the sample bank's, on a made-up day, served for the while it takes; nothing is left behind.
Which pages there are says `tests/browser/gallery.py`: the same list that axe looks at.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.browser import days
from tests.browser.conftest import FLAGS
from tests.browser.gallery import Scheme, View, load, opened, views
from tests.browser.served import ROOT, Served, serving

PICTURES = ROOT / "docs" / "pictures"
COLOURS = 64
"""Screens have few colours: a palette makes a picture a fifth of its size and nobody sees it."""
WIDTHS = {"kiosk": 480, "phone": 330, "guard": 330}
WIDTH = 900
SETTLE_MS = 700
"""The chart draws after its data has come."""

Shot = tuple[str, View, str, Scheme]
"""(name of the file, page, language, scheme)."""


def pictures(served: Served) -> Iterator[Shot]:
    """Those of the documentation: each in English and in Chinese."""
    for view in views(served):
        if view.picture:
            yield f"{view.picture}-en", view, "en", "light"
            yield f"{view.picture}-zh", view, "zh", "light"


def everything(served: Served) -> Iterator[Shot]:
    """Every page in every state, in Chinese by day and in English by night."""
    for view in views(served):
        name = re.sub(r"\W+", "-", f"{view.account} {view.path} {view.press}").strip("-")[:80]
        yield f"{name}-zh", view, "zh", "light"
        yield f"{name}-en", view, "en", "dark"


def save(picture: bytes, path: Path, width: int) -> None:
    """Made smaller, with a palette."""
    image = Image.open(BytesIO(picture)).convert("RGB")
    if image.width > width:
        image = image.resize((width, image.height * width // image.width), Image.Resampling.LANCZOS)
    image.quantize(COLOURS).save(path, optimize=True)


def main() -> None:
    """Serve, photograph, clean up."""
    shots, folder = pictures, PICTURES
    if sys.argv[1:2] == ["--all"]:
        shots, folder = everything, Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("Expected chromium: run `make browser`")
    with tempfile.TemporaryDirectory() as scratch, serving(Path(scratch) / "hall") as served:
        days.busy_hall(served, days.NORMAL_DAY)
        days.advised_hall(served)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            for name, view, language, scheme in shots(served):
                page = opened(browser, served, view, language, scheme)
                load(page, served, view)
                page.wait_for_timeout(SETTLE_MS)
                width = WIDTHS.get(view.size or view.account, WIDTH)
                save(page.screenshot(), folder / f"{name}.png", width)
                page.context.close()
            browser.close()


if __name__ == "__main__":
    main()
