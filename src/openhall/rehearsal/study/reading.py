"""From a study file to a study, or to all of its mistakes."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from openhall.kernel.trouble import Trouble
from openhall.network.loading import load
from openhall.network.mistakes import Findings, Mistake, Place, nearest, one_of, shown
from openhall.network.model import Bank
from openhall.rehearsal.study import model as m
from openhall.rehearsal.study.checking import check
from openhall.science.engine import GROUPS_AT_MOST

SHARES_ROUNDING = 0.001

FOR_A_BANK = ("day", "customers_of")
FOR_INVENTED = ("branches", "customers", "customers_spread", "hours")


class StudyInvalid(Trouble):
    """The study file has mistakes. Nothing was computed and nothing was written.

    `mistakes` lists every one.
    """

    code = "study_invalid"
    remedy = "Mend the listed places; docs/studies.md explains every key."

    def __init__(self, mistakes: Sequence[Mistake], *, place: str) -> None:
        super().__init__("\n  ".join(str(m) for m in mistakes), place=place)
        self.mistakes = tuple(mistakes)


class StudyUnreadable(Trouble):
    """The study file, or a file of the bank that it names, cannot be read."""

    code = "study_unreadable"
    remedy = "Check the path and who may read it."


def read_study(path: Path) -> tuple[m.Study, Bank | None]:
    """The study of a file, with the bank that it names. Raises StudyInvalid, StudyUnreadable."""
    findings = Findings()
    try:
        raw = _document(path.name, path.read_bytes(), findings)
        bank = _bank_of(path, raw, findings)
    except OSError as error:
        raise StudyUnreadable(str(error), place=str(path)) from error
    if raw is not None:
        check(inspect.type_info(m.Study), raw, Place(path.name), findings)
        _check_whole(path.name, raw, bank, findings)
    if len(findings) or raw is None:
        raise StudyInvalid(findings.in_order(), place=str(path))
    return msgspec.convert(raw, m.Study), bank


def _document(name: str, body: bytes, findings: Findings) -> dict[str, Any] | None:
    try:
        return {key: _plain(item) for key, item in tomllib.loads(body.decode("utf-8-sig")).items()}
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        found = f"byte 0x{body[error.start]:02x}"
        findings.add("encoding", Place(name, line=line), expected="UTF-8 text", found=found)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+)", str(error))
        line = int(at.group(1)) if at else body.count(b"\n") + 1
        findings.add("syntax", Place(name, line=line), expected="valid TOML", found=str(error))
    return None


def _plain(value: Any) -> Any:
    """A date in a TOML file may stand in quotes or not."""
    match value:
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case date():
            return value.isoformat()
        case _:
            return value


def _bank_of(path: Path, raw: dict[str, Any] | None, findings: Findings) -> Bank | None:
    """The bank in the folder that the file names, seen from the file."""
    network = raw.get("network") if raw else None
    name = network.get("bank") if isinstance(network, dict) else None
    if not isinstance(name, str) or not name.strip():
        return None
    folder, place = path.parent / name, Place(path.name, "network.bank")
    if not folder.is_dir():
        findings.add("no_folder", place, expected="a folder with a bank's files", found=shown(name))
        return None
    found = load({p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.suffix in {".toml", ".csv"}})
    if isinstance(found, Bank):
        return found
    for mistake in found:
        at = msgspec.structs.replace(mistake.place, file=f"{name}/{mistake.place.file}")
        findings.add(
            mistake.code, at, expected=mistake.expected, found=mistake.found, suggestion=mistake.suggestion
        )
    return None


# --- what values have to do with one another ---------------------------------------------------------


def _check_whole(file: str, raw: dict[str, Any], bank: Bank | None, findings: Findings) -> None:
    """Looks at the tables that are sound, so that one mistake does not hide the next."""
    sound: dict[str, Any] = {}
    for f in msgspec.structs.fields(m.Study):
        if f.name in raw and not findings.has(f.name):
            sound[f.name] = msgspec.convert(raw[f.name], f.type)
        elif f.name not in raw and not f.required:
            sound[f.name] = getattr(m.Study(name="-", network=m.Network(), policy=()), f.name)
    network = raw.get("network")
    if isinstance(network, dict):
        _Whole(file, findings, network, bank).check(sound)
    if isinstance(precision := sound.get("precision"), m.PrecisionAsked):
        _check_precision(Place(file, "precision"), precision, raw.get("policy"), findings)
    if isinstance(customers := sound.get("customers"), m.Behaviour):
        shares = (customers.no_show_share, customers.hold_share, customers.second_service_share)
        if sum(s or 0.0 for s in shares) > 1:
            findings.add(
                "bad_sum",
                Place(file, "customers"),
                expected="no_show_share, hold_share and second_service_share of at most 1 together",
                found=f"{sum(s or 0.0 for s in shares):.4g}",
            )


def _check_precision(place: Place, asked: m.PrecisionAsked, policies: object, findings: Findings) -> None:
    if asked.half_width is not None and asked.relative is not None:
        findings.add("not_both", place.key("relative"), expected="half_width or relative", found="both")
    if asked.half_width is None and asked.relative is None:
        findings.add("missing", place.key("half_width"), expected="half_width or relative", found="nothing")
    if asked.minimum > asked.maximum:
        findings.add(
            "wrong_order",
            place.key("minimum"),
            expected="minimum up to maximum",
            found=f"{asked.minimum} and {asked.maximum}",
        )
    if asked.of == "difference" and isinstance(policies, list) and len(policies) < 2:
        findings.add("missing", place.key("of"), expected="two policies or more", found="one policy")


class _Whole:
    """The checks that need to know whether a bank or an invented network is studied."""

    def __init__(self, file: str, findings: Findings, raw: dict[str, Any], bank: Bank | None) -> None:
        self.file, self.findings, self.bank, self.raw = file, findings, bank, raw
        self.is_of_bank = "bank" in raw

    def add(self, code: str, path: str, *, expected: str, found: str, suggestion: str = "") -> None:
        """Note a mistake at a key path."""
        self.findings.add(code, Place(self.file, path), expected=expected, found=found, suggestion=suggestion)

    def check(self, sound: dict[str, Any]) -> None:
        """All of them; `sound` has the tables without mistakes."""
        if isinstance(network := sound.get("network"), m.Network):
            self._network(network)
        services: tuple[m.Service, ...] | None = sound.get("services")
        classes: tuple[m.CustomerClass, ...] | None = sound.get("classes")
        if services is not None:
            self._services(services)
        if classes is not None:
            known = [c.code for c in self.bank.classes] if self.bank else None
            self._listed("classes", [(c.code, c.share) for c in classes], "code", known)
        if services is not None and classes is not None:
            pairs = self._pairs(services, classes)
            if pairs > GROUPS_AT_MOST:
                self.add(
                    "too_many",
                    "services",
                    expected=f"at most {GROUPS_AT_MOST} pairs of service and class",
                    found=str(pairs),
                )
        self._policies(sound.get("policy", ()), classes)

    def _pairs(self, services: Sequence[m.Service], classes: Sequence[m.CustomerClass]) -> int:
        used = [s for s in services if s.share] or (self.bank.services if self.bank else ())
        return len(used) * max(1, sum(1 for c in classes if c.share))

    def _network(self, network: m.Network) -> None:
        raw = self.raw
        if self.is_of_bank:
            for key in FOR_INVENTED:
                if key in raw:
                    self.add("not_both", f"network.{key}", expected=f"bank or {key}, not both", found="both")
            self._bank_day(network)
        else:
            for key in FOR_A_BANK:
                if key in raw:
                    self.add(
                        "not_both",
                        f"network.{key}",
                        expected=f"{key} only with a bank",
                        found="an invented network",
                    )
            needed = {"branches": "a bank, or how many branches to invent", "customers": "customers a day"}
            for key, words in (needed | {"hours": "hours such as '09:00-17:00'"}).items():
                if key not in raw:
                    self.add("missing", f"network.{key}", expected=words, found="nothing")
        if network.hours is not None:
            self._hours("network.hours", network.hours)
        if not sum(network.arrival_profile):
            self.add("bad_sum", "network.arrival_profile", expected="a weight above 0", found="only zeros")

    def _bank_day(self, network: m.Network) -> None:
        if network.day is None:
            self.add("missing", "network.day", expected="a date such as 2026-12-15", found="nothing")
        else:
            try:
                date.fromisoformat(network.day)
            except ValueError:
                self.add("bad_format", "network.day", expected="a day of the calendar", found=network.day)
        if self.bank is not None:
            known = [b.id for b in self.bank.branches]
            for branch in network.customers_of:
                if branch not in known:
                    self._unknown(f"network.customers_of.{branch}", branch, known)

    def _services(self, services: Sequence[m.Service]) -> None:
        known = [s.id for s in self.bank.services] if self.bank else None
        self._listed("services", [(s.id, s.share) for s in services], "id", known)
        if self.is_of_bank:
            return
        if not services:
            self.add("missing", "services", expected="one or more, written [[services]]", found="nothing")
        for index, service in enumerate(services):
            if service.minutes is None:
                self.add(
                    "missing",
                    f"services[{index}].minutes",
                    expected="a number from 0.1 to 240",
                    found="nothing",
                )

    def _listed(self, key: str, rows: list[tuple[str, float]], id_: str, known: list[str] | None) -> None:
        """Ids once and known, shares 1 together."""
        counted = Counter(name for name, _ in rows)
        for index, (name, _) in enumerate(rows):
            if counted[name] > 1 and name in [n for n, _ in rows[:index]]:
                self.add("duplicate", f"{key}[{index}].{id_}", expected="each once", found=shown(name))
            if known is not None and name not in known:
                self._unknown(f"{key}[{index}].{id_}", name, known)
        total = sum(share for _, share in rows)
        if rows and abs(total - 1) > SHARES_ROUNDING:
            self.add("bad_sum", key, expected="shares of 1 together", found=f"{total:.4g}")

    def _policies(self, policies: Sequence[m.Policy], classes: Sequence[m.CustomerClass] | None) -> None:
        names = [p.name for p in policies]
        for index, policy in enumerate(policies):
            path = f"policy[{index}]"
            if policy.name in names[:index]:
                self.add("duplicate", f"{path}.name", expected="each name once", found=shown(policy.name))
            if policy.divert_above is not None and policy.divert_above_per_counter is not None:
                self.add(
                    "not_both",
                    f"{path}.divert_above_per_counter",
                    expected="divert_above or divert_above_per_counter",
                    found="both",
                )
            for number, extra in enumerate(policy.extra):
                self._hours(f"{path}.extra[{number}].hours", extra.hours)
            known = self._known_classes(classes)
            for code in policy.head_start_minutes:
                if known is not None and code not in known:
                    self._unknown(f"{path}.head_start_minutes.{code}", code, known)

    def _known_classes(self, classes: Sequence[m.CustomerClass] | None) -> list[str] | None:
        if self.bank is not None:
            return [c.code for c in self.bank.classes]
        return None if classes is None or self.is_of_bank else [c.code for c in classes]

    def _hours(self, path: str, hours: str) -> None:
        begins, ends = minutes_of(hours)
        if begins >= ends or ends > 24 * 60:
            self.add("wrong_order", path, expected="a begin before an end, up to 24:00", found=shown(hours))

    def _unknown(self, path: str, name: str, known: list[str]) -> None:
        self.add(
            "unknown_id", path, expected=one_of(known), found=shown(name), suggestion=nearest(name, known)
        )


def minutes_of(hours: str) -> tuple[int, int]:
    """Begin and end of `09:00-17:00`, in minutes of the day."""
    begins, _, ends = hours.partition("-")
    return _minute(begins), _minute(ends)


def _minute(clock: str) -> int:
    hour, _, minute = clock.partition(":")
    return int(hour) * 60 + int(minute)
