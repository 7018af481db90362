"""Do the other systems answer that an installation is set up to use? A knock at each, with nothing sent.

No message, no password and no slip goes out: a connection is opened, its certificate believed or not, and at
most a greeting or a public description is read.
"""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import urlsplit

import httpx
import msgspec

from openhall.access.devices import Device, PrinterSettings
from openhall.app.clocks import SystemClock
from openhall.app.findings import Finding, degraded, failed
from openhall.app.messages import adapters_of
from openhall.app.settings import Settings, SmtpSettings
from openhall.app.tracing import TelemetryMissing, check_telemetry
from openhall.messages.outgoing import MessagesMisconfigured

SECONDS_AT_MOST: Final = 3.0
"""For one place."""
AT_ONCE: Final = 16
DETAIL_AT_MOST: Final = 200
DESCRIPTION: Final = "/.well-known/openid-configuration"
DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Place(msgspec.Struct, frozen=True):
    """Something to knock at. Raises `OSError` from `knock` when nobody answers as expected."""

    part: str
    place: str
    """The section of the settings that names it, and its address."""
    knock: Callable[[], None]


def findings(settings: Settings, printers: Iterable[Device], *, is_serving: bool) -> list[Finding]:
    """One for each place that is set up; all are asked at the same time."""
    found = [*_misconfigured(settings)]
    places = [*_identity(settings), *_telemetry(settings)]
    if not any(each.state == "failed" for each in found):
        places += [*_webhooks(settings), *_mail(settings.smtp)]
    listed = [
        device
        for device in printers
        if isinstance(device.settings, PrinterSettings) and device.settings.connection == "network"
    ]
    if is_serving and listed:
        # A receipt printer takes one connection, and that is the server's.
        found.append(Finding("printers", "ok", "printers_watched", {"count": len(listed)}))
    elif listed:
        places += map(_printer, listed)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return [*found, *threads.map(_asked, places)]


def _misconfigured(settings: Settings) -> Iterable[Finding]:
    """What would keep the server from starting."""
    try:
        adapters = adapters_of(settings, SystemClock())
    except MessagesMisconfigured as trouble:
        yield failed("messages", "settings_wrong", detail=f"{trouble.place}: {trouble}"[:DETAIL_AT_MOST])
    else:
        for adapter in adapters.values():
            asyncio.run(adapter.close())
        if not adapters:
            yield Finding("messages", "ok", "ways_none")
    try:
        check_telemetry(settings.telemetry)
    except TelemetryMissing as trouble:
        yield failed("telemetry", "settings_wrong", detail=f"{trouble}; {trouble.remedy}"[:DETAIL_AT_MOST])


def _asked(place: Place) -> Finding:
    try:
        place.knock()
    except ssl.SSLError as error:
        detail = getattr(error, "verify_message", "") or error.reason or str(error)
        return degraded(place.part, "place_untrusted", place=place.place, detail=str(detail)[:DETAIL_AT_MOST])
    except (OSError, smtplib.SMTPException) as error:
        detail = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return degraded(place.part, "place_silent", place=place.place, detail=str(detail)[:DETAIL_AT_MOST])
    return Finding(place.part, "ok", "place_answers", {"place": place.place})


def _webhooks(settings: Settings) -> Iterable[Place]:
    for channel in ("sms", "app", "staff"):
        own = getattr(settings, channel)
        if own.url:
            yield _of_url("messages", channel, own.url, own.ca_file)


def _of_url(part: str, section: str, url: str, ca_file: str = "") -> Place:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme, 443)
    context = ssl.create_default_context(cafile=ca_file or None) if parts.scheme == "https" else None
    return Place(part, f"[{section}] {host}:{port}", lambda: _connect(host, port, context))


def _connect(host: str, port: int, context: ssl.SSLContext | None) -> None:
    with socket.create_connection((host, port), timeout=SECONDS_AT_MOST) as connection:
        if context is not None:
            context.wrap_socket(connection, server_hostname=host).close()


def _mail(own: SmtpSettings) -> Iterable[Place]:
    def greet() -> None:
        context = ssl.create_default_context(cafile=own.ca_file or None)
        if own.security == "tls":
            with smtplib.SMTP_SSL(own.host, own.port, timeout=SECONDS_AT_MOST, context=context) as server:
                server.noop()
            return
        with smtplib.SMTP(own.host, own.port, timeout=SECONDS_AT_MOST) as server:
            if own.security == "starttls":
                server.starttls(context=context)
            server.noop()

    if own.host:
        yield Place("messages", f"[smtp] {own.host}:{own.port}", greet)


def _identity(settings: Settings) -> Iterable[Place]:
    own = settings.oidc

    def describe() -> None:
        address = own.issuer.rstrip("/") + DESCRIPTION
        verify = ssl.create_default_context(cafile=own.ca_file or None)
        try:
            answer = httpx.get(address, timeout=SECONDS_AT_MOST, verify=verify, trust_env=False)
        except httpx.HTTPError as error:
            raise _cause(error) or ConnectionError(str(error)) from error
        if answer.status_code != httpx.codes.OK:
            raise ConnectionError(f"HTTP {answer.status_code}")

    if own.issuer:
        yield Place("identity", f"[oidc] {urlsplit(own.issuer).netloc}", describe)


def _cause(error: BaseException) -> OSError | None:
    """The socket's or the certificate's own complaint, under those of the libraries."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, OSError):
        found = found.__cause__ or found.__context__
    return found


def _telemetry(settings: Settings) -> Iterable[Place]:
    if settings.telemetry.endpoint:
        yield _of_url("telemetry", "telemetry", settings.telemetry.endpoint)


def _printer(device: Device) -> Place:
    own = device.settings
    assert isinstance(own, PrinterSettings)
    host, port = own.host, own.port
    return Place("printers", f"{device.name} ({host}:{port})", lambda: _connect(host, port, None))
