"""A message as it is handed to a receiver, and what came of it."""

from __future__ import annotations

from typing import Annotated, Literal, Protocol

import msgspec

from openhall.kernel.text import Language
from openhall.kernel.trouble import Trouble
from openhall.network.alerts import MessageChannel


class MessagesMisconfigured(Trouble):
    """A receiver of messages is not set up as it must be."""

    code = "messages_misconfigured"
    remedy = "Mend the section that is named in openhall.toml or in the environment, and start again."


class To(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whom it goes to: one contact of a customer, or colleagues by post, by person, or by mailbox."""

    contact: str = ""
    """A telephone number, an address, or what the bank's app knows its user by."""
    roles: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    mailboxes: tuple[str, ...] = ()


class Outgoing(msgspec.Struct, frozen=True):
    """The message itself. Times are ISO 8601 with a zone."""

    id: Annotated[str, msgspec.Meta(description="Stays the same when it is sent again: drop the second.")]
    kind: Annotated[
        Literal["notice", "appointment", "alert", "test"], msgspec.Meta(description="What it is for.")
    ]
    channel: MessageChannel
    to: To
    template: Annotated[str, msgspec.Meta(description="Name of the sentence, for gateways with own texts.")]
    blanks: Annotated[dict[str, str | int], msgspec.Meta(description="What fills the sentence.")]
    language: Language
    subject: str
    text: Annotated[str, msgspec.Meta(description="The sentence, filled: ready to be sent.")]
    branch: str
    created_at: str
    expires_at: Annotated[str, msgspec.Meta(description="Too late to be of use after this.")]


class Body(msgspec.Struct, frozen=True):
    """What a webhook posts: the three fields that Standard Webhooks names."""

    type: Literal["openhall.message"]
    timestamp: str
    data: Outgoing


class Sent(msgspec.Struct, frozen=True):
    """The receiver has taken it."""


class Later(msgspec.Struct, frozen=True):
    """It did not get through now. `after_ms` is what the receiver asked for; 0 says nothing."""

    code: str
    after_ms: int = 0


class Never(msgspec.Struct, frozen=True):
    """The receiver says that this message will not get through ever."""

    code: str


Outcome = Sent | Later | Never


class Adapter(Protocol):
    """A way out."""

    @property
    def place(self) -> str:
        """Where it leads to, without secrets, for the eyes of whoever looks after it."""
        ...

    async def send(self, message: Outgoing) -> Outcome:
        """Try once. Trouble at the other end is an outcome, never an exception."""
        ...

    async def close(self) -> None:
        """Let connections go."""
        ...
