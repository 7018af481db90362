"""The page on the visual language tells the truth: every contrast in it is worked out from the styles."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from openhall import web
from tests.style.house import ROOT

STATIC = Path(web.__file__).parent / "static"
PAGE = (ROOT / "docs" / "visual-language.md").read_text(encoding="utf-8")
TEXT_AT_LEAST = 4.5
ROWS = re.findall(
    r"^\| `(--[\w-]+)` on `(--[\w-]+)` \| .*? \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$",
    PAGE,
    flags=re.MULTILINE,
)


def colours(css: str) -> dict[str, str]:
    return dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6})\b", css))


def block(css: str, start: str) -> str:
    """The declarations after a selector, up to its closing brace."""
    found = css.index(start) + len(start)
    return css[found : css.index("}", found)]


def schemes() -> dict[str, dict[str, str]]:
    """The colours of light, dark, elder light and elder dark."""
    plain = (STATIC / "openhall.css").read_text(encoding="utf-8")
    large = (STATIC / "customers.css").read_text(encoding="utf-8")
    light = colours(block(plain, ":root {"))
    dark = light | colours(block(plain[plain.index("prefers-color-scheme: dark") :], ":root {"))
    return {
        "light": light,
        "dark": dark,
        "elder light": light | colours(block(large, "html.elder {")),
        "elder dark": dark
        | colours(block(large[large.index("prefers-color-scheme: dark") :], "html.elder {")),
    }


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_worked_out_as_wcag_does() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize(("ink", "ground", "shown"), [(r[0], r[1], r[2:]) for r in ROWS])
def test_each_contrast_on_the_page_is_that_of_the_styles_and_enough(
    ink: str, ground: str, shown: tuple[str, ...]
) -> None:
    measured = [contrast(scheme[ink], scheme[ground]) for scheme in schemes().values()]
    assert [f"{each:.1f}" for each in measured] == list(shown)
    assert min(measured) >= TEXT_AT_LEAST


def test_every_colour_that_text_is_set_in_is_on_the_page() -> None:
    said = {row[0] for row in ROWS}
    inks = {"--ink", "--ink-soft", "--accent", "--accent-ink", "--warm", "--alarm", "--alarm-ink"}
    assert inks <= said


def test_borders_of_controls_stand_out_in_elder_mode() -> None:
    """WCAG 1.4.11: 3:1, where the border is what shows that something can be pressed."""
    for name in ("elder light", "elder dark"):
        scheme = schemes()[name]
        for ground in ("--paper", "--sheet"):
            assert contrast(scheme["--rule"], scheme[ground]) >= 3, (name, ground)


TOKEN_FILES = ["customers.css"]


@pytest.mark.parametrize("name", TOKEN_FILES)
def test_customers_styles_use_tokens_and_no_colour_of_their_own(name: str) -> None:
    css = re.sub(r"/\*.*?\*/", "", (STATIC / name).read_text(encoding="utf-8"), flags=re.DOTALL)
    screen = css[: css.index("@media print")]
    outside = re.sub(r"--[\w-]+: #[0-9a-f]{6};", "", screen)
    assert re.findall(r"#[0-9a-f]{3,8}\b", outside) == []
