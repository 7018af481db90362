"""Everything that an invented day depends on, besides the rules of the branch's day and the seed."""

from __future__ import annotations

import msgspec

PARTS_OF_DAY = 16

MORNING_RUSH = (1.6, 2.0, 1.9, 1.6, 1.4, 1.2, 1.0, 0.8, 0.7, 0.7, 0.8, 0.8, 0.7, 0.5, 0.3, 0.2)
"""A pension day: the line is longest soon after opening."""

SHARES = (
    "elderly_share",
    "other_class_share",
    "claimed_at_kiosk_share",
    "flagged_share",
    "card_share",
    "hold_share",
    "hold_late_share",
    "no_show_share",
    "no_show_return_share",
    "two_services_share",
    "offer_share",
    "accept_share",
    "diversion_success_share",
    "fever_share",
)

POSITIVE_MINUTES = (
    "interval_minutes",
    "patience_minutes_mean",
    "hold_minutes_mean",
    "diversion_minutes_mean",
)


class InventedParameters(msgspec.Struct, frozen=True):
    """An invented day. The defaults are a pension day's surge at a branch of any size.

    Parameters
    ----------
    seed : of the random generator, when none is passed in.
    visitors_daily : people on a normal day, expected; None is `visitors_per_counter` times the counters.
    visitors_per_counter : people a counter on a normal day.
    surge_factor : times the normal number of people.
    arrival_profile : relative arrival rates over equal parts of the time from check-in to the closing of the
        doors.
    interval_minutes : over which arrivals vary together.
    dispersion : variance by mean of the arrivals of one interval; 1 is Poisson, recorded halls show about 2.
    service_mix : relative frequency of services by id; empty is in inverse proportion to their mean times.
    elderly_share : customers in `elderly_class`.
    elderly_class : code of their class; empty is the class with the longest head start.
    other_class_share : customers in one of the remaining priority classes.
    claimed_at_kiosk_share : of priority customers, those who claim the class at the kiosk and are confirmed
        by staff a little later; the others are confirmed when the ticket is issued.
    flagged_share : of elderly customers, those who are fetched or called in writing.
    card_share : customers with a card, which the triage rules ask about.
    amount_mean_minor : mean amount asked for at triage, in the currency's minor unit (exponential).
    patience_minutes_mean : mean time after which somebody who still waits leaves (exponential).
    patience_minutes_at_least : nobody leaves earlier.
    baulk_line : people waiting beyond which half of the newcomers do not join; None is never.
    hold_share : customers who step out while waiting.
    hold_minutes_mean : mean time away (exponential).
    hold_late_share : of those, the ones who come back after the return window.
    no_show_share : customers who are not there when called.
    no_show_return_share : of those, the ones who come back and are reinstated.
    two_services_share : customers with a second service.
    offer_share : customers to whom a channel that triage shows is offered.
    accept_share : offers that are accepted.
    diversion_success_share : accepted offers that get the thing done; the others return to their place.
    diversion_minutes_mean : mean time at the other channel (exponential).
    service_cv : coefficient of variation of service times (gamma), about each service's mean.
    walk_seconds : from the call to the counter; three times that for somebody who is fetched.
    fever_share : visitors whom the check refers elsewhere, where the temperature is read.
    staffing_profile : share of the branch's counters open over equal parts of the doors' hours.
    break_minutes : one break a teller; 0 is none.
    noon_pause_minutes : the hall pauses so long at half time (disinfection); 0 is not at all.
    outside_at_closing : people outside without a ticket when the doors close, who are put on the roll.
    """

    seed: int = 1
    visitors_daily: float | None = None
    visitors_per_counter: float = 25.0
    surge_factor: float = 2.85
    arrival_profile: tuple[float, ...] = MORNING_RUSH
    interval_minutes: int = 30
    dispersion: float = 2.0
    service_mix: dict[str, float] = {}
    elderly_share: float = 0.35
    elderly_class: str = ""
    other_class_share: float = 0.03
    claimed_at_kiosk_share: float = 0.5
    flagged_share: float = 0.12
    card_share: float = 0.6
    amount_mean_minor: int = 800_000
    patience_minutes_mean: float = 240.0
    patience_minutes_at_least: float = 20.0
    baulk_line: int | None = None
    hold_share: float = 0.06
    hold_minutes_mean: float = 15.0
    hold_late_share: float = 0.15
    no_show_share: float = 0.04
    no_show_return_share: float = 0.3
    two_services_share: float = 0.06
    offer_share: float = 0.5
    accept_share: float = 0.4
    diversion_success_share: float = 0.85
    diversion_minutes_mean: float = 6.0
    service_cv: float = 0.7
    walk_seconds: int = 20
    fever_share: float = 0.002
    staffing_profile: tuple[float, ...] = (0.8, 1.0, 1.0, 0.9, 0.7, 0.8, 0.9, 0.8)
    break_minutes: int = 10
    noon_pause_minutes: int = 0
    outside_at_closing: int = 2

    def __post_init__(self) -> None:
        for name in SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"Expected {name} between 0 and 1, got {getattr(self, name)}")
        if self.elderly_share + self.other_class_share > 1:
            raise ValueError(
                "Expected elderly_share and other_class_share to be 1 or less together, "
                f"got {self.elderly_share} and {self.other_class_share}"
            )
        for name in POSITIVE_MINUTES:
            if not 0 < getattr(self, name) <= 1_440:
                raise ValueError(f"Expected {name} above 0 and at most 1440, got {getattr(self, name)}")
        _expect_numbers(self)
        for name in ("arrival_profile", "staffing_profile"):
            _expect_profile(name, getattr(self, name))
        if max(self.staffing_profile) > 1:
            raise ValueError(f"Expected staffing_profile of shares up to 1, got {max(self.staffing_profile)}")
        if any(weight < 0 for weight in self.service_mix.values()):
            raise ValueError(f"Expected service_mix without negative weights, got {self.service_mix}")


RANGES: dict[str, tuple[float, float]] = {
    "visitors_per_counter": (0, 1_000),
    "surge_factor": (0, 20),
    "dispersion": (1, 50),
    "amount_mean_minor": (1, 10**12),
    "patience_minutes_at_least": (0, 1_440),
    "service_cv": (0, 5),
    "walk_seconds": (0, 600),
    "break_minutes": (0, 240),
    "noon_pause_minutes": (0, 240),
    "outside_at_closing": (0, 500),
}


def _expect_numbers(parameters: InventedParameters) -> None:
    for name, (low, high) in RANGES.items():
        if not low <= getattr(parameters, name) <= high:
            raise ValueError(f"Expected {name} between {low} and {high}, got {getattr(parameters, name)}")
    daily = parameters.visitors_daily
    if daily is not None and not 0 <= daily <= 20_000:
        raise ValueError(f"Expected visitors_daily between 0 and 20000, got {daily}")
    if parameters.baulk_line is not None and parameters.baulk_line < 1:
        raise ValueError(f"Expected baulk_line of 1 or more, got {parameters.baulk_line}")


def _expect_profile(name: str, profile: tuple[float, ...]) -> None:
    if not 1 <= len(profile) <= 96:
        raise ValueError(f"Expected {name} of 1 to 96 parts, got {len(profile)}")
    if min(profile) < 0 or max(profile) <= 0:
        raise ValueError(f"Expected {name} of numbers from 0 up, not all 0, got {profile}")
