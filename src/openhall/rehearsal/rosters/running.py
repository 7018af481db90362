"""Solve published rostering problems, check the rosters and compare their cost with the best known."""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

import msgspec

from openhall.kernel.trouble import Trouble
from openhall.rehearsal.rosters import curtois, curtois_check, curtois_model, inrc, inrc_check, inrc_model
from openhall.rehearsal.rosters.lines import RosterFileBad
from openhall.science.roster import annealing, soft_annealing
from openhall.science.roster.mip import Status
from openhall.workers.rosters import Searches, search_roster

BYTES_MAX = 16 * 1024 * 1024
BEST_KNOWN = "best_known.csv"


class NoInstance(Trouble):
    """What was chosen is not among the instances."""

    code = "no_instance"
    remedy = "Name numbers or ranges (1-7,9), or names with * for any letters (sprint_late*)."


class RosterNotInTime(Trouble):
    """The time was over before there was any roster."""

    code = "roster_not_in_time"
    remedy = "Give more --seconds. It is not known whether there is a roster at all."


class RosterWrong(Trouble):
    """The program's cost is not the one that the checker counts: one of the two is wrong."""

    code = "roster_wrong"
    remedy = "Report it with the instance: a figure that two ways of counting do not agree on is not shown."


class Result(msgspec.Struct, frozen=True):
    """What came out of one instance. Without a roster `cost`, `gap_percent` and `violations` are None."""

    name: str
    format: str
    status: str
    cost: int | None
    best_known: int | None
    gap_percent: float | None
    violations: int | None
    bound: float | None
    seconds: float


class Instance(msgspec.Struct, frozen=True):
    """A problem of either format, and the best cost that anybody is known to have reached."""

    problem: curtois.Problem | inrc.Problem
    best_known: int | None = None

    @property
    def format(self) -> str:
        """The collection's name."""
        return "curtois" if isinstance(self.problem, curtois.Problem) else "inrc1"


def read(path: Path) -> Instance:
    """The instance in a file, whose format its content tells. Raises `RosterFileBad`."""
    try:
        if path.stat().st_size > BYTES_MAX:
            raise RosterFileBad(f"Expected at most {BYTES_MAX} bytes", place=str(path))
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RosterFileBad(f"The file cannot be read: {error}", place=str(path)) from error
    name = path.stem
    if "SECTION_HORIZON" in text:
        return Instance(msgspec.structs.replace(curtois.read(text, str(path)), name=name), _best_known(path))
    if "SCHEDULING_PERIOD" in text:
        return Instance(msgspec.structs.replace(inrc.read(text, str(path)), name=name), _best_known(path))
    raise RosterFileBad("Expected SECTION_HORIZON or SCHEDULING_PERIOD in the file", place=str(path))


def files(places: Sequence[Path]) -> list[Path]:
    """The instance files named, or in the folders named, each once, in the order of their names."""
    found: dict[Path, None] = {}
    for place in places:
        if place.is_dir():
            inside = sorted(place.glob("*.txt"), key=_order)
            if not inside:
                raise RosterFileBad("Expected .txt files in the folder, got none", place=str(place))
            found.update(dict.fromkeys(inside))
        else:
            found[place] = None
    return list(found)


def chosen(paths: Sequence[Path], only: str | None) -> list[Path]:
    """Of the files those that `only` names: numbers, ranges or patterns of names, with commas between.

    Raises `NoInstance` if it names none.
    """
    if only is None:
        return list(paths)
    wanted = [part.strip() for part in only.split(",") if part.strip()]
    found = [path for path in paths if any(_is_meant(path, part) for part in wanted)]
    if not found:
        raise NoInstance(f"Expected some of {len(paths)} instances, got none of {only!r}", place="--only")
    return found


def _is_meant(path: Path, part: str) -> bool:
    first, dash, last = part.partition("-")
    if first.isdigit() and (not dash or last.isdigit()):
        return int(first) <= _order(path)[1] <= int(last or first)
    return fnmatch(path.stem, part)


def _order(path: Path) -> tuple[str, int]:
    letters = path.stem.rstrip("0123456789")
    return letters, int(path.stem[len(letters) :] or 0)


def _best_known(path: Path) -> int | None:
    table = path.parent / BEST_KNOWN
    if not table.is_file():
        return None
    with table.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if (row.get("instance") or "").removesuffix(".txt") == path.stem:
                try:
                    return int(row["best_known_ub"])
                except (KeyError, ValueError, TypeError):
                    raise RosterFileBad(
                        f"Expected a whole best_known_ub for {path.stem}", place=f"{table}:{BEST_KNOWN}"
                    ) from None
    return None


def solve(instance: Instance, searches: Searches) -> Result:
    """The roster found in the time box, checked. Raises `RosterNotInTime` or `RosterWrong`."""
    # The machine code is made once and kept on disk; the time is for searching.
    annealing.warm()
    soft_annealing.warm()
    began = time.monotonic()
    problem = instance.problem
    model = model_of(problem)
    # Making the program belongs to the time box too.
    left = max(1e-9, searches.seconds - (time.monotonic() - began))
    outcome = search_roster(model.mip, msgspec.structs.replace(searches, seconds=left), ward=model.ward)
    solution = outcome.solution
    seconds = round(time.monotonic() - began, 1)
    bound = round(solution.bound, 3) if abs(solution.bound) < float("inf") else None
    if solution.status is Status.NOTHING:
        raise RosterNotInTime(f"No roster within {searches.seconds:g} s", place=problem.name)
    if solution.values is None:
        return Result(
            problem.name, instance.format, "infeasible", None, instance.best_known, None, None, bound, seconds
        )
    roster = model.roster(solution.values)
    cost, broken = checked(problem, roster)
    if abs(cost - solution.objective) > 0.5:
        raise RosterWrong(f"{cost} counted, {solution.objective:g} computed", place=problem.name)
    best = instance.best_known
    return Result(
        name=problem.name,
        format=instance.format,
        status=solution.status.value,
        cost=cost,
        best_known=best,
        gap_percent=None if not best else round(100.0 * (cost - best) / best, 3),
        violations=len(broken),
        bound=bound,
        seconds=seconds,
    )


def model_of(problem: curtois.Problem | inrc.Problem) -> curtois_model.Model | inrc_model.Model:
    """The program of a problem of either format."""
    if isinstance(problem, curtois.Problem):
        return curtois_model.Model(problem)
    return inrc_model.Model(problem)


def checked(
    problem: curtois.Problem | inrc.Problem, roster: Sequence[Sequence[int | None]]
) -> tuple[int, list[str]]:
    """What a roster costs, and a sentence for each hard rule that it breaks."""
    if isinstance(problem, curtois.Problem):
        return curtois_check.cost(problem, roster), curtois_check.violations(problem, roster)
    return inrc_check.cost(problem, roster), inrc_check.violations(problem, roster)
