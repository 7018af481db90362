"""Erlang B, C and A: exact at any size and target, one at a time or by the array.

A. K. Erlang (1917) for B and C; Palm (1957), Garnett, Mandelbaum and Reiman (2002), Mandelbaum and Zeltyn
(2007) for A. Notation: arrivals per minute `rate`, mean service S in minutes, load a = rate S in erlangs,
c counters.

Nothing overflows, up to c = 10,000 and hours of waiting: both recursions add positive terms only, those of
Erlang A are rescaled on the way, and what becomes too small is 0.

A requirement is the least number of counters, found from below. It is compared within a relative 1e-12, so
that a share that is exactly the allowed one is allowed. All compiled functions are in this file: numba
does not notice a change in a callee elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_F = TypeVar("_F", bound=Callable[..., Any])

COUNTERS_AT_MOST = 20_000
"""A requirement above it is refused: a wrong unit, not a hall."""

_TIE = 1.0 + 1e-12
_SHRINK, _SHRINK_LOG = 1e-200, 460.51701859880916


def _jit(function: _F) -> _F:
    """Machine code without the interpreter's lock, kept on disk."""
    return cast(_F, njit(cache=True, nogil=True, error_model="numpy")(function))


# --- compiled ----------------------------------------------------------------------------------------


@_jit
def _inverse_blocking(counters: int, load: float) -> float:
    """1 / Erlang B. Infinite where Erlang B is below 1e-308."""
    inverse = 1.0
    for n in range(1, counters + 1):
        inverse = 1.0 + n / load * inverse
    return inverse


@_jit
def _waiting(counters: int, load: float) -> float:
    """Erlang C; 1 where the counters do not keep up."""
    if load <= 0.0:
        return 0.0
    if counters <= load:
        return 1.0
    inverse = _inverse_blocking(counters, load)
    return counters / ((counters - load) * inverse + load)


@_jit
def _late(counters: int, rate: float, service: float, limit: float) -> float:
    """Erlang C: P(W > limit)."""
    spare = counters / service - rate
    return 1.0 if spare <= 0.0 else _waiting(counters, rate * service) * np.exp(-spare * limit)


@_jit
def _late_many(counters: int, rates: Floats, service: float, limit: float, found: Floats) -> None:
    for i in range(rates.shape[0]):
        found[i] = _late(counters, rates[i], service, limit)


@_jit
def _required_c(load: float, limit: float, allowed: float, at_most: int) -> int:
    """Least counters with P(W > limit) <= allowed; `limit` in mean services. 0 when at_most are too few.

    Both factors of the tail fall in c, so the first that does is the least.
    """
    if load <= 0.0:
        return 1
    per_load = 1.0 / load
    inverse = 1.0
    # No number up to the load keeps up, and none of them has to be looked at.
    below = min(int(load), at_most)
    for n in range(1, below + 1):
        inverse = 1.0 + n * per_load * inverse
    for n in range(below + 1, at_most + 1):
        inverse = 1.0 + n * per_load * inverse
        spare = n - load
        if spare <= 0.0:
            continue
        share = n / (spare * inverse + load)
        if share <= allowed or share * np.exp(-spare * limit) <= allowed:
            return n
    return 0


@_jit
def _required_c_many(
    rate: Floats, service: Floats, limit: Floats, allowed: Floats, at_most: int, found: Ints
) -> None:
    for i in range(rate.shape[0]):
        found[i] = _required_c(rate[i] * service[i], limit[i] / service[i], allowed[i] * _TIE, at_most)


@_jit
def _line(y: float, x: float) -> tuple[float, float]:
    """Of the states with everybody busy, relative to the first: log of the sum, and the mean line.

    sum over j of x^j / ((y + 1) ... (y + j)), from the far end so that every step adds positive terms.
    """
    terms = 9.0 * np.sqrt(x) + 60.0
    if x > y:
        terms += x - y
    elif x > 0.0:
        terms = min(terms, 42.0 / np.log(y / x) + 2.0) if y > x else terms
    else:
        return 0.0, 0.0
    one, total, weighted, log = 1.0, 1.0, 0.0, 0.0
    for j in range(int(terms), 0, -1):
        ratio = x / (y + j)
        weighted = ratio * (total + weighted)
        total = one + ratio * total
        if total > 1e200:
            total *= _SHRINK
            weighted *= _SHRINK
            one *= _SHRINK
            log += _SHRINK_LOG
    return np.log(total) + log, weighted / total


@_jit
def _late_or_left(
    counters: int, rate: float, service: float, patience: float, limit: float
) -> tuple[float, float, float, float]:
    """Erlang A: P(wait > 0), P(left), mean minutes in line over all arrivals, P(left, or served after limit).

    The last is Pw (P(left | wait) + P(patience and offered wait > limit | wait)); the density of the
    offered wait is proportional to exp(x (1 - e^(-t / patience)) - c t / service), of which each integral
    is one of the sums of `_line` at another place.
    """
    load = rate * service
    if load <= 0.0:
        return 0.0, 0.0, 0.0, 0.0
    x, y = rate * patience, counters * patience / service
    log_all, mean = _line(y, x)
    waits = 1.0 / (1.0 + (_inverse_blocking(counters, load) - 1.0) * np.exp(-log_all))
    left = mean / x
    faded = x * np.exp(-limit / patience)
    log_late, _ = _line(y + 1.0, faded)
    exponent = -x * np.expm1(-limit / patience) - (y + 1.0) * limit / patience
    late = y / (y + 1.0) * np.exp(exponent + log_late - log_all)
    return waits, waits * left, waits * mean / rate, min(1.0, waits * (left + late))


@_jit
def _required_a(
    rate: float, service: float, patience: float, limit: float, allowed: float, at_most: int
) -> int:
    """Least counters with P(late or left) <= allowed; 0 when at_most are too few.

    More counters make the offered wait smaller in distribution (P(wait > 0) falls, and the density of
    `_late_or_left` tilts to shorter waits), so the share falls and the search may gallop. The served are
    at most c / service a minute, so fewer than load (1 - allowed) always lose too many.
    """
    if rate <= 0.0:
        return 1
    below = max(0, int(np.ceil(rate * service * (1.0 - allowed) - 1e-9)) - 1)
    stride = 1
    above = below
    while True:
        above = min(above + stride, at_most)
        if _late_or_left(above, rate, service, patience, limit)[3] <= allowed:
            break
        if above == at_most:
            return 0
        below = above
        stride *= 2
    while above - below > 1:
        middle = (above + below) // 2
        if _late_or_left(middle, rate, service, patience, limit)[3] <= allowed:
            above = middle
        else:
            below = middle
    return above


@_jit
def _required_a_many(
    rate: Floats,
    service: Floats,
    patience: Floats,
    limit: Floats,
    allowed: Floats,
    at_most: int,
    found: Ints,
) -> None:
    for i in range(rate.shape[0]):
        if np.isinf(patience[i]):
            found[i] = _required_c(rate[i] * service[i], limit[i] / service[i], allowed[i] * _TIE, at_most)
        else:
            found[i] = _required_a(rate[i], service[i], patience[i], limit[i], allowed[i] * _TIE, at_most)


# --- one at a time -----------------------------------------------------------------------------------


def _expect(is_right: bool, what: str) -> None:
    if not is_right:
        raise ValueError(f"Expected {what}")


def _check(counters: int, rate: float, service_minutes: float) -> None:
    _expect(0 < counters <= COUNTERS_AT_MOST, f"1 to {COUNTERS_AT_MOST} counters, got {counters}")
    _expect(rate >= 0 and np.isfinite(rate), f"a rate of 0 or more arrivals per minute, got {rate}")
    _expect(
        service_minutes > 0 and np.isfinite(service_minutes),
        f"a mean service of more than 0 minutes, got {service_minutes}",
    )


def blocking(counters: int, load: float) -> float:
    """Erlang B: the share that finds all counters busy where nobody waits.

    Parameters
    ----------
    counters : 1 to `COUNTERS_AT_MOST`.
    load : erlangs, >= 0.

    Returns
    -------
    Share [0, 1]. Source: Erlang (1917); B_n = a B_{n-1} / (n + a B_{n-1}), turned over.
    """
    _check(counters, load, 1.0)
    return 0.0 if load == 0 else 1.0 / _inverse_blocking(counters, load)


def wait_probability(counters: int, load: float) -> float:
    """Erlang C: the share that waits at all.

    Parameters
    ----------
    counters : 1 to `COUNTERS_AT_MOST`.
    load : erlangs, >= 0.

    Returns
    -------
    Share [0, 1]; 1 where the load is not below the counters. C = c B / (c - a (1 - B)).
    """
    _check(counters, load, 1.0)
    return _waiting(counters, load)


def late_share(counters: int, rate: float, service_minutes: float, limit_minutes: float) -> float:
    """Erlang C: the share that waits longer than a limit, C exp(-(c / S - rate) T).

    Parameters
    ----------
    counters : 1 to `COUNTERS_AT_MOST`.
    rate : arrivals per minute.
    service_minutes, limit_minutes : minutes.

    Returns
    -------
    Share [0, 1].
    """
    _check(counters, rate, service_minutes)
    _expect(limit_minutes >= 0, f"a limit of 0 minutes or more, got {limit_minutes}")
    return _late(counters, rate, service_minutes, limit_minutes)


def late_shares(counters: int, rates: Floats, service_minutes: float, limit_minutes: float) -> Floats:
    """`late_share` for many rates at once: (n,) shares."""
    given = np.ascontiguousarray(rates, np.float64)
    _check(counters, float(given.max(initial=0.0)), service_minutes)
    found = np.empty(len(given))
    _late_many(counters, given, service_minutes, limit_minutes, found)
    return found


def mean_wait_minutes(counters: int, rate: float, service_minutes: float) -> float:
    """Erlang C: the mean wait of all arrivals, C S / (c - a), in minutes; infinite where they do not keep
    up."""
    _check(counters, rate, service_minutes)
    load = rate * service_minutes
    if counters <= load:
        return float("inf")
    return _waiting(counters, load) * service_minutes / (counters - load)


class Impatient(NamedTuple):
    """Erlang A: what becomes of those who come, over all arrivals."""

    waits_share: float
    left_share: float
    queue_minutes_mean: float
    """In line, till served or gone."""
    late_or_left_share: float
    """Gone unserved (however soon), or served after the limit."""

    @property
    def served_in_time_share(self) -> float:
        """The others."""
        return 1.0 - self.late_or_left_share


def impatient(
    counters: int, rate: float, service_minutes: float, patience_minutes: float, limit_minutes: float
) -> Impatient:
    """Erlang A (M/M/c+M): waiting, leaving and both together with exponential patience, exact.

    Parameters
    ----------
    counters : 1 to `COUNTERS_AT_MOST`; may be below the load.
    rate : arrivals per minute.
    service_minutes, patience_minutes, limit_minutes : minutes; patience is the mean, and finite.

    Returns
    -------
    Impatient

    Raises
    ------
    ValueError : for a number out of its range.
    """
    _check(counters, rate, service_minutes)
    _expect(limit_minutes >= 0, f"a limit of 0 minutes or more, got {limit_minutes}")
    _expect(0 < patience_minutes < np.inf, f"a finite mean patience above 0 minutes, got {patience_minutes}")
    return Impatient(*_late_or_left(counters, rate, service_minutes, patience_minutes, limit_minutes))


# --- requirements ------------------------------------------------------------------------------------


def required(
    rate: ArrayLike,
    service_minutes: ArrayLike,
    limit_minutes: ArrayLike,
    allowed_share: ArrayLike,
    *,
    patience_minutes: ArrayLike = np.inf,
    at_most: int = COUNTERS_AT_MOST,
) -> Ints:
    """The least counters with which at most the allowed share is late or leaves, for each of many intervals.

    Always the true minimum: searched from one counter on, with patience also below the load.

    Parameters
    ----------
    rate : arrivals per minute, >= 0.
    service_minutes, limit_minutes : minutes.
    allowed_share : of all arrivals, between 0 and 1, both excluded.
    patience_minutes : mean; infinite (nobody leaves) gives Erlang C.
    at_most : counters that there can be.

    All are arrays or numbers of one shape when broadcast.

    Returns
    -------
    Counters, of the broadcast shape; at least 1, also when nobody comes. 0 where `at_most` are too few.

    Raises
    ------
    ValueError : for a number out of its range.
    """
    given = (rate, service_minutes, limit_minutes, allowed_share, patience_minutes)
    arrays = np.broadcast_arrays(*(np.asarray(each, np.float64) for each in given))
    shape = arrays[0].shape
    rates, services, limits, shares, patiences = (np.ascontiguousarray(each).reshape(-1) for each in arrays)
    _expect(0 < at_most <= COUNTERS_AT_MOST, f"at most {COUNTERS_AT_MOST} counters, got {at_most}")
    _expect(bool((np.isfinite(rates) & (rates >= 0)).all()), "rates of 0 or more arrivals per minute")
    _expect(bool((np.isfinite(services) & (services > 0)).all()), "mean services above 0 minutes")
    _expect(bool((np.isfinite(limits) & (limits >= 0)).all()), "limits of 0 minutes or more")
    _expect(bool(((shares > 0) & (shares < 1)).all()), "allowed shares between 0 and 1, both excluded")
    _expect(bool((patiences > 0).all()), "a mean patience above 0 minutes")
    found = np.zeros(len(rates), np.int64)
    if np.isinf(patiences).all():
        _required_c_many(rates, services, limits, shares, at_most, found)
    else:
        _required_a_many(rates, services, patiences, limits, shares, at_most, found)
    return found.reshape(shape)


def warm() -> None:
    """Have the machine code ready."""
    required(1.0, 6.0, 10.0, 0.1)
    required(1.0, 6.0, 10.0, 0.1, patience_minutes=20.0)
    blocking(2, 1.0)
    late_share(2, 0.1, 6.0, 10.0)
    late_shares(2, np.array([0.1]), 6.0, 10.0)
    impatient(2, 0.1, 6.0, 20.0, 10.0)
