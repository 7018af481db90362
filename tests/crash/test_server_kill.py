"""Is anything acknowledged ever lost when the served process is killed under load?"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from itertools import count, cycle
from pathlib import Path

import httpx

from openhall.app.folder import Folder
from openhall.cli.bench.installation import counter_ids, install
from openhall.hall.model import ROOM as HALL
from openhall.log.sqlite import SqliteStore
from openhall.log.store import Outcome
from openhall.log.verify import verify
from tests.race.served import Served, serving
from tests.race.test_rush import open_branch

ROUNDS_COUNT = 20
ACKS_BEFORE_KILL_MAX = 120
KIOSKS = 6
SEED = 20261122
BRANCH = "b01"


@dataclass(frozen=True)
class Ack:
    """A command and what its sender was told."""

    key: str
    command: str
    fields: dict[str, str]
    status: int
    body: bytes


class Load:
    """Clients that send until the server dies, and what they had heard by then."""

    def __init__(self, client: httpx.AsyncClient, name: str, served: Served, acks_count: int) -> None:
        self._client = client
        self._name = name
        self._served = served
        self._acks_count = acks_count
        self._keys = count()
        self.acks: list[Ack] = []

    async def run(self) -> None:
        kiosks = (self._press_on([("IssueTicket", {"service_id": "cash"})]) for _ in range(KIOSKS))
        steps = ("CallNext", "StartService", "FinishService")
        counters = (
            self._press_on([(step, {"counter_id": counter}) for step in steps])
            for counter in counter_ids()[:2]
        )
        await asyncio.gather(*kiosks, *counters)

    async def _press_on(self, presses: list[tuple[str, dict[str, str]]]) -> None:
        for command, fields in cycle(presses):
            key = f"{self._name}-{next(self._keys)}"
            try:
                answer = await send(self._client, key, command, fields)
            except httpx.TransportError:
                return
            self.acks.append(Ack(key, command, fields, answer.status_code, answer.content))
            if len(self.acks) == self._acks_count:
                self._served.process.kill()


async def send(client: httpx.AsyncClient, key: str, command: str, fields: dict[str, str]) -> httpx.Response:
    path = f"/api/branches/{BRANCH}/commands/{command}"
    return await client.post(path, json=fields, headers={"idempotency-key": key})


def client_of(served: Served, token: str) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {token}", "accept": "application/json", "accept-language": "en"}
    return httpx.AsyncClient(base_url=served.url, headers=headers, timeout=30.0)


async def load_until_killed(served: Served, token: str, name: str, acks_count: int) -> list[Ack]:
    async with client_of(served, token) as client:
        load = Load(client, name, served, acks_count)
        await load.run()
    return load.acks


async def check_kept(served: Served, token: str, acks: list[Ack]) -> None:
    """Each command again under its key: the same answer, to the byte; each ticket under its number."""
    async with client_of(served, token) as client:

        async def check(ack: Ack) -> None:
            again = await send(client, ack.key, ack.command, ack.fields)
            assert (again.status_code, again.content) == (ack.status, ack.body), ack.key
            if ack.command == "IssueTicket":
                issued = again.json()["events"][0]
                found = await client.get(f"/api/branches/{BRANCH}/tickets/{issued['number']}")
                assert found.status_code == 200, ack.key
                assert found.json()["id"] == issued["ticket_id"]

        await asyncio.gather(*(check(ack) for ack in acks))


def test_twenty_kills_of_the_server_under_load_lose_no_acknowledged_command(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    token = install(tmp_path / "bank", branches_count=1)[0].token
    heard: list[Ack] = []
    last: list[Ack] = []
    for round_ in range(ROUNDS_COUNT):
        with serving(tmp_path / "bank") as served:
            if round_ == 0:
                open_branch(served, BRANCH, token)
            asyncio.run(check_kept(served, token, last))
            acks_count = rng.randint(1, ACKS_BEFORE_KILL_MAX)
            last = asyncio.run(load_until_killed(served, token, f"r{round_}", acks_count))
            assert len(last) >= acks_count, f"seed {SEED}, round {round_}"
            heard += last
    with serving(tmp_path / "bank") as served:
        asyncio.run(check_kept(served, token, rng.sample(heard, 200)))
        assert served.stop() == 0
    numbers = [ack.body for ack in heard if ack.command == "IssueTicket"]
    assert len(set(numbers)) == len(numbers)
    with SqliteStore.open_to_read(Folder(tmp_path / "bank").database) as store:
        report = verify(store, [HALL], is_each_command_checked=True)
        assert report.is_sound, report.faults
        assert {ack.key for ack in heard} <= {outcome.command_id for outcome in _outcomes(store)}


def _outcomes(store: SqliteStore) -> list[Outcome]:
    return [outcome for stream in store.streams() for outcome in store.outcomes(stream)]
