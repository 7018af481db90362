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
    from openhall.rehearsal.evaluation.arrivals.scores import ArrivalScores, Moment
    from openhall.rehearsal.evaluation.scores import Figures, WaitScores

FORMATS = ("warsaw", "technion", "simulated")
ARRIVAL_FORMATS = ("warsaw", "bank-calls", "technion-counts")
SHOWN_HORIZONS = ("1", "7", "14", "28")
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


@evaluate.command()
@click.option(
    "--fit", type=click.Path(path_type=Path, exists=True), required=True, help="Folder of days to learn from."
)
@click.option(
    "--test", type=click.Path(path_type=Path, exists=True), required=True, help="Folder of days to foretell."
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(ARRIVAL_FORMATS),
    required=True,
    help="How the folders are written. See docs/evaluation.md.",
)
@click.option(
    "--test-from",
    type=DAY,
    help="Foretell days from this one on, itself included; of one folder else the last third.",
)
@json_option
def arrivals(fit: Path, test: Path, kind: str, test_from: datetime | None, as_json: bool) -> None:
    """How true the forecast arrivals are: each day is foretold from all days before it.

    \b
    Two folders:        openhall evaluate arrivals --fit PAST --test LATER --format bank-calls
    One folder, parted: openhall evaluate arrivals --fit PAST --test PAST --format bank-calls

    By half hours, one to 28 days ahead, and for the rest of the day at several times of it. Nothing is learnt
    from the day foretold or from a later one. The same run prints the same figures.
    """
    from openhall.rehearsal.evaluation.arrivals.rolling import evaluate as evaluated

    with err.status(_("Learning from past days, then foretelling …")):
        scores = evaluated(fit, test, kind=kind, test_from=_date(test_from))
    if as_json:
        show_json(scores)
    else:
        _show_arrivals(scores)


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


# --- showing arrivals -------------------------------------------------------------------------------


def _show_arrivals(scores: ArrivalScores) -> None:
    out.print(
        _(
            "{people} people on {test} days at {places} places; {fit} days known before the first.",
            people=f"{scores.people:.0f}",
            test=len(scores.test_days),
            places=scores.places,
            fit=scores.fit_days,
        )
    )
    out.print(_by_method(scores))
    out.print(
        _(
            "P10-P90 holds {interval} of the half hours and {day} of the days.",
            interval=_share(scores.coverage.interval),
            day=_share(scores.coverage.day),
        )
    )
    for at, moment in scores.intraday.items():
        out.print(_rest_of_day(at, moment))
    words = _arrival_notes()
    for note in scores.notes:
        out.print(_("Note: {note}", note=words[note]), markup=False)


def _by_method(scores: ArrivalScores) -> Table:
    """A row for each method: errors by how many days ahead."""
    table = Table(_("sum of errors by sum of people"), box=None)
    for ahead in SHOWN_HORIZONS:
        table.add_column(
            _("{days} days ahead", days=ahead) if ahead != "1" else _("a day ahead"), justify="right"
        )
    table.add_column(_("whole days, a day ahead"), justify="right")
    names = _arrival_methods()
    rows = {"openhall": (scores.wape_by_horizon, scores.wape_day)}
    rows |= {name: (one.wape_by_horizon, one.wape_day) for name, one in scores.baselines.items()}
    for name, (by_horizon, whole) in rows.items():
        table.add_row(
            names.get(name, name), *(_share(by_horizon.get(ahead)) for ahead in SHOWN_HORIZONS), _share(whole)
        )
    return table


def _rest_of_day(at: str, moment: Moment) -> Table:
    """A row for each method: what it said of the rest of the day at one time."""
    table = Table(_("rest of the day, told at {time}", time=at), box=None)
    for name in (_("half hours"), _("total"), _("half hours, surge days"), _("total, surge days")):
        table.add_column(name, justify="right")
    names = _arrival_methods()
    for name in dict.fromkeys((*moment.ordinary, *moment.surge)):
        cells: list[str] = []
        for group in (moment.ordinary, moment.surge):
            figures = group.get(name)
            cells += [_share(figures.wape), _share(figures.total_error)] if figures else ["—", "—"]
        table.add_row(names.get(name, name), *cells)
    return table


def _arrival_methods() -> dict[str, str]:
    return {
        "openhall": _("forecast"),
        "seasonal_naive": _("the last same weekday"),
        "mean_of_four_same_weekdays": _("mean of the last four same weekdays"),
        "mean_of_days": _("mean of the days before"),
        "mean_of_days_as_recorded": _("... holes and all"),
        "auto_ets": _("AutoETS by day, times a profile"),
        "auto_theta": _("AutoTheta by day, times a profile"),
        "static": _("forecast of the day before"),
        "ratio": _("... times how busy it has been"),
        "svd_pls": _("every day is ordinary"),
    }


def _arrival_notes() -> dict[str, str]:
    return {
        "statsforecast_not_installed": _(
            "AutoETS and AutoTheta are left out: statsforecast is not installed (the extra `forecast`)."
        ),
        "holes_in_parts": _(
            "Queues that a day's record lacks are taken out of what every method foretells of that day."
        ),
    }


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
