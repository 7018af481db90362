"""`evaluate`: forecasts held against recorded days that they were not learnt from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.table import Table

from openhall.app.folder import Folder
from openhall.cli.language import _
from openhall.cli.main import err, folder_option, json_option, out, program, show_json
from openhall.kernel.clock import MINUTE_MS

if TYPE_CHECKING:
    from openhall.log.told import BranchDayTold
    from openhall.rehearsal.evaluation.scores import Figures, WaitScores

FORMATS = ("warsaw", "technion", "simulated")
DAY = click.DateTime(["%Y-%m-%d"])


@program.group()
def evaluate() -> None:
    """Hold forecasts against recorded days that they were not learnt from."""


@evaluate.command()
@click.option("--fit", type=click.Path(path_type=Path), help="Folder of days to learn from.")
@click.option("--test", type=click.Path(path_type=Path), help="Folder of days to ask about.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    required=True,
    help="How the folders are written. See docs/evaluation.md.",
)
@click.option("--fit-to", type=DAY, help="Learn from days up to this one, itself included.")
@click.option("--test-from", type=DAY, help="Ask about days from this one on, itself included.")
@click.option("--seed", type=click.IntRange(0), help="Of a simulated hall.")
@click.option(
    "--patience-minutes",
    type=click.FloatRange(1, 1_440),
    help="In a simulated hall people leave after so long, on average; else nobody does.",
)
@json_option
def waits(**options: Any) -> None:
    """How true the forecast waits are: each ticket is asked about at issue, with what was known by then.

    \b
    Two folders:        openhall evaluate waits --fit PAST --test LATER --format warsaw
    One folder, parted: ... --fit PAST --fit-to 2020-01-10 --test PAST --test-from 2020-01-13
    No folder:          openhall evaluate waits --format simulated

    Nothing is learnt from the days asked about. The same run prints the same figures, to the last digit.
    A simulated hall has habits that only it knows: days of it are learned from as a bank's own log is, and
    the forecasts are held against those of somebody who knows its habits.
    """
    scores = _simulated(options) if options["kind"] == "simulated" else _of_folders(options)
    if options["as_json"]:
        show_json(scores)
    else:
        _show(scores)


def _simulated(options: dict[str, Any]) -> WaitScores:
    from openhall.cli.rehearse import progress
    from openhall.rehearsal.evaluation.hidden import HiddenParameters
    from openhall.rehearsal.evaluation.simulated import evaluate_simulated

    given = {name: options[name] for name in ("fit", "test", "fit_to", "test_from") if options[name]}
    if given:
        raise click.UsageError(_("A simulated hall takes no folders and no dates."))
    parameters = HiddenParameters(patience_minutes_mean=options["patience_minutes"])
    if options["seed"] is not None:
        parameters = msgspec.structs.replace(parameters, seed=options["seed"])
    with progress(_("Living past days, then asking …")) as advance:
        return evaluate_simulated(parameters, progress=advance)


def _of_folders(options: dict[str, Any]) -> WaitScores:
    for name in ("fit", "test"):
        if options[name] is None:
            raise click.UsageError(_("Expected --{name} with this format.", name=name))
    with err.status(_("Learning from past days, then asking …")):
        return _evaluator(options["kind"])(
            options["fit"],
            options["test"],
            fit_to=_date(options["fit_to"]),
            test_from=_date(options["test_from"]),
        )


@evaluate.command()
@folder_option
@click.option("--branch", "branches", multiple=True, help="Only this branch; may be given more than once.")
@click.option("--from", "first", type=DAY, help="First day.")
@click.option("--to", "last", type=DAY, help="Last day.")
@json_option
def told(
    folder: Path, branches: tuple[str, ...], first: datetime | None, last: datetime | None, as_json: bool
) -> None:
    """How true it was what customers were told: your own days, branch by branch.

    Eight of ten calls should come inside the interval. Counted are tickets that were called and never stepped
    out. Reads only; a server may run meanwhile.
    """
    from openhall.log.sqlite import SqliteStore
    from openhall.log.told import told_by_day

    place = Folder(folder)
    known = [branch.id for branch in place.read_bank().branches]
    for branch in branches:
        if branch not in known:
            raise click.BadParameter(
                _("There is no branch {branch}; choose from {known}.", branch=branch, known=", ".join(known)),
                param_hint="--branch",
            )
    with SqliteStore.open_to_read(place.database) as store:
        days = told_by_day(store, branches or known, first=_date(first), last=_date(last))
    if as_json:
        show_json(days)
    else:
        _show_told(days)


def _show_told(days: Sequence[BranchDayTold]) -> None:
    """A row for each day and source, the twin's tellings over the day last."""
    if not days:
        out.print(_("Nobody has been told a wait yet."))
        return
    table = Table(
        _("branch"),
        _("day"),
        _("told by"),
        title=_("What customers were told about their waits, and what came"),
        title_justify="left",
    )
    for name in (_("told"), _("error, min"), _("longer than told, min"), _("inside the interval")):
        table.add_column(name, justify="right")
    words = {
        "twin": _("the twin, on the ticket"),
        "pace": _("recent pace, on the ticket"),
        "typical": _("usual times, on the ticket"),
        "later": _("the twin, over the day"),
    }
    for day in days:
        for source, figures in [*day.at_issue.items(), ("later", day.every_telling)]:
            if figures.told_count:
                table.add_row(
                    day.branch,
                    day.day.isoformat(),
                    words[source],
                    str(figures.told_count),
                    _number(figures.error_ms / MINUTE_MS),
                    _number(figures.bias_ms / MINUTE_MS),
                    _share(figures.inside_count / figures.told_count),
                )
    out.print(table)


def _evaluator(kind: str) -> Callable[..., WaitScores]:
    """The evaluation of a format, imported when asked for: other commands need no scikit-learn."""
    if kind == "warsaw":
        from openhall.rehearsal.evaluation import warsaw

        return warsaw.evaluate
    from openhall.rehearsal.evaluation import technion

    return technion.evaluate


def _date(moment: datetime | None) -> Any:
    return None if moment is None else moment.date()


# --- showing -----------------------------------------------------------------------------------------


def _show(scores: WaitScores) -> None:
    out.print(
        _(
            "{tickets} tickets of {test} days, mean wait {wait} min; learnt from {fit} days.",
            tickets=scores.tickets,
            test=len(scores.test_days),
            wait=_number(scores.mean_wait_minutes),
            fit=len(scores.fit_days),
        )
    )
    out.print(_predictors(scores))
    out.print(_bands(scores))
    out.print(
        _(
            "P10-P90 holds {coverage} of the waits with at least {ahead} people ahead; {unanswered} of the"
            " tickets got no forecast.",
            coverage=_share(scores.coverage),
            ahead=scores.coverage_ahead_from,
            unanswered=_share(scores.unanswered_share),
        )
    )
    for note in scores.notes:
        out.print(_("Note: {note}", note=_(note)), markup=False)


def _predictors(scores: WaitScores) -> Table:
    ahead = scores.coverage_ahead_from
    table = Table(
        _("minutes"),
        _("mean error"),
        _("root mean square"),
        _("bias"),
        _("mean error, {ahead} or more ahead", ahead=ahead),
        _("no answer"),
        _("forecast on the same tickets"),
        box=None,
    )
    table.add_row(
        _("forecast"),
        *_errors(scores),
        _number(scores.long_lines.mae_minutes),
        _share(scores.unanswered_share),
        _number(scores.mae_minutes),
    )
    names = _names()
    for code, figures in scores.baselines.items():
        table.add_row(
            _named(names, code),
            *_errors(figures),
            _number(figures.long_lines.mae_minutes),
            _share(figures.unanswered_share),
            _number(figures.model_mae_minutes),
        )
    return table


def _bands(scores: WaitScores) -> Table:
    table = Table(
        _("people ahead"),
        _("tickets"),
        _("mean wait"),
        _("mean error"),
        _("bias"),
        _("in P10-P90"),
        _("its width"),
        box=None,
    )
    for name, band in scores.bands.items():
        table.add_row(
            name,
            str(band.tickets),
            _number(band.mean_wait_minutes),
            _number(band.mae_minutes),
            _number(band.bias_minutes),
            _share(band.coverage),
            _number(band.width_minutes),
        )
    return table


def _names() -> dict[str, str]:
    return {
        "last_to_enter_service": _("last to enter service"),
        "head_of_line": _("head of line"),
        "queue_length": _("queue length"),
        "minutes_per_position": _("minutes per position"),
        "minutes_per_position_at_most_240": _("... at most 240 minutes"),
        "pace_last_30_minutes": _("pace of the last 30 minutes"),
        "true_parameters": _("somebody who knows the habits"),
        "queue_length_with_abandonment": _("queue length, leavers counted"),
        "constant": _("one number for all"),
        "fork": _("the futures alone"),
        "mean_of_futures": _("forecast by the mean of the futures"),
    }


def _named(names: dict[str, str], code: str) -> str:
    """A baseline's name; one that had a factor fitted on the days learnt from says so."""
    plain = code.removesuffix("_scaled")
    name = names.get(plain, plain.replace("_", " "))
    return name if plain == code else _("{name}, with a fitted factor", name=name)


def _errors(figures: Figures | WaitScores) -> tuple[str, str, str]:
    return _number(figures.mae_minutes), _number(figures.rmse_minutes), _number(figures.bias_minutes)


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.2f}"


def _share(value: float | None) -> str:
    return "—" if value is None else f"{value:.1%}"
