"""The configuration over HTTP and on its pages, as a person and as a program see them."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from litestar.testing import TestClient

from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.hall.model.commands import DeclareBurst
from openhall.kernel.clock import ManualClock
from openhall.kernel.event import SYSTEM, Request
from openhall.log import learned
from openhall.network import schema
from openhall.network.sample import sample_files
from openhall.web.configuration_pages import ELSEWHERE, SECTIONS, section_keys
from openhall.web.pages import CARDS_SHOWN
from openhall.web.site import create_site
from tests.places import at
from tests.unit.network.small_bank import BANK
from tests.unit.network.test_editing import LEAVES, anything, skeleton
from tests.unit.rehearsal.test_change_study import learned as habits_of

PASSWORD = "a long enough password"
ACCOUNTS: dict[str, tuple[Any, str | None, str | None]] = {
    "ops": ("operations", None, None),
    "root": ("administrator", None, None),
    "boss": ("manager", "lanqiao", "chen-ruolan"),
    "mei": ("teller", "lanqiao", "zhou-yan"),
}


@dataclass
class Site:
    app: App
    client: TestClient[Any]
    tokens: dict[str, str]
    keys: int = 0

    def ask(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """With a token, in English unless said otherwise, and a new key each time."""
        self.keys += 1
        headers = {"accept-language": "en", **{k.replace("_", "-"): v for k, v in headers.items()}}
        headers |= {"Idempotency-Key": f"k{self.keys}", "authorization": f"Bearer {self.tokens[who]}"}
        self.client.cookies.clear()
        return self.client.request(method, path, json=body, headers=headers)

    def done(self, *asked: Any, **headers: str) -> Any:
        answer = self.ask(*asked, **headers)
        assert answer.is_success, answer.text
        return answer.json()

    def draft(self, who: str = "ops", branch: str = "", **more: Any) -> dict[str, Any]:
        body = {"name": "A change", "branch": branch, **more}
        found: dict[str, Any] = self.done(who, "POST", "/api/configuration/drafts", body)
        return found

    def change(
        self, draft: dict[str, Any], *changes: dict[str, Any], who: str = "ops", **headers: str
    ) -> Any:
        path = f"/api/configuration/drafts/{draft['id']}/changes"
        return self.done(who, "POST", path, {"seen": draft["revision"], "changes": changes}, **headers)


def opened(tmp_path: Path, files: dict[str, bytes]) -> tuple[App, dict[str, str]]:
    place = Folder(tmp_path / "bank")
    if not place.bank.exists():
        place.create(files)
    app = build(place, ManualClock(at(8, 30)))
    tokens = {}
    for name, (role, branch, person) in ACCOUNTS.items():
        if branch is None or app.bank.branch(branch):
            app.accounts.create(name, role, PASSWORD, branch=branch, person_id=person)
            tokens[name] = app.accounts.sign_in(name, PASSWORD).token  # type: ignore[union-attr]
    return app, tokens


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    app, tokens = opened(tmp_path_factory.mktemp("configured"), sample_files())
    with TestClient(create_site(app)) as client:
        yield Site(app, client, tokens)


SET = {"type": "set", "file": "bank.toml"}
HEAD_START = SET | {"path": "classes[1].head_start_minutes"}


def test_every_key_of_the_model_can_be_changed_over_the_api(site: Site) -> None:
    """Generated from the schema: each key set to a value of its kind in a file of a draft of its own."""
    draft = site.draft()
    texts = {path: f"{skeleton(path)}" for path, _ in LEAVES}
    wrong = {"wrong_type", "unknown_key", "not_one_of", "syntax"}
    for path, key in LEAVES:
        draft = site.change(
            draft,
            {"type": "file", "file": "bank.toml", "text": texts[path]},
            SET | {"path": path, "value": anything(key)},
        )
        about = {
            m["code"] for m in draft["mistakes"] if m["path"].startswith(path) and m["file"] == "bank.toml"
        }
        assert not about & wrong, path


def test_every_key_has_its_place_on_a_page() -> None:
    shown = [key for section in SECTIONS for key in section_keys(section)]
    assert sorted([*shown, *ELSEWHERE]) == sorted(key.name for key in schema.top_keys())


FIELD = re.compile(r'data-path="([^"]+)"')


def test_the_forms_ask_for_every_key_that_the_schema_knows(site: Site) -> None:
    draft = site.draft()
    pages = [f"/head/configuration/{section}" for section in SECTIONS if section != "files"]
    found: set[str] = set()
    for path in (*pages, "/b/lanqiao/configuration"):
        text = site.ask("ops", "GET", f"{path}?draft={draft['id']}", accept="text/html").text
        found |= {re.sub(r"\[\d+\]", "", p) for p in FIELD.findall(text)}
    ends = {path.split(".")[-1].removesuffix("_zh").removesuffix("_en") for path in found}
    ends |= {path.split(".")[-2] for path in found if path.endswith((".zh", ".en"))}
    silent = {"id", "code"}
    for table in (t for t in schema.tables() if used(site, t)):
        missing = {k.name for k in schema.keys_of(table) if k.kind != "table"} - ends - silent
        assert not missing, table.__name__


def used(site: Site, table: type[msgspec.Struct]) -> bool:
    """Has the sample a table of the kind, or is it a policy that is there without being written?"""
    body = msgspec.json.encode(site.app.bank).decode()
    names = [k.name for t in schema.tables() for k in schema.keys_of(t) if k.table is table and not k.is_list]
    lists = [k.name for t in schema.tables() for k in schema.keys_of(t) if k.table is table and k.is_list]
    rows = schema.top_key(lists[0]) if lists else None
    return bool(names) or table.__name__ == "Bank" or any(f'"{n}":[{{' in body for n in lists if rows)


@pytest.mark.parametrize(
    ("language", "words", "remedy"),
    [
        (
            "en",
            "Expected a whole number from 0 to 120, found 'twenty'.",
            "Write a value of the kind that is expected.",
        ),
        ("zh", "应为0到120之间的整数，实为'twenty'。", "请填写所要求类型的值。"),
    ],
)
def test_a_mistake_is_said_at_its_field_in_the_readers_language(
    site: Site, language: str, words: str, remedy: str
) -> None:
    draft = site.change(site.draft(), HEAD_START | {"value": "twenty"}, accept_language=language)
    (mistake,) = draft["mistakes"]
    assert (mistake["file"], mistake["path"], mistake["words"], mistake["remedy"]) == (
        "bank.toml",
        "classes[1].head_start_minutes",
        words,
        remedy,
    )
    page = site.ask(
        "ops",
        "GET",
        f"/head/configuration/classes?draft={draft['id']}",
        accept="text/html",
        accept_language=language,
    ).text
    assert words.replace("'", "&#39;") in page
    assert 'aria-invalid="true"' in page


def test_a_change_goes_from_a_draft_over_its_preview_to_a_second_person_and_into_force(site: Site) -> None:
    draft = site.change(site.draft(), SET | {"path": "hold.times_at_most", "value": "4"})
    seen = site.done("ops", "GET", f"/api/configuration/drafts/{draft['id']}")
    assert [e["sentence"] for e in seen["effects"]] == [
        "Stepping out and coming back › Times, at most: 4 instead of 3."
    ]
    assert seen["effects"][0]["counts"] == "next_day"
    assert any("-times_at_most = 3" in line for line in seen["files"]["bank.toml"])
    path = f"/api/configuration/drafts/{draft['id']}/proposal"
    waiting = site.done("ops", "POST", path, {"seen": draft["revision"], "reason": "Asked for"})
    assert waiting["state"] == "proposed"
    listed = site.done("root", "GET", "/api/approvals")
    assert listed[0]["summary"]["title"] == "Configuration: A change"
    said = "Stepping out and coming back › Times, at most: 4 instead of 3."
    assert ["What it does", said] in listed[0]["summary"]["facts"]
    decision = f"/api/approvals/{waiting['proposal']}/decision"
    assert site.ask("ops", "POST", decision, {"is_approved": True}).json()["code"] == "approval_own"
    assert site.done("root", "POST", decision, {"is_approved": True})["is_carried_out"]
    assert site.app.bank.hold.times_at_most == 4
    state = site.done("ops", "GET", "/api/configuration")
    assert (state["head"]["maker"], state["head"]["checker"]) == ("ops", "root")
    version = site.ask(
        "ops", "GET", f"/head/configuration/versions/{state['head']['number']}", accept="text/html"
    )
    assert "4 instead of 3" in version.text
    back = f"/api/configuration/versions/{state['head']['number'] - 1}/restore"
    restored = site.done("root", "POST", back, {"name": "Back"})
    assert restored["origin"] == "restored"
    site.done("root", "DELETE", f"/api/configuration/drafts/{restored['id']}")


def test_a_branch_manager_works_on_the_own_branch_only(site: Site) -> None:
    own = site.draft("boss", "lanqiao")
    inside = {"type": "set", "file": "branches.toml", "path": "branches[0].inside_limit", "value": "30"}
    own = site.change(own, inside, who="boss")
    path = f"/api/configuration/drafts/{own['id']}/changes"
    beyond = site.ask(
        "boss", "POST", path, {"seen": own["revision"], "changes": [HEAD_START | {"value": "1"}]}
    )
    assert beyond.json()["code"] == "draft_not_yours"
    whole = site.ask("boss", "POST", "/api/configuration/drafts", {"name": "x", "branch": ""})
    assert whole.json()["code"] == "draft_not_yours"
    other = site.draft("ops")
    assert (
        site.ask("boss", "GET", f"/api/configuration/drafts/{other['id']}").json()["code"]
        == "draft_not_yours"
    )
    shown = site.ask("boss", "GET", f"/b/lanqiao/configuration?draft={own['id']}", accept="text/html")
    assert "data-open" in shown.text
    assert (
        site.ask(
            "boss", "GET", f"/b/lanqiao/configuration/drafts/{own['id']}", accept="text/html"
        ).status_code
        == 200
    )
    assert site.ask("boss", "GET", "/head/configuration/classes", accept="text/html").status_code == 403
    assert site.ask("mei", "GET", "/api/configuration").status_code == 403


def test_whole_files_are_for_head_office_alone(site: Site) -> None:
    """They name the colleagues of every branch, and what each of them can do."""
    own = site.draft("boss", "lanqiao")
    for path in (f"drafts/{own['id']}/files", "versions/1/files"):
        answer = site.ask("boss", "GET", f"/api/configuration/{path}")
        assert (answer.status_code, answer.json()["code"]) == (403, "role_may_not"), path
        assert "people.csv" in site.done("ops", "GET", f"/api/configuration/{path}")


def test_a_list_is_taken_from_a_spreadsheet_and_each_row_is_shown_before_it_counts(site: Site) -> None:
    draft = site.draft()
    path = f"/api/configuration/drafts/{draft['id']}/rows"
    text = site.done("ops", "GET", f"{path}?of=people")["text"].replace(",", "\t")
    text = text.replace(
        "zhou-yan\t周燕 Zhou Yan\tlanqiao\tcash pension", "zhou-yan\t周燕 Zhou Yan\tlanqiao\tcash"
    )
    text += "bo\tBo\tlanqiao\t\tgard\tfull\tno\tno\n"
    rows = {"type": "rows", "list": "people", "text": text}
    seen = site.done("ops", "POST", path, rows)
    assert (seen["counts"]["new"], seen["counts"]["changed"], seen["counts"]["gone"]) == (1, 1, 0)
    first, second = seen["rows"][0], next(row for row in seen["rows"] if row["what"] == "changed")
    assert (first["id"], first["what"], first["line"]) == ("bo", "new", text.count("\n"))
    assert [(m["code"], m["suggestion"], m["remedy"]) for m in first["mistakes"]] == [
        ("not_one_of", "guard", "Choose one of those that are expected.")
    ]
    assert second["cells"] == [
        {"column": "skills", "label": "Skills", "before": "Cash, Pension and passbook", "after": "Cash"}
    ]
    assert site.done("ops", "GET", f"/api/configuration/drafts/{draft['id']}")["effects"] == [], "not yet"
    taken = site.change(draft, rows | {"text": text.replace("gard", "guard")})
    assert taken["mistakes"] == []
    effects = site.done("ops", "GET", f"/api/configuration/drafts/{draft['id']}")["effects"]
    assert "Orchid Bridge Branch: new on the staff: Bo." in [e["sentence"] for e in effects]
    for body, code in (
        (rows | {"list": "money"}, "configuration_place_unknown"),
        (rows | {"text": ""}, "configuration_rows_empty"),
    ):
        assert site.ask("ops", "POST", path, body).json()["code"] == code
    assert site.ask("ops", "GET", f"{path}?of=money").json()["code"] == "configuration_place_unknown"


def test_a_manager_takes_rows_of_the_own_branch_and_of_no_other(site: Site) -> None:
    own = site.draft("boss", "lanqiao")
    path = f"/api/configuration/drafts/{own['id']}/rows"
    text = site.done("boss", "GET", f"{path}?of=counters&branch=lanqiao")["text"]
    assert {line.split(",")[0] for line in text.splitlines()[1:]} == {"lanqiao"}
    text += "lanqiao,C9,9,cash\n"
    rows = {"type": "rows", "list": "counters", "text": text, "branch": "lanqiao"}
    seen = site.done("boss", "POST", path, rows)
    assert (seen["counts"], seen["mistakes"]) == ({"new": 1, "changed": 0, "gone": 0, "same": 4}, [])
    all_rows = [("GET", f"{path}?of=counters", None), ("POST", path, rows | {"branch": ""})]
    for method, address, body in all_rows:
        assert site.ask("boss", method, address, body).json()["code"] == "draft_not_yours", "names of others"
    own = site.change(own, rows, who="boss")
    assert own["mistakes"] == []
    whole = {"seen": own["revision"], "changes": [rows | {"branch": ""}]}
    answer = site.ask("boss", "POST", f"/api/configuration/drafts/{own['id']}/changes", whole)
    assert answer.json()["code"] == "draft_not_yours", "the others' rows would be gone"


def test_windows_in_a_file_of_all_branches_change_places(site: Site) -> None:
    draft = site.draft()
    move = {"type": "move", "file": "counters.csv", "path": "", "line": 3, "by": -1}
    draft = site.change(draft, move)
    effects = site.done("ops", "GET", f"/api/configuration/drafts/{draft['id']}")["effects"]
    assert [e["sentence"] for e in effects] == [
        "Branches › Orchid Bridge Branch › Windows: in another order: window 2, window 1, window 3, window 4."
    ]


def test_a_typical_day_is_simulated_under_both_configurations(site: Site) -> None:
    draft = site.change(site.draft(), HEAD_START | {"value": "90"})
    found = site.done("ops", "GET", f"/api/configuration/drafts/{draft['id']}/simulation?branch=wutong")
    before, after = ({c["class_code"]: c for c in found[side]["classes"]} for side in ("before", "after"))
    assert found["days_learned"] == 0
    assert found["before"]["customers"] == found["after"]["customers"], "the same customers"
    assert after["green"]["wait_p90"] <= before["green"]["wait_p90"]
    path = f"/api/configuration/drafts/{draft['id']}/simulation"
    closed = site.ask("ops", "GET", f"{path}?branch=lanqiao&on=2027-02-28")
    assert closed.json()["code"] == "simulation_day_closed"
    chosen = site.done("ops", "GET", f"{path}?branch=lanqiao&on=2027-06-01")
    assert chosen["day"] == "2027-06-01"
    own = site.draft("boss", "lanqiao")
    other = site.ask("boss", "GET", f"/api/configuration/drafts/{own['id']}/simulation?branch=wutong")
    assert other.json()["code"] == "draft_not_yours"
    broken = site.change(draft, HEAD_START | {"value": "no"})
    none = site.ask("ops", "GET", f"/api/configuration/drafts/{broken['id']}/simulation?branch=wutong")
    assert none.json()["code"] == "configuration_has_mistakes"


def test_the_simulated_day_is_made_of_what_was_learned_of_the_branch(tmp_path: Path) -> None:
    place = Folder(tmp_path / "bank")
    place.create(sample_files())
    first = build(place, ManualClock(at(8, 30)))
    learned.keep(first.store, habits_of(people=40), now_ms=at(3))
    first.store.close()
    app, tokens = opened(tmp_path, sample_files())
    with TestClient(create_site(app)) as client:
        site = Site(app, client, tokens)
        draft = site.change(site.draft(), HEAD_START | {"value": "90"})
        path = f"/api/configuration/drafts/{draft['id']}/simulation"
        own = site.done("ops", "GET", f"{path}?branch=lanqiao")
        assert (own["days_learned"], own["learned_from"], own["learned_to"]) == (
            20,
            "2027-02-01",
            "2027-02-26",
        )
        assert 36 < own["before"]["customers"] < 44
        assert site.done("ops", "GET", f"{path}?branch=wutong")["days_learned"] == 0


def test_what_a_draft_does_on_a_day_is_asked_for(site: Site) -> None:
    values = {"regime": "lockdown", "first": "2027-01-12", "last": "2027-01-14"}
    add = {"type": "add", "file": "bank.toml", "path": "periods", "values": values}
    draft = site.change(site.draft(), add)
    path = f"/api/configuration/drafts/{draft['id']}/day"
    found = site.done("ops", "GET", path)
    assert (found["day"], found["differs"]) == ("2027-01-12", [["2027-01-12", "2027-01-14"]])
    regime = "All branches › Operating regimes: Lockdown instead of"
    assert any(e["sentence"].startswith(regime) for e in found["effects"])
    later = site.done("ops", "GET", f"{path}?on=2027-01-15")
    assert (later["day"], later["effects"]) == ("2027-01-15", [])
    assert site.ask("ops", "GET", f"{path}?on=tomorrow").json()["code"] == "input_invalid"


def test_files_are_looked_at_without_a_draft(site: Site) -> None:
    files = {name: body.decode() for name, body in site.app.configuration.files().items()}
    changed = {**files, "bank.toml": files["bank.toml"].replace("window_minutes = 30", "window_minutes = 41")}
    found = site.done("ops", "POST", "/api/configuration/preview", {"files": changed})
    assert [e["sentence"] for e in found["effects"]] == [
        "Stepping out and coming back › May stay away, minutes: 41 instead of 30."
    ]
    assert site.ask("boss", "POST", "/api/configuration/preview", {"files": changed}).status_code == 403
    wrong = {**files, "bank.toml": "name = "}
    mistakes = site.done("ops", "POST", "/api/configuration/preview", {"files": wrong})["draft"]["mistakes"]
    assert [m["code"] for m in mistakes] == ["syntax"]
    assert "preview" not in [d["name"] for d in site.done("ops", "GET", "/api/configuration")["drafts"]]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"seen": 1, "changes": []}, "no change"),
        (
            {"seen": 1, "changes": [{"type": "set", "file": "../x.toml", "path": "a", "value": 1}]},
            "another folder",
        ),
        ({"seen": 1, "changes": [{"type": "file", "file": "openhall.key", "text": ""}]}, "another file"),
        (
            {"seen": 1, "changes": [{"type": "set", "file": "bank.toml", "path": "a b", "value": 1}]},
            "no path",
        ),
        ({"seen": 1, "changes": [HEAD_START | {"value": "x" * 2_001}]}, "too long"),
        ({"seen": 1, "changes": [HEAD_START | {"value": 1, "more": 2}]}, "an unknown field"),
    ],
)
def test_what_is_no_change_is_refused(site: Site, body: Any, why: str) -> None:
    path = f"/api/configuration/drafts/{site.draft()['id']}/changes"
    assert site.ask("ops", "POST", path, body).json()["code"] == "input_invalid", why


# --- a large bank -------------------------------------------------------------------------------------------

BRANCHES, PEOPLE_EACH, WINDOWS_EACH = 207, 20, 10
OVERVIEW_BYTES_MAX = 60_000
PEOPLE_BYTES_MAX = 420_000


def large_bank() -> dict[str, bytes]:
    """The smallest rules over 207 branches with ten windows and twenty people each."""
    branches = ["id,name_en,name_zh,address_en,address_zh,timezone,week"]
    counters = ["branch,id,number,services"]
    people = ["id,name,branch,skills,posts"]
    for n in range(BRANCHES):
        branch = f"b{n:03d}"
        branches.append(f"{branch},Branch {n},第{n}支行,Street {n},{n}号,Asia/Shanghai,mon-fri 09:00-17:00")
        counters += [f"{branch},C{c},{c},cash accounts" for c in range(1, WINDOWS_EACH + 1)]
        people += [
            f"{branch}-p{p},Person {p},{branch},cash accounts,{'teller' if p else 'lobby'}"
            for p in range(PEOPLE_EACH)
        ]
    rules = BANK[: BANK.rindex("[[periods]]")]
    return {
        "bank.toml": rules.encode(),
        "branches.csv": "\n".join(branches).encode(),
        "counters.csv": "\n".join(counters).encode(),
        "people.csv": "\n".join(people).encode(),
    }


def test_the_pages_of_a_bank_of_207_branches_stay_light(tmp_path: Path) -> None:
    app, tokens = opened(tmp_path, large_bank())
    assert len(app.bank.branches) == BRANCHES
    assert len(app.bank.people) == BRANCHES * PEOPLE_EACH
    with TestClient(create_site(app)) as client:
        site = Site(app, client, tokens)
        overview = site.ask("ops", "GET", "/head/configuration", accept="text/html").text
        assert len(overview.encode()) < OVERVIEW_BYTES_MAX
        assert overview.count("/b/b") <= 120, "fifty branches a page"
        found = site.ask("ops", "GET", "/head/configuration?q=Street+123", accept="text/html").text
        assert "Branch 123<" in found
        assert "Branch 122<" not in found
        draft = site.draft()
        row = {"type": "set", "file": "people.csv", "path": "skills", "line": 3, "value": ["cash"]}
        draft = site.change(draft, row)
        people = site.ask(
            "ops", "GET", f"/head/configuration/people?draft={draft['id']}", accept="text/html"
        ).text
        assert len(people.encode()) < PEOPLE_BYTES_MAX
        assert len(gzip.compress(people.encode())) < PEOPLE_BYTES_MAX // 10
        seen = site.done("ops", "GET", f"/api/configuration/drafts/{draft['id']}")
        assert [e["sentence"] for e in seen["effects"]] == [
            "Branch 0: no longer trained for Accounts: Person 1."
        ]


def test_head_office_finds_one_of_207_branches_and_sees_first_who_needs_somebody(tmp_path: Path) -> None:
    app, tokens = opened(tmp_path, large_bank())
    with TestClient(create_site(app)) as client:
        site = Site(app, client, tokens)
        site.ask("ops", "POST", "/api/branches/b205/day", {})
        crowded = app.today(next(b for b in app.bank.branches if b.id == "b205"))
        client.blocking_portal.call(app.submit, Request(crowded, "crowd", SYSTEM, DeclareBurst("crowd")))

        def cards(query: str = "") -> list[str]:
            html = site.ask("ops", "GET", f"/{query}", accept="text/html").text
            return re.findall(r'class="card" data-id="(\w+)"', html)

        shown = cards()
        assert (shown[0], len(shown)) == ("b205", CARDS_SHOWN)
        assert cards("?q=Street+123") == cards("home/live?q=Street+123") == ["b123"]
        assert cards("?q=%E7%AC%AC77%E6%94%AF%E8%A1%8C") == ["b077"], "by its Chinese name"
        assert cards("?q=nowhere") == []
        assert "No branch of that name" in site.ask("ops", "GET", "/?q=nowhere", accept="text/html").text


def test_the_screens_of_an_open_day_go_on_when_what_they_show_is_taken_out_of_the_bank(
    tmp_path: Path,
) -> None:
    """The day keeps its people, windows and services; only the next one is without them."""
    app, tokens = opened(tmp_path, sample_files())
    with TestClient(create_site(app)) as client:
        site = Site(app, client, tokens)
        site.ask("ops", "POST", "/api/branches/lanqiao/day", {})
        commands = "/api/branches/lanqiao/commands"
        site.done("boss", "POST", f"{commands}/OpenDoors", {})
        issued = site.done(
            "boss", "POST", f"{commands}/IssueTicket", {"need": "deposit_takings", "service_id": "business"}
        )
        assert issued["events"]
        site.done("boss", "POST", f"{commands}/OpenCounter", {"counter_id": "C3", "person_id": "sun-tao"})
        files = {name: body.decode() for name, body in sample_files().items()}
        gone = {n: without(files[n], "sun-tao") for n in ("people.csv", "leaves.csv", "wishes.csv")}
        draft = site.draft(files={**files, **gone})
        path = f"/api/configuration/drafts/{draft['id']}/proposal"
        waiting = site.done("ops", "POST", path, {"seen": draft["revision"], "reason": ""})
        decided = site.done(
            "root", "POST", f"/api/approvals/{waiting['proposal']}/decision", {"is_approved": True}
        )
        assert decided["is_carried_out"], decided
        assert "sun-tao" not in {p.id for p in app.bank.people}
        for screen in ("display", "guard", "counter", "lobby", "branch", "kiosk", "plan"):
            answer = site.ask("boss", "GET", f"/b/lanqiao/{screen}?counter=C3", accept="text/html")
            assert answer.status_code == 200, (screen, answer.text[-600:])


def without(text: str, word: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if word not in line)
