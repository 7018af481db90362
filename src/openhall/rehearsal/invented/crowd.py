"""The people of an invented day, drawn before it begins: who comes when, for what, and how they are."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from openhall.hall.model.state import Ticket
from openhall.hall.policy import DayRules, is_fetched
from openhall.kernel.clock import MINUTE_MS, SECOND_MS
from openhall.network.model import Handling
from openhall.rehearsal.invented.parameters import InventedParameters

FLAGS: tuple[tuple[Handling, ...], ...] = (
    ("seat", "escort"),
    ("step_free",),
    ("written",),
    ("accompany", "seat"),
)
SERVICE_MS_MIN = 20 * SECOND_MS
NO_SHOW_BACK_MS = 10 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who will come to the branch today. Times are ms; None means that it does not happen."""

    arrives_ms: int
    service: str
    need: str
    class_code: str
    is_claimed: bool
    handling: tuple[Handling, ...]
    has_card: bool
    amount_minor: int
    is_feverish: bool
    is_easily_put_off: bool
    """Does not join a line that is beyond `baulk_line`."""
    patience_ms: int
    steps_out_after_ms: int | None
    away_ms: int
    is_absent: bool
    comes_back: bool
    second_service: str
    takes_offers: bool
    is_offered: bool
    succeeds_elsewhere: bool
    elsewhere_ms: int


def arrivals(parameters: InventedParameters, rules: DayRules, rng: Random) -> list[int]:
    """Moments of arrival, ms, sorted: a gamma-Poisson process over the intervals of the day.

    In an interval that expects m people the rate is gamma distributed with mean m and variance m (d - 1), so
    that the number of people has mean m and variance m d, where d is the dispersion.
    """
    begins_ms, ends_ms = rules.checkin_opens_ms, rules.closes_ms
    per_day = parameters.visitors_daily
    if per_day is None:
        per_day = parameters.visitors_per_counter * len(rules.branch.counters)
    expected = per_day * parameters.surge_factor
    interval_ms = parameters.interval_minutes * MINUTE_MS
    moments: list[int] = []
    for from_ms in range(begins_ms, ends_ms, interval_ms):
        to_ms = min(from_ms + interval_ms, ends_ms)
        mean = expected * _share_of_profile(parameters.arrival_profile, begins_ms, ends_ms, from_ms, to_ms)
        if mean <= 0:
            continue
        extra = parameters.dispersion - 1
        count = mean if extra == 0 else rng.gammavariate(mean / extra, extra)
        at = float(from_ms)
        while count > 0 and (at := at + rng.expovariate(1.0) * (to_ms - from_ms) / count) < to_ms:
            moments.append(int(at))
    return moments


def _share_of_profile(
    profile: tuple[float, ...], begins_ms: int, ends_ms: int, from_ms: int, to_ms: int
) -> float:
    part_ms = (ends_ms - begins_ms) / len(profile)
    area = sum(
        weight * max(0.0, min(to_ms, begins_ms + (n + 1) * part_ms) - max(from_ms, begins_ms + n * part_ms))
        for n, weight in enumerate(profile)
    )
    return area / (sum(profile) * part_ms)


def draw_crowd(
    parameters: InventedParameters, rules: DayRules, services: tuple[str, ...], rng: Random
) -> list[Visitor]:
    """Everybody who comes, in order of arrival, for services that the staffing can serve."""
    offered = [service for service in rules.services if service.id in services]
    mix = parameters.service_mix or {service.id: 1 / service.mean_minutes for service in offered}
    weights = [mix.get(service.id, 0.0) for service in offered]
    if not sum(weights):
        raise ValueError(f"Expected service_mix to name one of {', '.join(services)}, got {sorted(mix)}")
    needs = {service.id: [need.code for need in service.needs] or [""] for service in offered}
    ids = [service.id for service in offered]
    return [
        _visitor(at_ms, parameters, rules, ids, weights, needs, rng)
        for at_ms in arrivals(parameters, rules, rng)
    ]


def _visitor(
    at_ms: int,
    parameters: InventedParameters,
    rules: DayRules,
    ids: list[str],
    weights: list[float],
    needs: dict[str, list[str]],
    rng: Random,
) -> Visitor:
    def chance(share: float) -> bool:
        return rng.random() < share

    service = rng.choices(ids, weights)[0]
    class_code = _class(parameters, rules, rng)
    is_elderly = bool(class_code) and class_code == elderly_class(parameters, rules)
    away_ms = int(rng.expovariate(1 / parameters.hold_minutes_mean) * MINUTE_MS)
    window_ms = rules.hold.window_minutes * MINUTE_MS
    away_ms = max(MINUTE_MS, min(away_ms, window_ms - MINUTE_MS))
    if chance(parameters.hold_late_share):
        away_ms = window_ms + 5 * MINUTE_MS
    patience = parameters.patience_minutes_at_least + rng.expovariate(1 / parameters.patience_minutes_mean)
    return Visitor(
        arrives_ms=at_ms,
        service=service,
        need=rng.choice(needs[service]),
        class_code=class_code,
        is_claimed=chance(parameters.claimed_at_kiosk_share),
        handling=rng.choice(FLAGS) if is_elderly and chance(parameters.flagged_share) else (),
        has_card=chance(parameters.card_share),
        amount_minor=int(rng.expovariate(1 / parameters.amount_mean_minor)),
        is_feverish=chance(parameters.fever_share),
        is_easily_put_off=chance(0.5),
        patience_ms=int(patience * MINUTE_MS),
        steps_out_after_ms=rng.randrange(2, 20) * MINUTE_MS if chance(parameters.hold_share) else None,
        away_ms=away_ms,
        is_absent=chance(parameters.no_show_share),
        comes_back=chance(parameters.no_show_return_share),
        second_service=rng.choices(ids, weights)[0] if chance(parameters.two_services_share) else "",
        takes_offers=chance(parameters.accept_share),
        is_offered=chance(parameters.offer_share),
        succeeds_elsewhere=chance(parameters.diversion_success_share),
        elsewhere_ms=int((1 + rng.expovariate(1 / parameters.diversion_minutes_mean)) * MINUTE_MS),
    )


def elderly_class(parameters: InventedParameters, rules: DayRules) -> str:
    """The class of the elderly; none where the bank has no class with a head start."""
    if parameters.elderly_class:
        return parameters.elderly_class
    longest = max(rules.classes[1:], key=lambda k: k.head_start_minutes, default=None)
    return longest.code if longest is not None else ""


def _class(parameters: InventedParameters, rules: DayRules, rng: Random) -> str:
    """A class code; empty is the ordinary class."""
    elderly = elderly_class(parameters, rules)
    others = [k.code for k in rules.classes[1:] if k.code != elderly]
    at = rng.random()
    if at < parameters.elderly_share:
        return elderly
    return (
        rng.choice(others) if others and at < parameters.elderly_share + parameters.other_class_share else ""
    )


class InventedBehaviour:
    """How customers behave at the counter. Drawn by ticket, so that a retried look sees the same."""

    def __init__(self, parameters: InventedParameters, rules: DayRules, seed: int) -> None:
        self._parameters = parameters
        self._seed = seed
        self._mean_ms = {service.id: service.mean_minutes * MINUTE_MS for service in rules.services}
        self.absent: set[str] = set()
        """Tickets whose customer is away when called."""

    def walk_ms(self, ticket: Ticket) -> int:
        """Longer for somebody who is fetched."""
        return self._parameters.walk_seconds * SECOND_MS * (3 if is_fetched(ticket.handling) else 1)

    def service_ms(self, ticket: Ticket) -> int:
        """Gamma about the service's mean."""
        mean_ms, cv = self._mean_ms[ticket.service_id], self._parameters.service_cv
        if cv == 0:
            return round(mean_ms)
        rng = Random(f"{self._seed}/{ticket.id}/{ticket.services_done}")  # noqa: S311 - a rehearsal
        return max(SERVICE_MS_MIN, round(rng.gammavariate(1 / cv**2, mean_ms * cv**2)))

    def is_absent(self, ticket: Ticket) -> bool:
        """As drawn when the ticket was issued."""
        return ticket.id in self.absent
