"""Traces by OpenTelemetry, where the extra is installed and a collector is named.

A trace says how long things took and by which route. It says nothing of who: segments of an address that
could be a ticket or a person are masked, and neither query, headers nor the caller's address are handed on.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from openhall import __version__
from openhall.app.service_settings import TelemetrySettings
from openhall.kernel.event import Request
from openhall.kernel.trouble import Trouble

if TYPE_CHECKING:
    from opentelemetry.trace import Span

PARTS: Final = (
    "opentelemetry.sdk",
    "opentelemetry.exporter.otlp.proto.http",
    "opentelemetry.instrumentation.asgi",
)
TRACES: Final = "/v1/traces"
NAMED: Final = re.compile(r"[0-9]|.{25,}")
"""A segment with a digit, or a long one, can be somebody's; our own words are neither."""
KEPT_HEADERS: Final = frozenset({b"traceparent", b"tracestate"})
REAL: Final = "openhall.scope"
NANOSECONDS: Final = 1_000_000_000


class TelemetryMissing(Trouble):
    """A collector is named, and the packages that speak to it are not installed."""

    code = "telemetry_missing"
    remedy = "Install openhall[telemetry], or leave endpoint under [telemetry] empty."


def tracing_of(settings: TelemetrySettings) -> Tracing | None:
    """None where no collector is named. Raises `TelemetryMissing`."""
    check_telemetry(settings)
    return Tracing(settings) if settings.endpoint else None


def check_telemetry(settings: TelemetrySettings) -> None:
    """Raise `TelemetryMissing` where a collector is named and the extra is not installed."""
    for part in PARTS if settings.endpoint else ():
        if not _is_there(part):
            raise TelemetryMissing(f"{part} cannot be imported", place="telemetry.endpoint")


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:
        return False


def masked(path: str) -> str:
    """An address with only our own words left in it."""
    return "/".join("*" if NAMED.search(segment) else segment for segment in path.split("/"))


class Tracing:
    """Spans of requests, commands and commits, sent in batches beside the server's work."""

    def __init__(self, settings: TelemetrySettings) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

        about = {"service.name": settings.service_name, "service.version": __version__}
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(settings.sample_share)),
            resource=Resource.create(about),
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(endpoint=settings.endpoint.rstrip("/") + TRACES)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("openhall", __version__)

    def close(self) -> None:
        """Send what waits, and end."""
        self._provider.shutdown()

    @contextmanager
    def command(self, request: Request) -> Iterator[Span]:
        """From the inbox through deciding and the commit to the answer."""
        about = {"openhall.command": type(request.command).__name__, "openhall.branch": request.stream.place}
        with self._tracer.start_as_current_span("command", attributes=about) as span:
            yield span

    def note_commit(self, seconds: float, commands_count: int) -> None:
        """A commit that has just ended; commands of several requests share it."""
        ended = time.time_ns()
        began = ended - int(seconds * NANOSECONDS)
        span = self._tracer.start_span(
            "commit", start_time=began, attributes={"openhall.commands": commands_count}
        )
        span.end(ended)

    def around(self, site: Any) -> Any:
        """The ASGI application, its requests traced. Event streams, which last for hours, are not."""
        from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

        async def inner(scope: Any, receive: Any, send: Any) -> None:
            await site(scope[REAL], receive, send)

        traced = OpenTelemetryMiddleware(
            inner, tracer_provider=self._provider, exclude_spans=["receive", "send"]
        )

        async def outer(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http" or scope["path"].endswith("/stream"):
                await site(scope, receive, send)
            else:
                await traced(_shown(scope), receive, send)

        return outer


def _shown(scope: Any) -> dict[str, Any]:
    path = masked(scope["path"])
    kept = {
        name: scope[name] for name in ("type", "asgi", "http_version", "method", "scheme") if name in scope
    }
    headers = [pair for pair in scope["headers"] if pair[0] in KEPT_HEADERS]
    return {
        **kept,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        REAL: scope,
    }
