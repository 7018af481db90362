"""What the figures of a bench have to reach, and the table that says whether they do."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.table import Table

from openhall.cli.language import _


class Bar(msgspec.Struct, frozen=True):
    """What a figure has to reach."""

    key: str
    words: str
    at_least: float | None = None
    at_most: float | None = None

    def is_met(self, figure: float) -> bool:
        """Whether it does."""
        return (self.at_least is None or figure >= self.at_least) and (
            self.at_most is None or figure <= self.at_most
        )

    def __str__(self) -> str:
        if self.at_least is not None:
            return f">= {self.at_least:,g}"
        return f"<= {self.at_most:,g}" if self.at_most is not None else ""


def show(out: Console, title: str, bars: Sequence[Bar], figures: dict[str, float]) -> None:
    """Figures with a bar in a table, the others below it."""
    table = Table(_("measure"), _("figure"), _("bar"), "", title=title, title_justify="left")
    for bar in bars:
        figure = figures[bar.key]
        mark = ""
        if str(bar):
            mark = f"[green]{_('met')}[/]" if bar.is_met(figure) else f"[bold red]{_('missed')}[/]"
        table.add_row(_(bar.words), f"{figure:,g}", str(bar), mark)
    out.print(table)
    rest = {key: value for key, value in figures.items() if key not in {bar.key for bar in bars}}
    if rest:
        out.print("; ".join(f"{key} {value:,g}" for key, value in rest.items()), style="dim")


def rounded(figures: dict[str, float]) -> dict[str, float]:
    """As exact as such a figure can be."""
    return {
        key: round(value) if abs(value) >= 100 else float(f"{value:.4g}") for key, value in figures.items()
    }
