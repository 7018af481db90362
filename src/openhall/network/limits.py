"""The bounds and shapes of single values.

They stand here and not in the types of `model`, because a stored version of a bank must stay readable after
a bound was tightened: a day is bound to the version that it opened with.
"""

from __future__ import annotations

import re

import msgspec

from openhall.kernel.words import Words
from openhall.network import alerts as a
from openhall.network import guides as g
from openhall.network import hall_policies as h
from openhall.network import model as m
from openhall.network import staffing as s

HEAD_START_MINUTES_MAX = 120
"""The most by which anybody can be overtaken by a later customer of one class [C3]."""


class Between(msgspec.Struct, frozen=True):
    """A number's bounds, both included."""

    lowest: float
    highest: float

    @property
    def expected(self) -> Words:
        """The bounds in words."""
        return Words("a number from {lowest} to {highest}", **self._bounds)

    @property
    def expected_whole(self) -> Words:
        """The same for a whole number."""
        return Words("a whole number from {lowest} to {highest}", **self._bounds)

    @property
    def _bounds(self) -> dict[str, object]:
        return {"lowest": f"{self.lowest:g}", "highest": f"{self.highest:g}"}

    def holds(self, value: float) -> bool:
        """Is the number within the bounds? Never for NaN."""
        return self.lowest <= value <= self.highest


class Shape(msgspec.Struct, frozen=True):
    """A text's form."""

    pattern: str
    expected: str

    def holds(self, value: str) -> bool:
        """Does the whole text have the form?"""
        return re.fullmatch(self.pattern, value) is not None


ID = Shape(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", "an id of 1 to 40 letters, digits, '-' and '_'")
LETTER = Shape(r"[A-Z]", "one capital letter A-Z")
CURRENCY = Shape(r"[A-Z]{3}", "a currency of three capital letters, such as CNY")
MAILBOX = Shape(
    r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+",
    Words("an address such as hall@bank.example"),
)
COUNTRY = Shape(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", "a country such as CN, or DE-BY with a part of it")

NUMBERS: dict[tuple[type, str], Between] = {
    (m.PriorityClass, "head_start_minutes"): Between(0, HEAD_START_MINUTES_MAX),
    (m.PriorityClass, "rank"): Between(0, 100),
    (m.Service, "mean_minutes"): Between(0.1, 240),
    (m.TriageRule, "amount_at_most_minor"): Between(1, 10**15),
    (m.Counter, "number"): Between(1, 999),
    (m.EntryPolicy, "checkin_minutes_before"): Between(0, 240),
    (m.EntryPolicy, "fever_limit_celsius"): Between(35, 42),
    (m.EntryPolicy, "inside_limit"): Between(1, 10_000),
    (m.HoldPolicy, "window_minutes"): Between(1, 480),
    (m.HoldPolicy, "times_at_most"): Between(0, 20),
    (m.CallPolicy, "grace_seconds"): Between(5, 1_800),
    (m.CallPolicy, "grace_seconds_flagged"): Between(5, 1_800),
    (m.CallPolicy, "recalls_at_least"): Between(0, 10),
    (m.CallPolicy, "reinstate_minutes"): Between(0, 720),
    (m.CallPolicy, "shown_seconds"): Between(5, 600),
    (m.CallPolicy, "shown_seconds_written"): Between(5, 600),
    (h.AppointmentPolicy, "share_percent"): Between(0, 80),
    (h.AppointmentPolicy, "slot_minutes"): Between(5, 120),
    (h.AppointmentPolicy, "days_ahead"): Between(0, 60),
    (h.AppointmentPolicy, "head_start_minutes"): Between(0, HEAD_START_MINUTES_MAX),
    (h.AppointmentPolicy, "early_minutes"): Between(0, 240),
    (h.AppointmentPolicy, "late_minutes"): Between(0, 120),
    (h.AppointmentPolicy, "reminder_hours"): Between(1, 168),
    (h.AppointmentPolicy, "reminders_from_hour"): Between(0, 23),
    (h.AppointmentPolicy, "reminders_until_hour"): Between(1, 24),
    (h.AutoCallPolicy, "after_seconds"): Between(0, 600),
    (h.RingPolicy, "escalate_seconds"): Between(10, 3_600),
    (h.RingPolicy, "times_at_most"): Between(1, 100),
    (m.CapacityPolicy, "tickets_daily"): Between(1, 100_000),
    (m.CapacityPolicy, "waiting_at_most"): Between(1, 100_000),
    (m.CapacityPolicy, "overtime_minutes"): Between(0, 480),
    (m.CapacityPolicy, "sure_percent"): Between(50, 99),
    (m.WaitPolicy, "told_at_most_minutes"): Between(10, 480),
    (m.WaitPolicy, "late_after_minutes"): Between(1, 240),
    (m.ReportPolicy, "within_minutes"): Between(1, 240),
    (m.PrivacyPolicy, "keep_days"): Between(1, 90),
    (s.Contract, "minutes_weekly"): Between(60, 4_320),
    (s.Contract, "days_weekly"): Between(1, 7),
    (s.Contract, "overtime_minutes_weekly"): Between(0, 1_440),
    (s.LabourRules, "minutes_daily"): Between(60, 1_440),
    (s.LabourRules, "overtime_minutes_daily"): Between(0, 720),
    (s.LabourRules, "minutes_weekly"): Between(60, 10_080),
    (s.LabourRules, "overtime_minutes_monthly"): Between(0, 10_000),
    (s.LabourRules, "rest_minutes"): Between(0, 1_440),
    (s.LabourRules, "days_in_row"): Between(1, 14),
    (s.LabourRules, "rest_days_weekly"): Between(0, 6),
    (s.LabourRules, "minutes_without_break"): Between(60, 1_440),
    (s.WaitTarget, "limit_minutes"): Between(0, 480),
    (s.WaitTarget, "late_percent"): Between(0.1, 99),
    (s.StaffingPolicy, "interval_minutes"): Between(5, 60),
    (s.StaffingPolicy, "windows_at_least"): Between(0, 100),
    (s.StaffingPolicy, "lobby_at_least"): Between(0, 20),
    (s.StaffingPolicy, "guards_at_least"): Between(0, 20),
    (s.StaffingPolicy, "remote_at_least"): Between(0, 100),
    (s.StaffingPolicy, "key_holders_at_least"): Between(0, 10),
    (s.StaffingPolicy, "late_minutes_per_paid_hour"): Between(0, 10_000),
    (s.StaffingPolicy, "stint_minutes_least"): Between(5, 480),
    (s.StaffingPolicy, "switches_daily_most"): Between(0, 50),
    (s.StaffingPolicy, "fairness_weeks"): Between(1, 12),
    (s.StaffingPolicy, "horizon_days"): Between(1, 28),
    (s.StaffingPolicy, "travel_minutes_most"): Between(0, 480),
    (s.PensionDay, "cohort"): Between(0, 1_000_000),
    (s.Neighbour, "travel_minutes"): Between(0, 480),
    (s.Neighbour, "share_percent"): Between(0, 100),
    (s.Reopening, "factor"): Between(0.01, 20),
    **{(a.AlertRule, level): Between(0, 1_440) for level in ("yellow", "orange", "red")},
    (a.AlertRule, "repeat_minutes"): Between(1, 480),
    (a.AlertPolicy, "window_minutes"): Between(10, 480),
    (a.AlertPolicy, "judged_at_least"): Between(1, 1_000),
    (a.AlertPolicy, "late_service_factor"): Between(1, 20),
    (a.AlertPolicy, "bad_score_at_most"): Between(1, 4),
    (a.AlertPolicy, "calm_minutes"): Between(0, 120),
    (a.AlertPolicy, "technical_repeat_minutes"): Between(1, 1_440),
    (a.NoticePolicy, "people_ahead"): Between(1, 50),
    (a.NoticePolicy, "hold_ends_minutes"): Between(1, 60),
    (a.NoticePolicy, "wait_changed_minutes"): Between(5, 240),
    (m.Branch, "tickets_daily"): Between(1, 100_000),
    (m.Branch, "inside_limit"): Between(1, 10_000),
}

SHAPES: dict[tuple[type, str], Shape] = {
    (a.AlertRecipients, "id"): ID,
    (a.AlertRecipients, "mailboxes"): MAILBOX,
    (g.Guide, "id"): ID,
    (m.Bank, "currency"): CURRENCY,
    (m.Bank, "pause_reasons"): ID,
    (m.Bank, "holidays"): COUNTRY,
    (m.Branch, "id"): ID,
    (s.Contract, "id"): ID,
    (m.Counter, "id"): ID,
    (m.Counter, "equipment"): ID,
    (s.LabourRules, "id"): ID,
    (m.Need, "code"): ID,
    (m.Person, "id"): ID,
    (m.PriorityClass, "code"): ID,
    (m.Regime, "id"): ID,
    (m.Service, "id"): ID,
    (m.Service, "letter"): LETTER,
    (s.Shift, "id"): ID,
    (m.TriageRule, "id"): ID,
}


def number_of(type_: type, name: str) -> Between | None:
    """The bounds of a field; a row type has those of the type it extends."""
    return next((NUMBERS[base, name] for base in type_.__mro__ if (base, name) in NUMBERS), None)


def shape_of(type_: type, name: str) -> Shape | None:
    """The form of a text field, found in the same way."""
    return next((SHAPES[base, name] for base in type_.__mro__ if (base, name) in SHAPES), None)
