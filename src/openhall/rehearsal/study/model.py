"""The study file as data. `reading` checks it; the bounds stand at the fields."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from openhall.rehearsal.invented.parameters import MORNING_RUSH
from openhall.science.study.plan import BRANCHES_AT_MOST, POLICIES_AT_MOST, REPLICATIONS_AT_MOST

Share = Annotated[float, Meta(ge=0, le=1)]
Factor = Annotated[float, Meta(ge=0.01, le=100)]
Minutes = Annotated[float, Meta(ge=0.1, le=1_440)]
HeadStart = Annotated[int, Meta(ge=0, le=120)]
Name = Annotated[str, Meta(pattern=r"^\S(.{0,58}\S)?$")]
Code = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
HoursText = Annotated[str, Meta(pattern=r"^\d{1,2}:[0-5]\d-\d{1,2}:[0-5]\d$")]
DayText = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Weights = Annotated[tuple[Annotated[float, Meta(ge=0, le=1_000_000)], ...], Meta(min_length=1, max_length=96)]
Shares = Annotated[tuple[Share, ...], Meta(min_length=1, max_length=96)]


class Network(msgspec.Struct, frozen=True):
    """The branches: a configured bank's, or invented ones.

    Parameters
    ----------
    bank : folder with a bank's files, from the study file; then `day` says which day's hours hold.
    day : a date such as 2026-12-15; for a bank only.
    customers_of : expected customers of an ordinary day by branch id; for a bank only.
    branches : how many invented ones.
    customers : expected customers of an ordinary day in the mean invented branch.
    customers_spread : standard deviation of the branches' sizes by their mean (lognormal); 0: all alike.
    customers_per_counter : expected customers of an ordinary day by counter: gives an invented branch its
        counters, and a bank's branch its customers where `customers_of` does not.
    hours : of the doors; for invented branches only.
    arrival_profile : relative arrival rates over equal parts of the doors' hours.
    dispersion : variance by mean of the people of half an hour; 1 is Poisson, recorded halls show about 2.
    surge_factor : times the customers of an ordinary day.
    late_after_minutes : a longer wait is late; a bank's own limit holds where it is not given.
    """

    bank: str | None = None
    day: DayText | None = None
    customers_of: dict[Code, Annotated[float, Meta(gt=0, le=20_000)]] = {}
    branches: Annotated[int, Meta(ge=1, le=BRANCHES_AT_MOST)] | None = None
    customers: Annotated[float, Meta(ge=1, le=20_000)] | None = None
    customers_spread: Annotated[float, Meta(ge=0, le=3)] = 0.0
    customers_per_counter: Annotated[float, Meta(ge=1, le=1_000)] = 25.0
    hours: HoursText | None = None
    arrival_profile: Weights = MORNING_RUSH
    dispersion: Annotated[float, Meta(ge=1, le=50)] = 2.0
    surge_factor: Factor = 1.0
    late_after_minutes: Annotated[int, Meta(ge=1, le=240)] | None = None


class Service(msgspec.Struct, frozen=True):
    """What customers come for.

    Parameters
    ----------
    id : of a bank's own services, or a new one.
    share : of all customers; the shares of all services are 1 together.
    minutes : mean service time; a bank's own holds where it is not given.
    cv : standard deviation of service times by their mean (lognormal).
    counters : share of an invented branch's counters that can serve it; a bank's own counters are as
        configured.
    """

    id: Code
    share: Share
    minutes: Annotated[float, Meta(ge=0.1, le=240)] | None = None
    cv: Annotated[float, Meta(ge=0, le=5)] = 0.8
    counters: Annotated[float, Meta(gt=0, le=1)] = 1.0


class CustomerClass(msgspec.Struct, frozen=True):
    """A queue class.

    Parameters
    ----------
    code : of a bank's own classes, or a new one.
    share : of all customers; the shares of all classes are 1 together.
    head_start_minutes, rank : as in a bank's classes, whose own hold where they are not given.
    patience_minutes : mean time (exponential) after which somebody leaves; not given: nobody does.
    """

    code: Code
    share: Share
    head_start_minutes: HeadStart | None = None
    rank: Annotated[int, Meta(ge=0, le=100)] | None = None
    patience_minutes: Minutes | None = None


class Behaviour(msgspec.Struct, frozen=True):
    """What all customers have in common. What is not given is as the twin assumes of an unknown branch.

    Parameters
    ----------
    walk_seconds : from the call to the counter, mean.
    gap_seconds : between the end of a service and the next call, mean.
    no_show_share : not there when called.
    hold_share : step out, the place kept, and come back.
    second_service_share : have another service done in the same visit.
    accept_share : say yes when offered another way.
    done_share : of those, the ones who get it done there; the others come back to their place.
    """

    walk_seconds: Annotated[float, Meta(ge=0, le=600)] | None = None
    gap_seconds: Annotated[float, Meta(ge=0, le=600)] | None = None
    no_show_share: Share | None = None
    hold_share: Share | None = None
    second_service_share: Share | None = None
    accept_share: Share | None = None
    done_share: Share | None = None


class Extra(msgspec.Struct, frozen=True):
    """More counters than the plan says, for some hours; never more than the branch has.

    Parameters
    ----------
    counters : how many more.
    hours : from when to when.
    """

    counters: Annotated[int, Meta(ge=1, le=62)]
    hours: HoursText


class Policy(msgspec.Struct, frozen=True):
    """One way to run the halls. The first in the file is the baseline that the others are compared with.

    Parameters
    ----------
    name : for the tables and charts.
    order : who is before whom: `head_start` or `strict`; a bank's own holds where it is not given.
    open : share of a branch's counters that are open, over equal parts of the doors' hours; never fewer than
        serve everybody.
    extra : more counters for some hours.
    divert_above : from so many people in line on, newcomers are offered another way.
    divert_above_per_counter : the same, for each counter that the branch has.
    head_start_minutes : by class, instead of those of the classes.
    surge_factor : instead of the network's.
    accept_share : instead of that of all customers.
    minutes_factor : times all service times.
    """

    name: Name
    order: Literal["head_start", "strict"] | None = None
    open: Shares = (0.8, 1.0, 1.0, 0.9, 0.7, 0.8, 0.9, 0.8)
    extra: tuple[Extra, ...] = ()
    divert_above: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    divert_above_per_counter: Annotated[float, Meta(ge=0.1, le=1_000)] | None = None
    head_start_minutes: dict[Code, HeadStart] = {}
    surge_factor: Factor | None = None
    accept_share: Share | None = None
    minutes_factor: Factor = 1.0


class PrecisionAsked(msgspec.Struct, frozen=True):
    """How precise the answer is to be.

    Parameters
    ----------
    metric : what is to be precise.
    half_width : of its 95 % interval, in minutes or as a share; or
    relative : the same as a share of the mean.
    level : the mean of the network, or every branch's too.
    of : every policy, or every difference from the first.
    minimum, maximum : replications of the network's day, fewest and most.
    batch : replications between two looks.
    """

    metric: Literal["wait_minutes", "late_share", "late_minutes_daily", "overtime_minutes", "left_share"] = (
        "wait_minutes"
    )
    half_width: Annotated[float, Meta(gt=0, le=1_000_000)] | None = None
    relative: Annotated[float, Meta(gt=0, le=1)] | None = None
    level: Literal["network", "branch"] = "network"
    of: Literal["policy", "difference"] = "policy"
    minimum: Annotated[int, Meta(ge=2, le=REPLICATIONS_AT_MOST)] = 30
    maximum: Annotated[int, Meta(ge=2, le=REPLICATIONS_AT_MOST)] = 300
    batch: Annotated[int, Meta(ge=1, le=REPLICATIONS_AT_MOST)] = 30


class Outputs(msgspec.Struct, frozen=True):
    """What is written besides the tables of the network.

    Parameters
    ----------
    charts : the pictures.
    branches : a row for each branch and policy.
    """

    charts: bool = True
    branches: bool = True


class Study(msgspec.Struct, frozen=True):
    """What stands before the tables. Needed are `[network]` and a `[[policy]]`; for invented branches also
    `[[services]]`.

    Parameters
    ----------
    name : for the title.
    seed : of all chance; the same seed, the same customers.
    """

    name: Name
    network: Network
    policy: Annotated[tuple[Policy, ...], Meta(min_length=1, max_length=POLICIES_AT_MOST)]
    seed: Annotated[int, Meta(ge=0, le=(1 << 32) - 1)] = 1
    services: tuple[Service, ...] = ()
    classes: tuple[CustomerClass, ...] = ()
    customers: Behaviour = Behaviour()
    precision: PrecisionAsked = PrecisionAsked(half_width=0.5)
    outputs: Outputs = Outputs()
