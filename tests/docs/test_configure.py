"""Does the page on configuration tell the truth?"""

import re

import msgspec
import pytest

from openhall.network import hours, model
from openhall.network.loading import load
from openhall.network.mistakes import Mistake
from openhall.network.sample import sample_files
from tests.style.house import ROOT

PAGE = (ROOT / "docs" / "how-to" / "configure.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)(?: (\w+))?\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
ACROSS_THE_BANK = {"missing", "unknown_reference", "no_counter", "no_teller", "no_lobby_manager"}
"""What a snippet cannot help, since the rest of the bank is not in it."""


def mistakes_of(files: dict[str, bytes]) -> list[Mistake]:
    answer = load(files)
    return answer if isinstance(answer, list) else []


@pytest.mark.parametrize(("kind", "name", "body"), [b for b in BLOCKS if b[0] in ("toml", "csv")])
def test_each_snippet_is_what_the_loader_reads(kind: str, name: str, body: str) -> None:
    file = f"{name or 'bank'}.{kind}"
    found = mistakes_of({file: body.encode()})
    assert [str(m) for m in found if m.code not in ACROSS_THE_BANK] == []
    assert all(m.place.file == "bank.toml" for m in found if m.code == "missing")


def test_the_mistakes_shown_are_the_mistakes_made() -> None:
    files = sample_files()
    files["bank.toml"] = files["bank.toml"].replace(b'channel = "atm"', b'channel = "amt"', 1)
    files["people.csv"] = files["people.csv"].replace(b"cash pension", b"cash pensoin", 1)
    shown = next(body for kind, _, body in BLOCKS if kind == "text")
    assert "\n".join(str(m) for m in mistakes_of(files)) + "\n" == shown


@pytest.mark.parametrize(
    "name",
    sorted(
        {
            field
            for kind in vars(model).values()
            if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
            if kind not in (model.NetworkVersion, hours.Hours)
            for field in kind.__struct_fields__
        }
    ),
)
def test_every_key_is_on_the_page(name: str) -> None:
    assert re.search(rf"\b{name}\b", PAGE), f"docs/how-to/configure.md does not mention {name}"


def test_the_policies_shown_are_the_defaults() -> None:
    body = next(body for kind, _, body in BLOCKS if kind == "toml" and "[hold]" in body)
    files = sample_files()
    del files["guides.toml"]  # they name lessons, which stand behind the policies
    files["bank.toml"] = _without_policies(files["bank.toml"])
    unsaid, said = load(files), load({**files, "policies.toml": body.encode()})
    assert isinstance(unsaid, model.Bank)
    assert isinstance(said, model.Bank)
    assert msgspec.structs.replace(said, lessons=()) == unsaid


def _without_policies(body: bytes) -> bytes:
    """The sample's `bank.toml` up to its policies, ready for others to follow."""
    text = body.decode().partition("# --- Policies")[0]
    return re.sub(r"^pause_reasons = .*$", "", text, flags=re.MULTILINE).encode()
