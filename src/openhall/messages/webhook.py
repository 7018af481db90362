"""Signed webhooks as Standard Webhooks describes them: to an SMS gateway, an app's push, a messenger.

The address comes from the installation's settings alone: nothing that a customer or a colleague types ever
decides where a request goes. Redirects are refused, because a redirect would be somebody else's decision.
"""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import httpx
import msgspec
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from openhall.kernel.clock import SECOND_MS, Clock
from openhall.messages.outgoing import Body, Later, MessagesMisconfigured, Never, Outcome, Outgoing, Sent

BODY_BYTES_MAX: Final = 20_000
"""Standard Webhooks asks senders for less than 20 kB; a sentence comes nowhere near."""
SECRET_BYTES: Final = (24, 64)
RETRY_AFTER_SECONDS_MAX: Final = 3_600
CONNECTIONS: Final = 4
FINAL: Final = frozenset({400, 410, 413, 415, 422})
"""Answers about this message. All others (a wrong signature, a wrong address) are mended in the settings, and
the message waits for that."""


class WebhookAdapter:
    """One receiver. With two secrets each request is signed by both, so that one can be replaced."""

    def __init__(
        self,
        section: str,
        url: str,
        secrets: tuple[str, ...],
        clock: Clock,
        *,
        timeout_seconds: float,
        ca_file: str = "",
    ) -> None:
        _check_url(section, url)
        self._signers = [_signer(section, secret) for secret in secrets if secret]
        if not self._signers:
            raise MessagesMisconfigured("A webhook needs a secret", place=f"[{section}] secret")
        self._url = url
        self._clock = clock
        self._client = httpx.AsyncClient(
            timeout=timeout_seconds,
            follow_redirects=False,
            trust_env=False,
            verify=_context(section, ca_file),
            limits=httpx.Limits(max_connections=CONNECTIONS),
        )

    @property
    def place(self) -> str:
        """Scheme and host: a path may carry a key."""
        parts = urlsplit(self._url)
        return f"{parts.scheme}://{parts.netloc}"

    async def send(self, message: Outgoing) -> Outcome:
        """Post it once."""
        body = msgspec.json.encode(Body("openhall.message", message.created_at, message))
        if len(body) > BODY_BYTES_MAX:
            return Never("too_large")
        headers = self._headers(message.id, body)
        try:
            async with self._client.stream("POST", self._url, content=body, headers=headers) as answer:
                # What it says besides is not read: a receiver cannot fill our memory.
                return _outcome(answer)
        except httpx.TimeoutException:
            return Later("timed_out")
        except httpx.ConnectError as error:
            is_tls = isinstance(_cause(error), ssl.SSLError)
            return Later("tls_failed" if is_tls else "not_reached")
        except httpx.TransportError:
            return Later("cut_off")

    def _headers(self, message_id: str, body: bytes) -> dict[str, str]:
        now = datetime.fromtimestamp(self._clock.now_ms() // SECOND_MS, tz=UTC)
        text = body.decode()
        return {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(s.sign(message_id, now, text) for s in self._signers),
            "user-agent": "openhall",
        }

    async def close(self) -> None:
        """Let connections go."""
        await self._client.aclose()


def _outcome(answer: httpx.Response) -> Outcome:
    status = answer.status_code
    if 200 <= status < 300:
        return Sent()
    if status in FINAL:
        return Never(f"http_{status}")
    if 300 <= status < 400:
        return Later("redirected")
    return Later(f"http_{status}", _retry_after_ms(answer))


def _retry_after_ms(answer: httpx.Response) -> int:
    said = answer.headers.get("retry-after", "")
    seconds = int(said) if said.isascii() and said.isdigit() and len(said) < 8 else 0
    return min(seconds, RETRY_AFTER_SECONDS_MAX) * SECOND_MS


def _cause(error: BaseException) -> BaseException:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return error


def _check_url(section: str, url: str) -> None:
    place = f"[{section}] url"
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.fragment:
        raise MessagesMisconfigured("Expected an address such as https://sms.bank.example/send", place=place)
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise MessagesMisconfigured("Expected https: this address leaves the machine", place=place)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _signer(section: str, secret: str) -> Webhook:
    place = f"[{section}] secret"
    try:
        signer = Webhook(secret)
    except (ValueError, EmptyWebhookSecretError) as error:
        raise MessagesMisconfigured("Expected a secret such as whsec_… in base64", place=place) from error
    least, most = SECRET_BYTES
    if not least <= len(signer._whsecret) <= most:
        raise MessagesMisconfigured(f"Expected a secret of {least} to {most} bytes", place=place)
    return signer


def _context(section: str, ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        raise MessagesMisconfigured(f"{ca_file}: {error}", place=f"[{section}] ca_file") from error
