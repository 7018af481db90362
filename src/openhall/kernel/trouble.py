"""Trouble is what no rule foresees: a full disk, a broken page, a clock that runs backwards."""

from __future__ import annotations


class Trouble(Exception):
    """Something outside the rules stands in the way. Nothing of the failed work was kept.

    Attributes
    ----------
    code : str
        Stable and documented, such as `disk_full`.
    remedy : str
        What a person can do about it, in English; translated at the door.
    place : str
        The file, table, stream or setting at fault.
    """

    code = "trouble"
    remedy = "Look at the log of the server."

    def __init__(self, message: str, *, place: str = "") -> None:
        super().__init__(message)
        self.place = place
