"""What a branch's people are shown of a configuration that is in files together with those of the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from litestar.testing import TestClient

from openhall.app.configuration_preview import text_diff
from openhall.network.sample import sample_bank, sample_files
from openhall.web.site import create_site
from tests.unit.web_api.test_configuration import Site, opened

CHANGES: tuple[dict[str, Any], ...] = (
    # The last of its branch in each file: the next line is another's.
    {"type": "set", "file": "counters.csv", "path": "is_elastic", "line": 5, "value": False},
    {"type": "set", "file": "branches.toml", "path": "branches[0].inside_limit", "value": "35"},
    {
        "type": "add",
        "file": "people.csv",
        "path": "",
        "values": {"id": "bo-li", "name": "Bo Li", "branch": "lanqiao", "posts": ["guard"]},
    },
)


def words_of_others() -> set[str]:
    """What is written of people and branches other than the manager's."""
    bank = sample_bank()
    people = {word for p in bank.people if p.branch != "lanqiao" for word in (p.id, p.name)}
    return people | {b.id for b in bank.branches if b.id != "lanqiao"}


def lines_in(preview: dict[str, Any]) -> list[str]:
    return [line for lines in preview["files"].values() for line in lines]


def test_a_manager_is_shown_no_line_and_no_effect_of_another_branch(tmp_path: Path) -> None:
    app, tokens = opened(tmp_path, sample_files())
    with TestClient(create_site(app)) as client:
        site = Site(app, client, tokens)
        draft = site.change(site.draft("boss", "lanqiao"), *CHANGES, who="boss")
        address = f"/api/configuration/drafts/{draft['id']}"
        first = site.done("boss", "GET", address)
        assert sorted(first["files"]) == ["branches.toml", "counters.csv", "people.csv"]
        assert [x for x in lines_in(first) if x[0] not in "@+-"] == [], "no lines around them"
        assert not [x for x in lines_in(first) for word in words_of_others() if word in x]
        assert any(x.startswith("+bo-li,") for x in lines_in(first))
        assert any(
            word in x for x in lines_in(site.done("ops", "GET", address)) for word in words_of_others()
        )
        site.done("boss", "POST", f"{address}/proposal", {"seen": draft["revision"]})
        publish_for_others(site)
        site.done("boss", "GET", "/api/configuration")
        later = site.done("boss", "GET", address)
        assert later["is_stale"]
        said = [each["effects"] for each in (first, later)]
        assert said[0] == said[1], "what others published since is not the draft's doing"
        assert (later["files"], later["besides"]) == (first["files"], first["besides"])
        day = site.done("boss", "GET", f"{address}/day?on=2027-01-04")
        assert not [e for e in day["effects"] if set(e["branches"]) - {"lanqiao"}]
        page = site.ask("boss", "GET", f"/b/lanqiao/configuration/drafts/{draft['id']}", accept="text/html")
        assert page.status_code == 200
        assert not [word for word in words_of_others() | {"Newcomer"} if word in page.text]
        client.blocking_portal.call(app.configuration.run_once)
        listed = site.done("boss", "GET", "/api/approvals")
        assert "Newcomer" not in str(listed)
        assert "Bo Li" in str(listed)


def test_a_mistake_in_another_branchs_row_names_the_branch_and_not_the_colleague(tmp_path: Path) -> None:
    app, tokens = opened(tmp_path, sample_files())
    with TestClient(create_site(app)) as client:
        site = Site(app, client, tokens)
        draft = site.draft("boss", "lanqiao")
        path = f"/api/configuration/drafts/{draft['id']}/rows"
        text = site.done("boss", "GET", f"{path}?of=people&branch=lanqiao")["text"]
        other = next(p for p in sample_bank().people if p.branch != "lanqiao")
        text += f"{other.id},Somebody,lanqiao,,guard,full,no,no\n"
        rows = {"type": "rows", "list": "people", "text": text, "branch": "lanqiao"}
        seen = site.done("boss", "POST", path, rows)
        assert other.name not in str(seen)
        changed = site.change(draft, rows, who="boss")
        assert other.name not in str(changed)
        assert "Wutong Road Branch › Id" in [m["where"] for m in changed["mistakes"]]
        told = site.done("ops", "GET", f"/api/configuration/drafts/{draft['id']}")["draft"]["mistakes"]
        assert other.name in str(told), "head office is told who"


def publish_for_others(site: Site) -> None:
    """Somebody new at another branch, and other hours there."""
    item = {"id": "new-comer", "name": "Newcomer", "branch": "wutong", "posts": ["guard"]}
    draft = site.change(
        site.draft("ops"),
        {"type": "add", "file": "people.csv", "path": "", "values": item},
        {"type": "set", "file": "branches.toml", "path": "branches[1].week", "value": "mon-fri 10:00-12:00"},
    )
    path = f"/api/configuration/drafts/{draft['id']}/proposal"
    waiting = site.done("ops", "POST", path, {"seen": draft["revision"]})
    decided = site.done(
        "root", "POST", f"/api/approvals/{waiting['proposal']}/decision", {"is_approved": True}
    )
    assert decided["is_carried_out"]
    assert site.app.bank.branches[1].week != sample_bank().branches[1].week


def test_lines_of_others_are_left_out_however_a_file_is_written() -> None:
    """Rows that all changed, rows over two lines, tables with parts, values outside of tables."""
    people = b'id,name,branch,skills,posts\nown,"O\nwn",a,,guard\nhers,"He\nrs",b,,guard\n'
    leaves = b"person,first,last,kind\nown,1,1,annual\nhers,2,2,annual\n"
    table = '[[branches]]\nid = "{}"\n[branches.name]\nen = "{}"\n'
    tables = (table.format("a", "A") + table.format("b", "B")).encode()
    inline = b'neighbours = [\n  { branch = "b", other = "a" },\n]\n'
    before = {"people.csv": people, "leaves.csv": leaves, "branches.toml": tables, "bank.toml": inline}
    after = {
        "people.csv": people.replace(b"\nwn", b"\nwN").replace(b"\nrs", b"\nrS"),
        "leaves.csv": leaves.replace(b"1", b"3").replace(b"2", b"4"),
        "branches.toml": tables.replace(b'"A"', b'"AA"').replace(b'"B"', b'"BB"'),
        "bank.toml": inline.replace(b'"a"', b'"c"'),
    }
    found = {
        name: [line for line in lines if not line.startswith("@@")]
        for name, lines in text_diff(before, after, "a")
    }
    assert found == {
        "people.csv": ['-wn",a,,guard', '+wN",a,,guard'],
        "leaves.csv": ["-own,1,1,annual", "+own,3,3,annual"],
        "branches.toml": ['-en = "A"', '+en = "AA"'],
    }
    broken = people.replace(b"rs", b"rS").replace(b",a,,guard", b',a,,"guard')
    shown = dict(text_diff(before, {**before, "people.csv": broken}, "a"))
    assert not [line for line in shown.get("people.csv", []) if line[0] == "+" or "rs" in line], "unreadable"
