"""The program and what all of its commands share."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec
from rich.console import Console

from openhall import __version__
from openhall.app.folder import ConfigurationInvalid
from openhall.app.language import tell_mistake
from openhall.cli.language import _, language_of, teach_click, translated
from openhall.kernel.trouble import Trouble

EXIT_TROUBLE = 1
EXIT_USAGE = 2
EXIT_FOUND = 3

EPILOG = f"""\b
Exit codes:
  0  done
  {EXIT_TROUBLE}  trouble: nothing was changed; the message names the code, the place and the remedy
  {EXIT_USAGE}  the command line is not as expected
  {EXIT_FOUND}  done, and something is wrong in what was looked at
"""

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Doors:
    """What the command line is given from its siblings."""

    serve: Callable[..., Coroutine[Any, Any, None]]


class Program(click.Group):
    """Speaks the person's language, and turns trouble into a message with a code and a remedy."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program, in Chinese as a copy of itself with other help texts."""
        teach_click()
        chosen = self if language_of(os.environ) == "en" else translated(self)
        return super(Program, chosen).main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except Trouble as trouble:
            complain(trouble)


def complain(trouble: Trouble) -> NoReturn:
    """Say what stands in the way, and end."""
    sentence = " ".join((inspect.getdoc(trouble) or trouble.code).split("\n\n")[0].split())
    err.print(f"[bold red]{trouble.code}[/]: {_(sentence)}")
    if isinstance(trouble, ConfigurationInvalid):
        for mistake in trouble.mistakes:
            err.print(f"  {tell_mistake(language_of(os.environ), mistake)}", markup=False)
    else:
        err.print(f"  {trouble}", markup=False)
    err.print(f"[bold]{_('What to do:')}[/] {_(trouble.remedy)}")
    sys.exit(EXIT_TROUBLE)


def show_json(result: Any) -> None:
    """A result for programs, on standard output and alone there."""
    click.echo(msgspec.json.format(msgspec.json.encode(result), indent=2).decode())


folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("openhall-data"),
    show_default=True,
    envvar="OPENHALL_FOLDER",
    help="The installation: the bank's files, the database, the key.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.group(cls=Program, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def program() -> None:
    """Run a bank's halls through a surge: a fair line, honest waits, nobody lost.

    \b
    See it work:         openhall demo
    Begin for real:      openhall init --folder my-bank
                         openhall serve --folder my-bank
    Rehearse a day:      openhall rehearse --help
    """


# The commands register themselves with the program.
from openhall.cli import (  # noqa: E402
    account,
    configure,
    demo,
    doctor,
    evaluate,
    gate,
    learn,
    log,
    message,
    plan,
    rehearse,
    serving,
    simulate,
    tls,
)
from openhall.cli.bench import elastic, hall, roster, size, soak, twin, week  # noqa: E402

__all__ = [
    "Doors",
    "account",
    "configure",
    "demo",
    "doctor",
    "elastic",
    "evaluate",
    "gate",
    "hall",
    "learn",
    "log",
    "message",
    "plan",
    "program",
    "rehearse",
    "roster",
    "serving",
    "simulate",
    "size",
    "soak",
    "tls",
    "twin",
    "week",
]
