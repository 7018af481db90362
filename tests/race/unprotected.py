"""A hall as it is often written: read, wait for the database, write. `python -m tests.race.unprotected PORT`.

It shows that the crowd of `crowd.py` finds a race where there is one. It speaks the same addresses, and keeps
no keys, as the field's systems do not.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar, Response, post
from litestar.di import Provide

from openhall.web.listening import until_listening
from tests.race.served import HOST


class Hall:
    """Tickets in the order of issue."""

    def __init__(self) -> None:
        self.numbers: list[str] = []
        self.waiting: list[str] = []

    async def database(self) -> None:
        """The moment in which a query is under way and other requests are served."""
        await asyncio.sleep(0)

    async def issue(self) -> dict[str, str]:
        number = f"A{len(self.numbers) + 1:03d}"
        await self.database()
        self.numbers.append(number)
        self.waiting.append(number)
        return {"number": number}

    async def call(self) -> dict[str, str] | None:
        if not self.waiting:
            return None
        ticket = self.waiting[0]
        await self.database()
        if ticket in self.waiting:
            self.waiting.remove(ticket)
        return {"ticket_id": ticket}


@post("/api/branches/{branch:str}/commands/{name:str}", status_code=200)
async def command(name: str, hall: Any) -> Response[Any]:
    events: list[dict[str, str]] = []
    if name == "IssueTicket":
        events = [await hall.issue()]
    elif name == "CallNext":
        called = await hall.call()
        if called is None:
            return Response({"code": "nobody_waiting"}, status_code=409)
        events = [called]
    return Response({"seq": 0, "events": events})


async def serve(port: int) -> None:
    hall = Hall()
    site = Litestar(
        [command], dependencies={"hall": Provide(lambda: hall, sync_to_thread=False)}, logging_config=None
    )
    server = Server(site, address=HOST, port=port, interface=Interfaces.ASGI, log_enabled=False)
    serving = asyncio.create_task(server.serve())
    await until_listening(HOST, port, serving)
    os.write(1, b"serving\n")
    await serving


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
