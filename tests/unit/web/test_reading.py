"""What a request says about itself, and what it cannot say."""

from __future__ import annotations

import pytest
from litestar.testing import RequestFactory

from openhall.web.reading import own_path, site_of


@pytest.mark.parametrize(
    "headers",
    [{}, {"x-forwarded-proto": "https"}, {"x-forwarded-host": "evil.example"}, {"forwarded": "proto=https"}],
)
def test_nobody_says_of_themselves_under_which_site_they_came(headers: dict[str, str]) -> None:
    """A printed code with the address that somebody made up would lead customers there."""
    request = RequestFactory(server="hall.bank.example", port=8207).get("/t/x", headers=headers)
    assert site_of(request) == "http://hall.bank.example:8207"


@pytest.mark.parametrize(
    ("wanted", "path", "why"),
    [
        ("/b/wutong/lobby?draft=1", "/b/wutong/lobby?draft=1", "a page of ours"),
        ("https://evil.example/", "/", "another site"),
        ("//evil.example/", "/", "another site without its scheme"),
        ("/\\evil.example/", "/", "as browsers read it"),
        ("/\t/evil.example/", "/", "browsers leave the tab out"),
        ("", "/", "nothing"),
    ],
)
def test_one_goes_back_to_a_page_of_ours_alone(wanted: str, path: str, why: str) -> None:
    assert own_path(wanted) == path, why
