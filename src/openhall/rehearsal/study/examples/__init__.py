"""Study files to begin with; they ship inside the package."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from openhall.kernel.trouble import Trouble

NAMES: Final = ("branch", "network")
"""One branch and three policies; 207 branches at 2.85 times an ordinary day and four."""


class StudyFileExists(Trouble):
    """There is a file where the example was to go; it was left as it is."""

    code = "study_file_exists"
    remedy = "Name another file."


def example(name: str) -> bytes:
    """An example by its name, one of NAMES."""
    if name not in NAMES:
        raise ValueError(f"Expected one of {NAMES}, got {name}")
    return files(__package__).joinpath(f"{name}.toml").read_bytes()
