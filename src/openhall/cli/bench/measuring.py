"""The measures that need the server: the mix against its ceiling, the drain, the fan-out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from statistics import median

from openhall.cli.bench import jobs
from openhall.cli.bench.installation import BenchFailed, counter_ids
from openhall.cli.bench.processes import ClientProcess, ServerProcess
from openhall.cli.language import _

TURNS = 8
"""No-op and mix take turns so many times each, so that noise hits both alike."""

WARM_SECONDS = 0.5
DRAIN_ROUNDS = 5
"""Drains whose times are put together: with one drain of 400 a counter's p99 is its slowest call of 50."""

DRAIN_TICKETS = 400
DRAIN_KIOSKS = 8
LISTENERS = 1_000
EVENTS = 40


def percentile(values: Sequence[int], share: float) -> float:
    """The smallest value that so large a share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


class Hall:
    """A served bank, and the client that plays its people."""

    def __init__(
        self,
        server: ServerProcess,
        client: ClientProcess,
        seats: Sequence[jobs.Seat],
        note: Callable[..., None],
    ) -> None:
        self._server = server
        self._client = client
        self._seats = seats
        self._note = note

    def open(self) -> None:
        """Open the doors and every counter. The clock has opened the days by itself, or does it here."""
        self._note(_("opening the branches"))
        tokens = {seat.branch: seat for seat in self._seats}
        for seat in tokens.values():
            self._server.post(seat, "/day", unless=b"day_already_open")
            self._server.post(seat, "/commands/OpenDoors", {})
        for seat in self._seats:
            body = {"counter_id": seat.counter, "person_id": f"{seat.branch}-{seat.counter.lower()}"}
            self._server.post(seat, "/commands/OpenCounter", body)

    def mix(self, clients: int, seconds: float) -> dict[str, float]:
        """Issue, call, start, finish by so many clients, in turns with the no-op."""
        group = str(clients)
        self._client.carry_out(jobs.Connect(group, [list(self._seats[n::clients]) for n in range(clients)]))
        for is_noop in (True, False):
            self._run(group, WARM_SECONDS, is_noop=is_noop)
        noops, mixes, cpu_seconds = [], [], 0.0
        for turn in range(TURNS):
            self._note(
                _("{clients} clients, turn {turn} of {turns}", clients=clients, turn=turn + 1, turns=TURNS)
            )
            noops.append(self._run(group, seconds / TURNS, is_noop=True))
            before = self._server.cpu_seconds()
            mixes.append(self._run(group, seconds / TURNS, is_noop=False))
            cpu_seconds += self._server.cpu_seconds() - before
        self._run(group, 0, is_noop=False)
        latencies = _latencies(mixes)
        noop_rps, ops_rps = _rate(noops), _rate(mixes)
        p50, p99 = percentile(latencies, 0.5), percentile(latencies, 0.99)
        return {
            "noop_rps": noop_rps,
            "ops_rps": ops_rps,
            "ops_ratio": ops_rps / noop_rps,
            "p50_ms": p50 / 1_000,
            "p99_ms": p99 / 1_000,
            "p99_over_p50": p99 / p50,
            "noop_p99_over_p50": percentile(_latencies(noops), 0.99) / percentile(_latencies(noops), 0.5),
            "cpu_ms_per_op": 1_000 * cpu_seconds / len(latencies),
            "client_cpu_share": _client_share(mixes),
            "client_cpu_share_noop": _client_share(noops),
        }

    def _run(self, group: str, seconds: float, *, is_noop: bool) -> jobs.Ran:
        ran = self._client.carry_out(jobs.Run(group, seconds, is_noop))
        assert isinstance(ran, jobs.Ran)
        if ran.refused or (seconds and not ran.latencies_us):
            raise BenchFailed(f"{ran.refused} of {len(ran.latencies_us)} requests were refused", place=group)
        return ran

    def drain(self) -> dict[str, float]:
        """Every counter of a branch presses Next until nobody waits."""
        doubles, shared = 0, 0
        pooled: list[list[int]] = [[] for _ in counter_ids()]
        branches = list({seat.branch: seat for seat in self._seats}.values())
        for round_ in range(DRAIN_ROUNDS):
            self._note(_("drain {round} of {rounds}", round=round_ + 1, rounds=DRAIN_ROUNDS))
            seat = branches[round_ % len(branches)]
            drained = self._client.carry_out(
                jobs.Drain(seat.branch, counter_ids(), seat.token, DRAIN_TICKETS, DRAIN_KIOSKS)
            )
            assert isinstance(drained, jobs.Drained)
            if drained.refused or not len(drained.called) >= len(drained.numbers) == DRAIN_TICKETS:
                raise BenchFailed(
                    f"{len(drained.numbers)} tickets issued, {len(drained.called)} called, "
                    f"{drained.refused} refusals",
                    place=seat.branch,
                )
            doubles += _repeats(drained.called)
            shared += _repeats(drained.numbers)
            for times, more in zip(pooled, drained.next_us, strict=True):
                times += more
        every = [us for times in pooled for us in times]
        worst = max(percentile(times, 0.99) for times in pooled)
        return {
            "double_calls": doubles,
            "shared_numbers": shared,
            "counter_p99_ratio": worst / median(every),
            "next_p50_ms": median(every) / 1_000,
            "drained": len(every),
        }

    def fan_out(self) -> dict[str, float]:
        """Server CPU for events to many open streams, beyond that of the same events to nobody."""
        seat = self._seats[0]
        self._note(_("events to nobody"))
        alone = self._cpu_of_events(seat)
        self._note(_("{count} listeners", count=f"{LISTENERS:,}"))
        self._client.carry_out(jobs.Listen(seat.branch, seat.token, LISTENERS))
        heard = self._cpu_of_events(seat)
        self._client.carry_out(jobs.Hang())
        return {"fanout_us_per_listener": (heard - alone) * 1e6 / (LISTENERS * EVENTS)}

    def _cpu_of_events(self, seat: jobs.Seat) -> float:
        before = self._server.cpu_seconds()
        self._client.carry_out(jobs.Tell(seat.branch, seat.token, EVENTS))
        return self._server.cpu_seconds() - before


def _latencies(turns: Sequence[jobs.Ran]) -> list[int]:
    return [us for ran in turns for us in ran.latencies_us]


def _rate(turns: Sequence[jobs.Ran]) -> float:
    return sum(len(ran.latencies_us) for ran in turns) / sum(ran.seconds for ran in turns)


def _client_share(turns: Sequence[jobs.Ran]) -> float:
    """How much of a core the client took: near 1, it was the client that was measured."""
    return sum(ran.client_cpu_seconds for ran in turns) / sum(ran.seconds for ran in turns)


def _repeats(things: Sequence[str]) -> int:
    return sum(count - 1 for count in Counter(things).values())
