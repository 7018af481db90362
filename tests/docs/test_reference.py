"""Does the reference say what the code does?"""

import pytest

from tools.reference import FOLDER, pages


@pytest.mark.parametrize(
    ("name", "text"), pages().items(), ids=lambda value: value if len(value) < 40 else ""
)
def test_each_page_of_the_reference_is_what_the_code_gives(name: str, text: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == text, (
        "run `make reference` and commit what it writes"
    )


def test_the_reference_has_no_page_that_nothing_writes() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(pages())
