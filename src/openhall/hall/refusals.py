"""Every way the hall can say no: a stable code, a sentence, and what to do instead."""

from __future__ import annotations

from openhall.kernel.refusal import refusals

REFUSALS = refusals(
    day_not_open=("The branch's day has not been opened.", "Open the day in the branch view."),
    day_already_open=("The branch's day is open already.", "Go on with the day that is open."),
    day_ended=("The branch's day has ended.", "Wait for the next business day."),
    day_pending=(
        "{pending} people are still pending.",
        "Serve, divert or see off everybody on the list, or end the day by force with a name and a reason.",
    ),
    rules_of_another_branch=(
        "These rules belong to the branch {branch}.",
        "Open the day with the rules of its own branch.",
    ),
    doors_already_open=("The doors are open already.", "Nothing needs to be done."),
    doors_not_open=("The doors are not open yet.", "Open the doors first."),
    doors_still_open=("The doors are still open.", "Close the doors first: that takes the roll."),
    doors_closed=(
        "The doors are closed; only people on the closing roll are served.",
        "Offer another day, the phone line or the cloud branch.",
    ),
    rules_of_another_day=(
        "These rules belong to {day}.",
        "Open the day with the rules of its own date.",
    ),
    checkin_not_open=("Checking in begins at {opens}.", "Ask the customer to wait until then."),
    hall_paused=("The hall is paused; nobody is called.", "Wait for the pause to end, or end it."),
    hall_not_paused=("The hall is not paused.", "Nothing needs to be done."),
    time_not_ahead=("The time given is not ahead.", "Give a time later than now."),
    time_out_of_order=(
        "The times do not fit: joined, called and ended must follow each other and lie in today's past.",
        "Check the times on the paper list.",
    ),
    reason_unknown=("The reason {reason} is not on the bank's list.", "Choose one of: {known}."),
    person_unknown=("There is no {person} on this branch's staff.", "Choose somebody from the staff list."),
    temperature_missing=(
        "Under the present rules the temperature must be read.",
        "Measure, then say whether it is below the limit.",
    ),
    fever_needs_referral=(
        "Somebody at or above the limit is referred, not admitted.",
        "Choose to refer: the customer is served another way.",
    ),
    check_required=(
        "Under the present rules a ticket needs an entry check first.",
        "Check the customer in at the door, or admit without a check with a reason and a name.",
    ),
    visit_unknown=("There is no visit {visit} today.", "Read the code on the entry slip again."),
    visit_referred=("This visitor was referred, not admitted.", "Follow the referral path."),
    visit_has_left=("This visitor has left.", "Check the customer in again."),
    visit_has_ticket=(
        "This visit has the ticket {number} already.",
        "Add a service to that ticket: one visit, one ticket.",
    ),
    visit_checked=("This visitor has been checked already.", "Go on to the ticket."),
    visit_is_inside=("This visitor is inside already.", "Nothing needs to be done."),
    hall_full=("The hall is full: {limit} people are inside.", "Let the customer in when somebody leaves."),
    line_full=("The line is at its limit of {limit}.", "Divert customers or open counters."),
    daily_capacity_reached=(
        "Today's {limit} places are taken.",
        "Offer another day, another branch or the cloud branch; staff can override with a reason.",
    ),
    service_unknown=("The branch does not offer the service {service} today.", "Choose one of: {known}."),
    service_same=("The ticket is in that service already.", "Nothing needs to be done."),
    services_too_many=("A visit has at most {limit} services.", "Take a new ticket after these."),
    need_unknown=("The need {need} is not on the bank's list.", "Choose a need from the list."),
    class_unknown=("There is no class {class_code}.", "Choose one of: {known}."),
    class_same=("The ticket is in that class already.", "Nothing needs to be done."),
    class_not_claimed=("No class is waiting to be confirmed on this ticket.", "Correct the class instead."),
    ticket_unknown=("There is no ticket {ticket} today.", "Read the number again."),
    ticket_not_waiting=("Ticket {number} is not waiting: it is {status}.", "Look the ticket up."),
    ticket_not_held=("Ticket {number} is not on hold: it is {status}.", "Look the ticket up."),
    ticket_ended=("Ticket {number} has ended: it is {status}.", "Reinstate it, or take a new ticket."),
    ticket_not_reinstatable=(
        "Ticket {number} cannot be reinstated: it is {status}.",
        "Only tickets that were absent, left or lapsed can come back.",
    ),
    reinstate_too_late=(
        "Ticket {number} ended more than {minutes} minutes ago.",
        "Issue a new ticket.",
    ),
    holds_too_many=(
        "Ticket {number} has been held {limit} times already.",
        "The customer waits in the hall.",
    ),
    hold_window_passed=(
        "The return window of ticket {number} has passed.",
        "A named colleague must confirm the return.",
    ),
    counter_unknown=("There is no counter {counter} in this branch.", "Choose one of: {known}."),
    counter_not_open=("Counter {counter} is not open.", "Open it first: somebody must sit there."),
    counter_taken=("Counter {counter} is open already.", "Hand it over, or close it first."),
    counter_busy=("Counter {counter} has ticket {number}.", "Finish that customer first."),
    counter_idle=("Counter {counter} has nobody.", "Call the next customer."),
    counter_paused=("Counter {counter} is paused.", "Resume it first."),
    counter_not_paused=("Counter {counter} is not paused.", "Nothing needs to be done."),
    counter_closing=("Counter {counter} is closing.", "Resume it to call again, or let it close."),
    counter_cannot_serve=(
        "Counter {counter} with this person cannot serve ticket {number}.",
        "Choose a counter and a person with its service and class.",
    ),
    person_elsewhere=("{person} sits at counter {counter}.", "Close that counter first."),
    person_not_a_teller=("{person} is not trained as a teller.", "Choose a teller."),
    person_without_skill=(
        "{person} is trained for none of this counter's services.",
        "Choose another person.",
    ),
    nobody_waiting=("Nobody is waiting whom this counter can serve.", "Pause, or help in the hall."),
    not_called=("The ticket at counter {counter} is {status}, not called.", "Look at the counter."),
    not_serving=("Nobody is being served at counter {counter}.", "Start the service first."),
    grace_not_over=("The customer still has {seconds} seconds.", "Call again, and wait."),
    recall_first=("Call the customer again before marking a no-show.", "Press Recall."),
    task_unknown=("There is no escort task {task}.", "Look at the task list."),
    task_closed=("The escort task {task} is done.", "Look at the task list."),
    diversion_unknown=("There is no diversion {diversion}.", "Look at the ticket."),
    diversion_moved_on=("The diversion is {status} by now.", "Look at the ticket."),
    diversion_open=("Ticket {number} has an open offer already.", "Let the customer answer that one first."),
    channel_not_offered=("{channel} cannot do what this ticket needs.", "Offer one of: {known}."),
    helper_needed=(
        "A named helper goes to the machine with the customer.",
        "Choose who accompanies the customer.",
    ),
    staff_must_not_operate=(
        "Staff never operate a customer's account for them.",
        "Let the customer do it, or bring the customer back into the line.",
    ),
    paper_number_used=("The paper number {number} has been entered already.", "Check the paper list."),
    lesson_unknown=("There is no lesson {lesson}.", "Choose one of: {known}."),
    score_missing=("A rating needs a score from 1 to 5.", "Ask for the score."),
)
