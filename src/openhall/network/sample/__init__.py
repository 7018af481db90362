"""The bank that ships with openhall: three branches of an invented bank, to try things on.

Its files are part of the package and never change while it runs, so reading them is no more input or output
than importing a module.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

from openhall.network.loading import load
from openhall.network.model import Bank


def sample_files() -> dict[str, bytes]:
    """The configuration as files by name, ready for `load`, and for a new bank to start from."""
    return {
        entry.name: entry.read_bytes()
        for entry in resources.files(__name__).iterdir()
        if entry.name.endswith((".toml", ".csv"))
    }


@cache
def sample_bank() -> Bank:
    """The sample bank, loaded once."""
    bank = load(sample_files())
    if isinstance(bank, list):
        raise AssertionError("\n".join(str(mistake) for mistake in bank))
    return bank
