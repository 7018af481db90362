"""What the server counts about itself, for Prometheus: a registry of our own, nothing personal in any label.

Counters move where things happen; everything that can be looked up is looked up when somebody asks. Labels
are names of ours (commands, codes, branches), so there are as many series as the bank has branches, and no
more however many people come.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter as TallyOf
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import msgspec
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from openhall import __version__
from openhall.app import machine
from openhall.app.findings import STATES
from openhall.kernel.clock import DAY_MS, SECOND_MS
from openhall.kernel.event import Request
from openhall.kernel.refusal import Refusal
from openhall.kernel.trouble import Trouble
from openhall.log import outbox
from openhall.log.book import Result
from openhall.log.outbox import Backlog

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

TURN_SECONDS: Final = 10.0

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


class Looked(msgspec.Struct, frozen=True):
    """What is on the disk at one moment."""

    free_bytes: int
    backup_ms: int | None
    """When the last backup was made; None where none was."""
    cleaned_ms: int | None
    """When personal data whose time had come was last looked for."""
    backlog: tuple[Backlog, ...]


class PresentState(Collector):
    """What is the case when somebody asks. What lies on the disk is looked at by turns, so that a disk that
    fails takes the metrics of everything else with it least of all."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._looked: Looked | None = None

    async def run_once(self) -> None:
        """Look at the disk."""
        try:
            self._looked = await self._app.outward.telling.blocking.run(self._look)
        except Trouble:
            self._looked = None
            raise

    def _look(self) -> Looked:
        app = self._app
        found = machine.last_backup(app.folder.path)
        free_bytes = shutil.disk_usage(app.folder.path).free
        cleaned = app.personal.clean_ups(1)
        return Looked(
            free_bytes=free_bytes,
            backup_ms=found.at_ms if found else None,
            cleaned_ms=cleaned[0].at_ms if cleaned else None,
            backlog=tuple(outbox.backlog(app.store)),
        )

    def describe(self) -> Iterable[Metric]:
        """Nothing: asking would take the state of the halls when the registry is made."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """The gauges."""
        yield from self._log()
        yield from self._halls()
        yield from self._twin()
        yield from self._beside()
        yield from self._machine()

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
        yield _gauge("openhall_branches", "Branches of the bank", len(app.bank.branches))
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

    def _machine(self) -> Iterable[Metric]:
        app = self._app
        health = GaugeMetricFamily("openhall_health", "0 in order, 1 degraded, 2 failed", labels=["part"])
        for finding in app.technical.findings:
            health.add_metric([finding.part], STATES.index(finding.state))
        yield health
        if self._looked is None:
            return
        now_ms = app.wall.now_ms()
        yield _gauge("openhall_disk_free_bytes", "Room for the log to grow", self._looked.free_bytes)
        for name, what, at_ms in (
            ("openhall_backup_age_seconds", "Since the last backup was made", self._looked.backup_ms),
            ("openhall_clean_up_age_seconds", "Since expired data was last erased", self._looked.cleaned_ms),
        ):
            if at_ms is not None:
                yield _gauge(name, what, (now_ms - at_ms) / SECOND_MS)
        waiting = {each.channel: each for each in self._looked.backlog}
        counts = GaugeMetricFamily("openhall_outbox_waiting", "Messages not sent yet", labels=["channel"])
        ages = GaugeMetricFamily(
            "openhall_outbox_oldest_seconds", "How long the oldest of them has waited", labels=["channel"]
        )
        for channel in dict.fromkeys((*app.messages.channels, *waiting)):
            found = waiting.get(channel)
            counts.add_metric([channel], found.count if found else 0)
            ages.add_metric([channel], (now_ms - found.oldest_ms) / SECOND_MS if found else 0)
        yield counts
        yield ages


def _gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, what, value=value)
