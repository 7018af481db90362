"""Who somebody is here by the word of the bank's identity provider."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from openhall.app.access_settings import OidcRule, OidcSettings
from openhall.app.identity import IdentityProvider, ProviderWrong, account_from
from openhall.kernel.clock import ManualClock
from openhall.kernel.refusal import Refusal
from openhall.log.account_rows import refuse_account
from openhall.log.accounts import Account

SETTINGS = OidcSettings(
    issuer="https://id.bank.example",
    client_id="openhall",
    client_secret="a secret of some length",
    rules=(OidcRule("tellers", "teller", "wutong"), OidcRule("it", "administrator", "wutong")),
)


def somebody(**claims: Any) -> Account:
    found = account_from(SETTINGS, {"sub": "s-1", "groups": ["tellers"], **claims})
    assert isinstance(found, Account), found
    return found


@pytest.mark.parametrize(
    ("said", "name", "why"),
    [
        ("gao.fei", "gao.fei", "a name as ours are"),
        ("Gao Fei@bank.example", "gao-fei-bank.example", "what does not go is a hyphen"),
        ("--Gao--", "gao", "it begins with a letter or digit"),
        ("", "s-1", "without a name the subject"),
        (None, "s-1", "or with something that is none"),
        ("x" * 90, "x" * 64, "and it has an end"),
    ],
)
def test_the_providers_name_is_a_name_here(said: Any, name: str, why: str) -> None:
    found = somebody(preferred_username=said)
    assert found.name == name, why
    assert refuse_account(found.name, found.role, found.branch) is None


def test_two_people_with_chinese_names_are_two_accounts() -> None:
    """Neither has a letter that an account's name may have."""
    one = somebody(sub="s-1", preferred_username="高飞")
    other = somebody(sub="s-2", preferred_username="徐静")
    assert one.name != other.name
    assert one == somebody(sub="s-1", preferred_username="高飞"), "and the same one each time"
    assert refuse_account(one.name, one.role, one.branch) is None


@pytest.mark.parametrize("groups", [None, [], "guests", [{"id": "tellers"}], 7, [["tellers"]]])
def test_claims_of_another_form_give_no_role(groups: Any) -> None:
    found = account_from(SETTINGS, {"sub": "s-1", "groups": groups})
    assert isinstance(found, Refusal)
    assert found.code == "outside_no_rule"


def test_a_certificate_of_the_providers_authority_that_is_not_there_is_said(tmp_path: Path) -> None:
    own = OidcSettings(**{**_plain(SETTINGS), "ca_file": str(tmp_path / "none.pem")})
    provider = IdentityProvider(own, ManualClock(0), lambda count: b"x" * count)
    with pytest.raises(ProviderWrong) as caught:
        asyncio.run(provider.begin("https://hall.bank.example/sign-in/bank/answer"))
    assert caught.value.place == "ca_file"


def _plain(settings: OidcSettings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.__struct_fields__}
