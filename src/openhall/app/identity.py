"""The bank's own identity provider: OpenID Connect's code flow with PKCE, and who somebody is by its word.

Nobody gets in by default: without a rule that fits their claims they are refused. The protocol's parts and
checks are authlib's and joserfc's; the order of the steps, and what is kept between them, is here.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote_plus

import httpx
import msgspec
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from openhall.app.access_settings import OidcSettings
from openhall.kernel.clock import HOUR_MS, MINUTE_MS, SECOND_MS, Clock
from openhall.kernel.refusal import Refusal, refusals
from openhall.kernel.trouble import Trouble
from openhall.log.account_rows import HEAD_OFFICE_ROLES
from openhall.log.accounts import Account

KEPT_MS: Final = HOUR_MS
"""So long the provider's description and keys are believed without asking again."""
KEYS_AGAIN_MS: Final = MINUTE_MS
"""An unknown key makes us ask for the keys anew, but not more often than this."""
LEEWAY_SECONDS: Final = 60
"""So much two clocks may differ."""
TIMEOUT_SECONDS: Final = 10.0
ANSWER_BYTES_MAX: Final = 512 * 1024
REFUSALS = refusals(
    outside_sign_in_failed=(
        "Signing in with the bank's account did not succeed.",
        "Try again from the beginning.",
    ),
    outside_no_rule=(
        "Your account at the bank gives you no role here.",
        "Ask your administrator for one of the groups that have a role.",
    ),
)
ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA", "RS384", "RS512", "PS384", "PS512", "ES384", "ES512")
"""Signatures that are believed: never none, never one made with the client's own secret."""
RANDOM_BYTES: Final = 32


class ProviderUnreachable(Trouble):
    """The bank's identity provider does not answer."""

    code = "provider_unreachable"
    remedy = "Try again in a moment; the emergency account signs in without it."


class ProviderWrong(Trouble):
    """The bank's identity provider answers something else than it should."""

    code = "provider_wrong"
    remedy = "Compare the section [oidc] of openhall.toml with what the provider has for this client."


class Begun(msgspec.Struct, frozen=True):
    """A sign-in that was sent to the provider, and what its answer must fit."""

    url: str
    state: str
    nonce: str
    verifier: str
    redirect_uri: str


class IdentityProvider:
    """One provider, as configured."""

    def __init__(self, settings: OidcSettings, clock: Clock, random_bytes: Callable[[int], bytes]) -> None:
        self.settings = settings
        self._clock = clock
        self._random_bytes = random_bytes
        self._turn = asyncio.Lock()
        self._metadata: dict[str, Any] = {}
        self._metadata_ms = 0
        self._keys: KeySet | None = None
        self._keys_ms = 0

    async def begin(self, redirect_uri: str) -> Begun:
        """Where to send a browser. Raises `Trouble`."""
        metadata = await self._described()
        state, nonce, verifier = (self._random() for _ in range(3))
        url = prepare_grant_uri(
            metadata["authorization_endpoint"],
            client_id=self.settings.client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=self.settings.scopes,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return Begun(url, state, nonce, verifier, redirect_uri)

    async def finish(self, begun: Begun, code: str, issuer: str = "") -> dict[str, Any] | Refusal:
        """The claims of whoever came back with a code; a refusal when the answer does not fit the beginning.

        `issuer` is what the answer says of where it comes from (RFC 9207): mixing up two providers ends here.
        """
        if issuer and issuer != self.settings.issuer:
            return Refusal("outside_sign_in_failed")
        metadata = await self._described()
        token = await self._redeem(metadata, begun, code)
        if token is None or not isinstance(token.get("id_token"), str):
            return Refusal("outside_sign_in_failed")
        try:
            return await self._checked(metadata, begun, token)
        except (JoseError, ValueError):
            return Refusal("outside_sign_in_failed")

    async def sign_out_address(self, back_to: str) -> str:
        """Where to end the provider's own session; empty when it offers no such place."""
        place = (await self._described()).get("end_session_endpoint")
        if not isinstance(place, str):
            return ""
        params = {"client_id": self.settings.client_id, "post_logout_redirect_uri": back_to}
        return str(add_params_to_uri(place, params))

    # Inside --------------------------------------------------------------------------------------------

    def _random(self) -> str:
        return base64.urlsafe_b64encode(self._random_bytes(RANDOM_BYTES)).decode().rstrip("=")

    async def _described(self) -> dict[str, Any]:
        """The provider's description of itself (discovery), about the very issuer that is configured."""
        async with self._turn:
            now_ms = self._clock.now_ms()
            if self._metadata and now_ms - self._metadata_ms < KEPT_MS:
                return self._metadata
            issuer = self.settings.issuer
            found = await self._get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            if found.get("issuer") != issuer or not all(isinstance(found.get(name), str) for name in needed):
                raise ProviderWrong(f"{issuer} describes another provider, or not enough", place="issuer")
            if issuer.startswith("https://") and not all(found[n].startswith("https://") for n in needed):
                raise ProviderWrong(f"{issuer} leads to an address without TLS", place="issuer")
            self._metadata, self._metadata_ms = found, now_ms
            return found

    async def _key_set(self, metadata: Mapping[str, Any], *, is_anew: bool) -> KeySet:
        async with self._turn:
            now_ms = self._clock.now_ms()
            is_stale = now_ms - self._keys_ms >= (KEYS_AGAIN_MS if is_anew else KEPT_MS)
            if self._keys is None or is_stale:
                found = await self._get(metadata["jwks_uri"])
                try:
                    self._keys = KeySet.import_key_set(found)  # type: ignore[arg-type]
                except (JoseError, ValueError, KeyError, TypeError) as error:
                    raise ProviderWrong("The provider's keys cannot be read", place="jwks_uri") from error
                self._keys_ms = now_ms
            return self._keys

    async def _redeem(self, metadata: Mapping[str, Any], begun: Begun, code: str) -> dict[str, Any] | None:
        """The tokens for a code; None when the provider refuses it."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": begun.redirect_uri,
            "code_verifier": begun.verifier,
        }
        own, secret = self.settings.client_id, self.settings.client_secret
        methods = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        auth = None
        if "client_secret_basic" in methods:
            auth = httpx.BasicAuth(quote_plus(own), quote_plus(secret))
        else:
            form |= {"client_id": own, "client_secret": secret}
        answer = await self._ask("POST", metadata["token_endpoint"], data=form, auth=auth)
        if answer.status_code == httpx.codes.BAD_REQUEST:
            return None
        return _object(answer, "token_endpoint")

    async def _checked(
        self, metadata: Mapping[str, Any], begun: Begun, token: Mapping[str, Any]
    ) -> dict[str, Any]:
        offered = metadata.get("id_token_signing_alg_values_supported", ["RS256"])
        registry = JWSRegistry(algorithms=[a for a in ALGORITHMS if a in offered], strict_check_header=False)
        try:
            keys = await self._key_set(metadata, is_anew=False)
            decoded = jwt.decode(token["id_token"], keys, registry=registry)
        except InvalidKeyIdError:
            # The provider has changed its keys since we looked.
            keys = await self._key_set(metadata, is_anew=True)
            decoded = jwt.decode(token["id_token"], keys, registry=registry)
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {
                "iss": {"essential": True, "value": self.settings.issuer},
                "aud": {"essential": True, "value": self.settings.client_id},
            },
            {
                "nonce": begun.nonce,
                "client_id": self.settings.client_id,
                "access_token": token.get("access_token"),
            },
        )
        claims.validate(now=self._clock.now_ms() // SECOND_MS, leeway=LEEWAY_SECONDS)
        return dict(claims)

    async def _get(self, url: str) -> dict[str, Any]:
        return _object(await self._ask("GET", url), url)

    async def _ask(self, method: str, url: str, **options: Any) -> httpx.Response:
        own = self.settings.ca_file
        try:
            verify: ssl.SSLContext | bool = ssl.create_default_context(cafile=own) if own else True
        except OSError as error:
            raise ProviderWrong(f"{own}: {error.strerror or error}", place="ca_file") from error
        try:
            async with httpx.AsyncClient(verify=verify, timeout=TIMEOUT_SECONDS) as client:
                return await client.request(method, url, **options)
        except httpx.HTTPError as error:
            raise ProviderUnreachable(f"{url}: {type(error).__name__}", place="issuer") from error


def _object(answer: httpx.Response, place: str) -> dict[str, Any]:
    if answer.status_code != httpx.codes.OK or len(answer.content) > ANSWER_BYTES_MAX:
        raise ProviderWrong(f"{place} answers with status {answer.status_code}", place=place)
    try:
        return msgspec.json.decode(answer.content, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ProviderWrong(f"{place} answers with something else than an object", place=place) from error


def identity_of(settings: OidcSettings, claims: Mapping[str, Any]) -> str:
    """What stays the same of somebody: names and groups change, this does not."""
    return f"{settings.issuer} {claims['sub']}"


def account_from(settings: OidcSettings, claims: Mapping[str, Any]) -> Account | Refusal:
    """The account that somebody's claims give them: the first rule that fits, or none and no entry."""
    found = claims.get(settings.role_claim)
    values = {each for each in (found if isinstance(found, list) else [found]) if isinstance(each, str)}
    rule = next((rule for rule in settings.rules if rule.value in values), None)
    if rule is None:
        return Refusal("outside_no_rule")
    said, subject = claims.get(settings.name_claim), str(claims["sub"])
    name = _account_name(said if isinstance(said, str) and said else subject) or _name_for(subject)
    person = claims.get(settings.person_claim) if settings.person_claim else None
    branch = None if rule.role in HEAD_OFFICE_ROLES else rule.branch or None
    return Account(name, rule.role, branch, person if isinstance(person, str) else None)


def _account_name(said: str) -> str:
    """A name as accounts here have them; empty when there is no letter or digit of ours in it."""
    plain = re.sub(r"[^a-z0-9._-]+", "-", said.lower()).strip("-._")
    return plain[:64]


def _name_for(subject: str) -> str:
    """Where the provider's names are Chinese, say: the same for one person each time, and for nobody else."""
    return f"person-{hashlib.sha256(subject.encode()).hexdigest()[:8]}"
