"""A day's report as a plain list: one value a line, with a name that stays: for tables, files, comparison."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from openhall.kernel.clock import SECOND_MS
from openhall.review.report import DayReport, Tally, Waits

Group = Literal["all", "day", "class", "service", "window", "channel"]
"""`all` are the customers together, `day` the branch as a whole."""
Unit = Literal["count", "share", "seconds", "minutes", "score", "per_10000"]


class Indicator(msgspec.Struct, frozen=True):
    """One value of a day. `value` is None where there is nothing to measure: nobody waited, say."""

    group: Group
    code: str
    """Of the class, service, window or channel; empty for `all` and `day`."""
    name: str
    value: float | None
    unit: Unit


def indicators(report: DayReport, within_minutes: Sequence[int]) -> list[Indicator]:
    """Everything that a report says, in the order in which it is shown."""
    within = sorted(set(within_minutes))
    found = [*_tally("all", "", report.all, within), *_day(report)]
    for part in report.classes:
        found += _tally("class", part.code, part.tally, within)
    for part in report.services:
        found += _tally("service", part.code, part.tally, within)
    return [*found, *_windows(report), *_channels(report)]


def _tally(group: Group, code: str, tally: Tally, within: Sequence[int]) -> Iterator[Indicator]:
    for name in ("joined", "called", "served", "elsewhere", "no_show", "reneged", "lapsed"):
        yield Indicator(group, code, name, getattr(tally, name), "count")
    for name in ("unserved", "pending"):
        if count := getattr(tally, name):
            yield Indicator(group, code, name, count, "count")
    yield from _waits(group, code, tally.waits, within)
    held = tally.waits_with_holds
    yield Indicator(group, code, "wait_mean_with_holds", _seconds(held, held.mean_ms), "seconds")
    yield Indicator(group, code, "wait_longest_with_holds", _seconds(held, held.longest_ms), "seconds")
    for name in ("no_show_rate", "renege_rate", "abandon_rate", "off_counter_rate"):
        yield Indicator(group, code, name, getattr(tally, name), "share")
    mean_s = tally.service_mean_ms / SECOND_MS if tally.served else None
    yield Indicator(group, code, "service_mean", mean_s, "seconds")


def _waits(group: Group, code: str, waits: Waits, within: Sequence[int]) -> Iterator[Indicator]:
    yield Indicator(group, code, "wait_mean", _seconds(waits, waits.mean_ms), "seconds")
    for name, share in (("wait_median", 0.5), ("wait_p90", 0.9)):
        minutes = waits.quantile_minutes(share) if waits.count else None
        yield Indicator(group, code, name, minutes, "minutes")
    yield Indicator(group, code, "wait_longest", _seconds(waits, waits.longest_ms), "seconds")
    for minutes in within:
        yield Indicator(group, code, f"within_{minutes}", waits.within(minutes), "share")


def _day(report: DayReport) -> Iterator[Indicator]:
    ends, green, diversion, opinions = report.ends, report.green, report.diversion, report.opinions
    plain: Iterable[tuple[str, float | None, Unit]] = (
        ("utilisation", report.utilisation, "share"),
        ("open_rate", report.open_rate, "share"),
        ("late_opening", ends.late_opening_ms / SECOND_MS if ends.doors_opened_ms else None, "seconds"),
        ("baulked", ends.baulked, "count"),
        ("referred", ends.referred, "count"),
        ("in_line_at_closing", ends.in_line_at_closing if ends.doors_closed_ms else None, "count"),
        ("overtime", ends.overtime_ms / SECOND_MS if report.is_ended else None, "seconds"),
        ("bound", green.bound_ms / SECOND_MS, "seconds"),
        ("passed", green.passed, "count"),
        ("passed_most", green.passed_most_ms / SECOND_MS, "seconds"),
        ("bound_broken", green.broken, "count"),
        ("ordinary_longest", green.ordinary_longest_ms / SECOND_MS, "seconds"),
        ("diversion_arrivals", diversion.arrivals, "count"),
        ("diversion_rate", diversion.rate, "share"),
        ("diversion_success_rate", diversion.success_rate, "share"),
        ("uncounted_offered", diversion.uncounted_offered, "count"),
        ("uncounted_completed", diversion.uncounted_completed, "count"),
        ("rated", opinions.rated, "count"),
        ("score_mean", opinions.score_mean, "score"),
        ("bad_share", opinions.bad_share, "share"),
        ("praise", opinions.praise, "count"),
        ("complaints", opinions.complaints, "count"),
        ("complaints_per_10000", report.complaints_per_ten_thousand, "per_10000"),
    )
    if not report.is_ended:
        yield Indicator("day", "", "waiting_longest", report.waiting_longest_ms / SECOND_MS, "seconds")
    for name, value, unit in plain:
        yield Indicator("day", "", name, value, unit)


def _windows(report: DayReport) -> Iterator[Indicator]:
    for window in report.windows:
        for name in ("open", "paused", "serving"):
            seconds = getattr(window, f"{name}_ms") / SECOND_MS
            yield Indicator("window", window.counter, name, seconds, "seconds")
        yield Indicator("window", window.counter, "served", window.served, "count")
        yield Indicator("window", window.counter, "utilisation", window.utilisation, "share")


def _channels(report: DayReport) -> Iterator[Indicator]:
    for channel in report.diversion.channels:
        for name in ("offered", "accepted", "declined", "completed", "failed"):
            yield Indicator("channel", channel.channel, name, getattr(channel, name), "count")


def _seconds(waits: Waits, wait_ms: int) -> float | None:
    return wait_ms / SECOND_MS if waits.count else None
