"""Who of those trained for several posts stands where, interval by interval: few changes, no short stints."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from openhall.science.roster.mip import Builder, SolverParameters, solve
from openhall.science.roster.week import POSTS, Post

Entries = list[tuple[int, float]]
WINDOW = POSTS[0]


class Hand(msgspec.Struct, frozen=True):
    """Somebody on duty.

    Attributes
    ----------
    posts : what they are trained for.
    there : for each interval, whether they are at work.
    """

    posts: tuple[Post, ...]
    there: tuple[bool, ...]


class PostPrices(msgspec.Struct, frozen=True):
    """In late minutes.

    Attributes
    ----------
    missing : somebody missing at a post, an interval.
    change : one more stint.
    uneven : an interval of whoever stands longest away from the windows: the turn goes round.
    surplus : somebody at a post where nobody more is needed, an interval.
    """

    missing: float = 500.0
    change: float = 2.0
    uneven: float = 0.3
    surplus: float = 0.01


class Turn(NamedTuple):
    """The columns of one person."""

    at: dict[tuple[Post, int], int]
    begins: dict[tuple[Post, int], int]


def posts(
    hands: tuple[Hand, ...],
    least: dict[Post, int],
    *,
    is_open: tuple[bool, ...],
    window_worth: tuple[float, ...],
    stint_least: int,
    seconds: float = 2.0,
    prices: PostPrices | None = None,
) -> tuple[tuple[Post | None, ...], ...]:
    """For each person and interval the post, None when not at work, closed, or trained for nothing needed.

    Parameters
    ----------
    least : people needed at each post but the windows, which take who is left.
    window_worth : late minutes that one person more at the windows saves, in each interval.
    stint_least : intervals; a stint is shorter only where work itself is.
    seconds : time limit of the solver. When it has no answer, whoever is trained for fewer posts goes first.
    """
    prices = prices or PostPrices()
    needed = {post: count for post, count in least.items() if count > 0 and post != WINDOW}
    able = [tuple(p for p in hand.posts if p == WINDOW or p in needed) for hand in hands]
    model = Builder()
    turns = [
        _turn(model, hand, able[h], is_open, stint_least=stint_least, prices=prices, worth=window_worth)
        for h, hand in enumerate(hands)
    ]
    _cover(model, turns, needed, is_open, prices)
    _rounds(model, turns, able, prices)
    mip = model.mip()
    found = solve(mip, seconds=seconds, parameters=SolverParameters(gap=0.01)).values
    if found is None:
        return _plainly(hands, able, needed, is_open)
    return tuple(
        tuple(
            next((p for p in able[h] if (p, i) in turns[h].at and found[turns[h].at[p, i]] > 0.5), None)
            for i in range(len(is_open))
        )
        for h in range(len(hands))
    )


def _turn(
    model: Builder,
    hand: Hand,
    able: tuple[Post, ...],
    is_open: tuple[bool, ...],
    *,
    stint_least: int,
    prices: PostPrices,
    worth: tuple[float, ...],
) -> Turn:
    """One post at a time; a stint that begins goes on."""
    works = [there and opened for there, opened in zip(hand.there, is_open, strict=True)]
    turn = Turn({}, {})
    if not able:
        return turn
    for i, is_working in enumerate(works):
        if not is_working:
            continue
        for post in able:
            cost = -worth[i] if post == WINDOW else prices.surplus
            turn.at[post, i] = model.column(cost=cost, lower=float(len(able) == 1))
        model.row([(turn.at[post, i], 1.0) for post in able], lower=1.0, upper=1.0)
    if len(able) == 1:
        return turn
    for post in able:
        for i in range(1, len(works)):
            if not (works[i] and works[i - 1]):
                continue
            begin = model.column(cost=prices.change)
            turn.begins[post, i] = begin
            model.row([(begin, 1.0), (turn.at[post, i], -1.0), (turn.at[post, i - 1], 1.0)], lower=0.0)
            end = i
            while end < len(works) and works[end] and end < i + stint_least:
                if end > i:
                    model.row([(turn.at[post, end], 1.0), (begin, -1.0)], lower=0.0)
                end += 1
            if end < i + stint_least:
                # Too little is left of this stretch of work for a change.
                model.row([(begin, 1.0)], upper=0.0)
        _first_stints(model, turn, post, works, stint_least)
    return turn


def _first_stints(model: Builder, turn: Turn, post: Post, works: list[bool], stint_least: int) -> None:
    """The first stint of a stretch of work is not short either."""
    for first, is_working in enumerate(works):
        if not is_working or (first > 0 and works[first - 1]):
            continue
        for i in range(first + 1, min(first + stint_least, len(works))):
            if not works[i]:
                break
            model.row([(turn.at[post, i], 1.0), (turn.at[post, first], -1.0)], lower=0.0, upper=0.0)


def _cover(
    model: Builder, turns: list[Turn], needed: dict[Post, int], is_open: tuple[bool, ...], prices: PostPrices
) -> None:
    for post, count in needed.items():
        for i, opened in enumerate(is_open):
            if opened:
                there: Entries = [(turn.at[post, i], 1.0) for turn in turns if (post, i) in turn.at]
                missing = model.column(cost=prices.missing, upper=float(count), integer=False)
                model.row([*there, (missing, 1.0)], lower=float(count))


def _rounds(model: Builder, turns: list[Turn], able: list[tuple[Post, ...]], prices: PostPrices) -> None:
    """The turn goes round among those who could sit at a window instead."""
    several = [h for h, posts_ in enumerate(able) if len(posts_) > 1 and WINDOW in posts_]
    if len(several) < 2:
        return
    most = model.column(cost=prices.uneven, upper=1e6, integer=False)
    for h in several:
        away = [(column, -1.0) for (post, _), column in turns[h].at.items() if post != WINDOW]
        model.row([(most, 1.0), *away], lower=0.0)


def _plainly(
    hands: tuple[Hand, ...],
    able: list[tuple[Post, ...]],
    needed: dict[Post, int],
    is_open: tuple[bool, ...],
) -> tuple[tuple[Post | None, ...], ...]:
    found: list[list[Post | None]] = [[None] * len(is_open) for _ in hands]
    for i, opened in enumerate(is_open):
        left = dict(needed)
        for h in sorted(range(len(hands)), key=lambda h: len(able[h])):
            if not opened or not hands[h].there[i] or not able[h]:
                continue
            post = next((p for p in able[h] if left.get(p, 0) > 0), able[h][0])
            found[h][i] = post
            left[post] = left.get(post, 0) - 1
    return tuple(tuple(each) for each in found)
