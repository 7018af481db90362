"""Devices over HTTP: made and paired by code, least rights, heard of, revoked at once, set up and tried."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from openhall.access.devices import CODE_ALPHABET, CODE_MS, DisplaySettings
from openhall.app import device_desk
from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.kernel.clock import MINUTE_MS, ManualClock
from openhall.kernel.refusal import Refusal
from openhall.network.model import Role
from openhall.network.sample import sample_files
from openhall.web.pairing import TRIES_PER_MINUTE_AT_MOST
from openhall.web.site import create_site

PASSWORD = "for-these-tests-only"
HERE = "/api/branches/wutong/devices"
PEOPLE: dict[str, tuple[Role, str | None]] = {
    "manager": ("manager", "wutong"),
    "lobby": ("lobby", "wutong"),
    "administrator": ("administrator", None),
}


class Site:
    """A server, its people and its devices."""

    def __init__(self, app: App, client: TestClient[Any], wall: ManualClock) -> None:
        self.app, self.client, self.wall = app, client, wall
        self.tokens: dict[str, str] = {}
        self.count = 0

    def call(self, method: str, path: str, who: str = "manager", body: Any = None, key: str = "") -> Any:
        """A request under an account, or under a device's token."""
        token = self.tokens.get(who, who)
        self.count += 1
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key or f"k{self.count}"}
        return self.client.request(method, path, headers=headers, json=body)

    def make(self, kind: str, name: str, **settings: Any) -> dict[str, Any]:
        """A new device as the Devices page makes it."""
        answer = self.call("POST", HERE, body={"kind": kind, "name": name, "settings": settings})
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def pair(self, code: str) -> dict[str, Any]:
        """What the device is told."""
        answer = self.client.post("/api/pair", json={"code": code})
        self.client.cookies.clear()
        assert answer.status_code == 200, answer.text
        paired: dict[str, Any] = answer.json()
        return paired

    def beat(self, token: str, **fields: Any) -> Any:
        """The device says that it is there."""
        return self.call("POST", "/api/device/beat", token, fields)

    def health(self, device_id: str) -> dict[str, Any]:
        """One device as the page lists it."""
        found: dict[str, Any] = next(d for d in self.call("GET", HERE).json() if d["id"] == device_id)
        return found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    place = Folder(tmp_path_factory.mktemp("devices") / "hall")
    place.create(sample_files())
    wall = ManualClock(1_800_000_000_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("openhall.app.build.SystemClock", lambda: wall)
        app = build(place)
    for name, (role, branch) in PEOPLE.items():
        app.accounts.create(name, role, PASSWORD, branch=branch)
    with TestClient(create_site(app)) as client:
        yield Site(app, client, wall)


@pytest.fixture
def site(served: Site) -> Site:
    """No devices yet, nobody slowed down, everybody signed in."""
    served.wall.set(served.wall.now_ms() + 5 * MINUTE_MS)
    served.client.cookies.clear()
    for device in served.app.devices.records.every():
        served.app.devices.revoke(device.id)
    for name in PEOPLE:
        if served.app.accounts.who(served.tokens.get(name, "")) is None:
            signed_in = served.app.accounts.sign_in(name, PASSWORD)
            served.tokens[name] = signed_in.token  # type: ignore[union-attr]
    return served


# --- pairing ---------------------------------------------------------------------------------------------


def test_a_code_opens_the_devices_own_screen_once(site: Site) -> None:
    made = site.make("display", "Hall, left")
    assert re.fullmatch(rf"[{CODE_ALPHABET}]{{4}}-[{CODE_ALPHABET}]{{4}}", made["code"])
    assert made["health"]["code"] == "code_waiting"
    paired = site.pair(made["code"].lower().replace("-", " "))
    assert (paired["screen"], paired["kind"]) == ("/b/wutong/display", "display")
    assert site.call("GET", "/b/wutong/display", paired["token"]).status_code == 200
    again = site.client.post("/api/pair", json={"code": made["code"]})
    assert (again.status_code, again.json()["code"]) == (409, "pairing_code_wrong")


def test_a_browser_gets_a_cookie_and_pair_leads_to_its_screen_from_then_on(site: Site) -> None:
    made = site.make("kiosk", "By the door")
    answer = site.client.post("/api/pair", json={"code": made["code"]})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    there = site.client.get("/pair", follow_redirects=False)
    assert (there.status_code, there.headers["location"]) == (302, "/b/wutong/kiosk")


@pytest.mark.parametrize(
    ("kind", "allowed", "forbidden", "why"),
    [
        ("display", "/b/wutong/display", "/b/wutong/kiosk", "a TV gives no numbers"),
        ("display", "/b/wutong/display", "/b/wutong/lobby", "nor does it show customers' cases"),
        ("display", "/b/wutong/display", "/b/lanqiao/display", "another branch is not its own"),
        ("kiosk", "/b/wutong/kiosk", "/b/wutong/display", "a kiosk shows its own screen"),
        ("kiosk", "/b/wutong/kiosk", "/b/wutong/devices", "and sets up nothing"),
        ("gate", "/api/session", "/b/wutong/guard", "a gate reports, and looks at nothing"),
    ],
)
def test_a_device_has_the_least_rights(site: Site, kind: str, allowed: str, forbidden: str, why: str) -> None:
    token = site.pair(site.make(kind, "one")["code"])["token"]
    assert site.call("GET", allowed, token).status_code == 200
    assert site.call("GET", forbidden, token).status_code == 403, why


def test_a_code_ends_by_time_and_by_a_newer_one(site: Site) -> None:
    made = site.make("display", "Hall")
    newer = site.call("POST", f"{HERE}/{made['id']}/code").json()["code"]
    assert site.client.post("/api/pair", json={"code": made["code"]}).status_code == 409
    site.wall.set(site.wall.now_ms() + CODE_MS)
    assert site.client.post("/api/pair", json={"code": newer}).status_code == 409


def test_guessing_is_slowed_down_long_before_it_pays(site: Site) -> None:
    for _ in range(TRIES_PER_MINUTE_AT_MOST):
        assert site.client.post("/api/pair", json={"code": "AAAA-AAAA"}).status_code == 409
    slowed = site.client.post("/api/pair", json={"code": "AAAA-AAAA"})
    assert (slowed.status_code, slowed.json()["code"]) == (429, "too_many_requests")
    # The right code waits too: who guesses must not learn from the answer's kind.
    made = site.make("display", "Hall")
    assert site.client.post("/api/pair", json={"code": made["code"]}).status_code == 429


def test_two_devices_never_share_a_session(site: Site) -> None:
    made = site.make("display", "Hall")
    first = site.pair(made["code"])["token"]
    second = site.pair(site.call("POST", f"{HERE}/{made['id']}/code").json()["code"])["token"]
    assert site.beat(first).status_code == 401
    assert site.beat(second).status_code == 200


def test_a_paired_device_survives_a_restart_of_the_server(tmp_path: Path) -> None:
    place = Folder(tmp_path / "hall")
    place.create(sample_files())
    before = build(place)
    codes = []
    for number, settings in enumerate((DisplaySettings(repeats=3), DisplaySettings())):
        before.devices.records.make(f"d{number}", "wutong", "display", f"TV {number}", settings, by="manager")
        made = before.devices.records.new_code(f"d{number}")
        assert not isinstance(made, Refusal)
        codes.append(made[1])
    paired = before.devices.pair(codes[0])
    assert not isinstance(paired, Refusal)
    before.store.close()
    after = build(place)
    account = after.accounts.who(paired[1].token)
    assert account is not None
    device = after.devices.records.of_account(account.name)
    assert device is not None
    assert (device.name, device.settings) == ("TV 0", DisplaySettings(repeats=3))
    assert not isinstance(after.devices.pair(codes[1]), Refusal), "a code outlives a restart too"
    after.store.close()


def test_revoked_it_is_out_at_once_and_its_open_stream_ends(site: Site) -> None:
    made = site.make("display", "Hall")
    token = site.pair(made["code"])["token"]
    unused = site.call("POST", f"{HERE}/{made['id']}/code").json()["code"]
    assert site.call("POST", f"{HERE}/{made['id']}/revocation").status_code == 200
    assert site.beat(token).status_code == 401
    assert site.client.post("/api/pair", json={"code": unused}).status_code == 409
    assert site.call("GET", HERE).json() == []
    late = site.call("POST", f"{HERE}/{made['id']}/code")
    assert (late.status_code, late.json()["code"]) == (409, "device_revoked")


def test_a_session_near_its_end_is_renewed_by_the_way(site: Site) -> None:
    token = site.pair(site.make("display", "Hall")["code"])["token"]
    assert site.beat(token).json()["token"] == ""
    site.wall.set(site.wall.now_ms() + 20 * 86_400_000)
    renewed = site.beat(token)
    assert "set-cookie" in renewed.headers
    site.wall.set(site.wall.now_ms() + 20 * 86_400_000)
    assert site.beat(token).status_code == 401
    assert site.beat(renewed.json()["token"]).status_code == 200


def test_a_device_that_does_not_take_its_new_session_keeps_the_old_one_to_its_end(site: Site) -> None:
    """Its answers may be lost, or its maker may have read no further than the first page."""
    token = site.pair(site.make("gate", "Door")["code"])["token"]
    site.wall.set(site.wall.now_ms() + 16 * 86_400_000)
    for _ in range(40):
        assert site.beat(token).status_code == 200
        site.wall.set(site.wall.now_ms() + 30_000)
    site.wall.set(site.wall.now_ms() + 86_400_000)
    assert site.beat(token).json()["token"], "offered again the next day"


# --- making and setting up -------------------------------------------------------------------------------


def test_sent_again_with_the_same_key_it_is_the_same_device(site: Site) -> None:
    body = {"kind": "display", "name": "Hall", "settings": {}}
    first = site.call("POST", HERE, body=body, key="once").json()
    second = site.call("POST", HERE, body=body, key="once").json()
    assert first["id"] == second["id"]
    assert len(site.call("GET", HERE).json()) == 1


@pytest.mark.parametrize(
    ("body", "status", "code", "why"),
    [
        ({"kind": "printer", "name": "P"}, 409, "device_settings_invalid", "a printer without an address"),
        (
            {"kind": "printer", "name": "P", "settings": {"host": "a b"}},
            409,
            "device_settings_invalid",
            "no such host can be",
        ),
        (
            {"kind": "printer", "name": "P", "settings": {"connection": "usb"}},
            409,
            "device_settings_invalid",
            "which one on the bus?",
        ),
        (
            {"kind": "printer", "name": "P", "settings": {"host": "p", "kiosks": ["nowhere"]}},
            409,
            "device_settings_invalid",
            "a ticket machine that is not there",
        ),
        (
            {"kind": "display", "name": "D", "settings": {"counters": ["C99"]}},
            409,
            "device_settings_invalid",
            "a window that is not there",
        ),
        (
            {"kind": "display", "name": "D", "settings": {"quiet_from": "22:00"}},
            409,
            "device_settings_invalid",
            "silent from when until when?",
        ),
        ({"kind": "display", "name": ""}, 400, "input_invalid", "a device has a name"),
        ({"kind": "toaster", "name": "T"}, 400, "input_invalid", "no kind of ours"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_their_place(
    site: Site, body: dict[str, Any], status: int, code: str, why: str
) -> None:
    answer = site.call("POST", HERE, body=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), why
    assert answer.json()["remedy"]
    assert site.call("GET", HERE).json() == []


def test_a_device_is_renamed_and_set_up_and_no_two_have_one_name(site: Site) -> None:
    made, other = site.make("display", "Hall"), site.make("display", "Corridor")
    change = {"name": "Hall, upstairs", "settings": {"counters": ["C2"], "languages": ["en"]}}
    changed = site.call("POST", f"{HERE}/{made['id']}/change", body=change).json()
    assert changed["name"] == "Hall, upstairs"
    assert changed["settings"]["counters"] == ["C2"]
    taken = site.call("POST", f"{HERE}/{made['id']}/change", body=change | {"name": other["name"]})
    assert taken.json()["code"] == "device_name_taken"


def test_only_who_manages_devices_makes_them_and_each_in_their_own_branch(site: Site) -> None:
    body = {"kind": "display", "name": "Hall"}
    assert site.call("POST", HERE, "lobby", body).status_code == 403
    assert site.call("POST", "/api/branches/lanqiao/devices", "manager", body).status_code == 403
    assert site.call("POST", "/api/branches/lanqiao/devices", "administrator", body).status_code == 200
    foreign = site.call("GET", "/api/branches/lanqiao/devices", "administrator").json()[0]["id"]
    stolen = site.call("POST", f"{HERE}/{foreign}/code", "manager")
    assert (stolen.status_code, stolen.json()["code"]) == (404, "device_unknown")


# --- health ----------------------------------------------------------------------------------------------


def test_a_silent_screen_is_noticed_within_fifteen_seconds(site: Site) -> None:
    made = site.make("display", "Hall", volume_percent=0)
    token = site.pair(made["code"])["token"]
    site.beat(token)
    assert site.health(made["id"])["health"]["state"] == "ok"
    site.wall.set(site.wall.now_ms() + 11_000)
    found = site.health(made["id"])
    assert (found["health"]["state"], found["health"]["code"]) == ("down", "silent")
    assert found["remedy"]
    panel = site.call("GET", "/b/wutong/devices/panel", "lobby").text
    assert "Hall" in panel
    site.beat(token)
    assert site.health(made["id"])["health"]["state"] == "ok"
    assert "Hall" not in site.call("GET", "/b/wutong/devices/panel", "lobby").text


@pytest.mark.parametrize("kind", ["display", "kiosk"])
def test_a_screen_that_shows_an_old_hall_is_noticed_too(site: Site, kind: str) -> None:
    made = site.make(kind, "Hall", **({"volume_percent": 0} if kind == "display" else {}))
    token = site.pair(made["code"])["token"]
    site.app.devices._newest["wutong"] = 7
    for _ in range(5):
        site.beat(token, position=3)
        site.wall.set(site.wall.now_ms() + 4_000)
    site.beat(token, position=3)
    found = site.health(made["id"])["health"]
    assert (found["state"], found["code"]) == ("down", "behind")
    assert "Hall" in site.call("GET", "/b/wutong/devices/panel", "lobby").text
    site.beat(token, position=7)
    assert site.health(made["id"])["health"]["code"] == "ok"
    site.beat(token)
    assert site.health(made["id"])["health"]["code"] == "ok", "a guide on the ticket machine shows no hall"


@pytest.mark.parametrize(
    ("clock_off_ms", "kept_count", "code", "why"),
    [
        (None, 0, "ok", "a gate that says nothing about itself"),
        (-60_000, 0, "ok", "a minute is near enough"),
        (-3 * MINUTE_MS, 0, "clock_wrong", "what it writes down was earlier"),
        (4 * MINUTE_MS, 0, "clock_wrong", "one minute more, and its passes are refused"),
        (0, 3, "passes_kept", "people who do not count yet"),
    ],
)
def test_a_gate_that_is_behind_is_noticed(
    site: Site, clock_off_ms: int | None, kept_count: int, code: str, why: str
) -> None:
    made = site.make("gate", "Door")
    token = site.pair(made["code"])["token"]
    said = {} if clock_off_ms is None else {"clock_ms": site.app.clock.now_ms() + clock_off_ms}
    site.beat(token, kept_count=kept_count, **said)
    found = site.health(made["id"])
    assert (found["health"]["code"], found["health"]["kept_count"]) == (code, kept_count), why
    assert found["remedy"]
    site.beat(token)
    assert site.health(made["id"])["health"]["code"] == "ok"


def test_a_gate_that_does_not_ask_for_the_rules_any_more_is_behind(site: Site) -> None:
    made = site.make("gate", "Door")
    token = site.pair(made["code"])["token"]

    def pass_minutes(minutes: int) -> str:
        for _ in range(minutes * 10):
            site.wall.set(site.wall.now_ms() + MINUTE_MS // 10)
            site.beat(token)
        return str(site.health(made["id"])["health"]["code"])

    site.beat(token)
    assert pass_minutes(2) == "ok"
    site.call("GET", "/api/branches/wutong/gate", token)
    assert pass_minutes(3) == "ok", "three turns of a minute each"
    assert pass_minutes(1) == "old_rules"
    site.call("GET", "/api/branches/wutong/gate", token)
    assert pass_minutes(1) == "ok"


@pytest.mark.parametrize(
    ("beat", "is_installed", "code", "why"),
    [
        ({"sound": "ok", "voices": ["zh", "en"]}, False, "ok", "the browser's own voices"),
        ({"sound": "ok"}, True, "ok", "the server's voice"),
        ({"sound": "ok", "voices": ["en"]}, False, "sound_missing", "no Chinese anywhere"),
        ({"sound": "blocked"}, True, "sound_blocked", "the browser lets nothing through"),
        ({"sound": "off"}, True, "quiet", "its quiet hours"),
    ],
)
def test_sound_that_nobody_hears_is_said(
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    beat: dict[str, Any],
    is_installed: bool,
    code: str,
    why: str,
) -> None:
    monkeypatch.setattr("openhall.devices.speech.Speech.is_installed", is_installed)
    made = site.make("display", "Hall")
    site.beat(site.pair(made["code"])["token"], **beat)
    assert site.health(made["id"])["health"]["code"] == code, why


def test_after_a_restart_a_screen_has_time_to_come_back(site: Site) -> None:
    made = site.make("display", "Hall")
    site.pair(made["code"])
    assert site.health(made["id"])["health"]["code"] == "starting"
    site.wall.set(site.wall.now_ms() + device_desk.SILENT_MS + 1_000)
    assert site.health(made["id"])["health"]["code"] == "silent"


def test_the_page_asks_a_display_to_try_and_it_hears_so_with_its_next_beat(site: Site) -> None:
    made = site.make("display", "Hall", volume_percent=35, languages=["en"])
    token = site.pair(made["code"])["token"]
    assert site.call("POST", f"{HERE}/{made['id']}/test", body={"what": "number"}).status_code == 200
    told = site.beat(token).json()
    assert [test["kind"] for test in told["tests"]] == ["number"]
    assert (told["volume_percent"], told["languages"]) == (35, ["en"])
    wrong = site.call("POST", f"{HERE}/{made['id']}/test", body={"what": "page"})
    assert wrong.json()["code"] == "device_cannot_test"


@pytest.mark.parametrize(
    ("quiet", "time_of_day", "is_quiet", "why"),
    [
        (("12:00", "13:30"), "12:00", True, "from the minute on"),
        (("12:00", "13:30"), "13:30", False, "until the minute"),
        (("22:00", "07:00"), "23:15", True, "over midnight"),
        (("22:00", "07:00"), "06:59", True, "over midnight, in the morning"),
        (("22:00", "07:00"), "12:00", False, "not at noon"),
        (("", ""), "12:00", False, "never"),
    ],
)
def test_quiet_hours(quiet: tuple[str, str], time_of_day: str, is_quiet: bool, why: str) -> None:
    settings = DisplaySettings(quiet_from=quiet[0], quiet_to=quiet[1])
    assert settings.is_quiet(time_of_day) == is_quiet, why


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_pages_show_every_device_in_both_languages(site: Site, language: str) -> None:
    site.make("display", "大屏一")
    site.make("printer", "取号机打印机", host="127.0.0.1", port=9)
    for who, path in (("manager", "/b/wutong/devices"), ("administrator", "/head/devices")):
        for part in ("", "/live"):
            shown = site.call("GET", f"{path}{part}?lang={language}", who)
            assert shown.status_code == 200
            assert "大屏一" in shown.text
            assert "取号机打印机" in shown.text
    assert site.client.get(f"/pair?lang={language}").status_code == 200
