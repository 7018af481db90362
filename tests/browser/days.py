"""Days in a branch's life, as the browser tests find them."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from openhall.hall.model.commands import GiveAdvice
from openhall.hall.told import Move
from tests.browser.served import Served

NORMAL_DAY = date(2026, 11, 24)
PREVENTION_DAY = date(2027, 1, 19)

TELLERS = {
    "C1": "su-wan",
    "C2": "xu-jing",
    "C3": "ma-yongan",
    "C4": "xie-yutong",
    "C5": "luo-dan",
    "C6": "deng-zhigang",
}
NEEDS = {
    "withdraw_cash": "cash",
    "deposit_cash": "cash",
    "withdraw_pension": "pension",
    "reset_password": "accounts",
    "open_account": "accounts",
    "update_passbook": "pension",
    "transfer_business": "business",
    "exchange_notes": "cash",
    "withdraw_large_cash": "cash",
}


def morning(served: Served, day: date, hour: int = 8, minute: int = 0) -> None:
    """An hour before the doors: the day is open, nobody is here."""
    served.set_time(day, hour, minute)
    served.open_day()


def open_hall(served: Served, day: date, *, counters: int = 0) -> None:
    """The doors are open, some windows are staffed, nobody is waiting."""
    morning(served, day)
    served.set_time(day, 9, 0)
    served.do("OpenDoors", "guard")
    for counter, person in list(TELLERS.items())[:counters]:
        served.do("OpenCounter", counter_id=counter, person_id=person)


def arrive(
    served: Served, count: int, *, minutes_between: float = 1.5, with_visits: bool = False
) -> list[str]:
    """People of many kinds take numbers, one after the other; the numbers."""
    numbers = []
    for index in range(count):
        need, service = list(NEEDS.items())[index % len(NEEDS)]
        fields: dict[str, object] = {"need": need}
        if with_visits:
            seen = served.do(
                "RecordEntryCheck", "guard", method="place_code", result="admit", temperature="below_limit"
            )
            fields["visit_id"] = next(e["visit_id"] for e in seen if "visit_id" in e)
        if index % 7 == 3:
            fields |= {"class_code": "green", "handling": ["seat", "escort"]}
        if index % 11 == 5:
            fields["handling"] = ["written"]
        numbers.append(str(served.issue(service, **fields)["number"]))
        served.pass_minutes(minutes_between)
    return numbers


def busy_hall(served: Served, day: date, *, people: int = 34, with_visits: bool = False) -> None:
    """Ten in the morning of a hard day: everything that a hall knows is going on at once."""
    open_hall(served, day, counters=0)
    early = arrive(served, 8, minutes_between=1, with_visits=with_visits)
    for counter, person in TELLERS.items():
        served.do("OpenCounter", counter_id=counter, person_id=person)
    for _ in range(3):
        for counter in TELLERS:
            if _call(served, counter):
                served.pass_minutes(1)
        _fetch_all(served)
        served.pass_minutes(4)
        for counter in TELLERS:
            answer = served.call("POST", "/commands/FinishService", json={"counter_id": counter})
            if answer.status_code != 200:
                served.call("POST", "/commands/StartService", json={"counter_id": counter})
                served.call("POST", "/commands/FinishService", json={"counter_id": counter})
    arrive(served, people, minutes_between=1, with_visits=with_visits)
    _care(served)
    for counter in ("C2", "C3", "C4", "C6"):
        _call(served, counter)
    served.call("POST", "/commands/StartService", json={"counter_id": "C4"})
    served.do("PauseCounter", counter_id="C5", reason="break")
    assert early


def advised_hall(served: Served) -> None:
    """What the twin says of the busy hall: waits, room, and three things that would help."""
    served.twin_tells(room=(21, 34))
    served.twin_says(
        GiveAdvice(
            60,
            minutes(340),
            (
                move("open", 120, 90, 160, counter_id="C7", person_id="gao-fei"),
                move("open", 95, 60, 130, counter_id="C7", person_id="han-xue"),
                move("offer", 6, 2, 9, ticket_id=served.read("/tickets")[2]["id"], channel="atm"),
                move("close", -0.4, -2, 0, counter_id="C5"),
            ),
        )
    )


def minutes(count: float) -> int:
    """As milliseconds."""
    return round(count * 60_000)


def move(kind: Literal["open", "close", "offer"], saved: float, low: float, high: float, **what: str) -> Move:
    """Something that would help, worth so many late minutes."""
    fields = {"kind": kind, "saved_ms": minutes(saved), "error_ms": 0, **what}
    return msgspec.convert(fields | {"saved_low_ms": minutes(low), "saved_high_ms": minutes(high)}, Move)


def _care(served: Served) -> None:
    line = [t for t in served.read("/tickets") if not t["handling"]]
    claims = {"class_code": "green", "need": "withdraw_pension", "service_id": "pension"}
    if not served.read("/hall")["is_check_required"]:
        served.do("IssueTicket", "kiosk", **claims)
        served.do("IssueTicket", "kiosk", service_id="cash", class_code="frontline", need="withdraw_cash")
    served.do("HoldTicket", "lobby", ticket_id=line[-1]["id"], contact_person="qian-lixin")
    served.do("HoldTicket", "lobby", ticket_id=line[-2]["id"], contact_person="su-wan")
    cash = [t for t in line if t["need"] == "withdraw_cash"]
    cloud = [t for t in line if t["need"] == "reset_password"]
    served.do("OfferDiversion", "lobby", ticket_id=cash[0]["id"], channel="atm")
    offered = served.do("OfferDiversion", "lobby", ticket_id=cloud[0]["id"], channel="cloud")
    served.do("AcceptDiversion", "lobby", diversion_id=offered[0]["diversion_id"], helper="qian-lixin")
    served.do("MarkReneged", "lobby", ticket_id=line[-4]["id"])


def _call(served: Served, counter: str) -> bool:
    return served.call("POST", "/commands/CallNext", json={"counter_id": counter}).status_code == 200


def _fetch_all(served: Served) -> None:
    for counter in served.read("/hall")["counters"]:
        if counter["status"] == "called":
            served.call("POST", "/commands/StartService", json={"counter_id": counter["id"]})
