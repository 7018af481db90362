"""`message`: try the ways out while setting up, and the shape of what a webhook gets."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from pathlib import Path

import click
import msgspec

from openhall.app.clocks import SystemClock
from openhall.app.folder import Folder
from openhall.app.messages import a_test, adapters_of
from openhall.app.settings import read_settings
from openhall.cli.language import _
from openhall.cli.main import EXIT_FOUND, folder_option, json_option, out, program, show_json
from openhall.kernel.trouble import Trouble
from openhall.messages.outgoing import Adapter, Body, Outcome, Outgoing, Sent, To
from openhall.network.alerts import MESSAGE_CHANNELS, MessageChannel


class ChannelMissing(Trouble):
    """That way out is not set up."""

    code = "channel_missing"
    remedy = "Give it a section in openhall.toml: see docs/how-to/messages.md."


class Tried(msgspec.Struct, frozen=True):
    """What came of a test message."""

    channel: MessageChannel
    place: str
    id: str
    is_sent: bool
    code: str = ""


@program.group()
def message() -> None:
    """Messages to customers and colleagues: test a way out, show what a webhook gets."""


@message.command("test")
@folder_option
@click.option(
    "--channel",
    type=click.Choice(MESSAGE_CHANNELS),
    required=True,
    help="Which way out.",
)
@click.option(
    "--to",
    required=True,
    help="A number for sms, an address for email, a user for app, an id of a colleague for staff.",
)
@json_option
def send_test(folder: Path, channel: MessageChannel, to: str, as_json: bool) -> None:
    """Send one message that says that it is a test, past the queue.

    It runs beside a server; nothing is kept. Exit code 3 says that it did not get through.
    """
    place = Folder(folder)
    bank = place.read_bank()
    clock = SystemClock()
    adapters = adapters_of(read_settings(folder, os.environ), clock)
    if channel not in adapters:
        raise ChannelMissing(f"{channel} is not set up", place=channel)
    whom = To(people=(to,)) if channel == "staff" else To(contact=to)
    message_id = f"msg_{secrets.token_hex(16)}"
    outgoing = a_test(channel, whom, bank, message_id=message_id, now_ms=clock.now_ms())
    outcome = asyncio.run(_send(adapters[channel], outgoing))
    is_sent = isinstance(outcome, Sent)
    code = "" if isinstance(outcome, Sent) else outcome.code
    tried = Tried(channel, adapters[channel].place, message_id, is_sent, code)
    if as_json:
        show_json(tried)
    elif is_sent:
        out.print(_("Taken by {place} as {id}.").format(place=tried.place, id=tried.id), markup=False)
    else:
        out.print(_("Not taken by {place}: {code}.").format(place=tried.place, code=code), markup=False)
    if not is_sent:
        sys.exit(EXIT_FOUND)


async def _send(adapter: Adapter, outgoing: Outgoing) -> Outcome:
    try:
        return await adapter.send(outgoing)
    finally:
        await adapter.close()


@message.command()
def schema() -> None:
    """Print the JSON schema of what a webhook gets, for whoever builds the receiver."""
    show_json(msgspec.json.schema(Body))
