"""The verbs of a scenario: each reads its words and makes one command of the hall."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import msgspec

from openhall.hall.model import commands as c
from openhall.hall.policy import DayRules
from openhall.kernel.clock import local_ms
from openhall.kernel.event import Command
from tests.places import ZONE, at, terms_at, with_rules
from tests.scenario.script import ScriptError, Words, minute_of_day

Names = Callable[[str], str]
"""From a name of the script (T1, V1, D1) to the id that the hall gave."""
Maker = Callable[[Words, Names, DayRules], dict[str, Any]]

VERBS: dict[str, tuple[type[Command], Maker]] = {}


def verb(name: str, kind: type[Command]) -> Callable[[Maker], Maker]:
    """Register how a verb's words become the fields of its command."""

    def register(maker: Maker) -> Maker:
        VERBS[name] = (kind, maker)
        return maker

    return register


def command_of(words: Words, names: Names, rules: DayRules) -> Command:
    """The command of a line, held to the same limits as one that comes over the network."""
    kind, maker = VERBS[words.line.verb]
    fields = {key: value for key, value in maker(words, names, rules).items() if value is not None}
    words.end()
    try:
        return msgspec.convert({"type": kind.__name__, **msgspec.to_builtins(fields)}, kind)
    except msgspec.ValidationError as error:
        raise ScriptError(words.line, str(error)) from error


def _time(words: Words, text: str) -> int:
    hours, minutes = minute_of_day(words, text)
    return at(hours, minutes)


def _number(text: str) -> int | None:
    return int(text) if text else None


def _list(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def _nothing(_: Words, __: Names, ___: DayRules) -> dict[str, Any]:
    return {}


def _only(field: str, what: str) -> Maker:
    """A verb with one name: `finish C1`."""
    return lambda words, names, _: {field: names(words.take(what))}


for _name, _kind in {
    "open_doors": c.OpenDoors,
    "end_day": c.EndDay,
    "resume_hall": c.ResumeHall,
    "tick": c.Tick,
}.items():
    verb(_name, _kind)(_nothing)

for _name, _kind, _field in (
    ("let_in", c.LetIn, "visit_id"),
    ("leave", c.LeaveVisit, "visit_id"),
    ("renege", c.MarkReneged, "ticket_id"),
    ("call", c.CallNext, "counter_id"),
    ("recall", c.Recall, "counter_id"),
    ("start", c.StartService, "counter_id"),
    ("finish", c.FinishService, "counter_id"),
    ("no_show", c.MarkNoShow, "counter_id"),
    ("continue", c.ResumeCounter, "counter_id"),
    ("close", c.CloseCounter, "counter_id"),
    ("decline", c.DeclineDiversion, "diversion_id"),
    ("begin", c.StartDiversion, "diversion_id"),
):
    verb(_name, _kind)(_only(_field, _field.removesuffix("_id")))


@verb("open_day", c.OpenDay)
def _open_day(words: Words, _: Names, rules: DayRules) -> dict[str, Any]:
    branch = msgspec.structs.replace(rules.branch, id=words.get("branch", rules.branch.id))
    day = words.get("day")
    opens_ms = local_ms(date.fromisoformat(day), 9 * 60, ZONE) if day else rules.opens_ms
    gone = words.get("without")
    services = tuple(service for service in rules.services if service.id != gone)
    return {"rules": msgspec.structs.replace(rules, branch=branch, opens_ms=opens_ms, services=services)}


@verb("close_doors", c.CloseDoors)
def _close_doors(words: Words, _: Names, __: DayRules) -> dict[str, Any]:
    return {"outside_count": _number(words.get("outside"))}


@verb("force_end", c.ForceEndDay)
def _force_end(words: Words, _: Names, __: DayRules) -> dict[str, Any]:
    return {"reason": words.take("a reason"), "approved_by": words.get("by", "chen")}


@verb("pause_hall", c.PauseHall)
def _pause_hall(words: Words, _: Names, __: DayRules) -> dict[str, Any]:
    return {"reason": words.take("a reason"), "resume_ms": _time(words, words.get("until"))}


@verb("check", c.RecordEntryCheck)
def _check(words: Words, names: Names, rules: DayRules) -> dict[str, Any]:
    visit = words.take("a visit")
    is_read = rules.regime.entry.is_temperature_read and not words.has("unmeasured")
    is_fever = words.has("fever")
    return {
        "visit_id": names(visit) if names(visit) != visit else None,
        "result": "refer" if words.has("refer") else "admit",
        "temperature": ("at_limit_or_above" if is_fever else "below_limit") if is_read else None,
        "party_size": _number(words.get("party")),
        "method": words.take_or("place_code"),
    }


@verb("admit", c.AdmitWithoutCheck)
def _admit(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    visit = words.take("a visit")
    return {
        "visit_id": names(visit) if names(visit) != visit else None,
        "reason": words.take("a reason"),
        "approved_by": words.get("by", "chen"),
        "party_size": _number(words.get("party")),
    }


@verb("triage", c.RecordTriage)
def _triage(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    return {
        "need": words.take("a need"),
        "is_documents_ready": not words.has("not_ready"),
        "has_card": words.has("card"),
        "amount_minor": _number(words.get("amount")),
        "visit_id": names(words.get("visit")),
        "ticket_id": names(words.get("ticket")),
    }


@verb("issue", c.IssueTicket)
def _issue(words: Words, names: Names, rules: DayRules) -> dict[str, Any]:
    words.take("a ticket")
    wanted = words.take_or("cash")
    by_need = {need.code: service.id for service in rules.services for need in service.needs}
    return {
        "service_id": by_need.get(wanted, wanted),
        "need": words.get("need") or (wanted if wanted in by_need else ""),
        "visit_id": names(words.get("visit")),
        "class_code": words.get("class"),
        "class_basis": words.get("basis", "claimed"),
        "handling": _list(words.get("handling")),
        "party_size": _number(words.get("party")),
        "override_reason": words.get("override") or None,
    }


@verb("confirm", c.ConfirmClass)
def _confirm(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    return {"ticket_id": names(words.take("a ticket")), "basis": words.take_or("staff")}


@verb("correct", c.CorrectClass)
def _correct(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    return {
        "ticket_id": names(words.take("a ticket")),
        "class_code": words.take("a class"),
        "basis": words.get("basis", "staff"),
        "reason": words.get("reason", "seen_by_staff"),
    }


@verb("add", c.AddService)
def _add(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    return {"ticket_id": names(words.take("a ticket")), "service_id": words.take("a service")}


@verb("transfer", c.TransferService)
def _transfer(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    return {"ticket_id": names(words.take("a ticket")), "service_id": words.take("a service")}


@verb("handle", c.SetHandling)
def _handle(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    return {"ticket_id": names(words.take("a ticket")), "handling": _list(words.take_or(""))}


@verb("baulk", c.RecordBaulk)
def _baulk(words: Words, _: Names, __: DayRules) -> dict[str, Any]:
    return {"service_id": words.take_or("")}


@verb("hold", c.HoldTicket)
def _hold(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    return {
        "ticket_id": names(words.take("a ticket")),
        "contact_person": words.get("contact", "li"),
        "contact_ref": words.get("ref", ""),
    }


@verb("resume", c.ResumeTicket)
def _resume(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    return {"ticket_id": names(words.take("a ticket")), "confirmed_by": words.get("by")}


@verb("reinstate", c.Reinstate)
def _reinstate(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    return {"ticket_id": names(words.take("a ticket")), "reason": words.take_or("came_back")}


@verb("call_ticket", c.CallTicket)
def _call_ticket(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    return {
        "counter_id": words.take("a counter"),
        "ticket_id": names(words.take("a ticket")),
        "reason": words.take_or("feels_unwell"),
    }


@verb("fetch", c.TakeEscort)
def _fetch(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    return {"task_id": names(words.take("a task")), "person_id": words.take("a person")}


@verb("fetched", c.FinishEscort)
def _fetched(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    return {"task_id": names(words.take("a task")), "is_found": not words.has("not_found")}


@verb("open", c.OpenCounter)
def _open(words: Words, _: Names, __: DayRules) -> dict[str, Any]:
    return {"counter_id": words.take("a counter"), "person_id": words.take("a person")}


@verb("hand_over", c.HandOverCounter)
def _hand_over(words: Words, _: Names, __: DayRules) -> dict[str, Any]:
    return {"counter_id": words.take("a counter"), "person_id": words.take("a person")}


@verb("pause", c.PauseCounter)
def _pause(words: Words, _: Names, __: DayRules) -> dict[str, Any]:
    return {"counter_id": words.take("a counter"), "reason": words.take_or("break")}


@verb("offer", c.OfferDiversion)
def _offer(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    words.take("a diversion")
    return {"ticket_id": names(words.take("a ticket")), "channel": words.take("a channel")}


@verb("accept", c.AcceptDiversion)
def _accept(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    return {"diversion_id": names(words.take("a diversion")), "helper": words.get("helper")}


@verb("complete", c.CompleteDiversion)
def _complete(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    is_by_customer = not words.has("by_staff")
    return {"diversion_id": names(words.take("a diversion")), "is_customer_operated": is_by_customer}


@verb("fail", c.FailDiversion)
def _fail(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    return {"diversion_id": names(words.take("a diversion")), "reason": words.take_or("did_not_work")}


@verb("paper", c.EnterPaperTicket)
def _paper(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    words.take("a ticket")
    return {
        "paper_number": _number(words.take("a paper number")),
        "service_id": words.take("a service"),
        "joined_ms": _time(words, words.get("joined")),
        "visit_id": names(words.get("visit")),
        "class_code": words.get("class"),
        "class_basis": words.get("basis", "claimed"),
        "handling": _list(words.get("handling")),
    }


@verb("paper_call", c.EnterPaperCall)
def _paper_call(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    return {
        "ticket_id": names(words.take("a ticket")),
        "counter_id": words.take("a counter"),
        "person_id": words.take("a person"),
        "called_ms": _time(words, words.get("called")),
        "ended_ms": _time(words, words.get("ended")),
        "outcome": words.take_or("served"),
    }


@verb("care", c.RecordCare)
def _care(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    return {
        "kind": words.take("seat, water or lesson"),
        "ticket_id": names(words.take_or("")),
        "lesson": words.get("lesson"),
    }


@verb("feedback", c.RecordFeedback)
def _feedback(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    return {
        "kind": words.take("praise, complaint or rating"),
        "ticket_id": names(words.take_or("")),
        "service_id": words.get("service"),
        "person_id": words.get("person"),
        "score": _number(words.get("score")),
        "text_ref": words.get("ref"),
    }


def _minutes(text: str) -> int:
    return round(float(text) * 60_000)


@verb("tell", c.TellWaits)
def _tell(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    """`tell as_of=09:10 T1:5:8:12 cash/ordinary:3:5:9 room=4/10`: low, middle and high in minutes."""
    tickets, joining = [], []
    while words.plain:
        who, *minutes = words.take("a ticket or a line").split(":")
        spread = dict(zip(("low_ms", "middle_ms", "high_ms"), map(_minutes, minutes), strict=True))
        service, _slash, class_code = who.partition("/")
        if class_code:
            joining.append({"service_id": service, "class_code": class_code, **spread})
        else:
            tickets.append({"ticket_id": names(who), **spread})
    room = words.get("room")
    counts = map(int, room.split("/")) if room else ()
    left = dict(zip(("by_closing", "with_overtime"), counts, strict=True)) if room else None
    return {
        "as_of_ms": _time(words, words.get("as_of")),
        "tickets": tickets,
        "joining": joining,
        "room": left,
    }


def _from_until(words: Words, parts: list[str]) -> dict[str, Any]:
    """`10`, `20`, `11`, `30` as two moments; nothing is now, and open."""
    if not parts:
        return {}
    from_, until = ":".join(parts[:2]), ":".join(parts[2:])
    return {"from_ms": _time(words, from_), "until_ms": _time(words, until)}


@verb("advise", c.GiveAdvice)
def _advise(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    """`advise late=120 open:C2:qian:90 close:C1:0 offer:T1:atm:12`: late minutes saved come last.

    Times stand before them: `open:C2:qian/10:20/11:30:140`, `lunch:qian/12:00/12:30:8`.
    """
    moves = []
    while words.plain:
        kind, *rest, saved = words.take("a move").replace("/", ":").split(":")
        subject: dict[str, Any] = {
            "open": lambda r: {"counter_id": r[0], "person_id": r[1], **_from_until(words, r[2:])},
            "close": lambda r: {"counter_id": r[0]},
            "offer": lambda r: {"ticket_id": names(r[0]), "channel": r[1]},
            "lunch": lambda r: {"person_id": r[0], **_from_until(words, r[1:])},
            "borrow": lambda r: {"person_id": r[0], "from_branch": r[1], **_from_until(words, r[2:])},
        }[kind](rest)
        mean = _minutes(saved)
        worth = {"saved_ms": mean, "saved_low_ms": mean // 2, "saved_high_ms": mean * 2, "error_ms": 1_000}
        moves.append({"kind": kind, **subject, **worth})
    return {"horizon_minutes": 60, "late_ms": _minutes(words.get("late", "0")), "moves": moves}


@verb("take", c.TakeAdvice)
def _take(words: Words, _: Names, __: DayRules) -> dict[str, Any]:
    return {"advice_id": words.take("advice"), "move": int(words.take("a move"))}


@verb("turn_down", c.DeclineAdvice)
def _turn_down(words: Words, _: Names, __: DayRules) -> dict[str, Any]:
    return {
        "advice_id": words.take("advice"),
        "move": int(words.take("a move")),
        "reason": words.take_or("person_busy"),
    }


verb("look_back", c.ReviewAdvice)(_only("advice_id", "advice"))


@verb("plan", c.TakePlan)
def _plan(words: Words, _: Names, rules: DayRules) -> dict[str, Any]:
    """`plan zhao/window/09:00/12:00/C1 zhao/break/12:00/13:00 zhou@north/window/10:00/11:00/C2`."""
    stints, colleagues = [], {}
    while words.plain:
        who, post, from_, until, *counter = words.take("a stint").split("/")
        person, _at, branch = who.partition("@")
        if branch:
            about = {"from_branch": branch, "skills": ["cash"], "posts": ["teller", "manager"]}
            colleagues[person] = {"person_id": person, **about}
        times = {"from_ms": _time(words, from_), "until_ms": _time(words, until)}
        stints.append({"person_id": person, "post": post, "counter_id": "".join(counter), **times})
    plan = {
        "version": "p1",
        "from_ms": rules.opens_ms,
        "interval_ms": 900_000,
        "expected": [3.0] * 32,
        "windows": [2] * 32,
        "stints": stints,
        "colleagues": list(colleagues.values()),
    }
    return {"plan": plan}


@verb("report", c.ReportPerson)
def _report(words: Words, _: Names, __: DayRules) -> dict[str, Any]:
    return {"person_id": words.take("a person"), "status": words.take("a status")}


@verb("burst", c.DeclareBurst)
def _burst(words: Words, _: Names, __: DayRules) -> dict[str, Any]:
    return {"reason": words.take_or("crowd")}


verb("calm", c.EndBurst)(_nothing)
verb("give_back", c.ReturnPerson)(_only("person_id", "person"))
verb("take_back", c.TakeBackPerson)(_only("person_id", "person"))


@verb("ask_for", c.AskForPeople)
def _ask_for(words: Words, _: Names, __: DayRules) -> dict[str, Any]:
    return {
        "count": int(words.take("a number")),
        "until_ms": _time(words, words.get("until")),
        "skills": _list(words.get("skills")),
    }


@verb("end_request", c.CloseRequest)
def _end_request(words: Words, _: Names, __: DayRules) -> dict[str, Any]:
    return {"request_id": words.take("a request"), "outcome": words.take_or("withdrawn")}


def _journey(words: Words) -> dict[str, Any]:
    times = {"arrives_ms": _time(words, words.get("arrives")), "until_ms": _time(words, words.get("until"))}
    return {**times, "request_id": words.get("request")}


@verb("lend", c.LendPerson)
def _lend(words: Words, _: Names, __: DayRules) -> dict[str, Any]:
    return {"person_id": words.take("a person"), "to_branch": words.take("a branch"), **_journey(words)}


@verb("receive", c.ReceivePerson)
def _receive(words: Words, _: Names, __: DayRules) -> dict[str, Any]:
    return {
        "person_id": words.take("a person"),
        "from_branch": words.take("a branch"),
        "skills": ["cash"],
        "posts": ["teller"],
        **_journey(words),
    }


@verb("offer_slots", c.OfferAppointments)
def _offer_slots(words: Words, _: Names, rules: DayRules) -> dict[str, Any]:
    share = _number(words.get("share"))
    terms = terms_at(with_rules(rules, share_percent=share) if share else rules)
    return {"terms": terms, "salt": words.get("salt", "0123456789abcdef")}


@verb("book", c.BookAppointment)
def _book(words: Words, _: Names, __: DayRules) -> dict[str, Any]:
    words.take("an appointment")
    return {
        "service_id": words.take("a service"),
        "at_ms": _time(words, words.take("a time of day")),
        "channel": "web" if words.has("web") else "staff",
        "contact_ref": words.get("ref"),
    }


@verb("give_up", c.CancelAppointment)
def _give_up(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    return {"appointment_id": names(words.take("an appointment")), "reason": words.get("reason") or None}


@verb("arrive", c.CheckInAppointment)
def _arrive(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    """`arrive T1 B1` for who is on the list, `arrive T1 1123-12345` for a code."""
    words.take("a ticket")
    return {
        "code": names(words.take("an appointment or a code")),
        "visit_id": names(words.get("visit")),
        "class_code": words.get("class"),
        "class_basis": words.get("basis", "claimed"),
        "handling": _list(words.get("handling")),
        "service_id": words.get("service"),
    }


@verb("ring", c.RingForColleague)
def _ring(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    words.take("a ring")
    return {
        "place": words.take("a place"),
        "reason": words.get("reason") or None,
        "ticket_id": names(words.get("ticket")),
        "counter_id": words.get("counter"),
    }


@verb("go", c.TakeRing)
def _go(words: Words, names: Names, _: DayRules) -> dict[str, Any]:
    return {"ring_id": names(words.take("a ring")), "person_id": words.take("a person")}


verb("was_there", c.FinishRing)(_only("ring_id", "ring"))


@verb("not_yet", c.DelayAutoCall)
def _not_yet(words: Words, _: Names, __: DayRules) -> dict[str, Any]:
    return {
        "counter_id": words.take("a counter"),
        "seconds": int(words.take("seconds")),
        "reason": words.take_or("one_moment"),
    }


verb("again", c.AllowAutoCall)(_only("counter_id", "counter"))
