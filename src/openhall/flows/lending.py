"""What two halls must tell each other when a colleague goes from one to the other and back [D6, W24].

Each hall decides about its own people; what follows for the other is worked out here from both, again and
again, so that it comes to pass however often one of the two was down.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, cast

from openhall.hall.model.commands import ReceivePerson, TakeBackPerson
from openhall.hall.model.state import HallState, Loan
from openhall.kernel.event import SYSTEM, Request


def errands(halls: Mapping[str, HallState]) -> list[Request]:
    """Commands that are due, from the open halls by branch. Carried out twice they do nothing more."""
    due: list[Request] = []
    for branch, lender in halls.items():
        for loan in lender.loans.values():
            due += _about(branch, lender, loan, halls)
    return due


def _about(branch: str, lender: HallState, loan: Loan, halls: Mapping[str, HallState]) -> Iterable[Request]:
    helped = halls.get(loan.to_branch)
    if helped is None:
        return
    colleague = helped.colleagues.get(loan.person_id)
    is_this_time = colleague is not None and colleague.arrives_ms == loan.arrives_ms
    name = f"{branch}-{loan.person_id}-{loan.arrives_ms}"
    if colleague is None or (colleague.has_left and not is_this_time):
        posts = tuple(cast(Literal["teller", "lobby"], post) for post in loan.posts)
        receive = ReceivePerson(
            loan.person_id, branch, loan.skills, posts, loan.arrives_ms, loan.until_ms, loan.request_id
        )
        yield Request(helped.stream, f"receive-{name}", SYSTEM, receive)
    elif colleague.has_left and is_this_time:
        yield Request(lender.stream, f"back-{name}", SYSTEM, TakeBackPerson(loan.person_id))
