"""Guides, step by step: what a bank teaches its customers, with practice that has no consequences [F6]."""

from __future__ import annotations

from typing import Literal

import msgspec

from openhall.kernel.text import Text


class GuideChoice(msgspec.Struct, frozen=True):
    """One of the things that somebody who practises could do, and what is said about it."""

    says: Text
    answer: Text
    is_right: bool = False


class GuideStep(msgspec.Struct, frozen=True):
    """What is on one screen: one thing to do."""

    says: Text
    warning: Text | None = None
    """What to beware of at this step; stands out."""
    practice: Literal["none", "amount", "code", "choice"] = "none"
    """Keys to press for an amount or a made-up code, or `choices` to choose from. Nothing is sent."""
    choices: tuple[GuideChoice, ...] = ()


class Guide(msgspec.Struct, frozen=True):
    """A guide. Who does not know how gets the steps; who cannot, does not want to or does not dare, another
    help: whoever they are, a person is the first choice and never the last resort."""

    id: str
    name: Text
    about: Text
    steps: tuple[GuideStep, ...]
    instead: Text
    """How the same thing gets done without learning anything: for who cannot, or does not want to."""
    safe: Text
    """What cannot go wrong and how to stop: for who does not dare."""
    lesson: str = ""
    """The lesson under which staff record that they showed it [C14]."""
    needs: tuple[str, ...] = ()
    """Needs that it is offered with."""
