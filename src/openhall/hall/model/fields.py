"""The fields that commands share, with what they may hold."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from openhall.network.model import Handling

Reason = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
"""A reason is a code from a list, never free text: free text about a person does not belong in the log."""

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
OptionalId = Annotated[str, msgspec.Meta(max_length=64)]
TextRef = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{0,64}$")]
"""Where the words are kept, outside the log: the pattern leaves no room for the words themselves."""

Moment = Annotated[int, msgspec.Meta(ge=0, le=4_102_444_800_000)]
"""Milliseconds since 1970, till 2100: beyond it there is no calendar to show it with."""
PartySize = Annotated[int, msgspec.Meta(ge=1, le=20)]
ClassBasis = Literal["claimed", "staff", "document"]
HandlingList = Annotated[tuple[Handling, ...], msgspec.Meta(max_length=6)]
