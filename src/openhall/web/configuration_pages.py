"""The configuration's pages: an overview, forms by section and branch, drafts with previews, the history."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Response, get
from litestar.params import PathParameter, QueryParameter
from litestar.response import Redirect

from openhall.access import rights
from openhall.access.approvals import Proposal
from openhall.app.build import App
from openhall.app.configuration import KIND, Asked, checked, refuse_scope
from openhall.app.configuration_preview import on_a_day, preview, text_diff
from openhall.app.language import say
from openhall.kernel.refusal import Refusal
from openhall.kernel.text import Language
from openhall.log.configuration import Draft, DraftState, Files, Origin
from openhall.network import schema
from openhall.network.effect import WEEKDAYS
from openhall.network.effects import effects
from openhall.network.mistakes import Place
from openhall.network.model import Bank, Branch
from openhall.network.outline import Outline, outline_of
from openhall.network.reading import DAYS
from openhall.web.api import BranchId, readable_branch
from openhall.web.approvals import SUMMARIES, Summary
from openhall.web.configuration import Day, DraftId, Number
from openhall.web.configuration_bodies import (
    DayBody,
    allowed,
    day_told,
    draft_told,
    effects_told,
    mistakes_told,
)
from openhall.web.configuration_forms import Forms, place_id, week_runs
from openhall.web.configuration_words import COUNTS, ORIGINS, ROW_WORDS, SIMULATION_WORDS, STATES
from openhall.web.frame import frame
from openhall.web.guarding import needs_screen
from openhall.web.problems import Refused, all_texts
from openhall.web.reading import language_of
from openhall.web.rendering import moment_words, page
from openhall.web.signing_in import OpenhallRequest

LOOKS = needs_screen("configuration")
BRANCHES_SHOWN: Final = 50
ROWS_SHOWN: Final = 40
VERSIONS_SHOWN: Final = 12
EFFECTS_IN_SUMMARY: Final = 3

HALL_KEYS: Final = ("hold", "call", "waits", "auto_call", "ring", "appointments", "pause_reasons")
SECTIONS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "services": ("Services and needs", ("services", "lessons")),
    "classes": ("Classes and order", ("classes", "order")),
    "triage": ("Triage rules", ("triage",)),
    "regimes": ("Regimes and periods", ("regimes", "periods")),
    "hall": ("Rules of the hall", HALL_KEYS),
    "people": ("Colleagues", ("people",)),
    "staffing": (
        "Planning people",
        (
            "staffing", "contracts", "shifts", "labour", "leaves", "wishes", "pension_days", "neighbours",
            "reopenings", "holidays",
        ),
    ),
    "bank": ("The bank and everything else", ("name", "currency", "privacy")),
    "files": ("Files", ()),
}  # fmt: skip
"""Which keys stand on which page. A key that is named nowhere stands on the last but one."""
REST: Final = "bank"
ELSEWHERE: Final = frozenset({"branches", "counters", "exceptions"})
"""On the pages of the branches."""

Section = Annotated[str, PathParameter(max_length=32)]
DraftQuery = Annotated[str, QueryParameter(max_length=64, description="The draft that is shown")]
Find = Annotated[str, QueryParameter(max_length=64, description="Part of a name or id")]
PageNumber = Annotated[int, QueryParameter(ge=1, le=10_000, description="Which page of the list")]


def section_keys(section: str) -> list[str]:
    """The keys of a section, with those that no section names on the page for the rest."""
    named = {key for _, keys in SECTIONS.values() for key in keys} | ELSEWHERE
    found = [key for key in SECTIONS[section][1] if schema.top_key(key) is not None]
    if section == REST:
        found += [key.name for key in schema.top_keys() if key.name not in named]
    return found


def section_of(key: str) -> str:
    """On which page a key stands."""
    return next((name for name, (_, keys) in SECTIONS.items() if key in keys), REST)


@dataclass
class Looked:
    """What a page is about: the files of a draft, or of what is in force."""

    app: App
    language: Language
    draft: Draft | None
    files: Files
    outline: Outline
    forms: Forms
    may_change: bool
    mistakes: Any

    @property
    def query(self) -> str:
        """What keeps the draft from page to page."""
        return f"?{urlencode({'draft': self.draft.id})}" if self.draft else ""


def look(request: OpenhallRequest, draft_id: str, branch: str = "") -> Looked:
    """Read what a page shows. Reads the database and checks the files: for a thread."""
    app: App = request.app.state.openhall
    desk, language = app.configuration, language_of(request)
    draft = allowed(desk.find(draft_id, request.user)) if draft_id else None
    files = desk.files_with(draft) if draft else desk.files()
    mistakes = mistakes_told(checked(files), language, request.user.branch) if draft and draft.changes else ()
    outline = outline_of(files)
    is_own = draft is not None and refuse_scope(request.user, draft.branch) is None
    is_here = draft is not None and (not draft.branch or draft.branch == branch)
    return Looked(
        app=app,
        language=language,
        draft=draft,
        files=files,
        outline=outline,
        forms=Forms(outline, tuple(files), language, mistakes),
        may_change=bool(is_own and is_here and draft and draft.state is DraftState.OPEN),
        mistakes=mistakes,
    )


def around(request: OpenhallRequest, seen: Looked, branch: Branch | None = None) -> dict[str, Any]:
    """What every page of these has: the draft at hand, who may do what, and words for codes."""
    app, language, role = seen.app, seen.language, request.user.role
    zone = (branch or app.bank.branches[0]).timezone
    drafts = [draft_told(each) for each in app.configuration.drafts(request.user)]
    if branch is not None:
        drafts = [each for each in drafts if each.branch in ("", branch.id)]
    return frame(request, "configuration", branch) | {
        "draft": draft_told(seen.draft, seen.mistakes) if seen.draft else None,
        "drafts": drafts,
        "query": seen.query,
        "may_change": seen.may_change,
        "may_all": rights.may_act(role, "configuration.change"),
        "may_propose": rights.may_act(role, "configuration.propose"),
        "is_single": app.configuration.is_single_operator,
        "head": app.configuration.head(),
        "sections": {name: say(language, title) for name, (title, _) in SECTIONS.items()},
        "section": "",
        "moment": lambda at_ms: moment_words(language, at_ms, zone),
        "origins": ORIGINS,
        "states": STATES,
        "counts_words": COUNTS,
        "home": f"/b/{request.user.branch}" if request.user.branch else "/head",
        "page_of": lambda m: page_of(seen, m.file, m.path, m.line),
        "may_devices": rights.may_open(role, "devices"),
        "row_words": told(ROW_WORDS, language),
        "weekdays": dict(zip(DAYS, WEEKDAYS, strict=True)),
        "label_of": seen.forms.places.label,
        "datalists": seen.forms.long_lists(),
        "class_names": {c.code: c.name.get(language) for c in app.bank.classes},
        "branch_names": {b.id: b.name.get(language) for b in app.bank.branches},
    }


def told(words: dict[str, str], language: Language) -> dict[str, str]:
    """Words that a script of the page fills in."""
    return {name: say(language, sentence) for name, sentence in words.items()}


def page_of(seen: Looked, file: str, path: str, line: int | None) -> str:
    """The address of the field at a place, for a link from its mistake."""
    key = file.removesuffix(".csv") if line is not None and file.endswith(".csv") else path.split(".")[0]
    name, _, index = key.partition("[")
    anchor = place_id(file, path, line)
    whose = ""
    if name in ("branches", "counters", "exceptions"):
        for item in seen.outline.lists.get("branches" if index else name, []):
            starts = path.startswith(item.place.path) and item.place.file == file
            if (line is not None and item.place == Place(file, line=line)) or (index and starts):
                whose = item.branch
    if whose:
        return f"/b/{whose}/configuration{seen.query}#{anchor}"
    if schema.top_key(name) is None or name in ELSEWHERE:
        return f"/head/configuration/files{seen.query}#{place_id(file, '', None)}"
    extra = ""
    if name == "people" and line is not None:
        rows = [item.place.line for item in seen.outline.items("people")]
        at = rows.index(line) if line in rows else 0
        extra = f"{'&' if seen.query else '?'}number={at // ROWS_SHOWN + 1}"
    return f"/head/configuration/{section_of(name)}{seen.query}{extra}#{anchor}"


# --- overview -----------------------------------------------------------------------------------------------


@get("/head/configuration", include_in_schema=False, opt=LOOKS)
async def overview(
    request: OpenhallRequest, draft: DraftQuery = "", q: Find = "", number: PageNumber = 1
) -> Response[bytes] | Redirect:
    """What is in force, what waits, the branches and the latest versions."""
    if request.user.branch:
        return Redirect(f"/b/{request.user.branch}/configuration" + (f"?draft={draft}" if draft else ""))

    def work() -> Response[bytes]:
        seen = look(request, draft)
        context = around(request, seen) | branches_shown(seen, q, number)
        context |= {
            "versions": seen.app.configuration.versions()[:VERSIONS_SHOWN],
            "is_by_hand": seen.app.configuration.changed_by_hand(),
            "tallies": {name: tally(seen.outline, name) for name in SECTIONS},
        }
        return page("configuration.html", seen.language, **context)

    return await asyncio.to_thread(work)


def tally(outline: Outline, section: str) -> int:
    """How many items a section's first list has."""
    keys = [k for k in section_keys(section) if k in outline.lists]
    return len(outline.lists[keys[0]]) if keys else 0


def branches_shown(seen: Looked, q: str, number: int) -> dict[str, Any]:
    """One page of the branches whose name, id or address holds what was asked for."""
    wanted = q.strip().lower()
    found = []
    for item in seen.outline.items("branches"):
        name, address = item.value.get("name"), item.value.get("address")
        words = [item.id, *(v for each in (name, address) if isinstance(each, dict) for v in each.values())]
        if not wanted or any(wanted in str(word).lower() for word in words):
            found.append(item)
    first = (number - 1) * BRANCHES_SHOWN
    windows: dict[str, int] = {}
    for counter in seen.outline.items("counters"):
        windows[counter.branch] = windows.get(counter.branch, 0) + 1
    staff: dict[str, int] = {}
    for person in seen.outline.items("people"):
        staff[person.branch] = staff.get(person.branch, 0) + 1
    return {
        "q": q,
        "number": number,
        "pages": -(-len(found) // BRANCHES_SHOWN),
        "found_count": len(found),
        "branch_rows": [
            {
                "id": item.id,
                "name": seen.forms.places.name_of(item),
                "week": week_runs(str(item.value.get("week", ""))),
                "written": item.value.get("week", ""),
                "windows": windows.get(item.id, 0),
                "people": staff.get(item.id, 0),
            }
            for item in found[first : first + BRANCHES_SHOWN]
        ],
    }


# --- sections -----------------------------------------------------------------------------------------------


@get("/head/configuration/{section:str}", include_in_schema=False, opt=LOOKS)
async def section_page(
    request: OpenhallRequest, section: Section, draft: DraftQuery = "", q: Find = "", number: PageNumber = 1
) -> Response[bytes]:
    """The forms of one section."""
    if section not in SECTIONS:
        raise Refused(Refusal("not_found"))
    if request.user.branch:
        raise Refused(Refusal("role_may_not", section, {"role": request.user.role}))

    def work() -> Response[bytes]:
        seen = look(request, draft)
        context = around(request, seen) | {
            "section": section,
            "title": say(seen.language, SECTIONS[section][0]),
        }
        if section == "files":
            texts = {name: body.decode("utf-8", "replace") for name, body in sorted(seen.files.items())}
            context |= {"texts": texts, "file_id": lambda name: place_id(name, "", None)}
            return page("configuration_files.html", seen.language, **context)
        context |= {"parts": parts_of(seen, section, q, number), "q": q, "number": number}
        context["calendar"] = None
        if section == "regimes":
            today = seen.app.local_day(seen.app.bank.branches[0])
            context["calendar"] = seen.forms.calendar(today)
        return page("configuration_section.html", seen.language, **context)

    return await asyncio.to_thread(work)


def parts_of(seen: Looked, section: str, q: str, number: int) -> list[dict[str, Any]]:
    """The forms of a section, one after the other; of the people one page."""
    found: list[dict[str, Any]] = []
    for name in section_keys(section):
        key = schema.top_key(name)
        assert key is not None
        if not (key.kind == "table" and key.is_list):
            found.append({"group": seen.forms.single(name), "list": None, "pages": 1, "count": 1})
            continue
        items = seen.outline.items(name)
        if name == "people":
            wanted = q.strip().lower()
            items = [i for i in items if wanted in f"{i.id} {i.value.get('name', '')} {i.branch}".lower()]
        first = (number - 1) * ROWS_SHOWN if name == "people" else 0
        shown = items[first : first + ROWS_SHOWN] if name == "people" else items[:400]
        pages = -(-len(items) // ROWS_SHOWN) if name == "people" else 1
        listed = seen.forms.list_of(name, only=shown)
        found.append({"group": None, "list": listed, "pages": pages, "count": len(items)})
    return found


@get("/b/{branch_id:str}/configuration", include_in_schema=False, opt=LOOKS)
async def branch_page(
    request: OpenhallRequest, branch_id: BranchId, draft: DraftQuery = ""
) -> Response[bytes]:
    """One branch: what it is, its windows, exceptional days and people."""

    def work() -> Response[bytes]:
        seen = look(request, draft, branch_id)
        item = seen.outline.find("branches", branch_id)
        branch = readable_branch(request, branch_id) if seen.app.bank.branch(branch_id) else None
        if item is None:
            raise Refused(Refusal("not_found"))
        forms = seen.forms
        own = forms.group(item, without=frozenset({"counters", "exceptions"}))
        parts = [
            {"group": own, "list": None, "pages": 1, "count": 1},
            *(
                {"group": None, "list": forms.list_of(name, branch=branch_id), "pages": 1, "count": 1}
                for name in ("counters", "people", "exceptions")
            ),
        ]
        context = around(request, seen, branch) | {
            "section": "branch",
            "title": forms.places.name_of(item),
            "parts": parts,
            "calendar": None,
            "q": "",
            "number": 1,
            "own_branch": branch_id,
        }
        return page("configuration_section.html", seen.language, **context)

    return await asyncio.to_thread(work)


# --- a draft, a version -------------------------------------------------------------------------------------


async def _draft_page(request: OpenhallRequest, draft_id: str, on: date | None) -> Response[bytes]:
    def work() -> Response[bytes]:
        app: App = request.app.state.openhall
        own = request.user.branch
        seen = look(request, draft_id, own or "")
        assert seen.draft is not None
        found = preview(app, seen.draft)
        branch = app.bank.branch(own) if own else None
        proposal = app.configuration.proposal_of(seen.draft)
        context = around(request, seen, branch) | {
            "found": found,
            "effects": effects_told(found.effects, seen.language),
            "besides": effects_told(found.besides, seen.language),
            "diff": text_diff(app.configuration.files_before(seen.draft), seen.files, own),
            "day": day_of(app, seen, found.bank, on) if found.bank else None,
            "simulation_words": told(SIMULATION_WORDS, seen.language),
            "failure": failure_words(proposal, seen.language),
            "simulated": [b for b in app.bank.branches if own in (None, b.id)],
        }
        return page("configuration_draft.html", seen.language, **context)

    return await asyncio.to_thread(work)


def day_of(app: App, seen: Looked, after: Bank, on: date | None) -> DayBody:
    """What the draft that is shown does on a day."""
    assert seen.draft is not None
    return day_told(on_a_day(app, seen.draft, after, on), seen.language)


@get("/head/configuration/drafts/{draft_id:str}", include_in_schema=False, opt=LOOKS)
async def draft_page(request: OpenhallRequest, draft_id: DraftId, on: Day = None) -> Response[bytes]:
    """What a draft does, and what becomes of it."""
    return await _draft_page(request, draft_id, on)


@get("/b/{branch_id:str}/configuration/drafts/{draft_id:str}", include_in_schema=False, opt=LOOKS)
async def branch_draft_page(
    request: OpenhallRequest, branch_id: BranchId, draft_id: DraftId, on: Day = None
) -> Response[bytes]:
    """The same for those who belong to a branch."""
    readable_branch(request, branch_id)
    return await _draft_page(request, draft_id, on)


def failure_words(proposal: Proposal | None, language: Language) -> str:
    """Why an approved proposal could not be carried out."""
    if proposal is None or not proposal.failure:
        return ""
    text = all_texts().get(proposal.failure)
    return say(language, text.sentence) if text and "{" not in text.sentence else proposal.failure


@get("/head/configuration/versions/{number:int}", include_in_schema=False, opt=LOOKS)
async def version_page(request: OpenhallRequest, number: Number) -> Response[bytes]:
    """What a version changed, who made and approved it, and the way back to it."""

    def work() -> Response[bytes]:
        seen = look(request, "")
        desk = seen.app.configuration
        version = next((v for v in desk.versions() if v.number == number), None)
        if version is None or request.user.branch:
            raise Refused(Refusal("configuration_version_unknown", "number"))
        files = desk.files(number)
        before = desk.files(number - 1) if number > 1 else {}
        banks = [checked(before).bank, checked(files).bank] if before else [None, None]
        said = effects(banks[0], banks[1]) if banks[0] and banks[1] else []
        context = around(request, seen) | {
            "version": version,
            "effects": effects_told(tuple(said), seen.language),
            "diff": text_diff(before, files) if before else [],
            "is_in_force": number == desk.head().number,
        }
        context["version_number"] = number
        return page(
            "configuration_version.html", seen.language, shown=version, **_without(context, "version")
        )

    return await asyncio.to_thread(work)


def _without(context: dict[str, Any], name: str) -> dict[str, Any]:
    """`version` is the program's own in every template."""
    return {key: value for key, value in context.items() if key != name}


# --- for who decides ----------------------------------------------------------------------------------------


def summary(app: App, proposal: Proposal, language: Language) -> Summary:
    """What a proposed configuration changes, for the list of approvals."""
    asked = msgspec.json.decode(proposal.body, type=Asked)
    found = app.configuration.draft_of(asked.draft)
    facts = [(say(language, "Reason"), asked.reason)] if asked.reason else []
    if found is None:
        return Summary(say(language, "A change of the configuration"), tuple(facts))
    name = say(language, found.name) if found.origin is Origin.BY_HAND else found.name
    said = [each.sentence for each in effects_told(app.configuration.effects_of(found), language)]
    if len(said) > EFFECTS_IN_SUMMARY:
        more = len(said) - EFFECTS_IN_SUMMARY
        said = [*said[:EFFECTS_IN_SUMMARY], say(language, "{count} more", count=more)]
    if said:
        facts.append((say(language, "What it does"), " ".join(said)))
    return Summary(
        say(language, "Configuration: {name}", name=name),
        tuple(facts),
        f"/head/configuration/drafts/{found.id}",
    )


SUMMARIES[KIND] = summary

HANDLERS: list[Any] = [overview, section_page, branch_page, draft_page, branch_draft_page, version_page]
