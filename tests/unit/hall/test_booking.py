"""Appointments as arithmetic: slots, what they count for, codes."""

from __future__ import annotations

from datetime import date
from itertools import accumulate, pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openhall.hall.booking import (
    code_of,
    counts_from_ms,
    head_start_most_ms,
    read_code,
    reminders,
    terms_of,
    waking_ms,
)
from openhall.hall.policy import overtaking_bound_ms, place_in_order
from openhall.kernel.clock import DAY_MS, HOUR_MS, MINUTE_MS, to_datetime
from openhall.network.calendar import Moments
from openhall.network.hall_policies import AppointmentPolicy
from openhall.network.model import OrderPolicy, PriorityClass
from tests.places import FRONTLINE, GREEN, ORDINARY, ZONE, at, booked_branch, quiet_branch, terms_at

POLICY = AppointmentPolicy(share_percent=40)
MONDAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("when_late", "late_minutes", "counts_minutes", "reason"),
    [
        ("shrink", -30, -15, "early: the appointment less the head start, not the arrival"),
        ("shrink", 0, -15, "to the minute"),
        ("shrink", 5, -5, "five minutes late: ten of the head start are left, counted from now"),
        ("shrink", 15, 15, "nothing is left, and nothing more is taken"),
        ("keep", 15, -15, "as if in time"),
        ("walk_in", 0, -15, "to the minute is in time"),
    ],
)
def test_what_an_appointment_counts_for(
    when_late: str, late_minutes: int, counts_minutes: int, reason: str
) -> None:
    policy = msgspec.convert({"share_percent": 40, "when_late": when_late}, AppointmentPolicy)
    arrived_ms = at(10) + late_minutes * MINUTE_MS
    found = counts_from_ms(policy, at_ms=at(10), arrived_ms=arrived_ms)
    assert (found - at(10)) / MINUTE_MS == counts_minutes, reason


@pytest.mark.parametrize(("when_late", "late_ms"), [("shrink", 15 * MINUTE_MS + 1), ("walk_in", 1)])
def test_too_late_is_as_if_there_were_no_appointment(when_late: str, late_ms: int) -> None:
    policy = msgspec.convert({"share_percent": 40, "when_late": when_late}, AppointmentPolicy)
    assert counts_from_ms(policy, at_ms=at(10), arrived_ms=at(10) + late_ms) == 0


POLICIES = st.builds(
    AppointmentPolicy,
    share_percent=st.integers(1, 80),
    head_start_minutes=st.integers(0, 120),
    late_minutes=st.integers(0, 120),
    when_late=st.sampled_from(["shrink", "keep", "walk_in"]),
)
CLASSES = (ORDINARY, GREEN, FRONTLINE)
MINUTES = st.integers(-300, 300).map(lambda minutes: minutes * MINUTE_MS)


@given(POLICIES, st.sampled_from(CLASSES), st.sampled_from(CLASSES), MINUTES, MINUTES, st.integers(0, 10**6))
def test_who_has_an_appointment_overtakes_nobody_by_more_than_the_bound(
    policy: AppointmentPolicy,
    booked_class: PriorityClass,
    own: PriorityClass,
    late_ms: int,
    later_ms: int,
    odd_ms: int,
) -> None:
    """Against every walk-in, whenever both came: the promise that is shown in the hall."""
    order = OrderPolicy("head_start")
    bound_ms = overtaking_bound_ms(order, CLASSES, own, policy)
    assert bound_ms is not None
    arrived_ms = at(10) + late_ms + odd_ms
    joined_ms = arrived_ms - max(0, later_ms)
    counts = counts_from_ms(policy, at_ms=at(10), arrived_ms=arrived_ms)
    with_appointment = place_in_order(
        order,
        booked_class,
        joined_ms=arrived_ms,
        joined_seq=2,
        counts_from_ms=counts,
    )
    walked_in = place_in_order(order, own, joined_ms=joined_ms, joined_seq=1)
    if with_appointment < walked_in:
        assert arrived_ms - joined_ms < max(bound_ms, 1)


@given(POLICIES, MINUTES, st.integers(0, 10**6))
def test_an_appointment_is_never_worse_than_walking_in(
    policy: AppointmentPolicy, late_ms: int, odd_ms: int
) -> None:
    arrived_ms = at(10) + late_ms + odd_ms
    counts = counts_from_ms(policy, at_ms=at(10), arrived_ms=arrived_ms)
    order = OrderPolicy("head_start")
    with_it = place_in_order(order, ORDINARY, joined_ms=arrived_ms, joined_seq=1, counts_from_ms=counts)
    without = place_in_order(order, ORDINARY, joined_ms=arrived_ms, joined_seq=1)
    assert with_it <= without


def test_the_longest_head_start_is_the_stated_one_unless_lateness_is_forgiven() -> None:
    assert head_start_most_ms(POLICY) == 15 * MINUTE_MS
    assert head_start_most_ms(msgspec.structs.replace(POLICY, when_late="keep")) == 30 * MINUTE_MS
    assert head_start_most_ms(AppointmentPolicy()) == 0, "nothing is offered"


@given(st.integers(1, 80), st.sampled_from([5, 10, 15, 20, 30, 60]))
def test_what_can_be_booked_never_takes_more_than_its_share(share: int, slot: int) -> None:
    rules = booked_branch()
    policy = AppointmentPolicy(share_percent=share, slot_minutes=slot)
    moments = Moments(at(8, 30), at(9), at(17))
    terms = terms_of(policy, rules.branch, rules.services, moments)
    if terms is None:
        return
    windows = sum(not k.is_elastic and not k.classes for k in rules.branch.counters)
    means = {service.id: service.mean_minutes for service in rules.services}
    upto = [list(accumulate(each.places)) for each in terms.services]
    for number in range(len(terms.slots_ms())):
        booked = sum(
            own[number] * means[each.service_id] for own, each in zip(upto, terms.services, strict=True)
        )
        assert booked <= share / 100 * windows * slot * (number + 1) + 1e-6


def test_only_ordinary_windows_and_the_named_services_count() -> None:
    rules = booked_branch()
    found = terms_at(rules)
    assert found is not None
    assert [each.service_id for each in found.services] == ["cash", "accounts", "corporate"]
    assert sum(sum(each.places) for each in found.services) == 19 + 21 + 8
    only = msgspec.structs.replace(
        rules, appointments=msgspec.structs.replace(POLICY, services=("accounts",))
    )
    assert [each.service_id for each in (terms_at(only) or found).services] == ["accounts"]


def test_without_a_share_nothing_can_be_booked() -> None:
    assert terms_at(quiet_branch()) is None


def test_codes_tell_the_day_and_do_not_follow_from_each_other() -> None:
    codes = [code_of("0" * 16, MONDAY, number) for number in range(1, 60)]
    assert all(len(code) == 9 and code.startswith("1123") for code in codes)
    gaps = {int(later) - int(before) for before, later in pairwise(codes)}
    assert len(gaps) > 50
    assert code_of("1" * 16, MONDAY, 1) != codes[0], "another branch-day has other codes"


@pytest.mark.parametrize(
    ("typed", "code", "reason"),
    [
        ("112342866", "112342866", "as it is"),
        (" 1123 42866 ", "112342866", "with blanks"),
        ("1123-42866", "112342866", "as it is printed"),
        ("11234286", "", "a digit too few"),
        ("1123428666", "", "a digit too many"),
        ("١١٢٣٤٢٨٦٦", "", "digits that are none of ours"),
        ("A12342866", "", "a letter"),
        ("", "", "nothing"),
    ],
)
def test_a_code_is_read_as_people_type_it(typed: str, code: str, reason: str) -> None:
    assert read_code(typed) == code, reason


REMINDERS: list[tuple[float, float, dict[str, object], list[str], str]] = [
    (14, -48, {}, ["1d 14:00", "0d 12:00"], "a day before, and two hours"),
    (14, -3, {}, ["0d 12:00"], "booked the same morning: the day before is over"),
    (14, -1, {}, [], "booked an hour before: nothing to remind of"),
    (9, -48, {}, ["1d 09:00", "0d 08:00"], "seven is too early; eight is still of use"),
    (8.25, -48, {}, ["1d 08:15", "1d 20:45"], "a quarter of an hour before is not: the evening before"),
    (14, -48, {"reminder_hours": ()}, [], "off"),
    (14, -48, {"reminder_hours": (2, 2)}, ["0d 12:00"], "said twice"),
    (22, -48, {"reminder_hours": (1,)}, ["0d 20:45"], "due as the quiet begins, and too late after it"),
    (14, -48, {"reminder_hours": (16,)}, ["0d 08:00"], "ten in the evening: next morning"),
    (1, -48, {"reminder_hours": (2,), "reminders_from_hour": 0, "reminders_until_hour": 24},
     ["1d 23:00"], "without quiet hours, over midnight"),
]  # fmt: skip


@pytest.mark.parametrize(("hour", "booked_hours", "changes", "expected", "reason"), REMINDERS)
def test_when_somebody_is_reminded(
    hour: float, booked_hours: float, changes: dict[str, object], expected: list[str], reason: str
) -> None:
    policy, at_ms = msgspec.structs.replace(POLICY, **changes), at(0) + round(hour * HOUR_MS)
    booked_ms = at_ms + round(booked_hours * HOUR_MS)
    found = reminders(policy, at_ms=at_ms, booked_ms=booked_ms, zone=ZONE)
    today = to_datetime(at_ms, ZONE).date()
    moments = [to_datetime(moment_ms, ZONE) for moment_ms, _ in found]
    assert [f"{(today - m.date()).days}d {m:%H:%M}" for m in moments] == expected, reason


@given(
    st.integers(0, 3 * DAY_MS),
    st.lists(st.integers(1, 168), max_size=5).map(tuple),
    st.integers(0, 12),
    st.integers(13, 24),
)
def test_no_reminder_is_in_the_quiet_hours_or_after_the_appointment(
    offset_ms: int, hours: tuple[int, ...], from_hour: int, until_hour: int
) -> None:
    policy = msgspec.structs.replace(
        POLICY, reminder_hours=hours, reminders_from_hour=from_hour, reminders_until_hour=until_hour
    )
    at_ms = at(0) + offset_ms
    for moment_ms, _ in reminders(policy, at_ms=at_ms, booked_ms=0, zone=ZONE):
        assert moment_ms < at_ms
        assert waking_ms(policy, moment_ms, ZONE) == moment_ms
