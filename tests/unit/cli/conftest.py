import pytest

from openhall.cli.language import VARIABLES


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine speaks, a test of the command line begins in English."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
