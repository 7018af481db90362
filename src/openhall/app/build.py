"""Building openhall: configuration, clock and edges in, a running whole out."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from datetime import date
from functools import partial
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec

from openhall.access import approvals as approval_rules
from openhall.access import devices as device_rules
from openhall.access import managing
from openhall.app import appointments as appointment_desk
from openhall.app import heads, measures, nights, outward, planning, spoken, technical, ticket_links
from openhall.app.access_settings import OidcSettings, account_settings
from openhall.app.account_desk import AccountDesk
from openhall.app.appointments import AppointmentDesk
from openhall.app.bank_files import bank_in_force
from openhall.app.blocking import Blocking
from openhall.app.certificates import InUse
from openhall.app.clocks import SystemClock
from openhall.app.configuration import REFUSALS as CONFIGURATION_REFUSALS
from openhall.app.configuration import ConfigurationDesk
from openhall.app.device_desk import DeviceDesk
from openhall.app.folder import Folder
from openhall.app.heads import HeadDesk
from openhall.app.health import HealthDesk
from openhall.app.identity import IdentityProvider
from openhall.app.measures import Measures, PresentState
from openhall.app.nights import Nights
from openhall.app.outward import Outward
from openhall.app.plan_desk import PlanDesk
from openhall.app.plan_making import SECONDS as PLAN_SECONDS
from openhall.app.plan_making import PlanMaking
from openhall.app.read_models import PROJECTIONS
from openhall.app.settings import Settings
from openhall.app.spoken import SpokenCodes
from openhall.app.technical import TechnicalDesk
from openhall.app.ticket_links import TicketLinks
from openhall.app.tracing import tracing_of
from openhall.app.twin_desk import TwinDesk
from openhall.devices.speech import Speech, SpeechLimits
from openhall.flows.day import day_rules
from openhall.flows.series import QueueSeries
from openhall.hall.lending import helpers_of
from openhall.hall.model import ROOM as HALL
from openhall.hall.model import HallState
from openhall.hall.model.commands import OpenDay, Tick
from openhall.hall.model.deciding.ticking import is_due
from openhall.hall.model.waits import Waits
from openhall.hall.snapshot import Helper
from openhall.kernel.clock import DAY_MS, HOUR_MS, Clock, business_day
from openhall.kernel.event import SYSTEM, Answer, Recorded, Request, Room, StreamId
from openhall.kernel.refusal import Refusal, RefusalText, refusals
from openhall.kernel.trouble import Trouble
from openhall.log import accounts as accounts_log
from openhall.log import book as book_log
from openhall.log import consents
from openhall.log.accounts import Accounts
from openhall.log.approvals import Approvals
from openhall.log.book import Book
from openhall.log.hub import Hub
from openhall.log.keys import KeyRing
from openhall.log.personal import PersonalRecords
from openhall.log.rebuild import Projector
from openhall.log.sqlite import SqliteStore
from openhall.log.versions import keep_version
from openhall.log.writer import Writer
from openhall.network.calendar import moments_on
from openhall.network.model import Bank, Branch, NetworkVersion
from openhall.staffing.asking import PlanRequest
from openhall.staffing.refusals import REFUSALS as PLAN_REFUSALS
from openhall.workers.pool import Workers

ROOMS: tuple[Room[HallState], ...] = (HALL,)
"""Every room whose events are in the log."""

OPEN_AHEAD_MS = 2 * HOUR_MS
"""The clock opens a branch's day so long before its check-in, so that staff find it ready."""

SCHEDULE_SECONDS = 1.0
CHORES_SECONDS = 3_600.0
UPKEEP_SECONDS = 60.0
DEVICES_SECONDS = 5.0
CONFIGURATION_SECONDS = 5.0
BEAT_SECONDS = 2.0
"""A screen that hears nothing for two of these says that it is cut off: within the five seconds promised."""

Answered = TypeVar("Answered")
_log = logging.getLogger(__name__)


REFUSALS = refusals(
    branch_closed_today=(
        "The branch is closed on {day}.",
        "Open it by an exception in the bank's calendar, with a reason.",
    ),
    plan_changed=(
        "Somebody else has changed this plan in the meantime.",
        "Look at the plan as it is now, and make the change again.",
    ),
    plan_missing=("There is no plan of these days.", "Make a plan first."),
)


def refusal_texts() -> dict[str, RefusalText]:
    """Every code that openhall can refuse with, whichever part says it."""
    texts: dict[str, RefusalText] = {
        **REFUSALS,
        **CONFIGURATION_REFUSALS,
        **PLAN_REFUSALS,
        **book_log.REFUSALS,
        **accounts_log.REFUSALS,
        **outward.REFUSALS,
        **appointment_desk.REFUSALS,
        **consents.REFUSALS,
        **approval_rules.REFUSALS,
        **device_rules.REFUSALS,
        **managing.REFUSALS,
    }
    for room in ROOMS:
        texts |= room.refusals
    return texts


def identity_provider(settings: OidcSettings, clock: Clock) -> IdentityProvider | None:
    """The provider that is configured, if one is."""
    return IdentityProvider(settings, clock, os.urandom) if settings.issuer else None


def encode_event(recorded: Recorded) -> bytes:
    """An event as every screen gets it: who, when and what, as one server-sent event.

    `id` is what a browser sends back as Last-Event-ID. Made once however many listen.
    """
    envelope = {
        "position": recorded.position,
        "stream": str(recorded.stream),
        "seq": recorded.seq,
        "room": recorded.room,
        "at_ms": recorded.at_ms,
        "actor": recorded.actor,
        "event": msgspec.Raw(recorded.body),
    }
    return b"id: %d\nevent: hall\ndata: %b\n\n" % (recorded.position, msgspec.json.encode(envelope))


GARBAGE_THRESHOLDS = (10_000, 20, 50)
"""New containers before a young collection, young ones before a middle one, middle ones before a full one."""


def settle_memory() -> None:
    """Spare the collector what never becomes garbage: call it once, when everything is loaded.

    A full collection walks every object of every module and every ticket of every day, 0.1 to 0.2 s in which
    nobody is called: that was the 99th percentile of a command. What is loaded by now is set aside, and full
    collections come after ten million new objects in place of a hundred thousand. Halls, tickets and answers
    are in no cycles and go by themselves; the cycles of a request are young when they go.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)


class App:
    """One running installation. Built once; the doors hold on to it."""

    def __init__(
        self,
        folder: Folder,
        bank: Bank,
        store: SqliteStore,
        clock: Clock,
        workers: Workers | None = None,
        planners: Workers | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.wall = wall = SystemClock()
        self.folder, self.clock, self.store = folder, clock, store
        self.version: NetworkVersion = keep_version(store, bank, now_ms=wall.now_ms())
        self.book = Book(store, ROOMS, clock)
        self.measures = Measures()
        """Counts what happens, for `/metrics`."""
        self.writer = Writer(self.book)
        self.tracing = tracing_of(self.settings.telemetry)
        """Traces for a collector; None where none is named."""
        self.writer.on_commit = self._note_commit
        self.hub = Hub(self.book, encode_event)
        keys = KeyRing.read(folder.key)
        self._use_keys(keys)
        self._let_people_in()
        self._look_at_record()
        # One a branch, of the day that was last asked for: a process that runs for months keeps no old days.
        self._waits: dict[str, tuple[StreamId, int, int, Waits]] = {}
        self._series: dict[str, tuple[StreamId, QueueSeries]] = {}
        self._workers = workers
        self.nights = Nights(self, workers)
        """What is worked out once the halls are closed."""
        self.twin = TwinDesk(self, workers, lendable=self._helpers) if workers is not None else None
        """Without worker processes the plain rules answer, as they do when the workers are dead."""
        self.configuration = ConfigurationDesk(self, store)
        """Drafts, proposals and publication of the bank's configuration."""
        self.devices = DeviceDesk(self, store)
        """Screens, gates and printers: paired, heard of, printed on."""
        self.appointments = AppointmentDesk(self, os.urandom)
        """Booking ahead, on any day."""
        self.plans = PlanDesk(self, store)
        self.plan_making = PlanMaking(store, wall, planners, self._gather)
        self.outward = Outward(self)
        """What reaches people beside the screens."""
        self.messages, self.notices, self.alerts = self.outward.desks
        self.technical = TechnicalDesk(self, self.outward.telling, self.messages)
        """What of ours is broken, and who has taken it on."""
        self.heads = HeadDesk(self, keys)
        """Signed statements of where the log ends."""
        self._is_stopped = False
        self.tls: InUse | None = None
        """What the port shows to those who connect; None without TLS."""
        self.health = HealthDesk(self)
        """How each part is doing."""
        self._begin_to_listen()

    def _let_people_in(self) -> None:
        """Who may sign in, and who must agree to what."""
        self.approvals = Approvals(self.store, self.wall, os.urandom)
        """The two-person rule; each kind names in `carry_out` what happens on approval."""
        self.identity = identity_provider(self.settings.oidc, self.wall)
        """The bank's own identity provider; None where there is none."""
        self.account_desk = AccountDesk(
            self.accounts, self.approvals, lambda: self.bank, os.urandom, self.wall
        )
        own = self.settings.devices
        limits = SpeechLimits(kept_bytes=own.speech_kept_mib * 1024 * 1024)
        self.speech = Speech(self.folder.speech, own.speech_program, limits)
        """The voice for screens that have none."""

    def _look_at_record(self) -> None:
        """Say at once when the access record does not end as it was left. The hall goes on."""
        fault = self.accounts.record.fault_at_end()
        if fault is not None:
            _log.error("The access record does not hold together at row %s: %s", fault.row, fault.code)

    def _use_keys(self, keys: KeyRing) -> None:
        """What is sealed, and what proves that a link or a sentence is ours."""
        # People sign in, and personal data expires, by the real clock, also while a demo's day runs faster.
        store, wall = self.store, self.wall
        self.accounts = Accounts(store, wall, os.urandom, account_settings(self.settings.access), keys)
        self.personal = PersonalRecords(store, keys, wall, os.urandom, self.bank.privacy)
        self.personal.check_keys()
        public_address = self.settings.server.public_address
        self.links = TicketLinks(keys.derive(ticket_links.PURPOSE), public_address)
        self.appointment_links = TicketLinks(keys.derive(appointment_desk.PURPOSE), public_address, "a")
        self.spoken = SpokenCodes(keys.derive(spoken.PURPOSE))
        """Only those sentences are said aloud."""

    def _begin_to_listen(self) -> None:
        """Everything is there: let it hear what is committed, and be asked how it is."""
        self._tasks: list[asyncio.Task[None]] = []
        self._blocking = Blocking()
        self.present = PresentState(self)
        """What is the case now, for `/metrics`."""
        self.measures.registry.register(self.present)
        for listener in (self._note_series, self.outward.note):
            self.book.listen(listener)
        if self.twin is not None:
            self.book.listen(self.twin.note)
            self.book.listen(self.nights.note)

    @property
    def bank(self) -> Bank:
        """The bank as configured now; a day goes on under the version that it opened with."""
        return self.version.bank

    def take_bank(self, version: NetworkVersion) -> None:
        """Go by another bank from now on; a day that is open keeps its rules."""
        self.version = version
        self.personal.policy = version.bank.privacy

    @property
    def is_stopped(self) -> bool:
        """Whether it takes no commands any more."""
        return self._is_stopped

    # -- running --------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take commands, and let the clock do its part."""
        await self.writer.start()
        for name, turn, seconds in self._turns():
            self._tasks.append(
                asyncio.create_task(self._repeat(name, turn, seconds), name=f"openhall-{name}")
            )

    def _turns(self) -> list[tuple[str, Callable[[], Awaitable[None]], float]]:
        """(name, turn, seconds between two) of everything that is done again and again."""
        projector = Projector(self.store, ROOMS, PROJECTIONS)
        twin = [] if self.twin is None else [("twin", self.twin.run, UPKEEP_SECONDS)]
        return [
            ("schedule", self.run_schedule_once, SCHEDULE_SECONDS),
            ("plan desk", self.plans.run_once, SCHEDULE_SECONDS),
            ("chore", self.run_chores_once, CHORES_SECONDS),
            ("learning", self.nights.learn_once, nights.TURN_SECONDS),
            ("day record", self.nights.record_once, nights.TURN_SECONDS),
            ("approval", self.approvals.run_once, UPKEEP_SECONDS),
            ("account desk", self.account_desk.run_once, UPKEEP_SECONDS),
            ("device", self.devices.run_once, DEVICES_SECONDS),
            ("configuration", self.configuration.run_once, CONFIGURATION_SECONDS),
            *self.outward.turns(),
            ("technical", self.technical.run_once, technical.TURN_SECONDS),
            ("measures", self.present.run_once, measures.TURN_SECONDS),
            ("session", self.run_sessions_once, UPKEEP_SECONDS),
            ("statement of heads", self.heads.run_once, heads.TURN_SECONDS),
            ("beats", self._beat, BEAT_SECONDS),
            # These go on by themselves, and begin anew after a fault.
            ("read models", partial(projector.run, self.hub), UPKEEP_SECONDS),
            *twin,
        ]

    async def stop(self) -> None:
        """End the streams, carry out what waits, and let the file go; a second stop does nothing."""
        if self._is_stopped:
            return
        self._is_stopped = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._blocking.finish()
        self.devices.stop()
        self.plan_making.stop()
        self.hub.close()
        await self.outward.close()
        await self.writer.stop()
        self.store.close()
        if self.tracing is not None:
            await asyncio.to_thread(self.tracing.close)

    async def _repeat(self, name: str, turn: Callable[[], Awaitable[None]], seconds: float) -> None:
        """Take a turn again and again; the next one comes whatever happened in this one."""
        while True:
            try:
                await turn()
            except Trouble as trouble:
                _log.warning("The %s waits: %s (%s)", name, trouble, trouble.code)
            except Exception:  # noqa: BLE001 - a fault in one turn must not end the others
                _log.exception("A turn of the %s failed", name)
            await asyncio.sleep(seconds)

    async def run_chores_once(self) -> None:
        """Erase personal data and sessions whose time has come; what went is in the server's log."""
        await self._blocking.run(self._do_chores)

    def _do_chores(self) -> None:
        expired, sessions_count = self.personal.expire(), self.accounts.drop_expired()
        oldest = "none" if expired.oldest_created_ms is None else f"{expired.oldest_created_ms} ms"
        _log.info(
            "Chores: %s personal records erased (oldest written at %s), %s sessions dropped",
            expired.count,
            oldest,
            sessions_count,
        )
        self._trim_records()

    def _trim_records(self) -> None:
        """Remove what is on record of colleagues for longer than the bank keeps it; that is on record too."""
        before_ms = self.wall.now_ms() - self.settings.access.record_keep_days * DAY_MS
        rows_count, looks_count = self.accounts.record.trim(before_ms), self.personal.trim_looks(before_ms)
        if rows_count or looks_count:
            _log.info("Trimmed: %s rows of the access record, %s looks", rows_count, looks_count)

    async def run_sessions_once(self) -> None:
        """Write down which sessions are in use."""
        await self._blocking.run(self.accounts.keep_seen)

    async def _beat(self) -> None:
        self.hub.beat()

    async def run_schedule_once(self) -> None:
        """Open the days that are due, and let time do its work where there is some."""
        now_ms = self.clock.now_ms()
        for branch in self.bank.branches:
            stream = self.today(branch)
            state = self.hall(stream)
            if state is None:
                moments = moments_on(self.bank, branch, stream.day)
                if moments and moments.checkin_ms - OPEN_AHEAD_MS <= now_ms < moments.closes_ms:
                    await self.open_day(branch, SYSTEM)
            elif not state.is_ended and is_due(state, now_ms):
                await self.submit(Request(stream, f"{SYSTEM} tick {now_ms}", SYSTEM, Tick()))

    async def work(self, question: Callable[..., Answered], *about: object, seconds: float) -> Answered:
        """The answer of a worker process; of a thread where none runs beside the server. Raises `Trouble`."""
        if self._workers is None:
            return await asyncio.to_thread(question, *about)
        return await self._workers.ask(question, *about, seconds=seconds)

    # -- days and states ------------------------------------------------------------------------------

    def today(self, branch: Branch) -> StreamId:
        """The stream of a branch's present business day."""
        return StreamId(branch.id, self.local_day(branch))

    def local_day(self, branch: Branch) -> date:
        """The branch's calendar day now."""
        return business_day(self.clock.now_ms(), ZoneInfo(branch.timezone))

    def hall(self, stream: StreamId) -> HallState | None:
        """The committed state of a hall's day; None before it was opened. Look, do not keep."""
        state: HallState = self.book.committed(stream, HALL.name)
        return state if state.rules is not None else None

    def open_days(self) -> list[StreamId]:
        """Today's days that have begun and not ended."""
        days = (self.today(branch) for branch in self.bank.branches)
        return [day for day in days if (state := self.hall(day)) is not None and not state.is_ended]

    def open_halls(self) -> dict[str, HallState]:
        """Today's halls that have begun and not ended, by branch. Look, do not keep."""
        return {day.place: state for day in self.open_days() if (state := self.hall(day)) is not None}

    def next_seq(self, stream: StreamId) -> int:
        """Above the number of every event of a day so far."""
        return self.book.committed_seq(stream) + 1

    def believed(self, branch: str) -> bytes:
        """The latest habits of a branch as JSON; empty when none were learned."""
        return self.nights.believed(branch)

    def waits(self, stream: StreamId) -> Waits:
        """The waits of this second: worked out once however many screens ask."""
        state = self.hall(stream)
        if state is None:
            raise ValueError(f"Expected an opened day, got {stream}")
        now_ms = self.clock.now_ms()
        moment = (stream, self.book.committed_seq(stream), now_ms // 1_000)
        kept = self._waits.get(stream.place)
        if kept is None or kept[:3] != moment:
            kept = self._waits[stream.place] = (*moment, Waits(state, now_ms))
        return kept[3]

    def series(self, stream: StreamId) -> QueueSeries:
        """The day minute by minute; folded from the log when first asked for."""
        kept = self._series.get(stream.place)
        if kept is None or kept[0] != stream:
            found, state = QueueSeries(), HALL.initial(stream)
            for recorded in self.store.read(stream=stream):
                HALL.apply(state, HALL.read(recorded.type, recorded.version, recorded.body), recorded.stamp)
                found.note(state, recorded.at_ms)
            kept = self._series[stream.place] = (stream, found)
        return kept[1]

    def _note_series(self, events: Sequence[Recorded]) -> None:
        for recorded in events:
            kept = self._series.get(recorded.stream.place)
            if kept is not None and kept[0] == recorded.stream:
                kept[1].note(self.book.committed(recorded.stream, HALL.name), recorded.at_ms)

    def _helpers(self, stream: StreamId) -> tuple[Helper, ...]:
        """Who of the neighbouring branches could help out in a hall now."""
        halls, most = self.open_halls(), self.bank.staffing.travel_minutes_most
        now_ms = self.clock.now_ms()
        return helpers_of(stream.place, self.bank.neighbours, halls, now_ms, travel_minutes_most=most)

    def _gather(self, branch: str, first: date) -> PlanRequest:
        """Everything that a plan of a branch's days rests on."""
        request = planning.gather(self.store, self.bank, self.version.version, branch, first)
        return msgspec.structs.replace(request, seconds=PLAN_SECONDS)

    # -- commands -------------------------------------------------------------------------------------

    def _note_commit(self, seconds: float, commands_count: int) -> None:
        self.measures.note_commit(seconds, commands_count)
        if self.tracing is not None:
            self.tracing.note_commit(seconds, commands_count)

    async def submit(self, request: Request) -> Answer | Refusal:
        """Carry out a command; it is on disk when this returns. Raises `Trouble`."""
        began = self.measures.begin()
        try:
            with self.tracing.command(request) if self.tracing is not None else nullcontext():
                result = await self.writer.submit(request)
        except Trouble as trouble:
            self.measures.note_command(request, trouble, began)
            raise
        self.measures.note_command(request, result, began)
        return result

    async def open_day(self, branch: Branch, actor: str, command_id: str | None = None) -> Answer | Refusal:
        """Open today's day of a branch under the bank's present version."""
        stream = self.today(branch)
        rules = day_rules(self.version, branch.id, stream.day)
        if rules is None:
            return Refusal("branch_closed_today", "branch_id", {"day": stream.day.isoformat()})
        return await self.submit(
            Request(stream, command_id or f"{SYSTEM} open {stream}", actor, OpenDay(rules))
        )


def build(
    folder: Folder,
    clock: Clock | None = None,
    *,
    open_store: Callable[[Folder], SqliteStore] | None = None,
    workers: Workers | None = None,
    planners: Workers | None = None,
    settings: Settings | None = None,
) -> App:
    """Build an installation from its folder. Raises `Trouble`: no folder, a mistake in the files, a lock.

    With `workers` the twin answers while it runs; `planners` are others, so that a plan in the making keeps
    nobody from being told a wait.
    """
    folder.require()
    chosen = settings or Settings()
    store = open_store(folder) if open_store else SqliteStore.open(folder.database)
    try:
        bank = bank_in_force(
            folder,
            store,
            single_operator=chosen.configuration.single_operator,
            now_ms=SystemClock().now_ms(),
        )
        return App(folder, bank, store, clock or SystemClock(), workers, planners, settings)
    except BaseException:
        store.close()
        raise
