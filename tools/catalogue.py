"""Collect every sentence that a person may read, and bring the Chinese catalogue up to date with them.

    .venv/bin/python tools/catalogue.py            write src/openhall/locale/zh.po
    .venv/bin/python tools/catalogue.py --check    say what is missing or not used any more, and exit 1 then

English sentences are the keys. A translation that exists is kept; a new sentence gets an empty one, which
the unit tests refuse; a sentence that nobody says any more goes. No dates and no line numbers are written,
so that a change in the file is always a change in what people read.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import io
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

import openhall
from openhall.app import (
    channel_words,
    configuration,
    device_words,
    findings,
    message_words,
    plan_words,
    report_exports,
    report_words,
)
from openhall.cli import demo, language, rehearse, simulate
from openhall.cli.bench import elastic as bench_elastic
from openhall.cli.bench import hall as bench
from openhall.cli.bench import size as bench_size
from openhall.cli.bench import soak as bench_soak
from openhall.cli.bench import twin as bench_twin
from openhall.cli.bench import week as bench_week
from openhall.cli.main import program
from openhall.kernel.trouble import Trouble
from openhall.network import labels, limits, mistakes, schema
from openhall.network.model import Role
from openhall.rehearsal.evaluation import simulated, technion, warsaw
from openhall.staffing import sentences as sentences_of_plans
from openhall.web import (
    accounts,
    alerts,
    configuration_pages,
    configuration_words,
    devices,
    messages,
    personal_pages,
    problems,
    rendering,
)

SOURCE = Path(__file__).parents[1] / "src" / "openhall"
CATALOGUE = SOURCE / "locale" / "zh.po"
HEADER = """msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Language: zh_CN\\n"

"""

SAID = {"say": (2,), "both": (1,), "titled": (1,)}
"""Which argument of which function is a sentence."""

Found = tuple[str, str]
"""(where it is said, the sentence)."""


def from_templates() -> Iterator[Found]:
    """Sentences in the pages: `_` in the reader's language, `both` in two at once."""
    for path in sorted((SOURCE / "web" / "templates").glob("*.html")):
        with path.open("rb") as file:
            for _, _, message, _ in babel_extract(file, ("_", "both"), (), {}):
                # With blanks the extractor gives a tuple; a word looked up in a table gives None.
                sentence = message[0] if isinstance(message, tuple) else message
                if isinstance(sentence, str):
                    yield f"web/templates/{path.name}", sentence


def from_code() -> Iterator[Found]:
    """Sentences said in Python: the second argument of `say`, the first of `both` and `titled`."""
    for path in sorted([*(SOURCE / "web").glob("*.py"), *(SOURCE / "app").glob("*.py")]):
        with path.open("rb") as file:
            for _, message, _, _ in extract("python", file, keywords=SAID):
                if isinstance(message, str):
                    yield path.relative_to(SOURCE).as_posix(), message


def from_command_line() -> Iterator[Found]:
    """Help, messages, and words for codes, on the command line.

    The syntax tree is read, because babel's extractor does not look into f-strings.
    """
    for path in sorted((SOURCE / "cli").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="_"), args=[ast.Constant(value=str(sentence))]):
                    yield f"cli/{path.name}", sentence
    for text in language.help_texts(program):
        for _, words in language.paragraphs(text):
            yield "cli help", words
    for sentence in (*language.CLICK, *language.TYPES):
        yield "click", sentence
    for word in (*demo.SHOWN_ROLES, *get_args(Role)):
        yield "cli/demo.py", word
    benches = (bench, bench_elastic, bench_size, bench_soak, bench_twin, bench_week)
    for bar in (bar for each in benches for bar in each.BARS):
        yield "cli/bench", bar.words
    for word in rehearse.WORDS:
        yield "cli/rehearse.py", word
    for note in (*warsaw.NOTES, *technion.NOTES, *simulated.NOTES):
        yield "cli/evaluate.py", note
    for word in simulate.WORDS:
        yield "cli/simulate.py", word


def from_tables() -> Iterator[Found]:
    """Words for codes."""
    for table in (
        rendering.WORDS,
        rendering.SCREEN_TITLES,
        rendering.REASONS_TO_LOOK,
        rendering.DECLINE_REASONS,
        rendering.OVERRIDE_REASONS,
        rendering.ELSEWHERE_WORDS,
    ):
        for word in table.values():
            yield "web/rendering.py", word


def from_plans() -> Iterator[Found]:
    """What is said of a plan, on the page and on the command line."""
    for path in sorted((SOURCE / "app").glob("plan_*.py")):
        with path.open("rb") as file:
            for _, message, _, _ in extract("python", file, keywords={"say": (2,)}):
                if isinstance(message, str):
                    yield f"app/{path.name}", message
    tables = (sentences_of_plans.NOTES, sentences_of_plans.VIOLATIONS, plan_words.POSTS, plan_words.STATUSES)
    for table in tables:
        for sentence in table.values():
            yield "staffing/sentences.py", sentence


def from_messages() -> Iterator[Found]:
    """What leaves the house, and the words of the alerts' and messages' pages."""
    for table in message_words.TABLES:
        for sentence in table.values():
            yield "app/message_words.py", sentence
    pages = (
        accounts.CHANGE_WORDS,
        alerts.CHANGE_WORDS,
        channel_words.CHANNEL_WORDS,
        messages.STATE_WORDS,
        personal_pages.ACTION_WORDS,
        personal_pages.REASON_WORDS,
    )
    for words in (*pages, messages.KIND_WORDS, messages.CODE_WORDS):
        for sentence in words.values():
            yield "web/messages.py", sentence


def from_reports() -> Iterator[Found]:
    """The indicators of a day and the headings over them."""
    headings = [title for title, _ in report_words.SECTIONS] + [words for _, words in report_exports.TABLES]
    for words in (*report_words.WORDS.values(), report_words.WITHIN, report_words.EARLIER, *headings):
        yield "app/report_words.py", words


WORDED = ("network", "flows", "staffing", "app", "web", "cli", "rehearsal/study")
"""Where `Words` are made; in `network` plain text that a mistake expects or finds is a sentence, too."""


def from_words() -> Iterator[Found]:
    """Sentences that are made below the doors: a mistake in a configuration, the effect of a change."""
    for room in WORDED:
        for path in sorted((SOURCE / room).rglob("*.py")):
            place = path.relative_to(SOURCE).as_posix()
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.Call(func=ast.Name(id="Words"), args=[ast.Constant(value=str(sentence))]):
                        yield place, sentence
                    case ast.keyword(arg="expected" | "found", value=ast.Constant(value=str(sentence))):
                        if room == "network" and sentence.strip(", "):
                            yield place, sentence
    for shape in limits.SHAPES.values():
        yield "network/limits.py", shape.expected
    for sentence in (mistakes.WITH_HINT, mistakes.WITHOUT_HINT, *mistakes.REMEDIES.values()):
        yield "network/mistakes.py", sentence


def from_configuration() -> Iterator[Found]:
    """What the keys and choices of a configuration are called, and what is said of them."""
    for table in schema.tables():
        for key in schema.keys_of(table):
            place = f"{table.__module__.removeprefix('openhall.').replace('.', '/')}.py"
            yield place, labels.label(key.name)
            for code in key.choices:
                yield place, labels.choice(code)
            if key.help:
                yield place, key.help
    for words, _ in configuration_pages.SECTIONS.values():
        yield "web/configuration_pages.py", words
    for worded in configuration_words.EVERY:
        for words in worded.values():
            yield "web/configuration_words.py", words
    yield "app/configuration.py", configuration.BY_HAND_NAME


def from_refusals() -> Iterator[Found]:
    """Every way to say no, with its remedy."""
    for code, text in problems.all_texts().items():
        yield f"refusal:{code}", text.sentence
        yield f"refusal:{code}", text.remedy


def from_devices() -> Iterator[Found]:
    """How a device is, and what somebody can do about it."""
    for part in findings.PARTS.values():
        yield "app/findings.py", part
    for text in findings.TEXTS.values():
        yield "app/findings.py", text.sentence
        yield "app/findings.py", text.remedy
    for text in device_words.STATES.values():
        yield "app/device_words.py", text.sentence
        yield "app/device_words.py", text.remedy
    for words in devices.KIND_WORDS.values():
        yield "web/devices.py", words


def troubles() -> list[type[Trouble]]:
    """Every kind of trouble in the package."""
    for module in pkgutil.walk_packages(openhall.__path__, "openhall."):
        if not module.name.endswith(".__main__") and ".migrations" not in module.name:
            importlib.import_module(module.name)
    found, waiting = [], [Trouble]
    while waiting:
        below = waiting.pop().__subclasses__()
        found += below
        waiting += below
    return sorted(set(found), key=lambda kind: (kind.code, kind.__name__))


def from_troubles() -> Iterator[Found]:
    """What stood in the way, and what a person can do about it."""
    for kind in troubles():
        yield f"trouble:{kind.code}", rendering.first_paragraph(inspect.getdoc(kind) or kind.code)
        yield f"trouble:{kind.code}", kind.remedy


def sentences() -> dict[str, list[str]]:
    """Every sentence, with the places that say it."""
    found: dict[str, list[str]] = {}
    sources = (
        from_templates,
        from_code,
        from_command_line,
        from_tables,
        from_plans,
        from_messages,
        from_reports,
        from_words,
        from_configuration,
        from_refusals,
        from_devices,
        from_troubles,
    )
    for source in sources:
        for place, sentence in source():
            places = found.setdefault(sentence, [])
            if place not in places:
                places.append(place)
    return found


def current() -> Catalog:
    """The catalogue as it is."""
    return read_po(io.BytesIO(CATALOGUE.read_bytes()), locale="zh_CN")


def brought_up_to_date(old: Catalog) -> Catalog:
    """All sentences with the translations that exist."""
    new = Catalog(locale="zh_CN")
    for sentence, places in sentences().items():
        known = old.get(sentence)
        translation = str(known.string) if known is not None and known.string else ""
        new.add(sentence, translation, locations=[(place, 0) for place in sorted(places)])
    return new


def write(catalogue: Catalog) -> None:
    """Write the file, in the order of the sentences."""
    body = io.BytesIO()
    write_po(body, catalogue, omit_header=True, sort_output=True, include_lineno=False, width=110)
    CATALOGUE.write_text(HEADER + body.getvalue().decode(), encoding="utf-8")


def main() -> int:
    """Update, or only look."""
    old = current()
    new = brought_up_to_date(old)
    known = {str(message.id) for message in old if message.id}
    wanted = {str(message.id) for message in new if message.id}
    untranslated = sorted(str(m.id) for m in new if m.id and not m.string)
    for sentence in untranslated:
        print(f"not translated: {sentence}")  # noqa: T201 - a tool speaks to who runs it
    for sentence in sorted(known - wanted):
        print(f"no longer said: {sentence}")  # noqa: T201
    if "--check" in sys.argv[1:]:
        return 1 if untranslated or known != wanted else 0
    write(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
