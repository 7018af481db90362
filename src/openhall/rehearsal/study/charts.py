"""Pictures of a study, drawn with matplotlib: policies with their intervals, differences, waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from openhall.rehearsal.chart import Chart, cjk_font
from openhall.rehearsal.study.results import Interval, StudyResult
from openhall.science.engine import WAIT_BIN_MS
from openhall.science.study.sums import Sums
from openhall.science.study.tasks import METRICS

COLOURS: Final = (
    *("#0b5cad", "#c2410c", "#15803d", "#7e22ce", "#b45309", "#0f766e"),
    *("#be185d", "#4d7c0f", "#4338ca", "#a16207", "#0e7490", "#57534e"),
)
NAME_LENGTH_MAX = 40
WAITS_SHOWN = 0.99
"""The tail of the waits is cut where so many of all have been called."""

LABELS: Final = {
    "en": {
        "policies": "Policies, with 95 % intervals",
        "differences": "Difference from “{baseline}”, with 95 % intervals",
        "waits": "Share of those called who waited at most so long",
        "minutes": "minutes",
        "wait_minutes": "mean wait (min)",
        "late_share": "share late",
        "late_minutes_daily": "late minutes, branch and day",
        "overtime_minutes": "overtime (min)",
        "left_share": "share who left",
        "not_reached": "precision not reached",
    },
    "zh": {
        "policies": "各方案（95%置信区间）",
        "differences": "与“{baseline}”之差（95%置信区间）",
        "waits": "等候不超过该时长的客户比例",
        "minutes": "分钟",
        "wait_minutes": "平均等候（分钟）",
        "late_share": "超时比例",
        "late_minutes_daily": "每网点每日超时分钟",
        "overtime_minutes": "延时收工（分钟）",
        "left_share": "离去比例",
        "not_reached": "未达到精度",
    },
}


def draw_all(folder: Path, result: StudyResult, sums: Sums, chart: Chart) -> None:
    """policies.png, waits.png, and differences.png where there are two policies; as SVG too."""
    from matplotlib import rc_context

    font = cjk_font()
    labels = _labels(chart.language if font else "en")
    settings: dict[Any, Any] = {
        "svg.hashsalt": "openhall",
        "svg.fonttype": "none",
        "axes.unicode_minus": False,
    }
    with rc_context(settings | ({"font.family": [font, "DejaVu Sans"]} if font else {})):
        _save(folder / "policies", chart, lambda figure: _policies(figure, result, labels))
        _save(folder / "waits", chart, lambda figure: _waits(figure, result, sums, labels))
        if len(result.policies) > 1:
            _save(folder / "differences", chart, lambda figure: _differences(figure, result, labels))


def _labels(language: str) -> dict[str, str]:
    if language != "both":
        return LABELS[language]
    return {key: f"{text}\n{LABELS['en'][key]}" for key, text in LABELS["zh"].items()}


def _save(path: Path, chart: Chart, draw: Callable[[Any], None]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(chart.width_inches, chart.height_inches), layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure)
    for suffix in ("svg", "png"):
        metadata = {"Date": None} if suffix == "svg" else {}
        figure.savefig(path.with_suffix(f".{suffix}"), dpi=chart.dots_per_inch, metadata=metadata)


def _title(result: StudyResult, words: str, labels: dict[str, str]) -> str:
    """What is seen, and on a picture that travels alone also that the precision was not reached."""
    note = "" if result.verdict.is_reached else f" ({labels['not_reached']})"
    return f"{_short(result.name)}\n{words}{note}"


def _short(name: str) -> str:
    return name if len(name) <= NAME_LENGTH_MAX else name[: NAME_LENGTH_MAX - 1] + "…"


def _policies(figure: Any, result: StudyResult, labels: dict[str, str]) -> None:
    names = [policy.name for policy in result.policies]
    rows = [[policy.metrics[metric] for policy in result.policies] for metric in METRICS]
    _panels(figure, names, rows, labels)
    figure.suptitle(_title(result, labels["policies"], labels))


def _differences(figure: Any, result: StudyResult, labels: dict[str, str]) -> None:
    others = result.policies[1:]
    rows = [[policy.compared[index].difference for policy in others] for index in range(len(METRICS))]
    _panels(figure, [policy.name for policy in others], rows, labels, is_about_zero=True)
    words = labels["differences"].format(baseline=_short(result.policies[0].name))
    figure.suptitle(_title(result, words, labels))


def _panels(
    figure: Any,
    names: Sequence[str],
    rows: Sequence[Sequence[Interval]],
    labels: dict[str, str],
    *,
    is_about_zero: bool = False,
) -> None:
    """A panel for each metric, a dot with its interval for each policy, the first at the top."""
    panels = figure.subplots(1, len(METRICS), sharey=True)
    places = np.arange(len(names))[::-1]
    for metric, intervals, axes in zip(METRICS, rows, panels, strict=True):
        for place, interval, colour in zip(places, intervals, COLOURS[is_about_zero:], strict=False):
            if interval.mean is not None:
                axes.errorbar(
                    interval.mean, place, xerr=interval.half_width, fmt="o", color=colour, capsize=4
                )
        if is_about_zero:
            axes.axvline(0.0, color="#57534e", linewidth=0.8)
        else:
            axes.set_xlim(left=0)
        axes.set_xlabel(labels[metric])
        axes.locator_params(axis="x", nbins=4)
        axes.grid(visible=True, axis="x", alpha=0.3)
        axes.set_ylim(-0.5, len(names) - 0.5)
    panels[0].set_yticks(places, [_short(name) for name in names])


def _waits(figure: Any, result: StudyResult, sums: Sums, labels: dict[str, str]) -> None:
    axes = figure.subplots()
    longest = 1
    for policy, counts, colour in zip(result.policies, sums.waits.sum(axis=1), COLOURS, strict=False):
        upto = np.cumsum(counts) / max(1, int(counts.sum()))
        minutes = (np.arange(len(upto)) + 1) * WAIT_BIN_MS / 60_000
        longest = max(longest, int(np.searchsorted(upto, WAITS_SHOWN)) + 1)
        axes.plot(minutes, upto, color=colour, label=_short(policy.name), linewidth=1.6)
    axes.set_xlim(0, longest * WAIT_BIN_MS / 60_000)
    axes.set_ylim(0, 1)
    axes.set_xlabel(labels["minutes"])
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="lower right")
    axes.set_title(_title(result, labels["waits"], labels))
