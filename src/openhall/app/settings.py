"""How this installation runs, as apart from what the bank is: addresses, certificates, other systems.

Read once at the start from `openhall.toml` in the folder, then from the environment, which wins:
`OPENHALL_SERVER_PORT=9000` is `port` under `[server]`. A secret can lie in a file of its own, named by the
same variable with `_FILE` behind it, as service managers hand secrets over. Settings are never logged.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin
from urllib.parse import urlsplit

import msgspec

from openhall.app.access_settings import AccessSettings, OidcSettings
from openhall.app.service_settings import (
    HeadSettings,
    LogSettings,
    MetricsSettings,
    ServiceSettings,
    TelemetrySettings,
)
from openhall.kernel.trouble import Trouble

FILE = "openhall.toml"
PREFIX = "OPENHALL"


class SettingsInvalid(Trouble):
    """The server's settings have a mistake."""

    code = "settings_invalid"
    remedy = "Mend the place that is named, in openhall.toml or in the environment, and start again."


class ServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the server listens and how it is reached."""

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 8207
    public_address: str = ""
    """How customers' phones reach it, such as `https://hall.example.cn`; empty: as the screens do."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses (`10.1.2.3`, `10.1.2.0/24`) of proxies whose word on a request's origin and TLS is taken."""
    is_network_trusted: bool = False
    """Without TLS the server talks to this machine alone, unless the bank says so here."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for an address under which no phone could reach it safely."""
        for proxy in self.trusted_proxies:
            ip_network(proxy)
        if self.public_address and (problem := _wrong_with_address(self.public_address)):
            raise ValueError(f"Expected public_address {problem}, got {self.public_address!r}")


class TlsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The server's certificate. Left out, the one that `openhall tls` keeps in the folder is used, if any."""

    certificate: str = ""
    """A file with the certificate and, after it, its chain."""
    key: str = ""
    key_password: str = ""
    minimum: Literal["1.2", "1.3"] = "1.2"
    redirect_port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 0
    """A port where whoever comes without TLS is sent over; 0: there is none."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for one file without the other."""
        if bool(self.certificate) != bool(self.key):
            raise ValueError("Expected certificate and key together")


PerSecond = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class LimitSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Requests a second, for long; thirty seconds' worth may come at once. 0 is no limit."""

    account_per_second: PerSecond = 100
    """Of one account: a person's screens, or a program's."""
    device_per_second: PerSecond = 40
    """Of one ticket machine, display or gate."""
    address_per_second: PerSecond = 100
    """Of who is not signed in, from one address of the network: the phones of a whole hall."""
    unknown_per_second: PerSecond = 5
    """Of requests from one address with a session that is none."""


class DeviceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What this machine has for the devices of the halls."""

    speech_program: str = "espeak-ng"
    """Speaks where a browser has no voice of its own."""
    speech_kept_mib: Annotated[int, msgspec.Meta(ge=1, le=4_096)] = 64
    """Prepared sound kept on the disk."""
    font: str = "NotoSansCJK-Regular.ttc"
    """A font with Chinese characters, for tickets: a file's name among the machine's fonts, or its path."""


Seconds = Annotated[float, msgspec.Meta(gt=0, le=60)]


class ConfigurationSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the bank's configuration is changed."""

    single_operator: bool = False
    """One person may publish without a second, and files changed by hand count at the next start: for a bank
    whose head office is one person."""


class WebhookSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where messages of one channel are posted to: a text gateway, an app's push, a messenger."""

    url: str = ""
    """Empty: the channel is not there, and is not offered to anybody."""
    secret: str = ""
    """As Standard Webhooks writes it: `whsec_` and 24 to 64 bytes in base64."""
    secret_before: str = ""
    """The one before, while the receiver is changed over: requests are signed with both."""
    ca_file: str = ""
    """Who signed the receiver's certificate, where that is the bank's own authority."""
    timeout_seconds: Seconds = 10.0


class SmtpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The mail server that takes messages to addresses."""

    host: str = ""
    """Empty: there is no mail."""
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    """`none` only to this machine itself."""
    sender: str = ""
    """The address in From."""
    sender_name: str = ""
    username: str = ""
    password: str = ""
    ca_file: str = ""
    timeout_seconds: Seconds = 20.0


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings, a section each."""

    server: ServerSettings = ServerSettings()
    access: AccessSettings = AccessSettings()
    oidc: OidcSettings = OidcSettings()
    tls: TlsSettings = TlsSettings()
    limits: LimitSettings = LimitSettings()
    devices: DeviceSettings = DeviceSettings()
    configuration: ConfigurationSettings = ConfigurationSettings()
    sms: WebhookSettings = WebhookSettings()
    app: WebhookSettings = WebhookSettings()
    staff: WebhookSettings = WebhookSettings()
    smtp: SmtpSettings = SmtpSettings()
    service: ServiceSettings = ServiceSettings()
    heads: HeadSettings = HeadSettings()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
    telemetry: TelemetrySettings = TelemetrySettings()


SECRETS = frozenset({"password", "key_password", "secret", "secret_before", "token", "client_secret"})
"""Fields that are shown to nobody."""
MASK = "********"


def shown(settings: Settings) -> dict[str, dict[str, Any]]:
    """The settings by section and key, secrets masked: whether one is set is said, what it is is not."""
    plain: dict[str, dict[str, Any]] = msgspec.to_builtins(settings)
    for section in plain.values():
        for name in SECRETS & section.keys():
            section[name] = MASK if section[name] else ""
    return plain


def _wrong_with_address(address: str) -> str:
    """What a public address should be and is not; empty when it is right."""
    parts = urlsplit(address)
    is_here = parts.hostname in {"127.0.0.1", "::1", "localhost"}
    if parts.scheme != "https" and not (parts.scheme == "http" and is_here):
        return "to begin with https://"
    if not parts.hostname or parts.username is not None or re.search(r"[\s\\<>\"']", address):
        return "to name a host, and nobody"
    if parts.path or parts.query or parts.fragment or parts.port == 0:
        return "to end with the host or its port"
    return ""


def read_settings(folder: Path, environ: Mapping[str, str]) -> Settings:
    """The settings of an installation. Raises `SettingsInvalid` with the place of the first mistake."""
    path = folder / FILE
    found: dict[str, Any] = {}
    if path.is_file():
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsInvalid(str(error), place=FILE) from error
    given = _from_environment(environ)
    for section, fields in given.items():
        table = found.setdefault(section, {})
        if not isinstance(table, dict):
            raise SettingsInvalid(f"Expected a table [{section}]", place=FILE)
        table.update(fields)
    try:
        return msgspec.convert(found, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsInvalid(str(error), place=FILE) from error


def _from_environment(environ: Mapping[str, str]) -> dict[str, dict[str, str | list[str]]]:
    """What the environment says of the fields that there are; a list is written with blanks between.

    A variable that begins with a section's name and ends with no key of it is a mistake; others are not ours.
    """
    _refuse_unknown(environ)
    found: dict[str, dict[str, str | list[str]]] = {}
    for section in msgspec.structs.fields(Settings):
        for field in msgspec.structs.fields(section.type):
            name = f"{PREFIX}_{section.name}_{field.name}".upper()
            if name in environ:
                said = environ[name]
                is_list = get_origin(field.type) is tuple
                found.setdefault(section.name, {})[field.name] = said.split() if is_list else said
            elif f"{name}_FILE" in environ:
                found.setdefault(section.name, {})[field.name] = _content(name, environ[f"{name}_FILE"])
    return found


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    known = {
        f"{PREFIX}_{section.name}_{field.name}".upper()
        for section in msgspec.structs.fields(Settings)
        for field in msgspec.structs.fields(section.type)
    }
    sections = tuple(f"{PREFIX}_{section.name}_".upper() for section in msgspec.structs.fields(Settings))
    for name in sorted(environ):
        if name.startswith(sections) and name not in known and name.removesuffix("_FILE") not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; the nearest is {near[0]}" if near else ""
            raise SettingsInvalid(f"{name} is no setting{hint}", place="environment")


def _content(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{name}_FILE: {error}", place=path) from error
