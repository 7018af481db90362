"""The twin's engine: a table of customers, counters and a schedule in; who was called when, where and how
out.

`serve` is a pure function without random numbers. `draw` makes its table from a `Model`; `days` does both for
many replications and adds up what happened; `futures` starts from a hall as it stands now. Everything is
whole numbers: times are ms, probabilities are of 2**32, every variate is read from a table of 1,025
quantiles, and random words come from Philox4x32-10 keyed by (seed, branch, replication, customer). So a
result is the same to the bit on any processor, thread, process or chunk, and un-jitted
(`NUMBA_DISABLE_JIT=1`) too.

The rules, which are the hall's:

- **The order.** A free counter takes the waiting customer of smallest `PLACE` among the groups of its mask; a
  group is a pair of service and class. Of several free counters the one of the lowest number chooses first.
- **One millisecond.** All that happens in it happens first: counters become free, the schedule is carried
  out, customers return, customers enter. Then counters call. What a call ends in the same millisecond comes
  after.
- **Closing.** Which counter closes is said by the schedule. It finishes its customer and calls nobody else.
- **Absence is found at the turn.** Somebody who has left, is out, or is being helped elsewhere keeps the
  place till it is reached. The moment at which it is first reached is the virtual wait: what the customer
  would have waited had the customer stayed. Nothing has to happen in the simulation for what nobody observes.

All of it is in one file, however long: numba does not notice a change in a callee in another file, and would
go on with the old machine code.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]

NEVER = 1 << 60
"""A moment that does not come."""

GROUPS_AT_MOST = 62
COUNTERS_AT_MOST = 62

QUANTILES = 1_025
"""Points of a quantile table: 0, 1/1024, ... 1. Between two of them the value is linear."""

# Columns of a table of customers, one row each, sorted by ENTER.
ENTER = 0  # joins the line at
PLACE = 1  # in the order: smaller is called first; unique
GROUP = 2  # service and class
WALK = 3  # from the call to the start of service
WORK = 4  # service time
GAP = 5  # from the end of service till the counter is free again
GONE = 6  # loses patience at; NEVER
OUT = 7  # leaves the line, place kept, at; NEVER
BACK = 8  # and returns at; NEVER when what was wanted got done elsewhere
OFFERED = 9  # another way, offered because the line is long: -1 declined, else time away; NEVER: done there
ABSENT = 10  # counter time lost when called and not there; 0 for somebody who is there
REINSTATED = 11  # after having been absent comes back that much later; NEVER
NEXT_GROUP = 12  # of a second service in the same visit, at the same place; -1. Who has one declines offers
NEXT_WORK = 13  # its service time
COLUMNS = 14

# Columns of a result, one row a customer.
REACHED = 0  # the turn came for the first time, whether the customer was there or not; -1 not
CALLED = 1  # called for the first time; -1 not
COUNTER = 2  # the counter of the last call; -1 none
END = 3  # service (the last one) ended, or was given up
OUTCOME = 4
RESULTS = 5

PENDING, SERVED, LEFT, DIVERTED, NO_SHOW = 0, 1, 2, 3, 4

# Columns of counters and of a schedule.
MASK, BUSY_UNTIL = 0, 1
AT_MS, WHICH, NEW_MASK = 0, 1, 2
WHOLE_HALL = -1
"""As a schedule's counter: mask 0 pauses the hall's calls, any other resumes them."""

_NO_PLACE = NEVER << 2
"""Of a line without anybody: behind every place."""

# Columns of the lines, one row a group: first and last customer, and the first one's place.
_FIRST, _LAST, _FIRST_PLACE = 0, 1, 2
_LINE = 3

# Columns of the rows, one a customer: neighbours in line, the group to return to, how far the visit is.
_NEXT, _PREVIOUS, _TO_GROUP, _PROGRESS = 0, 1, 2, 3
_ROW = 4
_FRESH, _OFFERED, _WAS_CALLED, _WAS_SERVED = 0, 1, 2, 3


class _Memory(NamedTuple):
    """What `_serve` writes on the way."""

    rows: Ints
    """(n, _ROW)"""
    lines: Ints
    """(groups, _LINE)"""
    seats: Ints
    """(counters, 2) MASK and BUSY_UNTIL; NEVER without a customer."""
    returns: Ints
    """(n + 1, 2) a binary heap of (moment, row); a customer is in it once at most."""


def _jit(function):
    """Machine code without the interpreter's lock, kept on disk."""
    return njit(cache=True, nogil=True, error_model="numpy")(function)


# --- serving -----------------------------------------------------------------------------------------


@_jit
def _push(heap, size, at_ms, row):
    """Add a return to the binary heap of (moment, row); the new size."""
    child = size
    while child > 0:
        parent = (child - 1) >> 1
        if heap[parent, 0] <= at_ms:
            break
        heap[child, 0], heap[child, 1] = heap[parent, 0], heap[parent, 1]
        child = parent
    heap[child, 0], heap[child, 1] = at_ms, row
    return size + 1


@_jit
def _pop(heap, size):
    """Take the earliest return away; its row is in `heap[size - 1, 1]` afterwards, and the new size
    returned."""
    first = heap[0, 1]
    size -= 1
    at_ms, row = heap[size, 0], heap[size, 1]
    parent = 0
    while True:
        child = 2 * parent + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1, 0] < heap[child, 0]:
            child += 1
        if heap[child, 0] >= at_ms:
            break
        heap[parent, 0], heap[parent, 1] = heap[child, 0], heap[child, 1]
        parent = child
    heap[parent, 0], heap[parent, 1] = at_ms, row
    heap[size, 1] = first
    return size


@_jit
def _line_up(rows, lines, table, group, row):
    """Link somebody who returns into a group's line, by place."""
    place = table[row, PLACE]
    before = -1
    after = lines[group, _FIRST]
    while after >= 0 and table[after, PLACE] < place:
        before = after
        after = rows[after, _NEXT]
    rows[row, _PREVIOUS] = before
    rows[row, _NEXT] = after
    if before < 0:
        lines[group, _FIRST] = row
        lines[group, _FIRST_PLACE] = place
    else:
        rows[before, _NEXT] = row
    if after < 0:
        lines[group, _LAST] = row
    else:
        rows[after, _PREVIOUS] = row


@_jit
def _serve(table, count, counters, schedule, divert_above, until_ms, watched, memory, result):
    """`serve` into memory that the caller owns; stops early once the first `watched` rows are reached.

    Whoever had not entered by then has no row in `result`. What looks as if it could be done without a branch
    was tried so and was slower: the processor guesses well here.
    """
    rows, lines, seats, heap = memory.rows, memory.lines, memory.seats, memory.returns
    group_count = lines.shape[0]
    counter_count = counters.shape[0]
    event_count = schedule.shape[0]
    for group in range(group_count):
        lines[group, _FIRST] = -1
        lines[group, _LAST] = -1
        lines[group, _FIRST_PLACE] = _NO_PLACE
    waiting_groups = 0  # a bit for each group with somebody in line
    idle = 0  # a bit for each open counter without a customer
    soonest = NEVER
    for counter in range(counter_count):
        mask = counters[counter, MASK]
        busy = counters[counter, BUSY_UNTIL]
        seats[counter, MASK] = mask
        if busy > 0:
            seats[counter, BUSY_UNTIL] = busy
            soonest = min(soonest, busy)
        else:
            seats[counter, BUSY_UNTIL] = NEVER
            if mask:
                idle |= 1 << counter
    entered = 0
    event = 0
    returns = 0
    in_line = 0
    to_reach = watched if watched > 0 else count + 1
    is_paused = False
    while True:
        now = soonest
        if entered < count and table[entered, ENTER] < now:
            now = table[entered, ENTER]
        if event < event_count and schedule[event, AT_MS] < now:
            now = schedule[event, AT_MS]
        if returns > 0 and heap[0, 0] < now:
            now = heap[0, 0]
        if now > until_ms:
            break

        if soonest == now:
            soonest = NEVER
            for counter in range(counter_count):
                busy = seats[counter, BUSY_UNTIL]
                if busy == now:
                    seats[counter, BUSY_UNTIL] = NEVER
                    if seats[counter, MASK]:
                        idle |= 1 << counter
                elif busy < soonest:
                    soonest = busy
        while event < event_count and schedule[event, AT_MS] == now:
            counter = schedule[event, WHICH]
            mask = schedule[event, NEW_MASK]
            if counter < 0:
                is_paused = mask == 0
            else:
                seats[counter, MASK] = mask
                if seats[counter, BUSY_UNTIL] == NEVER:
                    if mask:
                        idle |= 1 << counter
                    else:
                        idle &= ~(1 << counter)
            event += 1
        while returns > 0 and heap[0, 0] == now:
            returns = _pop(heap, returns)
            row = heap[returns, 1]
            group = rows[row, _TO_GROUP]
            _line_up(rows, lines, table, group, row)
            waiting_groups |= 1 << group
            in_line += 1
        enter_until = now
        if idle == 0 or is_paused:
            # Nobody looks at the line before the next of these moments: who comes till then enters together.
            enter_until = min(soonest - 1, until_ms)
            if event < event_count:
                enter_until = min(enter_until, schedule[event, AT_MS] - 1)
            if returns > 0:
                enter_until = min(enter_until, heap[0, 0] - 1)
        while entered < count and table[entered, ENTER] <= enter_until:
            row = entered
            group = table[row, GROUP]
            place = table[row, PLACE]
            is_offered = in_line >= divert_above and table[row, OFFERED] >= 0 and table[row, NEXT_GROUP] < 0
            rows[row, _PROGRESS] = _OFFERED if is_offered else _FRESH
            result[row, REACHED] = -1
            result[row, CALLED] = -1
            result[row, COUNTER] = -1
            result[row, END] = -1
            result[row, OUTCOME] = PENDING
            before = lines[group, _LAST]
            while before >= 0 and table[before, PLACE] > place:
                before = rows[before, _PREVIOUS]
            if before < 0:
                after = lines[group, _FIRST]
                lines[group, _FIRST] = row
                lines[group, _FIRST_PLACE] = place
            else:
                after = rows[before, _NEXT]
                rows[before, _NEXT] = row
            rows[row, _PREVIOUS] = before
            rows[row, _NEXT] = after
            if after < 0:
                lines[group, _LAST] = row
            else:
                rows[after, _PREVIOUS] = row
            waiting_groups |= 1 << group
            in_line += 1
            entered += 1
        if is_paused:
            continue

        free = idle
        counter = -1
        while free and waiting_groups:
            counter += 1
            if not free & 1:
                free >>= 1
                continue
            free >>= 1
            while True:
                able = seats[counter, MASK] & waiting_groups
                if not able:
                    break
                first = _NO_PLACE
                chosen = 0
                group = 0
                while able:
                    if able & 1:
                        place = lines[group, _FIRST_PLACE]
                        if place < first:
                            first = place
                            chosen = group
                    able >>= 1
                    group += 1
                row = lines[chosen, _FIRST]
                after = rows[row, _NEXT]
                lines[chosen, _FIRST] = after
                if after < 0:
                    lines[chosen, _LAST] = -1
                    waiting_groups &= ~(1 << chosen)
                else:
                    rows[after, _PREVIOUS] = -1
                    lines[chosen, _FIRST_PLACE] = table[after, PLACE]
                in_line -= 1
                if result[row, REACHED] < 0:
                    result[row, REACHED] = now
                    if row < watched:
                        to_reach -= 1
                progress = rows[row, _PROGRESS]
                if progress < _WAS_CALLED:
                    gone = table[row, GONE]
                    away_from = table[row, OUT]
                    away_to = table[row, BACK]
                    if progress == _OFFERED:
                        away_from = table[row, ENTER]
                        away_to = min(NEVER, away_from + table[row, OFFERED])
                    is_away = away_from <= now and now < away_to
                    if gone <= now and (gone <= away_from or not is_away):
                        result[row, OUTCOME] = LEFT
                        result[row, END] = gone
                        continue
                    if is_away:
                        if away_to >= NEVER:
                            result[row, OUTCOME] = DIVERTED
                            result[row, END] = away_from
                        else:
                            rows[row, _TO_GROUP] = chosen
                            returns = _push(heap, returns, away_to, row)
                        continue
                    result[row, CALLED] = now
                result[row, COUNTER] = counter
                if progress < _WAS_CALLED and table[row, ABSENT] > 0:
                    end = now + table[row, ABSENT]
                    busy = end
                    result[row, OUTCOME] = NO_SHOW
                    rows[row, _PROGRESS] = _WAS_CALLED
                    if table[row, REINSTATED] < NEVER:
                        rows[row, _TO_GROUP] = chosen
                        returns = _push(heap, returns, end + table[row, REINSTATED], row)
                elif progress < _WAS_SERVED:
                    end = now + table[row, WALK] + table[row, WORK]
                    busy = end + table[row, GAP]
                    result[row, OUTCOME] = SERVED
                    rows[row, _PROGRESS] = _WAS_SERVED
                    if table[row, NEXT_GROUP] >= 0:
                        rows[row, _TO_GROUP] = table[row, NEXT_GROUP]
                        returns = _push(heap, returns, end, row)
                else:
                    end = now + table[row, WALK] + table[row, NEXT_WORK]
                    busy = end + table[row, GAP]
                result[row, END] = end
                seats[counter, BUSY_UNTIL] = busy
                soonest = min(soonest, busy)
                idle &= ~(1 << counter)
                break
            if to_reach == 0:
                return


def serve(
    table: Ints,
    counters: Ints,
    schedule: Ints,
    *,
    groups: int,
    divert_above: int = NEVER,
    until_ms: int = NEVER - 1,
) -> Ints:
    """Who is called when and where: the engine's one question, without a random number.

    Parameters
    ----------
    table : (n, COLUMNS) customers, sorted by ENTER.
    counters : (c, 2) MASK of groups served at the start (0 is closed) and BUSY_UNTIL with somebody (0 is
        free).
    schedule : (e, 3) AT_MS, WHICH counter (or WHOLE_HALL) and its NEW_MASK, sorted by AT_MS; equal ones in
        this order.
    groups : pairs of service and class.
    divert_above : from so many in line on, those who enter are offered another way.
    until_ms : nothing that happens later is looked at.

    Returns
    -------
    (n, RESULTS)

    Raises
    ------
    ValueError : for a table out of order, a group or counter out of range, a time below 0.
    """
    table, counters = np.ascontiguousarray(table, np.int64), np.ascontiguousarray(counters, np.int64)
    schedule = np.ascontiguousarray(schedule, np.int64).reshape(-1, 3)
    _check(table, counters, schedule, groups)
    count = len(table)
    result = np.full((count, RESULTS), -1, np.int64)
    result[:, OUTCOME] = PENDING
    memory = _memory(count, len(counters), groups)
    _serve(table, count, counters, schedule, divert_above, until_ms, 0, memory, result)
    return result


def _check(table: Ints, counters: Ints, schedule: Ints, groups: int) -> None:
    def expect(is_right: bool, what: str) -> None:
        if not is_right:
            raise ValueError(f"Expected {what}")

    expect(table.ndim == 2 and table.shape[1] == COLUMNS, f"a table of {COLUMNS} columns, got {table.shape}")
    expect(0 < groups <= GROUPS_AT_MOST, f"1 to {GROUPS_AT_MOST} groups, got {groups}")
    expect(0 < len(counters) <= COUNTERS_AT_MOST, f"1 to {COUNTERS_AT_MOST} counters, got {len(counters)}")
    expect(bool((np.diff(table[:, ENTER]) >= 0).all()), "a table sorted by ENTER")
    expect(bool((np.diff(schedule[:, AT_MS]) >= 0).all()), "a schedule sorted by AT_MS")
    expect(bool((table[:, GROUP] >= 0).all() and (table[:, GROUP] < groups).all()), f"groups below {groups}")
    expect(bool((table[:, NEXT_GROUP] < groups).all()), f"next groups below {groups}")
    expect(
        bool((schedule[:, WHICH] < len(counters)).all()), f"counters below {len(counters)} in the schedule"
    )
    expect(bool((table[:, [ENTER, WALK, WORK, GAP, ABSENT]] >= 0).all()), "times of 0 or more")
    expect(len(np.unique(table[:, PLACE])) == len(table), "each place in the order once")
    is_done_elsewhere = (table[:, OUT] < NEVER) & (table[:, BACK] >= NEVER)
    expect(
        not (is_done_elsewhere & (table[:, NEXT_GROUP] >= 0)).any(),
        "a second service of nobody done elsewhere",
    )


@_jit
def _memory(count, counters, groups):
    """Memory for `_serve`."""
    return _Memory(
        np.empty((count, _ROW), np.int64),
        np.empty((groups, _LINE), np.int64),
        np.empty((counters, 2), np.int64),
        np.empty((count + 1, 2), np.int64),
    )


# --- drawing -----------------------------------------------------------------------------------------

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MULTIPLIER_0, _MULTIPLIER_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL_0, _WEYL_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)


def _philox(key_0, key_1, at_0, at_1, at_2, at_3):
    """Four random words of 32 bits for a key and a counter: Philox4x32-10 (Salmon et al., SC 2011)."""
    k0, k1 = np.uint64(key_0) & _LOW, np.uint64(key_1) & _LOW
    c0, c1, c2, c3 = (
        np.uint64(at_0) & _LOW,
        np.uint64(at_1) & _LOW,
        np.uint64(at_2) & _LOW,
        np.uint64(at_3) & _LOW,
    )
    for _ in range(10):
        product_0 = c0 * _MULTIPLIER_0
        product_1 = c2 * _MULTIPLIER_1
        c0 = (product_1 >> _HALF) ^ c1 ^ k0
        c1 = product_1 & _LOW
        c2 = (product_0 >> _HALF) ^ c3 ^ k1
        c3 = product_0 & _LOW
        k0 = (k0 + _WEYL_0) & _LOW
        k1 = (k1 + _WEYL_1) & _LOW
    return np.int64(c0), np.int64(c1), np.int64(c2), np.int64(c3)


philox = _jit(_philox)
_philox_inline = njit(inline="always", error_model="numpy")(_philox)


@_jit
def _words_ahead(key, first, start, stop, words):
    """Words of customers `first` + `start` and so on, into (4, n).

    A loop of nothing else runs on the processor's vectors, at a tenth of the time of single blocks.
    """
    one, two, three, four = words[0], words[1], words[2], words[3]
    for ahead in range(start, stop):
        one[ahead], two[ahead], three[ahead], four[ahead] = _philox_inline(
            key[0], key[1], key[2], first + ahead, _ARRIVAL, 0
        )


@_jit
def _words_of_rows(key, table, count, block, words):
    """Words of the customers in the first rows of a table, into (4, n)."""
    one, two, three, four = words[0], words[1], words[2], words[3]
    for row in range(count):
        one[row], two[row], three[row], four[row] = _philox_inline(
            key[0], key[1], key[2], table[row, _CUSTOMER], block, 0
        )


@_jit
def _words(key, customer, block, part):
    """Four words of a customer; `key` is (seed, branch, replication)."""
    return philox(key[0], key[1], key[2], customer, block, part)


@_jit
def _quantile(tables, which, word):
    """The value of a quantile table at word / 2**32, linear between its points."""
    index = word >> 22
    low = tables[which, index]
    return low + ((tables[which, index + 1] - low) * (word & 0x3FFFFF) >> 22)


@_jit
def _beyond(floor, word):
    """A word that is even over what lies beyond `floor` / 2**32: what is known to have lasted lasts
    longer."""
    return floor + (((0x100000000 - floor) >> 1) * word >> 31)


class Model(NamedTuple):
    """What the draws depend on. Built by `science.habits.model_of`; all int64."""

    tables: Ints
    """(k, QUANTILES) quantile tables; ms, but for the two named below."""
    groups: Ints
    """(g, GROUP_COLUMNS) what a group draws from."""
    followings: Ints
    """(g, g) cumulative words: which group a second service is in."""
    bins: Ints
    """(b, 1 + g) expected arrivals of a stretch of the day times 2**20, then cumulative words of the
    groups."""
    clock: Ints
    """(4,) start of the first stretch; its length; table of unit-mean gaps times 2**20; table of the factor
    by which a stretch is busier than expected times 2**16, or -1."""


def _owned_one(array: Ints) -> Ints:
    """The array in the one layout that there is machine code for, writable; mostly itself."""
    return np.require(array, np.int64, ("C", "W"))


def _owned(model: Model) -> Model:
    return Model(*(_owned_one(array) for array in model))


# Columns of `Model.groups`: numbers of tables, words (shares of 2**32, the first three cumulative), and ms.
T_WORK, T_WALK, T_GAP, T_PATIENCE, T_OUT, T_AWAY, T_LOST, T_BACK, T_ELSEWHERE = 0, 1, 2, 3, 4, 5, 6, 7, 8
W_ABSENT, W_OUT, W_NEXT, W_REINSTATED, W_TAKES, W_DONE = 9, 10, 11, 12, 13, 14
BASE = 15  # of the place: rank and missing head start
LIMIT = 16  # a wait beyond it is late
W_LATER = 17  # the third word for somebody whose ticket is known: what only comes up at the counter
GROUP_COLUMNS = 18

ORDER_SHIFT = 20
"""A place is base + (time of joining << ORDER_SHIFT) + number: a million customers a day, 36 h, 255 ranks."""

_ARRIVAL, _FATE, _DAY = 0, 1, 2
"""Which block of a customer's words; the day's own factors have the third."""


# What has to be known of a row before `_fill`, in columns that it writes only after having read them.
_CUSTOMER, _SINCE, _OUTLASTED = GAP, GONE, OUT


@_jit
def _note(table, row, enter, place, group, customer, work, walk, since, outlasted, following):
    """Note for `_fill` who somebody is.

    `work` and `walk` are words. Patience counts from `since` and has outlasted that share of its table; a
    second service that is known of is in the group `following`.
    """
    table[row, ENTER] = enter
    table[row, PLACE] = place
    table[row, GROUP] = group
    table[row, _CUSTOMER] = customer
    table[row, WORK] = work
    table[row, WALK] = walk
    table[row, _SINCE] = since
    table[row, _OUTLASTED] = outlasted
    table[row, NEXT_GROUP] = following


@_jit
def _fill(tables, groups, followings, key, table, count, words):
    """Everything that `_note` left open: service, patience, and what may come between."""
    _words_of_rows(key, table, count, _FATE, words)
    for row in range(count):
        enter, group, customer = table[row, ENTER], table[row, GROUP], table[row, _CUSTOMER]
        since, outlasted, following = table[row, _SINCE], table[row, _OUTLASTED], table[row, NEXT_GROUP]
        gap, patience, fate, offer = words[0, row], words[1, row], words[2, row], words[3, row]
        table[row, WORK] = _quantile(tables, groups[group, T_WORK], table[row, WORK])
        table[row, WALK] = _quantile(tables, groups[group, T_WALK], table[row, WALK])
        table[row, GAP] = _quantile(tables, groups[group, T_GAP], gap)
        which = groups[group, T_PATIENCE]
        table[row, GONE] = NEVER
        if which >= 0:
            table[row, GONE] = since + _quantile(tables, which, _beyond(outlasted, patience))
        table[row, OUT] = NEVER
        table[row, BACK] = NEVER
        table[row, ABSENT] = 0
        table[row, REINSTATED] = NEVER
        takes = groups[group, W_TAKES]
        done = (takes >> 1) * (groups[group, W_DONE] >> 1) >> 30
        table[row, OFFERED] = -1 if offer >= takes else NEVER
        if done <= offer < takes:
            back, _, _, _ = _words(key, customer, _FATE, 2)
            table[row, OFFERED] = _quantile(tables, groups[group, T_ELSEWHERE], back)
        if fate < groups[group, W_NEXT if following == -1 else W_LATER] or following >= 0:
            one, two, three, four = _words(key, customer, _FATE, 1)
            if fate < groups[group, W_ABSENT]:
                table[row, ABSENT] = 1 + _quantile(tables, groups[group, T_LOST], one)
                if two < groups[group, W_REINSTATED]:
                    table[row, REINSTATED] = _quantile(tables, groups[group, T_BACK], three)
            elif fate < groups[group, W_OUT]:
                out = enter + _quantile(tables, groups[group, T_OUT], one)
                table[row, OUT] = out
                table[row, BACK] = out + _quantile(tables, groups[group, T_AWAY], two)
            elif following < 0:
                following = 0
                while one >= followings[group, following]:
                    following += 1
                table[row, NEXT_GROUP] = following
            if following >= 0:
                table[row, NEXT_WORK] = _quantile(tables, groups[following, T_WORK], four)


@_jit
def _arrive(model, key, first, from_ms, until_ms, arrivals, words, at_most):
    """Moments and groups of those who arrive; how many. Their words are in `words` then, one a column.

    A stretch's expected arrivals are consumed by gaps of unit mean, so a customer's words stay the customer's
    own whatever the rates are. A first stretch that has begun counts from `from_ms` on.
    """
    start, width, gaps, factors = model.clock[0], model.clock[1], model.clock[2], model.clock[3]
    bins = model.bins
    count = 0
    stretch = 0 if from_ms <= start else (from_ms - start) // width
    opens, used, left, ms_each = 0, 0, 0, 0
    is_new = True
    _words_ahead(key, first, 0, _AHEAD, words)
    ready = _AHEAD
    need = _quantile(model.tables, gaps, words[0, 0])
    while stretch < bins.shape[0]:
        if is_new:
            opens = start + stretch * width
            size = bins[stretch, 0]
            if factors >= 0:
                factor, _, _, _ = _words(key, stretch, _DAY, 0)
                size = size * _quantile(model.tables, factors, factor) >> 16
            used = 0 if from_ms <= opens else size * (from_ms - opens) // width
            left = size - used
            ms_each = (width << 32) // max(1, size)
            is_new = False
        if need > left:
            need -= left
            stretch += 1
            is_new = True
            continue
        used += need
        left -= need
        at = opens + (used * ms_each >> 32)
        if at >= until_ms or count >= at_most:
            break
        mix = words[1, count]
        group = 0
        while mix >= bins[stretch, 1 + group]:
            group += 1
        arrivals[count, 0] = at
        arrivals[count, 1] = group
        count += 1
        if count == ready:
            _words_ahead(key, first, ready, ready + _AHEAD, words)
            ready += _AHEAD
        need = _quantile(model.tables, gaps, words[0, count])
    return count


_AHEAD = 32
"""Customers whose words are made at a time."""


@_jit
def _words_for(at_most):
    """Room for the words of so many customers, and of some more who are looked at and do not come."""
    return np.empty((4, at_most + 2 * _AHEAD), np.int64)


@_jit
def _draw(model, key, until_ms, arrivals, words, table):
    """A whole day's table, sorted by ENTER; how many rows."""
    groups = model.groups
    count = _arrive(model, key, 0, 0, until_ms, arrivals, words, table.shape[0])
    for row in range(count):
        enter, group = arrivals[row, 0], arrivals[row, 1]
        place = groups[group, BASE] + (enter << ORDER_SHIFT) + row
        _note(table, row, enter, place, group, row, words[2, row], words[3, row], enter, 0, -1)
    _fill(model.tables, groups, model.followings, key, table, count, words)
    return count


def draw(
    model: Model, *, seed: int, branch: int = 0, replication: int = 0, until_ms: int, at_most: int = 20_000
) -> Ints:
    """The customers of one day who come before `until_ms`: a table for `serve`, (n, COLUMNS).

    `seed` and `branch` are below 2**32. At most `at_most` people are drawn.
    """
    table, arrivals = np.zeros((at_most, COLUMNS), np.int64), np.empty((at_most, 2), np.int64)
    count = _draw(_owned(model), (seed, branch, replication), until_ms, arrivals, _words_for(at_most), table)
    return table[:count].copy()


# --- days: studies -----------------------------------------------------------------------------------

# Columns of what `days` adds up per group.
ARRIVED, COUNT_SERVED, COUNT_LEFT, COUNT_DIVERTED, COUNT_NO_SHOW, COUNT_PENDING = 0, 1, 2, 3, 4, 5
COUNT_CALLED, WAIT_SUM, COUNT_LATE, LATE_MS = 6, 7, 8, 9
TOTALS = 10

# Columns of what `days` says of each day.
DAY_ARRIVED, DAY_SERVED, DAY_CALLED, DAY_WAIT, DAY_LATE, DAY_LATE_MS, DAY_LEFT, DAY_OVERTIME = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
)
DAY_DIVERTED, DAY_PENDING = 8, 9
DAY_COLUMNS = 10

WAIT_BIN_MS = 30_000
WAIT_BINS = 481
"""Half minutes up to four hours, and one for all beyond."""


@_jit
def _add_up(groups, table, count, result, closes_ms, totals, waits, day):
    """Add one day's results to the totals."""
    latest = 0
    for row in range(count):
        group = table[row, GROUP]
        outcome = result[row, OUTCOME]
        enter = table[row, ENTER]
        totals[group, ARRIVED] += 1
        day[DAY_ARRIVED] += 1
        latest = max(latest, result[row, END])
        if outcome == PENDING:
            totals[group, COUNT_PENDING] += 1
            day[DAY_PENDING] += 1
            continue
        if outcome == SERVED:
            totals[group, COUNT_SERVED] += 1
            day[DAY_SERVED] += 1
        elif outcome == LEFT:
            totals[group, COUNT_LEFT] += 1
            day[DAY_LEFT] += 1
        elif outcome == DIVERTED:
            totals[group, COUNT_DIVERTED] += 1
            day[DAY_DIVERTED] += 1
            continue
        else:
            totals[group, COUNT_NO_SHOW] += 1
        if result[row, CALLED] >= 0:
            wait = result[row, CALLED] - enter
            totals[group, COUNT_CALLED] += 1
            totals[group, WAIT_SUM] += wait
            waits[group, min(wait // WAIT_BIN_MS, WAIT_BINS - 1)] += 1
            day[DAY_CALLED] += 1
            day[DAY_WAIT] += wait
        else:
            wait = result[row, REACHED] - enter
        late = wait - groups[group, LIMIT]
        if late > 0:
            totals[group, COUNT_LATE] += 1
            totals[group, LATE_MS] += late
            day[DAY_LATE] += 1
            day[DAY_LATE_MS] += late
    day[DAY_OVERTIME] = max(0, latest - closes_ms)


@_jit
def _days(
    model, counters, schedule, divert_above, closes_ms, seed, branch, first, at_most, totals, waits, per_day
):
    table = np.empty((at_most, COLUMNS), np.int64)
    arrivals = np.empty((at_most, 2), np.int64)
    words = _words_for(at_most)
    result = np.empty((at_most, RESULTS), np.int64)
    memory = _memory(at_most, counters.shape[0], model.groups.shape[0])
    for day in range(per_day.shape[0]):
        count = _draw(model, (seed, branch, first + day), closes_ms, arrivals, words, table)
        _serve(table, count, counters, schedule, divert_above, NEVER - 1, 0, memory, result)
        _add_up(model.groups, table, count, result, closes_ms, totals, waits, per_day[day])


class Days(NamedTuple):
    """What happened over some replications of a branch's day: sums, so that parts add up in any order."""

    totals: Ints
    """(g, TOTALS) by group; times in ms."""
    waits: Ints
    """(g, WAIT_BINS) how many of the called waited so many half minutes."""
    per_day: Ints
    """(replications, DAY_COLUMNS)"""


def days(
    model: Model,
    counters: Ints,
    schedule: Ints,
    *,
    closes_ms: int,
    seed: int,
    branch: int,
    first: int,
    count: int,
    divert_above: int = NEVER,
    at_most: int = 20_000,
) -> Days:
    """Replications `first` to `first + count - 1` of a branch's day. Who is in line at closing is served.

    A wait is from entering the line to the first call; late is a wait beyond the group's limit, also of
    somebody who left (then till the turn would have come). What was done elsewhere counts neither as wait
    nor as late.
    """
    groups = len(model.groups)
    kept = Days(
        np.zeros((groups, TOTALS), np.int64),
        np.zeros((groups, WAIT_BINS), np.int64),
        np.zeros((count, DAY_COLUMNS), np.int64),
    )
    counters, schedule = _owned_one(counters), _owned_one(schedule)
    _days(_owned(model), counters, schedule, divert_above, closes_ms, seed, branch, first, at_most, *kept)
    return kept


# --- futures: the live hall --------------------------------------------------------------------------

# Columns of the people who are here.
KIND, HERE_GROUP, HERE_PLACE, JOINED, FLOOR, CUSTOMER, NEXT, AT_COUNTER = 0, 1, 2, 3, 4, 5, 6, 7
# NEXT is the group of a second service that is known of; -1 when nothing is known of one, -2 when the ticket
# names none, so that only what comes up at the counter can follow.
PERSON_COLUMNS = 8

# Kinds of people. The first two are in line now and lead the rows: their turn is watched.
WAITING = 0
PROBE = 1  # nobody: asks what the wait at a place would be, and takes nothing from anybody
AWAY = 2  # stepped out; returns after what is left of the time away
HELPED = 3  # being helped elsewhere: done there, or back in line
COMING = 4  # checked in, on the way to a ticket
AT_A_COUNTER = 5  # at a counter, with another service to come
BOOKED = (
    6  # expected at an appointed time, and not here yet. JOINED is that time, HERE_PLACE the place of who
)
# comes on time, FLOOR the share of the table of coming that is over, AT_COUNTER a word: below it nobody comes

# Columns of what holds of everybody who is booked, in ms: how long before the appointed time the table of
# coming begins; by how much somebody on time counts as having joined before it; up to how late that holds;
# what each late ms takes of it, in ms of the place.
BOOKED_EARLY, BOOKED_HEAD, BOOKED_LATE, BOOKED_SLOPE = 0, 1, 2, 3
BOOKED_COLUMNS = 4

# Columns of the counters as they stand. FLOOR is the share of the table that the present stage has outlasted.
SEAT_MASK, STAGE, SEAT_GROUP, SEAT_FLOOR, ELAPSED, SEAT_CUSTOMER = 0, 1, 2, 3, 4, 5
SEAT_COLUMNS = 6
FREE, WALKING, SERVING, BETWEEN = 0, 1, 2, 3

# Columns of what could be done now.
ACTION, ACTS_ON, ACTION_MASK, ACTION_AT = 0, 1, 2, 3
ACTION_COLUMNS = 4
NOTHING = 0
SET_MASK = 1  # the counter ACTS_ON gets ACTION_MASK (0: closes) at ACTION_AT
OFFER = 2  # the watched person ACTS_ON is offered another way now, and may decline

_COMING_MS = 120_000
"""Longest way from the entry check to a ticket; evenly spread."""

_NEWCOMER = 1 << 24
"""Customers who are not here yet are numbered from here on, so that they share no words with who is."""


class Fork(NamedTuple):
    """A hall as it stands at one moment. Built by `hall.twin`."""

    people: Ints
    """(p, PERSON_COLUMNS), the watched kinds first."""
    counters: Ints
    """(c, SEAT_COLUMNS)"""
    schedule: Ints
    """(e, 3) what is known of the rest of the day: AT_MS, WHICH, NEW_MASK."""
    now_ms: int
    watched: int
    booked: Ints = np.zeros(BOOKED_COLUMNS, np.int64)
    """(BOOKED_COLUMNS,) what holds of everybody who is booked."""
    coming: Ints = np.zeros((1, QUANTILES), np.int64)
    """(1, QUANTILES) when those who are booked come, from BOOKED_EARLY before their time on."""


def _owned_fork(fork: Fork) -> Fork:
    return Fork(
        _owned_one(fork.people),
        _owned_one(fork.counters),
        _owned_one(fork.schedule),
        int(fork.now_ms),
        int(fork.watched),
        _owned_one(fork.booked),
        _owned_one(fork.coming),
    )


@_jit
def _left_of(tables, which, floor, elapsed, word):
    """What is left of a duration that has lasted `elapsed`. Beyond the table: half of a fresh one."""
    last = tables[which, 1024]
    if elapsed >= last:
        return 1 + (_quantile(tables, which, word) >> 1)
    return max(1, _quantile(tables, which, _beyond(floor, word)) - elapsed)


@_jit
def _seat(tables, groups, key, now_ms, counters, busy, ends):
    """When each counter that is busy now will be free, and when its service ends."""
    for counter in range(counters.shape[0]):
        busy[counter, MASK] = counters[counter, SEAT_MASK]
        busy[counter, BUSY_UNTIL] = 0
        ends[counter] = now_ms
        stage = counters[counter, STAGE]
        if stage == FREE:
            continue
        group, customer = counters[counter, SEAT_GROUP], counters[counter, SEAT_CUSTOMER]
        floor, elapsed = counters[counter, SEAT_FLOOR], counters[counter, ELAPSED]
        _, _, work, walk = _words(key, customer, _ARRIVAL, 0)
        gap, _, _, _ = _words(key, customer, _FATE, 0)
        if stage == BETWEEN:
            left = _left_of(tables, groups[group, T_GAP], floor, elapsed, gap)
            busy[counter, BUSY_UNTIL] = now_ms + left
            continue
        if stage == WALKING:
            left = _left_of(tables, groups[group, T_WALK], floor, elapsed, walk)
            left += _quantile(tables, groups[group, T_WORK], work)
        else:
            left = _left_of(tables, groups[group, T_WORK], floor, elapsed, work)
        ends[counter] = now_ms + left
        busy[counter, BUSY_UNTIL] = ends[counter] + _quantile(tables, groups[group, T_GAP], gap)


@_jit
def _returns_at(tables, groups, people, index, now_ms, ends, word, other):
    """When somebody who is here but not in line comes into it, and the group of the service that waits then.

    NEVER when nothing waits: what was wanted gets done elsewhere, and nothing else was.
    """
    kind, group, outlasted = people[index, KIND], people[index, HERE_GROUP], people[index, FLOOR]
    if kind == AT_A_COUNTER:
        return ends[people[index, AT_COUNTER]], group
    if kind == COMING:
        return now_ms + (_COMING_MS * word >> 32), group
    elapsed = now_ms - people[index, JOINED]
    if kind == AWAY:
        return now_ms + _left_of(tables, groups[group, T_AWAY], outlasted, elapsed, word), group
    back_ms = now_ms + _left_of(tables, groups[group, T_ELSEWHERE], outlasted, elapsed, word)
    if other >= groups[group, W_DONE]:
        return back_ms, group
    following = people[index, NEXT]
    return (back_ms if following >= 0 else NEVER), following


@_jit
def _booked_at(fork, index, word, other):
    """When somebody who is booked joins; NEVER for who does not come."""
    person = fork.people[index]
    if word < person[AT_COUNTER]:
        return NEVER
    came = (
        person[JOINED] - fork.booked[BOOKED_EARLY] + _quantile(fork.coming, 0, _beyond(person[FLOOR], other))
    )
    return max(fork.now_ms + 1, came)


@_jit
def _booked_place(fork, index, enter):
    """The place of somebody who is booked and joins then: never behind that of who walks in with them."""
    person, booked = fork.people[index], fork.booked
    late = enter - person[JOINED]
    behind = late + booked[BOOKED_HEAD]
    if late <= booked[BOOKED_LATE]:
        behind = min(behind, booked[BOOKED_SLOPE] * max(0, late))
    return person[HERE_PLACE] + (behind << ORDER_SHIFT)


@_jit
def _person(people, index, enter, group, table, row):
    """Note somebody who is here, but for the words."""
    customer = people[index, CUSTOMER]
    since, outlasted = enter, 0
    if people[index, KIND] == WAITING:
        since, outlasted = people[index, JOINED], people[index, FLOOR]
    following = people[index, NEXT] if group == people[index, HERE_GROUP] else -1
    place = people[index, HERE_PLACE]
    _note(table, row, enter, place, group, customer, 0, 0, since, outlasted, following)


@_jit
def _late_comers(model, fork, key, ends, late):
    """(moment, index, group) of those who are here and will come into line, sorted; how many."""
    people, now_ms = fork.people, fork.now_ms
    count = 0
    for index in range(fork.watched, people.shape[0]):
        word, other, _, _ = _words(key, people[index, CUSTOMER], _FATE, 3)
        if people[index, KIND] == BOOKED:
            enter, group = _booked_at(fork, index, word, other), people[index, HERE_GROUP]
        else:
            enter, group = _returns_at(model.tables, model.groups, people, index, now_ms, ends, word, other)
        if enter >= NEVER:
            continue
        at = count
        while at > 0 and late[at - 1, 0] > enter:
            late[at, 0], late[at, 1], late[at, 2] = late[at - 1, 0], late[at - 1, 1], late[at - 1, 2]
            at -= 1
        late[at, 0], late[at, 1], late[at, 2] = enter, index, group
        count += 1
    return count


@_jit
def _stage(model, fork, key, until_ms, joiners, number, ends, late, arrivals, words, table):
    """One future's table: who is in line, `joiners` more right behind them, who will return, who will
    come."""
    people, now_ms, watched, groups = fork.people, fork.now_ms, fork.watched, model.groups
    for row in range(watched):
        _person(people, row, now_ms, people[row, HERE_GROUP], table, row)
    _words_of_rows(key, table, watched, _ARRIVAL, words)
    for row in range(watched):
        table[row, WORK], table[row, WALK] = words[2, row], words[3, row]
    count = watched
    stretch = min(max(0, (now_ms - model.clock[0]) // model.clock[1]), model.bins.shape[0] - 1)
    for one in range(joiners):
        customer = _NEWCOMER + one
        _, mix, work, walk = _words(key, customer, _ARRIVAL, 0)
        group = 0
        while mix >= model.bins[stretch, 1 + group]:
            group += 1
        place = groups[group, BASE] + (now_ms << ORDER_SHIFT) + number + one
        _note(table, count, now_ms, place, group, customer, work, walk, now_ms, 0, -1)
        count += 1
    late_count = _late_comers(model, fork, key, ends, late)
    came = 0
    if joiners == 0:
        at_most = table.shape[0] - count - late_count
        came = _arrive(model, key, _NEWCOMER, now_ms, until_ms, arrivals, words, at_most)
    returned = 0
    for arrived in range(came + 1):
        enter = arrivals[arrived, 0] if arrived < came else NEVER
        while returned < late_count and late[returned, 0] <= enter:
            index = late[returned, 1]
            _person(people, index, late[returned, 0], late[returned, 2], table, count)
            if people[index, KIND] == BOOKED:
                # Their time was promised: beside an endless line they go first.
                promised = joiners > 0
                table[count, PLACE] = index if promised else _booked_place(fork, index, late[returned, 0])
            _, _, table[count, WORK], table[count, WALK] = _words(key, people[index, CUSTOMER], _ARRIVAL, 0)
            returned += 1
            count += 1
        if arrived < came:
            group, work, walk = arrivals[arrived, 1], words[2, arrived], words[3, arrived]
            place = groups[group, BASE] + (enter << ORDER_SHIFT) + number + arrived
            _note(table, count, enter, place, group, _NEWCOMER + arrived, work, walk, enter, 0, -1)
            count += 1
    _fill(model.tables, groups, model.followings, key, table, count, words)
    for row in range(watched):
        if people[row, KIND] == PROBE:
            table[row, GONE] = now_ms
            table[row, OFFERED] = -1
    return count


@_jit
def _late_ms(groups, people, now_ms, watched, shortest_ms, table, count, result, until_ms):
    """Milliseconds that people will wait beyond their limit between now and `until_ms`.

    Who leaves saves nothing: the wait goes on till the turn would have come. Who is helped elsewhere does.
    """
    total = 0
    for row in range(count):
        since = table[row, ENTER]
        if row < watched:
            if people[row, KIND] == PROBE:
                continue
            since = people[row, JOINED]
        elif since + shortest_ms >= until_ms:
            break
        begins = max(now_ms, since + groups[table[row, GROUP], LIMIT])
        if begins >= until_ms:
            continue
        ends = until_ms
        if result[row, OUTCOME] == DIVERTED:
            ends = result[row, END]
        elif result[row, REACHED] >= 0:
            ends = min(until_ms, result[row, REACHED])
        if ends > begins:
            total += ends - begins
    return total


@_jit
def _plan(base, action, now_ms, schedule):
    """The known schedule with one action's change in it; how many events."""
    count = base.shape[0]
    if action[ACTION] != SET_MASK:
        for event in range(count):
            for column in range(3):
                schedule[event, column] = base[event, column]
        return count
    at_ms = max(now_ms, action[ACTION_AT])
    event = 0
    while event < count and base[event, AT_MS] <= at_ms:
        for column in range(3):
            schedule[event, column] = base[event, column]
        event += 1
    schedule[event, AT_MS] = at_ms
    schedule[event, WHICH] = action[ACTS_ON]
    schedule[event, NEW_MASK] = action[ACTION_MASK]
    while event < count:
        for column in range(3):
            schedule[event + 1, column] = base[event, column]
        event += 1
    return count + 1


@_jit
def _futures(
    model, fork, actions, seed, branch, first, arrive_until_ms, until_ms, number, at_most, reached, late
):
    people, now_ms, watched = fork.people, fork.now_ms, fork.watched
    table = np.empty((at_most, COLUMNS), np.int64)
    arrivals = np.empty((at_most, 2), np.int64)
    words = _words_for(at_most)
    returning = np.empty((people.shape[0] + 1, 3), np.int64)
    result = np.empty((at_most, RESULTS), np.int64)
    busy = np.empty((fork.counters.shape[0], 2), np.int64)
    ends = np.empty(fork.counters.shape[0], np.int64)
    memory = _memory(at_most, fork.counters.shape[0], model.groups.shape[0])
    plan = np.empty((fork.schedule.shape[0] + 1, 3), np.int64)
    shortest_ms = max(0, model.groups[:, LIMIT].min())
    to_watch = watched if until_ms >= NEVER - 1 else 0
    for future in range(reached.shape[0]):
        key = (seed, branch, first + future)
        _seat(model.tables, model.groups, key, now_ms, fork.counters, busy, ends)
        count = _stage(model, fork, key, arrive_until_ms, 0, number, ends, returning, arrivals, words, table)
        for index in range(actions.shape[0]):
            events = _plan(fork.schedule, actions[index], now_ms, plan)
            row = actions[index, ACTS_ON]
            is_taken = (
                actions[index, ACTION] == OFFER and table[row, OFFERED] >= 0 and table[row, NEXT_GROUP] < 0
            )
            if is_taken:
                out, back = table[row, OUT], table[row, BACK]
                table[row, OUT], table[row, BACK] = now_ms, min(NEVER, now_ms + table[row, OFFERED])
            _serve(table, count, busy, plan[:events], NEVER, until_ms, to_watch, memory, result)
            if is_taken:
                table[row, OUT], table[row, BACK] = out, back
            if index == 0:
                for row in range(watched):
                    reached[future, row] = result[row, REACHED]
            if until_ms < NEVER - 1:
                late[future, index] = _late_ms(
                    model.groups, people, now_ms, watched, shortest_ms, table, count, result, until_ms
                )


@_jit
def _room(model, fork, seed, branch, first, joiners, number, deadlines, served):
    at_most = fork.people.shape[0] + joiners + 1
    table = np.empty((at_most, COLUMNS), np.int64)
    arrivals = np.empty((1, 2), np.int64)
    words = _words_for(at_most)
    returning = np.empty((fork.people.shape[0] + 1, 3), np.int64)
    result = np.empty((at_most, RESULTS), np.int64)
    busy = np.empty((fork.counters.shape[0], 2), np.int64)
    ends = np.empty(fork.counters.shape[0], np.int64)
    memory = _memory(at_most, fork.counters.shape[0], model.groups.shape[0])
    until_ms = deadlines[deadlines.shape[0] - 1]
    watched = fork.watched
    for future in range(served.shape[0]):
        key = (seed, branch, first + future)
        _seat(model.tables, model.groups, key, fork.now_ms, fork.counters, busy, ends)
        count = _stage(model, fork, key, 0, joiners, number, ends, returning, arrivals, words, table)
        for row in range(watched, watched + joiners):
            # A line so long would drive people away by itself; the question is what the counters can do.
            table[row, GONE] = NEVER
        _serve(table, count, busy, fork.schedule, NEVER, until_ms, 0, memory, result)
        for deadline in range(deadlines.shape[0]):
            done = 0
            for row in range(watched, watched + joiners):
                if result[row, OUTCOME] != PENDING and result[row, END] <= deadlines[deadline]:
                    done += 1
            served[future, deadline] = done


class Futures(NamedTuple):
    """What some futures of a hall have in them."""

    reached: Ints
    """(futures, watched) the moment at which each watched person's turn comes, under the first action; -1
    not."""
    late: Ints
    """(futures, actions) ms waited beyond the limit within the horizon."""


def futures(
    model: Model,
    fork: Fork,
    actions: Ints,
    *,
    count: int,
    seed: int,
    branch: int,
    first: int = 0,
    arrive_until_ms: int,
    until_ms: int = NEVER - 1,
    number: int,
    at_most: int = 4_096,
) -> Futures:
    """Play the rest of the day `count` times from a hall as it stands, each time under every action.

    Every action of one future meets the same people with the same wishes (common random numbers). `number` is
    above the number of everybody who is here. Without `until_ms` a future ends when every watched turn came.
    """
    reached = np.full((count, fork.watched), -1, np.int64)
    late = np.zeros((count, len(actions)), np.int64)
    at_most = max(at_most, len(fork.people) + 1)
    model, fork, actions = _owned(model), _owned_fork(fork), _owned_one(actions)
    _futures(
        model, fork, actions, seed, branch, first, arrive_until_ms, until_ms, number, at_most, reached, late
    )
    return Futures(reached, late)


def room(
    model: Model,
    fork: Fork,
    *,
    count: int,
    seed: int,
    branch: int,
    first: int = 0,
    joiners: int,
    number: int,
    deadlines_ms: Ints,
) -> Ints:
    """How many of `joiners` people who join now, and all stay, are done by each deadline (ascending):
    (count, deadlines).

    With more joiners than can be done this is what the counters can still do. Who is absent when called is
    done with too.
    """
    served = np.zeros((count, len(deadlines_ms)), np.int64)
    model, fork, deadlines_ms = _owned(model), _owned_fork(fork), _owned_one(deadlines_ms)
    _room(model, fork, seed, branch, first, joiners, number, deadlines_ms, served)
    return served


# --- machine code ------------------------------------------------------------------------------------


def warm() -> None:
    """Have the machine code ready, by one run of every kernel on next to nothing.

    The very first time after a change of this file that is some seconds of compiling; later it is read from
    disk in a fraction of one. A process that must not keep anybody waiting does this when it starts.
    """
    columns = np.zeros((1, GROUP_COLUMNS), np.int64)
    columns[0, T_PATIENCE] = -1
    model = Model(
        tables=np.full((1, QUANTILES), 1_000, np.int64),
        groups=columns,
        followings=np.full((1, 1), 1 << 32, np.int64),
        bins=np.array([[1 << 20, 1 << 32]], np.int64),
        clock=np.array([0, 60_000, 0, -1], np.int64),
    )
    counters = np.array([[1, 0]], np.int64)
    schedule = np.zeros((0, 3), np.int64)
    serve(draw(model, seed=0, until_ms=60_000, at_most=8), counters, schedule, groups=1)
    days(model, counters, schedule, closes_ms=60_000, seed=0, branch=0, first=0, count=1, at_most=8)
    fork = Fork(
        people=np.zeros((1, PERSON_COLUMNS), np.int64),
        counters=np.array([[1, FREE, 0, 0, 0, 0]], np.int64),
        schedule=schedule,
        now_ms=1,
        watched=1,
    )
    futures(
        model,
        fork,
        np.zeros((1, ACTION_COLUMNS), np.int64),
        count=1,
        seed=0,
        branch=0,
        arrive_until_ms=2,
        until_ms=3,
        number=2,
        at_most=8,
    )
    deadlines_ms = np.array([2], np.int64)
    room(model, fork, count=1, seed=0, branch=0, joiners=1, number=2, deadlines_ms=deadlines_ms)
