"""Is the right language spoken?"""

import pytest

from openhall.app.language import negotiate


@pytest.mark.parametrize(
    ("header", "language", "reason"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh", "Chinese first"),
        ("en-GB,en;q=0.9,zh;q=0.5", "en", "English first"),
        ("fr-FR,fr;q=0.9,en;q=0.5", "en", "English is understood"),
        ("fr-FR", "zh", "neither: the language of the hall"),
        ("", "zh", "nothing said"),
        (";;;,,", "zh", "nonsense is nothing said"),
    ],
)
def test_the_browsers_first_language_of_ours_is_taken(header: str, language: str, reason: str) -> None:
    assert negotiate(header) == language, reason
