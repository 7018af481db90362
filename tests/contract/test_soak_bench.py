"""Does the soak run from end to end, and would it notice what it looks for?"""

from __future__ import annotations

import asyncio
from array import array
from datetime import date
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from openhall.cli.bench.client import HOST, Line
from openhall.cli.bench.soak_jobs import Called
from openhall.cli.bench.soak_listeners import compare
from openhall.cli.bench.soak_log import LogRead
from openhall.cli.bench.soak_people import Press
from openhall.cli.main import Doors, program
from openhall.kernel.event import Recorded, StreamId
from openhall.web.serving import serve

pytestmark = pytest.mark.contract

KEYS = {"branches", "speed", "events", "missed", "double_calls", "rss_growth_mb", "p99_ms"}
STREAM = StreamId("b001", date(2027, 1, 18))


@pytest.mark.timeout(180)
def test_a_short_soak_loses_nothing(tmp_path: Path) -> None:
    options = ["--seconds", "12", "--branches", "5", "--listeners", "20", "--speed", "60", "--no-twin"]
    ran = CliRunner().invoke(
        program, ["bench", "soak", "--json", "--where", str(tmp_path), *options], obj=Doors(serve=serve)
    )
    assert ran.exit_code == 0, ran.output
    found = msgspec.json.decode(ran.stdout)
    assert found.keys() >= KEYS
    assert (found["branches"], found["speed"], found["listeners"]) == (5, 60, 20)
    assert (found["missed"], found["double_calls"], found["lost_answers"]) == (0, 0, 0)
    assert found["calls"] > 0
    assert found["commands"] > 100
    assert found["faults"] == []
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"


@pytest.mark.parametrize(
    ("heard", "since", "expected", "why"),
    [
        ([3, 5, 8], 1, (0, 0), "all of them"),
        ([5, 8], 3, (0, 0), "from where it began"),
        ([3, 8], 1, (1, 0), "one was left out"),
        ([3, 5], 1, (1, 0), "the last one did not come"),
        ([3, 5, 5, 8], 1, (0, 1), "one came twice"),
        ([3, 8, 5], 1, (0, 1), "one came too late"),
        ([3, 5, 8, 9], 1, (0, 0), "later than the log was read"),
        ([], 8, (0, 0), "nothing happened since"),
    ],
)
def test_a_listener_is_held_against_the_log(
    heard: list[int], since: int, expected: tuple[int, int], why: str
) -> None:
    assert compare(array("q", heard), since, [1, 3, 5, 8]) == expected, why


def read(*events: tuple[str, str, str]) -> LogRead:
    found = LogRead({"b001": []})
    for seq, (kind, ticket, counter) in enumerate(events, 1):
        body = msgspec.json.encode({"type": kind, "ticket_id": ticket, "counter_id": counter})
        found.note(Recorded(seq, STREAM, seq, "hall", kind, 1, 0, "a", f"c{seq}", body, b""))
    return found


@pytest.mark.parametrize(
    ("events", "doubles", "why"),
    [
        (
            [("TicketCalled", "t1", "C1"), ("ServiceFinished", "t1", "C1"), ("TicketCalled", "t2", "C1")],
            0,
            "in turn",
        ),
        ([("TicketCalled", "t1", "C1"), ("TicketCalled", "t1", "C2")], 1, "one customer, two counters"),
        ([("TicketCalled", "t1", "C1"), ("TicketCalled", "t2", "C1")], 1, "one counter, two customers"),
        (
            [("TicketCalled", "t1", "C1"), ("TicketAbsent", "t1", "C1"), ("TicketCalled", "t1", "C2")],
            0,
            "came back",
        ),
    ],
)
def test_a_double_call_is_seen_in_the_log(events: list[tuple[str, str, str]], doubles: int, why: str) -> None:
    assert read(*events).double_calls == doubles, why


def test_an_answer_that_the_log_does_not_have_is_lost() -> None:
    log = read(("TicketCalled", "t1", "C1"))
    answers = [Called("b001", 1, "t1", "C1"), Called("b001", 2, "t1", "C1"), Called("b001", 1, "t2", "C1")]
    assert log.lost(answers) == 2


def test_a_request_that_crosses_with_the_servers_hanging_up_is_sent_again() -> None:
    """As it happens on a line that was idle: nothing came back, so a new line asks once more."""

    async def played() -> tuple[int, list[int]]:
        asked, heard = 0, list[int]()
        done = asyncio.Event()

        async def hang_up_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal asked
            await reader.readuntil(b"\r\n\r\n")
            asked += 1
            if asked > 1:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                await writer.drain()
            writer.close()

        def press() -> Press:
            return Press(b"GET / HTTP/1.1\r\n\r\n", lambda status, _, __: heard.append(status))

        loop = asyncio.get_running_loop()
        server = await asyncio.start_server(hang_up_once, HOST)
        port = server.sockets[0].getsockname()[1]
        _, idle = await loop.create_connection(Line, HOST, port)
        _, fresh = await loop.create_connection(Line, HOST, port)
        idle.run(press(), done.set, lambda: fresh.run(press(), done.set))
        async with server, asyncio.timeout(10):
            await done.wait()
        return asked, heard

    assert asyncio.run(played()) == (2, [200])
