"""The people of the soak: `python -m openhall.cli.bench.soak_people`, jobs in, reports out.

Everybody acts as at a screen of their own: they see their branch by its event stream, press by the HTTP API
with their own account, side by side, and look at the stream again before they go on. The invented people are
those of `openhall rehearse` and `openhall demo`.
"""

import asyncio
import re
import sys
from collections import Counter
from collections.abc import Callable
from time import process_time
from typing import Union, cast

import msgspec

from openhall.access import rights
from openhall.cli.bench import soak_jobs as jobs
from openhall.cli.bench.client import HOST, Line
from openhall.cli.bench.soak_bank import DAY, Post
from openhall.hall.model import ROOM as HALL
from openhall.hall.model.events import TicketCalled, TicketIssued, WaitsTold
from openhall.kernel.clock import SECOND_MS
from openhall.kernel.event import SYSTEM, Answer, Request, Stamp, StreamId
from openhall.kernel.refusal import Refusal
from openhall.network.model import Role
from openhall.rehearsal.cast import Cast, Scene
from openhall.rehearsal.invented import InventedParameters, invented_cast

FRAME = re.compile(rb"(?:id: \d+\n)?event: (\w+)\ndata: (.*)\n\n")
AGAIN_SECONDS = 1.0
"""After an answer that is none (the server is busy, or ill) the same command is sent again."""
AT_THE_DOOR: tuple[Role, ...] = ("guard", "lobby", "manager")
"""Whose screen is used for what no teller does: the first of these that may."""
SETTLE_SECONDS = 30.0
LOOK_SECONDS = 0.1


class Told(msgspec.Struct, frozen=True):
    """An event as the stream brings it."""

    stream: str
    seq: int
    at_ms: int
    actor: str
    event: msgspec.Raw


class Answered(msgspec.Struct, frozen=True):
    """A command that was carried out."""

    seq: int
    events: tuple[Union[HALL.events], ...]  # type: ignore[name-defined]  # noqa: UP007


class Refused(msgspec.Struct, frozen=True):
    """A problem; its code says which."""

    code: str


_told = msgspec.json.Decoder(Told)
_answered = msgspec.json.Decoder(Answered)
_refused = msgspec.json.Decoder(Refused)


class Tally:
    """What was measured."""

    def __init__(self) -> None:
        self.latencies_us: list[int] = []
        self.refused: Counter[str] = Counter()
        self.again: Counter[str] = Counter()
        self.called: list[jobs.Called] = []
        self.faults: list[str] = []
        self.cpu_since = 0.0
        self.tickets = self.tickets_before = 0

    def mark(self) -> None:
        """Measure from now on."""
        self.latencies_us, self.cpu_since = [], process_time()
        self.refused.clear()
        self.tickets_before = self.tickets

    def report(self) -> jobs.Played:
        """All of it."""
        return jobs.Played(
            latencies_us=self.latencies_us,
            cpu_seconds=process_time() - self.cpu_since,
            refused=dict(self.refused),
            again=dict(self.again),
            tickets_before=self.tickets_before,
            called=self.called,
            faults=self.faults[:20],
        )


class Press:
    """One command on its way: the script of a `Line`."""

    def __init__(self, body: bytes, hear: Callable[[int, bytes, int], None]) -> None:
        self.refused = 0
        self._body: bytes | None = body
        self._hear = hear

    def ask(self) -> bytes | None:
        """The request, once."""
        body, self._body = self._body, None
        return body

    def hear(self, status: int, body: bytes, latency_ns: int) -> None:
        """The answer."""
        self._hear(status, body, latency_ns)


class Screen(asyncio.Protocol):
    """The event stream of a branch from the day's first event on."""

    def __init__(self, request: bytes, hear: Callable[[list[bytes]], None]) -> None:
        self._request = request
        self._hear = hear
        self._part = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for it."""
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        """Hand on the events of whole frames."""
        data = self._part + data if self._part else data
        end = data.rfind(b"\n\n") + 2
        if end < 2:
            self._part = data
            return
        self._part = data[end:]
        bodies = [body for kind, body in FRAME.findall(data, 0, end) if kind == b"hall"]
        if bodies:
            self._hear(bodies)


class Branch:
    """A branch with everybody in it."""

    def __init__(self, post: Post, play: jobs.Play, number: int, tally: Tally) -> None:
        self._post = post
        self._play = play
        self._tally = tally
        self._clock = play.pace.clock()
        self._stream = StreamId(post.branch, DAY)
        self._parameters = InventedParameters(surge_factor=play.surge, seed=play.seed * 1_000 + number)
        self._state = HALL.initial(self._stream)
        self._seq = 0
        self._cast: Cast | None = None
        self._lines: list[Line] = []
        self._waiting: list[tuple[int, str, Answer]] = []
        """Answers that wait until the screen shows what they did: (seq, command id, answer)."""
        self._timer: asyncio.TimerHandle | None = None
        self.under_way = 0
        self.is_stopped = False

    async def open(self) -> None:
        """Look at the stream; the day begins for its people when it has been opened."""
        request = (
            f"GET /api/branches/{self._post.branch}/stream?after=0 HTTP/1.1\r\nhost: {HOST}\r\n"
            f"authorization: Bearer {self._post.tokens['manager']}\r\naccept: text/event-stream\r\n\r\n"
        ).encode()
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: Screen(request, self._see), HOST, self._play.port)

    def _see(self, bodies: list[bytes]) -> None:
        is_news = False
        for body in bodies:
            told = _told.decode(body)
            if told.seq != self._seq + 1:
                self._tally.faults.append(f"{self._post.branch}: seq {told.seq} after {self._seq}")
            event = HALL.event_decoder.decode(told.event)
            HALL.apply(self._state, event, Stamp(told.seq, told.at_ms, told.actor))
            self._seq = told.seq
            is_news = is_news or not isinstance(event, WaitsTold)
        if self._cast is None:
            self._enter()
        for seq, command_id, answer in self._waiting:
            if seq <= self._seq:
                self._hear_answer(command_id, answer)
        self._waiting = [waiting for waiting in self._waiting if waiting[0] > self._seq]
        if is_news and self._cast is not None:
            self._cast.scene.now_ms = max(self._cast.scene.now_ms, self._clock.now_ms())
            self._cast.news()
        self.act()

    def _enter(self) -> None:
        if self._state.rules is None:
            return
        scene = Scene(self._state, self._clock.now_ms())
        rules = self._state.day_rules
        self._cast = invented_cast(self._stream, rules, self._parameters, scene, prefix="soak")
        self._cast.is_side_by_side = True

    def act(self) -> None:
        """Everybody who has something to ask by now asks it; then till the next one is due."""
        if self._cast is None or self.is_stopped:
            return
        while (request := self._cast.request(self._clock.now_ms(), self._state)) is not None:
            self._send(request)
        if self._timer is not None:
            self._timer.cancel()
        due_ms = self._cast.due_ms()
        if due_ms is not None:
            wait_s = max(0, due_ms - self._clock.now_ms()) / SECOND_MS / self._play.pace.speed
            self._timer = asyncio.get_running_loop().call_later(wait_s, self.act)

    def _send(self, request: Request) -> None:
        if request.actor == SYSTEM:
            # The clock's own commands are the server's: nobody can ask for them.
            assert self._cast is not None
            self._cast.told(Refusal("by_the_clock"), request.command_id)
            return
        self.under_way += 1
        body = msgspec.json.encode(request.command)
        name = type(request.command).__name__
        head = (
            f"POST /api/branches/{self._post.branch}/commands/{name} HTTP/1.1\r\nhost: {HOST}\r\n"
            f"authorization: Bearer {self._token(request.actor, name)}\r\ncontent-type: application/json\r\n"
            f"accept: application/json\r\ncontent-length: {len(body)}\r\n"
            f"idempotency-key: {request.command_id}\r\n\r\n"
        ).encode()
        self._press(request, head + body)

    def _press(self, request: Request, sent: bytes) -> None:
        self._lines = [line for line in self._lines if line.is_open]
        line = self._lines.pop() if self._lines else None
        script = Press(sent, lambda status, body, ns: self._hear(request, sent, status, body, ns))
        if line is not None:
            line.run(script, lambda: self._lines.append(line), lambda: self._press_again(request, sent))
        else:
            task = asyncio.get_running_loop().create_task(self._press_on_new_line(script))
            _keep(task)

    def _press_again(self, request: Request, sent: bytes) -> None:
        """As a browser does; the key of the command makes sure that it is done once."""
        self._tally.again["hung_up"] += 1
        self._press(request, sent)

    async def _press_on_new_line(self, script: Press) -> None:
        _, line = await asyncio.get_running_loop().create_connection(Line, HOST, self._play.port)
        line.run(script, lambda: self._lines.append(line))

    def _token(self, actor: str, command: str) -> str:
        own = self._post.tokens.get(actor)
        if own is not None and rights.may("teller", command):
            return own
        return self._post.tokens[next(role for role in AT_THE_DOOR if rights.may(role, command))]

    def _hear(self, request: Request, sent: bytes, status: int, body: bytes, latency_ns: int) -> None:
        self._tally.latencies_us.append(latency_ns // 1_000)
        if status == 200:
            self._hear_done(request, _answered.decode(body))
        elif status == 429 or status >= 500:
            self._tally.again[str(status)] += 1
            asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._press, request, sent)
        else:
            code = _refused.decode(body).code
            self._tally.refused[code] += 1
            self._hear_answer(request.command_id, Refusal(code))
            self.act()

    def _hear_done(self, request: Request, answered: Answered) -> None:
        first_seq = answered.seq - len(answered.events) + 1
        for seq, event in enumerate(answered.events, first_seq):
            self._tally.tickets += isinstance(event, TicketIssued)
            if isinstance(event, TicketCalled):
                called = jobs.Called(self._post.branch, seq, event.ticket_id, event.counter_id)
                self._tally.called.append(called)
        answer = Answer(answered.seq, answered.events)
        if answered.seq > self._seq:
            self._waiting.append((answered.seq, request.command_id, answer))
        else:
            self._hear_answer(request.command_id, answer)
            self.act()

    def _hear_answer(self, command_id: str, answer: Answer | Refusal) -> None:
        assert self._cast is not None
        self.under_way -= 1
        self._cast.scene.now_ms = max(self._cast.scene.now_ms, self._clock.now_ms())
        self._cast.told(answer, command_id)


_tasks: set[asyncio.Task[None]] = set()


def _keep(task: asyncio.Task[None]) -> None:
    """The loop itself keeps only a weak hold of a task."""
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


class People:
    """All branches of this process."""

    def __init__(self) -> None:
        self._branches: list[Branch] = []
        self._tally = Tally()

    async def carry_out(self, job: jobs.Job) -> jobs.Report:
        """One job."""
        if isinstance(job, jobs.Play):
            self._branches = [Branch(post, job, n, self._tally) for n, post in enumerate(job.posts)]
            for branch in self._branches:
                await branch.open()
        elif isinstance(job, jobs.Mark):
            self._tally.mark()
        elif isinstance(job, jobs.Stop):
            await self._stop()
            return self._tally.report()
        return jobs.Done()

    async def _stop(self) -> None:
        for branch in self._branches:
            branch.is_stopped = True
        for _look in range(round(SETTLE_SECONDS / LOOK_SECONDS)):
            if not any(branch.under_way for branch in self._branches):
                return
            await asyncio.sleep(LOOK_SECONDS)
        left = sum(branch.under_way for branch in self._branches)
        self._tally.faults.append(f"{left} commands were not answered")


async def _serve() -> None:
    people = People()
    while job := await asyncio.to_thread(sys.stdin.buffer.readline):
        report = await people.carry_out(jobs.job_decoder.decode(job))
        sys.stdout.buffer.write(jobs.encode(report) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(_serve())
