"""The language of the command line: chosen from the environment, for our own words and for click's."""

from __future__ import annotations

import copy
import inspect
import os
import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import TypeVar

import click
from click import _textwrap, core, decorators, exceptions, formatting, parser, types
from rich.cells import cell_len

from openhall.app.language import say
from openhall.kernel.text import Language

VARIABLES = ("OPENHALL_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
"""The first that is set decides."""

CLICK = (
    "Usage:",
    "[OPTIONS]",
    "COMMAND [ARGS]...",
    "Options",
    "Commands",
    "Show this message and exit.",
    "Show the version and exit.",
    "default: {default}",
    "Error: {message}",
    "Aborted!",
    "Try '{command} {option}' for help.",
    "Missing command.",
    "Missing argument",
    "Missing option",
    "No such command {name!r}.",
    "No such option {name!r}.",
    "Did you mean {possibility}?",
    "(Did you mean one of: {possibilities}?)",
    "Got unexpected extra argument ({args})",
    "Got unexpected extra arguments ({args})",
    "Takes {nargs} values but 1 was given.",
    "{value!r} is not one of {choices}.",
    "{value!r} does not match the format {format}.",
    "Option {name!r} requires an argument.",
    "Option {name!r} requires {nargs} arguments.",
    "Invalid value: {message}",
    "Invalid value for {param_hint}: {message}",
    "{value!r} is not a valid {number_type}.",
    "{value} is not in the range {range}.",
    "{name} {filename!r} does not exist.",
    "{name} {filename!r} is a file.",
    "{name} {filename!r} is a directory.",
    "{name} {filename!r} is not readable.",
    "{name} {filename!r} is not writable.",
    "Option {name!r} does not take a value.",
)
"""What click says of itself and our commands can make it say."""

TYPES = ("directory", "file", "path", "text", "integer", "integer range", "float range", "numbers")
"""What click and we call the values of options."""

AnyCommand = TypeVar("AnyCommand", bound=click.Command)

VERBATIM = "\b\n"
"""Begins a paragraph whose lines click leaves as they are."""
BREAKABLE = re.compile(r"(?<=[\u3400-\u9fff，。；：、）”])(?=[\w（“`(-])|(?<=[\w`.)])(?=[\u3400-\u9fff（“])")
"""Where a line of Chinese may end: beside a character, never before its punctuation."""


def language_of(environment: Mapping[str, str]) -> Language:
    """Chinese when the first variable that is set names it, otherwise English."""
    chosen = next((environment[name] for name in VARIABLES if environment.get(name)), "")
    return "zh" if chosen.lower().startswith("zh") else "en"


def _(sentence: str, /, **blanks: str | int) -> str:
    """A sentence in the program's language, its blanks filled."""
    # The catalogue answers an empty sentence with its own header.
    return say(language_of(os.environ), sentence, **blanks) if sentence else ""


# --- help --------------------------------------------------------------------------------------------


def paragraphs(text: str) -> Iterator[tuple[bool, str]]:
    """(is it verbatim, what is translated) of each paragraph of a help text."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if paragraph.startswith(VERBATIM):
            yield True, paragraph.removeprefix(VERBATIM)
        else:
            yield False, " ".join(paragraph.split())


def in_program_language(text: str) -> str:
    """A help text, paragraph by paragraph."""
    return "\n\n".join((VERBATIM if kept else "") + _(words) for kept, words in paragraphs(text))


def help_texts(command: click.Command) -> Iterator[str]:
    """Every help text of a command, of its parameters and of the commands in it."""
    for param in command.params:
        if isinstance(param, click.Option):
            yield from filter(None, (param.help, _shown_default(param)))
    yield from filter(None, (command.help, command.epilog))
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            yield from help_texts(inner)


def translated(command: AnyCommand) -> AnyCommand:
    """The command with its help in the program's language. A copy: the original stays English."""
    made = copy.copy(command)
    made._help_option = None  # click made it in the language of an earlier call
    made.params = [_translated_param(param) for param in command.params]
    made.help = command.help and in_program_language(command.help)
    made.epilog = command.epilog and in_program_language(command.epilog)
    # click would cut the first words of the help, and Chinese has no words between spaces.
    made.short_help = made.help and re.split("(?<=。)", made.help, maxsplit=1)[0].splitlines()[0]
    made.options_metavar = _(made.options_metavar or "")
    if isinstance(made, click.Group):
        made.subcommand_metavar = _(made.subcommand_metavar)
        made.commands = {name: translated(inner) for name, inner in made.commands.items()}
    return made


def _translated_param(param: click.Parameter) -> click.Parameter:
    made = copy.copy(param)
    if made.type.name in TYPES:
        made.type = copy.copy(made.type)
        made.type.name = _(made.type.name)
    if isinstance(made, click.Option):
        made.help = made.help and in_program_language(made.help)
        made.show_default = _(_shown_default(made)) or made.show_default
    return made


def _shown_default(option: click.Option) -> str:
    """What is shown instead of a default's value."""
    return option.show_default if isinstance(option.show_default, str) else ""


# --- click's own words -------------------------------------------------------------------------------


class Wrapper(_textwrap.TextWrapper):
    """Breaks Chinese lines too, which have no spaces."""

    def _split(self, text: str) -> list[str]:
        return [part for chunk in super()._split(text) for part in BREAKABLE.split(chunk) if part]


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: a Chinese character takes two."""
    return cell_len(click.unstyle(text))


def teach_click() -> None:
    """Let click speak through our catalogue and measure text in columns. English stays as it is.

    click asks gettext's global domain, which wants built files and a system locale; its modules hold that
    function under the name `_`.
    """
    replaced: list[tuple[ModuleType, str, object]] = [
        (module, "_", _) for module in (core, decorators, exceptions, formatting, parser, types)
    ]
    replaced += [
        (module, "ngettext", lambda one, many, count: _(one if count == 1 else many))
        for module in (core, exceptions, parser, types)
    ]
    replaced += [
        (_textwrap, "TextWrapper", Wrapper),
        (_textwrap, "term_len", columns),
        (formatting, "term_len", columns),
    ]
    for module, name, value in replaced:
        setattr(module, name, value)
