"""What goes wrong with the text of a rostering problem, and where."""

from __future__ import annotations

from openhall.kernel.trouble import Trouble


class RosterFileBad(Trouble):
    """A file does not hold a rostering problem in a format that is known."""

    code = "roster_file_bad"
    remedy = (
        "Correct the line, or give a text file of the Curtois-Qu collection or of the first nurse "
        "rostering competition (its `.txt` form, not the XML)."
    )


class Line:
    """A line of a file, which says its place when it is wrong."""

    def __init__(self, name: str, number: int, text: str) -> None:
        self.name = name
        self.number = number
        self.text = text

    def bad(self, expected: str) -> RosterFileBad:
        """What to raise: which file and line, what was expected and what is there."""
        return RosterFileBad(f"Expected {expected}, got {self.text!r}", place=f"{self.name}:{self.number}")

    def fields(self, separator: str, count: int, what: str) -> list[str]:
        """The parts of the line, which must be `count`, without blanks around them."""
        parts = [part.strip() for part in self.text.split(separator)]
        if len(parts) != count:
            raise self.bad(f"{count} fields ({what})")
        return parts

    def whole(self, text: str, what: str, least: int = 0, most: int = 10**9) -> int:
        """A whole number between `least` and `most`."""
        try:
            number = int(text)
        except ValueError:
            raise self.bad(f"a whole number for {what}") from None
        if not least <= number <= most:
            raise self.bad(f"{what} between {least} and {most}")
        return number
