"""`gate`: a gate that is not there, with people who walk through it and a line that is sometimes cut [B3]."""

from __future__ import annotations

import random
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
import httpx

from openhall.cli.language import _
from openhall.cli.main import json_option, out, program, show_json
from openhall.kernel.trouble import Trouble

ANSWER_SECONDS = 5.0
BEAT_SECONDS = 4.0
STATE_SECONDS = 60.0
FORGETS_AT = 10_000
"""Passes that a gate keeps while it is cut off; beyond it the oldest goes."""


class GateRefused(Trouble):
    """The server refused the gate."""

    code = "gate_refused"
    remedy = "Take a new code from the Devices page; a code works once, within 15 minutes."


class GateUnreachable(Trouble):
    """The server did not answer."""

    code = "gate_unreachable"
    remedy = "Check --address, and that the server runs."


@dataclass
class Walk:
    """What happened at the gate."""

    people: int = 0
    opened: int = 0
    waiting: int = 0
    referred: int = 0
    kept: int = 0
    """Passes that were kept while the line was cut, and sent afterwards."""
    dropped: int = 0
    refused: dict[str, int] = field(default_factory=Counter)


@dataclass
class Gate:
    """A gate as its maker would build it: it keeps what it could not send, and sends it in order."""

    client: httpx.Client
    branch: str
    seed: int
    cut_every: int = 0
    """After so many people the line is cut; 0 for never."""
    cut_for: int = 0
    """For so many people."""
    walk: Walk = field(default_factory=Walk)
    memory: deque[dict[str, Any]] = field(default_factory=deque)
    offset_ms: int = 0
    rules: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)  # noqa: S311 - people who are invented
        self._seen_at = self._beat_at = float("-inf")

    def look(self) -> None:
        """Ask what is to be checked, set the clock, and say that it is there."""
        moment = time.monotonic()
        if moment - self._seen_at >= STATE_SECONDS:
            answer = self.client.get(f"/api/branches/{self.branch}/gate")
            if answer.status_code == 200:
                self.rules = answer.json()
                self._set_clock(self.rules["now_ms"])
                self._seen_at = moment
        if moment - self._beat_at >= BEAT_SECONDS:
            said = {"clock_ms": self.now_ms, "kept_count": len(self.memory)}
            self.client.post("/api/device/beat", json=said)
            self._beat_at = moment

    def meet(self, refer_share: float) -> None:
        """One person comes; what was kept goes first, in its order."""
        self.walk.people += 1
        is_referred = self._chance.random() < refer_share
        found = {
            "pass_id": f"g{self.seed}-{self.walk.people}",
            "result": "refer" if is_referred else "pass",
            "at_ms": self.now_ms,
        }
        if self.rules.get("is_temperature_read"):
            found["temperature"] = "at_limit_or_above" if is_referred else "below_limit"
        if len(self.memory) >= FORGETS_AT:
            self.memory.popleft()
            self.walk.dropped += 1
        self.memory.append(found)
        if self._is_cut():
            self.walk.kept += 1
            return
        self.send()

    def send(self) -> None:
        """Send what is kept, oldest first; what cannot be sent stays, and so does what is behind it."""
        while self.memory:
            try:
                self.look()
                answer = self.client.post(f"/api/branches/{self.branch}/gate/passes", json=self.memory[0])
            except httpx.TransportError:
                return
            if answer.status_code == 401:
                raise GateRefused(answer.text[:200], place="session")
            if answer.status_code == 429 or answer.status_code >= 500:
                return
            self.memory.popleft()
            self._hear(answer)

    @property
    def now_ms(self) -> int:
        """The hall's time, as far as it is known."""
        return round(time.time() * 1_000) + self.offset_ms

    def _is_cut(self) -> bool:
        if not self.cut_every or not self.cut_for:
            return False
        return (self.walk.people - 1) % (self.cut_every + self.cut_for) >= self.cut_every

    def _hear(self, answer: httpx.Response) -> None:
        said = answer.json()
        if answer.status_code != 200:
            self.walk.refused[said["code"]] += 1
            return
        self._set_clock(said["now_ms"])
        if said["is_open"]:
            self.walk.opened += 1
        elif said["is_admitted"]:
            self.walk.waiting += 1
        else:
            self.walk.referred += 1

    def _set_clock(self, hall_ms: int) -> None:
        self.offset_ms = hall_ms - round(time.time() * 1_000)


def paired(client: httpx.Client, code: str, token_file: Path | None) -> str:
    """The gate's branch; its token comes from a code once, and from the file from then on."""
    if token_file is not None and token_file.exists() and not code:
        branch, _space, token = token_file.read_text(encoding="utf-8").strip().partition(" ")
    else:
        try:
            answer = client.post("/api/pair", json={"code": code})
        except httpx.TransportError as error:
            raise GateUnreachable(str(error), place=str(client.base_url)) from error
        said = answer.json()
        if answer.status_code != 200 or said["kind"] != "gate":
            raise GateRefused(said.get("title", said.get("kind", "")), place="code")
        branch, token = said["branch"], said["token"]
        if token_file is not None:
            token_file.touch(mode=0o600)
            token_file.write_text(f"{branch} {token}\n", encoding="utf-8")
    client.cookies.clear()
    client.headers["Authorization"] = f"Bearer {token}"
    return branch


def play(gate: Gate, *, rate: float, people: int, refer_share: float, pause: Callable[[float], None]) -> Walk:
    """Let people come, `rate` a minute on average, until so many have; 0 for without end."""
    gate.look()  # before anybody comes: what is to be checked, and the hall's time
    gaps = random.Random(gate.seed + 1)  # noqa: S311 - people who are invented
    while not people or gate.walk.people < people:
        gate.meet(refer_share)
        pause(gaps.expovariate(rate / 60))
    for _attempt in range(100):
        if not gate.memory:
            break
        gate.send()
        pause(0.2)
    return gate.walk


@program.command()
@click.option("--address", default="http://127.0.0.1:8207", show_default=True, help="Address of the server.")
@click.option("--code", default="", help="Pairing code from the Devices page.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keeps the session, so that a code is needed once only.",
)
@click.option(
    "--rate",
    default=6.0,
    show_default=True,
    type=click.FloatRange(0.1, 6_000),
    help="People a minute, on average.",
)
@click.option(
    "--people", default=0, show_default=True, type=click.IntRange(0), help="So many people; 0 without end."
)
@click.option(
    "--refer-share",
    default=0.02,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Share of people whom a person should look at.",
)
@click.option(
    "--cut-every",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Cut the line after so many people.",
)
@click.option("--cut-for", default=5, show_default=True, type=click.IntRange(1), help="For so many people.")
@click.option("--seed", default=1, show_default=True, help="The same seed brings the same people.")
@json_option
def gate(
    address: str,
    code: str,
    token_file: Path | None,
    rate: float,
    people: int,
    refer_share: float,
    cut_every: int,
    cut_for: int,
    seed: int,
    as_json: bool,
) -> None:
    """Play a gate at the door of a branch: pair, report people, keep what could not be sent.

    It speaks the protocol of docs/devices/gate.md, for trying out an installation before its gate is there.
    """
    with httpx.Client(base_url=address, timeout=ANSWER_SECONDS) as client:
        branch = paired(client, code, token_file)
        own = Gate(client, branch, seed, cut_every, cut_for)
        try:
            walk = play(own, rate=rate, people=people, refer_share=refer_share, pause=time.sleep)
        except KeyboardInterrupt:
            walk = own.walk
    if as_json:
        show_json({**asdict(walk), "refused": dict(walk.refused), "left": len(own.memory)})
        return
    out.print(
        _(
            "{people} came: {opened} let in, {waiting} wait outside, {referred} referred; {kept} sent later.",
            people=walk.people,
            opened=walk.opened,
            waiting=walk.waiting,
            referred=walk.referred,
            kept=walk.kept,
        )
    )
    for refusal, count in sorted(walk.refused.items()):
        out.print(f"  {refusal}: {count}")
