"""What the server counts about itself, for Prometheus: a registry of our own, nothing personal in any label.

Counters move where things happen; everything that can be looked up is looked up when somebody asks. Labels
are names of ours (commands, codes, branches), so there are as many series as the bank has branches, and no
more however many people come.
"""

from __future__ import annotations

import time
from collections import Counter as TallyOf
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from openhall import __version__
from openhall.kernel.clock import DAY_MS
from openhall.kernel.event import Request
from openhall.kernel.refusal import Refusal
from openhall.kernel.trouble import Trouble
from openhall.log.book import Result

if TYPE_CHECKING:
    from openhall.app.build import App

BRANCHES_AT_MOST: Final = 2_000
"""With a series for each of them; the bank's totals are there however many there are."""
COMMAND_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
COMMIT_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
REQUEST_BUCKETS: Final = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0)
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD: Final = "other"
"""HTTP lets anybody make up a method, and each made-up one would be a series for ever."""
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Seconds = Callable[[], float]


class Measures:
    """Counters and histograms of one running installation."""

    def __init__(self, seconds: Seconds = time.perf_counter) -> None:
        self._seconds = seconds
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        self.commands = Counter(
            "openhall_commands",
            "Commands by their name and by what became of them",
            ["command", "outcome"],
            registry=self.registry,
        )
        self.refusals = Counter(
            "openhall_refusals", "Refused commands by code", ["code"], registry=self.registry
        )
        self.troubles = Counter(
            "openhall_troubles", "Commands that failed, by code", ["code"], registry=self.registry
        )
        self.command_seconds = Histogram(
            "openhall_command_seconds",
            "From the inbox to the answer",
            buckets=COMMAND_BUCKETS,
            registry=self.registry,
        )
        self.commit_seconds = Histogram(
            "openhall_commit_seconds", "Synced commits", buckets=COMMIT_BUCKETS, registry=self.registry
        )
        self.commit_commands = Histogram(
            "openhall_commit_commands",
            "Commands that share a commit",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
            registry=self.registry,
        )
        self.requests = Counter(
            "openhall_requests",
            "Answers by the pattern of the address and the status",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "openhall_request_seconds",
            "To the answer's first byte",
            buckets=REQUEST_BUCKETS,
            registry=self.registry,
        )

    def begin(self) -> float:
        """A moment to measure from."""
        return self._seconds()

    def note_command(self, request: Request, result: Result, began: float) -> None:
        """A command was answered."""
        outcome = "accepted"
        if isinstance(result, Refusal):
            outcome = "refused"
            self.refusals.labels(result.code).inc()
        elif isinstance(result, Trouble):
            outcome = "failed"
            self.troubles.labels(result.code).inc()
        self.commands.labels(type(request.command).__name__, outcome).inc()
        self.command_seconds.observe(self._seconds() - began)

    def note_commit(self, seconds: float, commands_count: int) -> None:
        """A batch is on the disk."""
        self.commit_seconds.observe(seconds)
        self.commit_commands.observe(commands_count)

    def note_request(self, method: str, route: str, status: int, began: float) -> None:
        """An answer has begun."""
        named = method if method in METHODS else OTHER_METHOD
        self.requests.labels(named, route, str(status)).inc()
        self.request_seconds.observe(self._seconds() - began)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)


class PresentState(Collector):
    """What is the case when somebody asks."""

    def __init__(self, app: App) -> None:
        self._app = app

    def describe(self) -> Iterable[Metric]:
        """Nothing: asking would take the state of the halls when the registry is made."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """The gauges."""
        yield from self._log()
        yield from self._halls()
        yield from self._twin()
        yield from self._beside()

    def _log(self) -> Iterable[Metric]:
        app = self._app
        info = GaugeMetricFamily("openhall_info", "The release that runs", labels=["version", "bank"])
        info.add_metric([__version__, app.version.version], 1)
        yield info
        yield _gauge("openhall_log_position", "Events in the log", app.book.position)
        yield _gauge("openhall_writer_waiting", "Commands that wait for the writer", app.writer.waiting_count)
        yield _gauge("openhall_days_loaded", "Days kept in memory", app.book.streams_loaded_count)
        yield _gauge("openhall_streams_open", "Open event streams", app.hub.listener_count)
        yield _gauge("openhall_streams_behind", "Streams with events on their way", app.hub.behind_count)
        yield _gauge("openhall_stream_resyncs", "Streams that fell too far behind", app.hub.resync_count)

    def _halls(self) -> Iterable[Metric]:
        app = self._app
        halls = app.open_halls()
        waiting = GaugeMetricFamily("openhall_waiting", "People in line", labels=["branch"])
        counters = GaugeMetricFamily("openhall_counters_calling", "Counters that call", labels=["branch"])
        for branch, state in list(halls.items())[:BRANCHES_AT_MOST]:
            waiting.add_metric([branch], len(state.line))
            counters.add_metric([branch], sum(k.is_calling for k in state.counters.values()))
        yield _gauge("openhall_days_open", "Halls whose day has begun and not ended", len(halls))
        yield waiting
        yield counters

    def _twin(self) -> Iterable[Metric]:
        twin = self._app.twin
        if twin is None:
            return
        health = twin.health
        yield _gauge("openhall_twin_up", "Whether the last question was answered", int(health.is_ok))
        yield _gauge("openhall_twin_answers", "Answers since the start", health.answered_count)
        yield _gauge("openhall_twin_failures", "Questions without an answer", health.failed_count)
        yield _gauge("openhall_twin_age_seconds", "Since the hall told longest ago", twin.age_ms / 1_000)
        yield _gauge("openhall_twin_due", "Halls that wait for their turn", twin.due_count)

    def _beside(self) -> Iterable[Metric]:
        app = self._app
        devices = GaugeMetricFamily("openhall_devices", "Devices by kind and state", labels=["kind", "state"])
        for (kind, state), count in TallyOf((d.kind, d.state) for d in app.devices.health()).items():
            devices.add_metric([kind, state], count)
        yield devices
        alerts = GaugeMetricFamily("openhall_alerts", "Alerts that stand, by level", labels=["kind", "level"])
        for (kind, level), count in TallyOf((a.kind, str(a.level)) for a in app.alerts.standing()).items():
            alerts.add_metric([kind, level], count)
        yield alerts
        technical = GaugeMetricFamily(
            "openhall_technical_troubles", "What of ours is broken", labels=["part", "level"]
        )
        for (part, level), count in TallyOf((a.part, str(a.level)) for a in app.technical.standing()).items():
            technical.add_metric([part, level], count)
        yield technical
        channels = GaugeMetricFamily("openhall_channel_failures", "Failures in a row", labels=["channel"])
        for channel, health in app.messages.health.items():
            channels.add_metric([channel], health.failures)
        yield channels
        if app.tls is not None:
            left_ms = app.tls.certificate.until_ms - app.wall.now_ms()
            refused = int(bool(app.tls.refused))
            yield _gauge("openhall_certificate_days_left", "Until the certificate runs out", left_ms / DAY_MS)
            yield _gauge("openhall_certificate_refused", "Whether a new one lies there unused", refused)
            yield _gauge("openhall_certificate_renewals", "Since the start", app.tls.renewals_count)


def _gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, what, value=value)
