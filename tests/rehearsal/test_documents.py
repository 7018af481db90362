"""What the pages on rehearsal show is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from openhall.rehearsal.invented import InventedParameters
from openhall.rehearsal.recorded import LogOptions, import_day, rehearse_recorded
from openhall.rehearsal.recorded.ticket_log import COLUMNS, REASONS

DOCS = Path(__file__).resolve().parents[2] / "docs"
HOW_TO = (DOCS / "how-to" / "import-your-own-day.md").read_text(encoding="utf-8")
REHEARSAL = (DOCS / "rehearsal.md").read_text(encoding="utf-8")


def test_the_log_on_the_page_is_imported_without_a_rejected_row(tmp_path: Path) -> None:
    found = re.search(r"^```csv\n(.*?)^```", HOW_TO, flags=re.MULTILINE | re.DOTALL)
    assert found is not None
    path = tmp_path / "tickets.csv"
    path.write_text(found.group(1), encoding="utf-8")
    day, report = import_day(path, LogOptions())
    result = rehearse_recorded(day).result
    assert report.rejected == ()
    assert (result.issued, result.served, result.no_show, result.reneged) == (6, 4, 1, 1)


@pytest.mark.parametrize("name", REASONS)
def test_every_reason_for_leaving_a_row_out_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in HOW_TO


@pytest.mark.parametrize("name", COLUMNS)
def test_every_column_is_on_the_page(name: str) -> None:
    assert f"| `{name}` |" in HOW_TO


@pytest.mark.parametrize("name", InventedParameters.__struct_fields__)
def test_every_parameter_of_an_invented_day_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in REHEARSAL
