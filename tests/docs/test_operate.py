"""Does the page on running a server name every setting and every series?"""

import re
from pathlib import Path

import msgspec
import pytest

from openhall.app.measures import Measures
from openhall.app.settings import Settings
from tests.style.house import ROOT

PAGE = (ROOT / "docs" / "how-to" / "operate.md").read_text(encoding="utf-8")
SECTIONS = msgspec.structs.fields(Settings)
MEASURES = (ROOT / "src" / "openhall" / "app" / "measures.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("section", [section.name for section in SECTIONS])
def test_every_section_has_a_line_with_all_of_its_keys(section: str) -> None:
    line = next((line for line in PAGE.splitlines() if f"`[{section}]`" in line), "")
    assert line, f"docs/how-to/operate.md has no line for [{section}]"
    of_section = next(each for each in SECTIONS if each.name == section)
    for field in msgspec.structs.fields(of_section.type):
        assert f"`{field.name}`" in line, f"[{section}] {field.name} is not on the page"


@pytest.mark.parametrize("name", sorted(set(re.findall(r'"(openhall_[a-z_]+)"', MEASURES))))
def test_every_series_is_on_the_page(name: str) -> None:
    assert f"`{name}" in PAGE


def test_the_registry_names_what_the_page_does() -> None:
    assert b"openhall_commit_seconds" in Measures().text()
    assert Path(ROOT / "docs" / "how-to" / "install-as-a-service.md").is_file()
