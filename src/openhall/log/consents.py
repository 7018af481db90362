"""The wordings that customers agreed to: each under a version made from its content, kept for good.

A version can never mean two things, and what somebody agreed to can be read after the bank changed its words.
"""

from __future__ import annotations

import hashlib

import msgspec
from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from openhall.kernel.refusal import Refusal, refusals
from openhall.kernel.text import Text
from openhall.log.records import Records
from openhall.log.schema import consent_texts
from openhall.network.model import ConsentText, PrivacyPolicy

VERSION_LENGTH = 12

REFUSALS = refusals(
    consent_missing=(
        "The customer has to be shown what it is kept for first.",
        "Show the text to the customer, and ask whether they agree.",
    ),
    consent_outdated=(
        "The text that the customer was shown is not the present one.",
        "Show the present text, and ask again.",
    ),
)


class Consent(msgspec.Struct, frozen=True):
    """A wording and its version."""

    kind: str
    version: str
    text: Text


def consent_of(policy: PrivacyPolicy, kind: str) -> Consent | None:
    """What is shown before something of a kind is left with us; None for what is given unasked."""
    found = next((text for text in policy.wordings if text.kind == kind), None)
    return None if found is None else Consent(kind, version_of(found), found.text)


def version_of(text: ConsentText) -> str:
    """The name of a wording, made from the wording."""
    return hashlib.sha256(msgspec.json.encode(text, order="sorted")).hexdigest()[:VERSION_LENGTH]


def refuse_consent(policy: PrivacyPolicy, kind: str, version: str) -> Refusal | None:
    """Why nothing may be kept on the ground of that version; None when it may."""
    present = consent_of(policy, kind)
    if present is None or present.version == version:
        return None
    return Refusal("consent_outdated" if version else "consent_missing", "consent")


def keep_text(connection: Connection, policy: PrivacyPolicy, kind: str, *, now_ms: int) -> None:
    """Write down the present wording of a kind, in the transaction that keeps what was left on its ground: a
    new configuration counts without a restart, and each wording that anybody agreed to is here."""
    present = consent_of(policy, kind)
    if present is not None:
        row = {
            "version": present.version,
            "kind": kind,
            "en": present.text.en,
            "zh": present.text.zh,
            "since_ms": now_ms,
        }
        connection.execute(insert(consent_texts).values(row).on_conflict_do_nothing())


def wording(records: Records, version: str) -> Text | None:
    """The words of a version; None for one that was never shown here."""
    query = select(consent_texts.c.en, consent_texts.c.zh).where(consent_texts.c.version == version)
    with records.reading() as connection:
        found = connection.execute(query).first()
    return None if found is None else Text(en=found.en, zh=found.zh)
