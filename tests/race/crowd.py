"""Kiosks and counters that all press at once, each press sent twice under one key; what they were told."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx

KIOSKS = 6
TICKETS_PER_KIOSK = 20
REQUEST_SECONDS = 60.0


@dataclass
class Heard:
    """What the people in the hall saw."""

    numbers: list[str] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    """(ticket, counter) of each call."""
    unlike: list[str] = field(default_factory=list)
    """Presses whose two copies got different answers."""

    @property
    def shared_numbers(self) -> list[str]:
        return sorted(number for number, count in Counter(self.numbers).items() if count > 1)

    @property
    def called_twice(self) -> list[str]:
        return sorted(ticket for ticket, count in Counter(t for t, _ in self.calls).items() if count > 1)


class Crowd:
    def __init__(self, client: httpx.AsyncClient, branch: str, name: str) -> None:
        self._client = client
        self._branch = branch
        self._name = name
        self._presses = 0
        self.heard = Heard()

    async def _press(self, command: str, **fields: str) -> tuple[int, Any]:
        """Send a command and, at the same time, its retry; note when the two answers differ."""
        self._presses += 1
        key = f"{self._name}-{self._presses}"
        first, second = await asyncio.gather(
            *(
                self._client.post(
                    f"/api/branches/{self._branch}/commands/{command}",
                    json=fields,
                    headers={"idempotency-key": key},
                )
                for _ in range(2)
            )
        )
        if (first.status_code, first.json()) != (second.status_code, second.json()):
            self.heard.unlike.append(key)
        return first.status_code, first.json()

    async def kiosk(self) -> None:
        for _ in range(TICKETS_PER_KIOSK):
            status, said = await self._press("IssueTicket", service_id="cash")
            assert status == 200, said
            self.heard.numbers += [event["number"] for event in said["events"]]

    async def counter(self, counter_id: str, kiosks: asyncio.Task[Any]) -> None:
        """Next, start, finish; until nobody waits and nobody can come any more."""
        while True:
            is_last_look = kiosks.done()
            status, said = await self._press("CallNext", counter_id=counter_id)
            if status != 200:
                assert said["code"] == "nobody_waiting", said
                if is_last_look:
                    return
                continue
            self.heard.calls += [(event["ticket_id"], counter_id) for event in said["events"]]
            for command in ("StartService", "FinishService"):
                await self._press(command, counter_id=counter_id)


async def rush(url: str, token: str, branch: str, counter_ids: list[str], name: str = "rush") -> Heard:
    """The kiosks of a branch and all of its counters at once, to the last ticket."""
    limits = httpx.Limits(max_connections=2 * (KIOSKS + len(counter_ids)))
    async with httpx.AsyncClient(
        base_url=url,
        headers={"authorization": f"Bearer {token}", "accept": "application/json"},
        limits=limits,
        timeout=REQUEST_SECONDS,
    ) as client:
        crowd = Crowd(client, branch, name)

        async def issue() -> None:
            await asyncio.gather(*(crowd.kiosk() for _ in range(KIOSKS)))

        kiosks = asyncio.create_task(issue())
        await asyncio.gather(kiosks, *(crowd.counter(counter, kiosks) for counter in counter_ids))
    return crowd.heard
