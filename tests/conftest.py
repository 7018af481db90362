"""Gives every test the marker of its folder, so that `-m race` and `tests/race` mean the same tests."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A folder without a registered marker is an error, because of --strict-markers."""
    for item in items:
        kind = item.path.relative_to(TESTS).parts[0]
        item.add_marker(kind)
