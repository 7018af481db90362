"""Whatever is done to the files of a bank, the answer is a bank or its mistakes, never a crash."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from openhall.network.loading import load
from openhall.network.model import Bank
from openhall.network.version import decode, encode
from tests.unit.network.small_bank import FILES

VALUES = [
    '"x"',
    "7",
    "-1",
    "1e400",
    "nan",
    "true",
    "[]",
    "[[]]",
    "{}",
    "[{}]",
    '["cash"]',
    "2027-01-01",
    '""',
]
FRAGMENTS = [
    *VALUES,
    "\n",
    ",",
    "=",
    "[[people]]\n",
    "[[counters]]\nbranch = 'north'\n",
    "\ufeff",
    '"',
    "\x00",
]


@st.composite
def damaged_files(draw: st.DrawFn) -> dict[str, bytes]:
    """The small bank with some stretches of its files replaced."""
    files = dict(FILES)
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(sorted(files)))
        text = files[name].decode()
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 40)))
        files[name] = (text[:start] + draw(st.sampled_from(FRAGMENTS)) + text[end:]).encode()
    return files


@st.composite
def files_with_odd_values(draw: st.DrawFn) -> dict[str, bytes]:
    """The small bank with the values of some keys replaced by valid TOML of another kind."""
    name = draw(st.sampled_from(["bank.toml", "branches.toml"]))
    lines = FILES[name].decode().splitlines()
    for _ in range(draw(st.integers(1, 4))):
        at = draw(
            st.sampled_from([i for i, line in enumerate(lines) if line[:1].isalpha() and " = " in line])
        )
        if not lines[at].endswith("["):
            lines[at] = lines[at].partition(" = ")[0] + " = " + draw(st.sampled_from(VALUES))
    return {**FILES, name: "\n".join(lines).encode()}


def check(answer: Bank | list[Any]) -> None:
    if isinstance(answer, Bank):
        assert decode(encode(answer)) == answer
    else:
        assert answer
        assert all(str(mistake).startswith(mistake.place.file) for mistake in answer)


@settings(max_examples=300, deadline=None)
@given(damaged_files() | files_with_odd_values())
def test_damaged_files_are_a_bank_or_mistakes(files: dict[str, bytes]) -> None:
    check(load(files))


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from([*FILES, "counters.csv", "odd.toml"]), st.binary(max_size=200)))
def test_arbitrary_bytes_are_mistakes(files: dict[str, bytes]) -> None:
    answer = load(files)
    assert isinstance(answer, list)
    check(answer)
