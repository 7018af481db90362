"""What the configuration's pages call what has a code, and the words that their script fills in."""

from __future__ import annotations

from typing import Final

ORIGINS: Final = {
    "first": "the files at the first start",
    "page": "changed on this page",
    "files": "files handed in",
    "by_hand": "changed by hand in the folder",
    "restored": "back to an earlier version",
}
STATES: Final = {
    "open": "being worked on",
    "proposed": "waits for a second person",
    "published": "published",
    "dropped": "given up",
}
ROW_WORDS: Final = {
    "new": "New",
    "changed": "Changed",
    "gone": "Taken out",
    "same": "Unchanged",
    "mistake": "Mistake",
    "line": "Line",
    "what": "What happens",
    "which": "Row",
    "cells": "Before → after",
    "take": "Take the rows",
    "kept": "Rows with mistakes are taken too: the draft can be proposed once they are mended.",
    "elsewhere": "Mistakes that this leads to in other places",
    "unreadable": "The file is no text that could be read.",
}
SIMULATION_WORDS: Final = {
    "class": "Class",
    "wait_mean": "Mean wait",
    "wait_p90": "Nine of ten wait at most",
    "wait_longest": "One in a thousand waits longer than",
    "late_share": "Over the limit",
    "customers": "Customers",
    "left_share": "Leave unserved",
    "overtime_minutes": "Work after closing",
    "minutes": "{n} min",
    "caption": "{day}, before → after",
    "learned": (
        "Who comes, how long things take and who leaves is as {n} days of this branch have shown, {first} to"
        " {last}."
    ),
    "assumed": "Who comes and how long things take is assumed: nothing was learned of this branch yet.",
    "computing": "Computing …",
}
COUNTS: Final = {"at_once": "counts at once", "next_day": "counts from each branch's next day"}

EVERY: Final = (ORIGINS, STATES, COUNTS, ROW_WORDS, SIMULATION_WORDS)
"""For the catalogue."""
