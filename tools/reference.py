"""Writes docs/reference from the code, so that the reference cannot say what the code does not do."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import cast

import click
from msgspec import NODEFAULT, inspect

import openhall
from openhall.access.rights import COMMANDS as RIGHTS
from openhall.access.rights import SCREENS
from openhall.app.build import refusal_texts
from openhall.app.language import say
from openhall.cli.main import program
from openhall.hall.model import ROOM
from openhall.kernel.trouble import Trouble
from openhall.network import model as network
from openhall.rehearsal.study import model as study
from openhall.rehearsal.study.checking import wanted
from openhall.web.problems import REFUSALS as WEB_REFUSALS
from openhall.web.problems import status_of

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "reference"
HEAD = "<!-- Made by tools/reference.py from the code: change the code, then run `make reference`. -->\n"
DEFAULT_SHOWN = 60
NOT_IMPORTED = (".migrations.", ".__main__")


def pages() -> dict[str, str]:
    """Every page of the reference by file name."""
    return {
        "commands.md": commands(),
        "events.md": events(),
        "refusals.md": refusals(),
        "troubles.md": troubles(),
        "command-line.md": command_line(),
        "configuration.md": configuration(),
        "rights.md": rights(),
        "study-file.md": study_file(),
    }


# --- types -------------------------------------------------------------------------------------------


def _words(type_: inspect.Type) -> str:
    """A type as a reader of JSON sees it."""
    match type_:
        case inspect.LiteralType(values=values):
            return " or ".join(f"`{value}`" for value in values)
        case inspect.UnionType(types=types):
            parts = [_words(t) for t in types if not isinstance(t, inspect.NoneType)]
            return " or ".join(parts) + (" or nothing" if len(parts) < len(types) else "")
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return f"list of {_words(item)}"
        case inspect.Metadata(type=inner):
            return _words(inner)
        case inspect.StructType(cls=cls):
            return cls.__name__
        case inspect.IntType(ge=low, le=high):
            return "whole number" + _range(low, high)
        case inspect.FloatType(ge=low, le=high):
            return "number" + _range(low, high)
        case inspect.BoolType():
            return "true or false"
        case inspect.DateType():
            return "date"
        case inspect.StrType(pattern=pattern) if pattern:
            return "code"
        case _:
            return "text"


def _range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    return f" {low if low is not None else ''} to {high if high is not None else ''}".rstrip()


def _fields(cls: type) -> Iterator[str]:
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    for field in info.fields:
        if field.default is not NODEFAULT:
            default = f"`{field.default!r}`" if field.default != "" else "empty"
        elif field.default_factory is not NODEFAULT:
            default = "empty"
        else:
            default = "required"
        shown = default.replace("|", "\\|") if len(default) < DEFAULT_SHOWN else "see the code"
        yield f"| `{field.name}` | {_words(field.type)} | {shown} |"


def _structs(title: str, intro: str, kinds: Iterator[type]) -> str:
    parts = [HEAD, f"# {title}\n", f"{intro}\n"]
    for cls in kinds:
        parts.append(f"## {cls.__name__}\n")
        parts.append(f"{_paragraph(cls.__doc__)}\n")
        fields = list(_fields(cls))
        if fields:
            parts.append("| field | what | default |\n|---|---|---|\n" + "\n".join(fields) + "\n")
    return "\n".join(parts)


def _paragraph(doc: str | None) -> str:
    lines = [line.strip() for line in (doc or "").strip().splitlines()]
    return "\n".join(lines)


# --- pages -------------------------------------------------------------------------------------------


def commands() -> str:
    """What can be asked of a hall."""
    return _structs(
        "Commands of the hall",
        "Each is `POST /api/branches/{branch}/commands/{Name}` with these fields as JSON and a fresh\n"
        "`Idempotency-Key`; a day is opened by `POST /api/branches/{branch}/day`.\n"
        "The whole interface, machine-readable: `/api/openapi.json` of a running server.",
        iter(ROOM.commands),
    )


def events() -> str:
    """What happens in a hall."""
    return _structs(
        "Events of the hall",
        "What the log keeps and the streams send. Who, when and where are in the envelope.",
        iter(ROOM.events),
    )


def refusals() -> str:
    """Every code, with both languages."""
    rows = [
        HEAD,
        "# Refusals\n",
        "A refusal is an answer: the rules do not allow a command now, and nothing was changed.\n"
        "The code is stable; the sentences are in the reader's language.\n",
        "| code | HTTP | what it says | 中文 | what to do | 怎么办 |\n|---|---|---|---|---|---|",
    ]
    for code, text in sorted({**refusal_texts(), **WEB_REFUSALS}.items()):
        cells = (text.sentence, say("zh", text.sentence), text.remedy, say("zh", text.remedy))
        rows.append(f"| `{code}` | {status_of(code)} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _import_everything() -> None:
    """Each module of ours, for the kinds of trouble that it defines."""
    for module in pkgutil.walk_packages(openhall.__path__, "openhall."):
        if not any(part in module.name for part in NOT_IMPORTED):
            importlib.import_module(module.name)


def _kinds_of_trouble(cls: type[Trouble] = Trouble) -> Iterator[type[Trouble]]:
    for kind in sorted(cls.__subclasses__(), key=lambda k: k.code):
        yield kind
        yield from _kinds_of_trouble(kind)


def troubles() -> str:
    """What no rule foresees."""
    _import_everything()
    rows = [
        HEAD,
        "# Trouble\n",
        "Something outside the rules stands in the way. Nothing of the failed work was kept;\n"
        "trying again under the same id is right. Over HTTP it is a 503 with `Retry-After`, on the command\n"
        "line exit code 1.\n",
        "| code | what it is | what to do |\n|---|---|---|",
    ]
    seen = {kind.code: kind for kind in _kinds_of_trouble() if kind.__module__.startswith("openhall.")}
    for code, kind in sorted(seen.items()):
        rows.append(f"| `{code}` | {_paragraph(kind.__doc__).splitlines()[0]} | {kind.remedy} |")
    return "\n".join(rows) + "\n"


def command_line() -> str:
    """The help of every command."""
    parts = [HEAD, "# Command line\n"]
    context = click.Context(program, info_name="openhall", terminal_width=100, max_content_width=100)
    parts.append(f"```text\n{program.get_help(context)}\n```\n")
    for name, command in sorted(program.commands.items()):
        parts += _help(command, f"openhall {name}", context)
    return "\n".join(parts)


def _help(command: click.Command, name: str, parent: click.Context) -> list[str]:
    context = click.Context(
        command, info_name=name.split(" ", 1)[1], parent=parent, terminal_width=100, max_content_width=100
    )
    parts = [f"## {name}\n", f"```text\n{command.get_help(context)}\n```\n"]
    if isinstance(command, click.Group):
        for inner, child in sorted(command.commands.items()):
            parts += _help(child, f"{name} {inner}", parent)
    return parts


def configuration() -> str:
    """Every key of a bank's files."""
    kinds = [
        value
        for value in vars(network).values()
        if isinstance(value, type)
        and value.__module__ == network.__name__
        and hasattr(value, "__struct_fields__")
        and value is not network.NetworkVersion
    ]
    return _structs(
        "Configuration",
        "The keys of a bank's files; `Bank` is the whole. How to write them: `docs/how-to/configure.md`.",
        iter(kinds),
    )


STUDY_TABLES = {
    study.Study: "The file",
    study.Network: "`[network]`",
    study.Service: "`[[services]]`",
    study.CustomerClass: "`[[classes]]`",
    study.Behaviour: "`[customers]`",
    study.Policy: "`[[policy]]`",
    study.Extra: "`extra` of a policy",
    study.PrecisionAsked: "`[precision]`",
    study.Outputs: "`[outputs]`",
}
"""How each table is written in a study file."""
PARAMETER = re.compile(r"^(\w[\w, ]*) : (.*)$")


def study_file() -> str:
    """Every key of a study file, from the docstrings of its types."""
    parts = [
        HEAD,
        "# The study file\n",
        "The keys of what `openhall simulate` reads. How to use it: `docs/studies.md`.\n",
    ]
    for kind, heading in STUDY_TABLES.items():
        intro, _, parameters = (cleandoc(kind.__doc__ or "")).partition("\n\nParameters\n----------\n")
        types = {f.name: f for f in cast(inspect.StructType, inspect.type_info(kind)).fields}
        rows = [
            f"| `{name}` | {wanted(types[name].type)} | {what} | {_default_of(types[name])} |"
            for name, what in _parameters(parameters)
        ]
        head = "| key | value | what | when it is not given |\n|---|---|---|---|\n"
        parts += [f"## {heading}\n", f"{intro}\n", head + "\n".join(rows) + "\n"]
    return "\n".join(parts)


def _default_of(field: inspect.Field) -> str:
    if field.required:
        return "a mistake"
    if field.default in (None, NODEFAULT, ()):
        return ""
    text = repr(list(field.default) if isinstance(field.default, tuple) else field.default)
    return f"`{text.lower() if isinstance(field.default, bool) else text}`"


def _parameters(text: str) -> Iterator[tuple[str, str]]:
    """(name, words) of a NumPy section; several names may share their words."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        if match := PARAMETER.match(line):
            found.append((match[1], match[2]))
        elif line.strip():
            names, words = found.pop()
            found.append((names, f"{words} {line.strip()}"))
    for names, words in found:
        for name in names.split(", "):
            yield name, words


def rights() -> str:
    """Who may do what."""
    parts = [
        HEAD,
        "# Rights\n",
        "What is not listed is refused. An account is bound to a branch, head office to none.\n",
    ]
    for role, allowed in RIGHTS.items():
        screens = ", ".join(f"`{s}`" for s in sorted(SCREENS[role])) or "none"
        listed = ", ".join(f"`{c}`" for c in sorted(allowed)) or "none"
        parts.append(f"## {role}\n\nScreens: {screens}.\n\nCommands: {listed}.\n")
    return "\n".join(parts)


def main(arguments: list[str]) -> int:
    """Write the pages; with `--check`, only say which are out of date."""
    made: dict[str, str] = pages()
    stale = [
        name
        for name, text in made.items()
        if not (FOLDER / name).is_file() or (FOLDER / name).read_text(encoding="utf-8") != text
    ]
    if "--check" in arguments:
        for name in stale:
            sys.stdout.write(f"docs/reference/{name} is out of date: run `make reference`\n")
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for name in stale:
        (FOLDER / name).write_text(made[name], encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
