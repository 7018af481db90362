"""Settings of the server as a service: its log, its metrics, its traces, its stopping."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec


class ServiceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Starting and stopping."""

    stop_seconds: Annotated[float, msgspec.Meta(gt=0, le=600)] = 5.0
    """So long requests that are under way may take when the server stops."""
    backup_hours: Annotated[float, msgspec.Meta(gt=0, le=8_760)] = 36.0
    """A backup that is older than this is too old."""
    free_disk_mib: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)] = 1_024
    """Less free space than this is too little."""


class HeadSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Signed statements of where the log ends, for the day on which somebody doubts it."""

    folder: str = ""
    """Where they go: best a place on another machine to which this one may add and from which it removes
    nothing. Empty: the folder `heads` of the installation."""
    minutes: Annotated[int, msgspec.Meta(ge=0, le=1_440)] = 60
    """So often one is made; 0: none is."""


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the server says on standard error."""

    format: Literal["text", "json"] = "text"
    """`json`: one object a line, for a collector."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    access: bool = False
    """One line for each request, by the pattern of its address and never by the address itself."""


class MetricsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may read `/metrics` besides an administrator."""

    token: str = ""
    """Whoever sends it as a bearer token."""
    is_open_on_loopback: bool = False
    """Whoever is on this machine."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for a token that could be guessed."""
        if self.token and len(self.token) < 16:
            raise ValueError("Expected a token of 16 characters or more")


class TelemetrySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Traces by OpenTelemetry; needs the extra `telemetry`."""

    endpoint: str = ""
    """Of a collector that takes OTLP over HTTP, such as `http://127.0.0.1:4318`; empty: no traces."""
    service_name: str = "openhall"
    sample_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.1
    """Of the requests, those that are traced."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for an address that is none."""
        if self.endpoint and urlsplit(self.endpoint).scheme not in {"http", "https"}:
            raise ValueError(f"Expected endpoint to begin with http:// or https://, got {self.endpoint!r}")
