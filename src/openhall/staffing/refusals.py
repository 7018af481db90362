"""Every way a change of a plan can be refused: a stable code, a sentence, and what to do instead."""

from __future__ import annotations

from openhall.kernel.refusal import refusals

REFUSALS = refusals(
    plan_day_unknown=("The day {day} is not in this plan.", "Choose a day of the plan."),
    plan_person_unknown=("There is no {person} on the staff of the bank.", "Choose somebody from the list."),
    plan_shift_unknown=("There is no shift {shift} at this branch.", "Choose one of: {known}."),
    plan_counter_unknown=("There is no window {counter} in this branch.", "Choose one of: {known}."),
    plan_no_duty=("{person} does not work on that day.", "Give a shift first."),
    plan_no_stint=("{person} has nothing planned at that time.", "Look at the plan as it is now."),
    plan_times_crossed=("The end must come after the beginning.", "Give a later end."),
    plan_outside_duty=("{person} is not at work then.", "Choose a time within the shift, or another shift."),
)
