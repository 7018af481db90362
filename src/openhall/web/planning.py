"""The planning page: a branch's days drawn, changed by hand with an instant check, published, taken along."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from functools import partial
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_date
from litestar import Controller, Response, get, post
from litestar.params import JSONBody, PathParameter, QueryParameter

from openhall.access import rights
from openhall.app import plan_exports
from openhall.app.build import App
from openhall.app.language import say
from openhall.app.plan_words import POSTS, clock, note_words, post_words, status_words, violation_words
from openhall.flows.staffing_day import StaffingDay
from openhall.kernel.clock import to_datetime
from openhall.kernel.refusal import Refusal
from openhall.kernel.text import Language
from openhall.log import plans
from openhall.log.day_records import STAFFING_DAYS
from openhall.log.plans import Draft, NoDraft, PlanChanged, Published
from openhall.network.model import Bank, Branch
from openhall.staffing import changing, checking
from openhall.staffing.changing import Change
from openhall.staffing.cross_training import Candidate, CrossTraining
from openhall.staffing.plan import DayPlan, Note, Shortfall, Violation, WeekPlan
from openhall.web.api import BranchId, Key, actor_of, readable_branch
from openhall.web.frame import frame
from openhall.web.guarding import needs_action, needs_screen
from openhall.web.plan_drawing import picture
from openhall.web.problems import RESPONSES, Refused
from openhall.web.reading import language_of
from openhall.web.rendering import first_paragraph, page
from openhall.web.signing_in import OpenhallRequest

EARLIER_WEEKS: Final = 4
"""Published plans that fairness and rest are checked against."""

CHANGES: Final = needs_action("plans.change")
First = Annotated[date, PathParameter(description="The first day of the plan")]
Asked = Annotated[date, QueryParameter(description="A day")]
Wanted = Annotated[date | None, QueryParameter(description="A day; none is today's")]


class PlanChangeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change by hand. `seen` is the revision of the draft that the change was made on."""

    seen: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    change: Change


class PublishBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which revision of the draft is to be published."""

    seen: Annotated[int, msgspec.Meta(ge=1, le=2**53)]


class PlanBody(msgspec.Struct, frozen=True):
    """A draft, what it breaks, and in words what a change did."""

    revision: int
    plan: WeekPlan
    violations: tuple[Violation, ...]
    said: str = ""
    effect: str = ""


class MakingBody(msgspec.Struct, frozen=True):
    """Whether a plan is being made."""

    is_running: bool
    seconds: float


class PublishedBody(msgspec.Struct, frozen=True):
    """What people work by now."""

    version: str
    published_ms: int
    published_by: str


async def _draft(app: App, branch: str, first: date) -> Draft:
    found = await asyncio.to_thread(plans.draft, app.store, branch, first)
    if found is None:
        raise Refused(Refusal("plan_missing", "first"))
    return found


async def _violations(app: App, plan: WeekPlan) -> tuple[Violation, ...]:
    earlier = await asyncio.to_thread(
        plans.published_before, app.store, plan.branch, plan.first, EARLIER_WEEKS
    )
    return checking.violations(app.bank, plan, tuple(earlier))


@get(
    "/api/branches/{branch_id:str}/staffing-days",
    summary="Ended days as they were staffed",
    responses=RESPONSES,
    tags=["plans"],
    opt=needs_screen("plan"),
)
async def lived_days(
    request: OpenhallRequest, branch_id: BranchId, first: Asked, last: Asked
) -> list[StaffingDay]:
    """Waits, share over the limit, windows, people in two posts, moves and the plan beside what came of it
    [D7]."""
    branch = readable_branch(request, branch_id)
    app: App = request.app.state.openhall
    return await asyncio.to_thread(STAFFING_DAYS.between, app.store, [branch.id], first, last)


class PlanController(Controller):
    """Plans as data, and what is done to them."""

    path = "/api/branches/{branch_id:str}/plans/{first:date}"
    tags = ("plans",)

    @get("/", summary="The plan that is worked on", responses=RESPONSES, opt=needs_screen("plan"))
    async def draft(self, request: OpenhallRequest, branch_id: BranchId, first: First) -> PlanBody:
        """The latest draft, and every rule that it breaks."""
        branch = readable_branch(request, branch_id)
        app: App = request.app.state.openhall
        found = await _draft(app, branch.id, first)
        return PlanBody(found.revision, found.plan, await _violations(app, found.plan))

    @post("/draft", summary="Make a plan", status_code=202, responses=RESPONSES, opt=CHANGES)
    async def make(
        self, request: OpenhallRequest, branch_id: BranchId, first: First, idempotency_key: Key
    ) -> MakingBody:
        """Begins to make a plan of seven days; what was set by hand stays. Look at the draft till it is
        there."""
        del idempotency_key  # Asked for again while it runs, it is the same plan.
        branch = readable_branch(request, branch_id)
        app: App = request.app.state.openhall
        job = app.plan_making.start(branch.id, first, actor_of(request))
        return MakingBody(job.is_running, app.plan_making.seconds)

    @post("/changes", summary="Change the plan by hand", status_code=200, responses=RESPONSES, opt=CHANGES)
    async def change(
        self,
        request: OpenhallRequest,
        branch_id: BranchId,
        first: First,
        data: JSONBody[PlanChangeBody],
        idempotency_key: Key,
    ) -> PlanBody:
        """One change, its check and its effect on the customers of that day."""
        branch = readable_branch(request, branch_id)
        app: App = request.app.state.openhall
        before = await _draft(app, branch.id, first)
        changed = changing.changed(before.plan, data.change, app.bank)
        if isinstance(changed, Refusal):
            raise Refused(changed)
        day = data.change.day
        plan = await app.plan_making.with_effect(changed, day)
        try:
            kept = await asyncio.to_thread(
                plans.save_draft,
                app.store,
                plan,
                seen=data.seen,
                now_ms=app.wall.now_ms(),
                by=actor_of(request),
                key=idempotency_key,
            )
        except PlanChanged as trouble:
            raise Refused(Refusal("plan_changed", "seen")) from trouble
        found = await _violations(app, kept.plan)
        language = language_of(request)
        said, effect = _said(language, before.plan, kept.plan, day, found)
        return PlanBody(kept.revision, kept.plan, found, said, effect)

    @post("/publish", summary="Publish the plan", status_code=200, responses=RESPONSES, opt=CHANGES)
    async def publish(
        self,
        request: OpenhallRequest,
        branch_id: BranchId,
        first: First,
        data: JSONBody[PublishBody],
        idempotency_key: Key,
    ) -> PublishedBody:
        """The halls go by this plan from now on: today's takes it at once."""
        del idempotency_key  # The same revision published again is the same plan.
        branch = readable_branch(request, branch_id)
        app: App = request.app.state.openhall
        try:
            found = await asyncio.to_thread(
                plans.publish,
                app.store,
                branch.id,
                first,
                seen=data.seen,
                now_ms=app.wall.now_ms(),
                by=actor_of(request),
            )
        except NoDraft as trouble:
            raise Refused(Refusal("plan_missing", "first")) from trouble
        except PlanChanged as trouble:
            raise Refused(Refusal("plan_changed", "seen")) from trouble
        app.plans.published_anew()
        return PublishedBody(found.version, found.published_ms, found.published_by)


def _said(
    language: Language, before: WeekPlan, after: WeekPlan, day: date, found: tuple[Violation, ...]
) -> tuple[str, str]:
    """What a change did, for the person who made it."""
    was, now = _day(before, day), _day(after, day)
    effect = say(
        language,
        "Late minutes on that day: {before}, now {after}.",
        before=round(was.late_minutes),
        after=round(now.late_minutes),
    )
    count = sum(v.day == day for v in checking.broken(found))
    if count:
        return say(language, "Changed, and {n} rules are broken.", n=count), effect
    return say(language, "Changed; every rule is kept on that day."), effect


def _day(plan: WeekPlan, day: date) -> DayPlan:
    return next(each for each in plan.days if each.day == day)


# --- the page ----------------------------------------------------------------------------------------


def monday_of(day: date) -> date:
    """The first day of a week's plan."""
    return day - timedelta(days=day.weekday())


async def _page(
    request: OpenhallRequest, branch_id: str, first: date | None, day: date | None, *, is_live: bool
) -> Response[bytes]:
    app: App = request.app.state.openhall
    branch = readable_branch(request, branch_id)
    language = language_of(request)
    today = app.local_day(branch)
    first = first or monday_of(today)
    draft = await asyncio.to_thread(plans.draft, app.store, branch.id, first)
    published = await asyncio.to_thread(plans.published_on, app.store, branch.id, first)
    found = await _violations(app, draft.plan) if draft else ()
    days = [each.day for each in draft.plan.days] if draft else [first + timedelta(days=n) for n in range(7)]
    chosen = day if day in days else _first_open(draft, days, today)
    context = {
        **frame(request, "plan", branch),
        **_names(app, branch, language),
        "may_plan": rights.may_act(request.user.role, "plans.change"),
        "path": f"/b/{branch.id}/plan?first={first.isoformat()}&day={chosen.isoformat()}",
        "first": first.isoformat(),
        "day": chosen.isoformat(),
        "first_day": days[0],
        "last_day": days[-1],
        "week_before": (first - timedelta(days=7)).isoformat(),
        "week_after": (first + timedelta(days=7)).isoformat(),
        "draft": draft,
        "plan": draft.plan if draft else None,
        "published": published,
        "is_published": _is_same(draft, published),
        "violations": checking.broken(found),
        "job": _job(app, branch.id, first, language),
        "training": await _training(app, branch, first, today),
    }
    if draft is not None:
        shown = _day(draft.plan, chosen)
        lived = await asyncio.to_thread(STAFFING_DAYS.between, app.store, [branch.id], chosen, chosen)
        context["lived"] = lived[0] if lived else None
        open_then = lived[0].windows_open if lived else ()
        drawn = picture(shown, [v for v in found if v.day == chosen], open_then)
        context |= {"shown": shown, "drawn": drawn}
        context |= _alternatives(shown, language)
    template = "plan_live.html" if is_live else "plan.html"
    return page(template, language, **context)


def _first_open(draft: Draft | None, days: list[date], today: date) -> date:
    """Today, or the next day on which the branch is open; the first day of another week."""
    is_open = {each.day: each.is_open for each in draft.plan.days} if draft else {}
    return next((each for each in days if each >= today and is_open.get(each)), days[0])


async def _training(app: App, branch: Branch, first: date, today: date) -> CrossTraining | None:
    """Who is trained for two posts, and who really served in two: in the days kept, not in the plan."""
    found = app.plan_making.training.get((branch.id, first))
    if found is None:
        return None
    since = today - timedelta(weeks=EARLIER_WEEKS)
    days = await asyncio.to_thread(STAFFING_DAYS.between, app.store, [branch.id], since, today)
    served = tuple(sorted({person for each in days for person in each.served_in_two}))
    return msgspec.structs.replace(found, served=served, served_count=len(served))


def _is_same(draft: Draft | None, published: Published | None) -> bool:
    return draft is not None and published is not None and draft.plan == published.plan


def _job(app: App, branch: str, first: date, language: Language) -> dict[str, Any]:
    job = app.plan_making.jobs.get((branch, first))
    trouble = job.trouble if job else None
    return {
        "is_running": job is not None and job.is_running,
        "seconds": round(app.plan_making.seconds),
        "code": trouble.code if trouble else "",
        "sentence": say(language, first_paragraph(trouble.__doc__ or trouble.code)) if trouble else "",
        "remedy": say(language, trouble.remedy) if trouble else "",
    }


def _names(app: App, branch: Branch, language: Language) -> dict[str, Any]:
    """Names for codes, and sentences for what the template has to say."""
    bank, zone = app.bank, ZoneInfo(branch.timezone)
    babel = "zh_CN" if language == "zh" else "en_GB"
    long, short = ("M月d日 EEEE", "M月d日") if language == "zh" else ("EEEE d MMMM", "d MMM")
    return {
        "bank": bank,
        "branch": branch,
        "branches": {b.id: b for b in bank.branches},
        "people": {p.id: p.name for p in bank.people},
        "own_people": [p for p in bank.people if p.branch == branch.id],
        "shifts": {s.id: s for s in bank.shifts if not s.branches or branch.id in s.branches},
        "post_names": {code: say(language, word) for code, word in POSTS.items()},
        "post_words": partial(post_words, branch=branch, language=language),
        "status_words": partial(status_words, language=language),
        "date_words": lambda day: format_date(day, long, locale=babel),
        "short_date": lambda day: format_date(day, short, locale=babel),
        "weekday_words": lambda day: format_date(day, "EEE", locale=babel),
        "moment_words": lambda at_ms: to_datetime(at_ms, zone).strftime("%m-%d %H:%M"),
        "clock": clock,
        "gap_words": partial(gap_words, bank, language=language),
        "note_words": partial(note_words, bank, language=language),
        "violation_words": partial(violation_words, bank, language=language),
        "candidate_words": partial(candidate_words, bank, language=language),
    }


def gap_words(bank: Bank, gap: Shortfall, language: Language) -> str:
    """What is missing, and when."""
    code = "service_unserved" if gap.service else f"short_of_{gap.what}"
    detail = {"missing": str(gap.missing), "until_minute": str(gap.until_minute), "service": gap.service}
    return note_words(bank, Note(code, from_minute=gap.from_minute, detail=detail), language)


def candidate_words(bank: Bank, found: Candidate, language: Language) -> str:
    """Whose training would help, in what."""
    person = next((p.name for p in bank.people if p.id == found.person_id), found.person_id)
    service = next((s.name.get(language) for s in bank.services if s.id == found.service), "")
    if service:
        return say(language, "{person}: {service} at the window", person=person, service=service)
    return say(language, "{person}: the hall", person=person)


def _alternatives(plan: DayPlan, language: Language) -> dict[str, str]:
    """The charts in words, for who does not see them."""
    peak = max(range(len(plan.expected)), key=plan.expected.__getitem__, default=0)
    at = clock(plan.from_minute + peak * plan.interval_minutes)
    short = sum(max(0, need - there) for need, there in zip(plan.needed, plan.windows, strict=False))
    return {
        "people_alt": say(
            language,
            "{n} people expected over the day, most of them at {time}.",
            n=round(sum(plan.expected)),
            time=at,
        ),
        "windows_alt": say(
            language,
            "At most {n} windows needed, at most {m} planned; {hours} window-hours are missing.",
            n=max(plan.needed, default=0),
            m=max(plan.windows, default=0),
            hours=f"{short * plan.interval_minutes / 60:.1f}",
        ),
    }


@get("/b/{branch_id:str}/plan", include_in_schema=False, opt=needs_screen("plan"))
async def plan_page(
    request: OpenhallRequest, branch_id: BranchId, first: Wanted = None, day: Wanted = None
) -> Response[bytes]:
    """Some days of a branch, one of them drawn."""
    return await _page(request, branch_id, first, day, is_live=False)


@get("/b/{branch_id:str}/plan/live", include_in_schema=False, opt=needs_screen("plan"))
async def plan_live(
    request: OpenhallRequest, branch_id: BranchId, first: Wanted = None, day: Wanted = None
) -> Response[bytes]:
    """The part that changes, drawn anew."""
    return await _page(request, branch_id, first, day, is_live=True)


EXPORTS: Final = {"pdf": "application/pdf", "ics": "text/calendar", "csv": "text/csv"}


@get("/b/{branch_id:str}/plan/export/{kind:str}", include_in_schema=False, opt=needs_screen("plan"))
async def plan_export(
    request: OpenhallRequest,
    branch_id: BranchId,
    kind: Annotated[str, PathParameter(max_length=8)],
    first: Asked,
) -> Response[bytes]:
    """A plan to take along: to print, for a calendar, as a table."""
    branch = readable_branch(request, branch_id)
    if kind not in EXPORTS:
        raise Refused(Refusal("not_found"))
    app: App = request.app.state.openhall
    found = await _draft(app, branch.id, first)
    language = language_of(request)
    body = await asyncio.to_thread(plan_exports.export, kind, found.plan, app.bank, language=language)
    name = f"{branch.id}-{first.isoformat()}.{kind}"
    return Response(
        body,
        media_type=EXPORTS[kind],
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


HANDLERS: list[Any] = [PlanController, lived_days, plan_page, plan_live, plan_export]
