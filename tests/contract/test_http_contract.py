"""Does the served API keep to its own description, whatever is sent to it?"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, cast
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from litestar.exceptions.base_exceptions import LitestarDeprecationWarning
from litestar.serialization import decode_json, encode_json
from schemathesis import GenerationMode

from openhall.app.build import App
from openhall.app.settings import Settings
from openhall.cli.bench.installation import install
from openhall.web.description import describe
from openhall.web.site import create_site
from tests.race.served import Served, serving
from tests.race.test_rush import open_branch

QUICK_EXAMPLES = 6
SOAK_EXAMPLES = 200
BRANCHES = ("b01", "b02")


@pytest.fixture(scope="module")
def token_and_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Served]]:
    folder = tmp_path_factory.mktemp("contract") / "bank"
    token = install(folder, branches_count=len(BRANCHES))[0].token
    with serving(folder) as served:
        open_branch(served, "b01", token)
        yield token, served


class NoBank:
    """The description is the same whatever bank is served, so the tests can be collected without one."""

    settings = Settings()


with warnings.catch_warnings():
    warnings.simplefilter("ignore", LitestarDeprecationWarning)
    DESCRIPTION = decode_json(encode_json(describe(create_site(cast(App, NoBank())))))
schema = schemathesis.openapi.from_dict(DESCRIPTION)


def check_against_description(case: Any, token: str, served: Served) -> None:
    """Send a case that fits the description, or does not, and hold the answer against it."""
    if case.method == "OPTIONS":
        return  # Litestar's own answer names only the first method of an address; nothing of ours asks for it
    if case.meta.generation.mode == GenerationMode.POSITIVE and "branch_id" in case.path_parameters:
        case.path_parameters["branch_id"] = "b01"  # a made-up branch would hide everything behind a 404
        case.headers["Idempotency-Key"] = uuid4().hex  # and a key that was used before behind a 422
    case.call_and_validate(base_url=served.url, headers={"authorization": f"Bearer {token}"})


# A stream has no end, and signing out would end the session that the cases share.
answering = schema.exclude(path_regex="/stream$").exclude(path="/api/session", method="DELETE")


@answering.parametrize()
@settings(max_examples=QUICK_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_operation_answers_as_it_is_described(case: Any, token_and_server: tuple[str, Served]) -> None:
    check_against_description(case, *token_and_server)


@pytest.mark.soak
@answering.parametrize()
@settings(max_examples=SOAK_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_operation_answers_as_it_is_described_at_length(
    case: Any, token_and_server: tuple[str, Served]
) -> None:
    check_against_description(case, *token_and_server)
