"""Is an answer the same to the bit wherever it is worked out?"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher
from numpy._core import _multiarray_umath as numpy_cpu  # type: ignore[attr-defined]

from openhall.cli.bench import branch_day
from openhall.cli.bench.branch_day import BranchDay
from openhall.science import engine
from tests.unit.science.engine_digest import digest

ROOT = Path(__file__).parents[3]

# kat_vectors of Random123 1.14: philox4x32, 10 rounds: counter, key, answer.
KNOWN = [
    (
        (0, 0, 0, 0),
        (0, 0),
        (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    ),
    (
        (0xFFFFFFFF,) * 4,
        (0xFFFFFFFF,) * 2,
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_philox_gives_the_known_answers(
    counter: tuple[int, ...], key: tuple[int, ...], answer: tuple[int, ...]
) -> None:
    assert engine.philox(*key, *counter) == answer


def elsewhere(**settings: str) -> str:
    """The digest of a process with other settings, in which a warning is an error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.unit.science.engine_digest"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "src", **settings},
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_without_machine_code_the_answers_are_the_same() -> None:
    assert elsewhere(NUMBA_DISABLE_JIT="1") == digest()


def test_on_a_processor_without_wide_vectors_the_answers_are_the_same() -> None:
    has = numpy_cpu.__cpu_features__
    wide = [name for name in numpy_cpu.__cpu_dispatch__ if has[name]]
    assert elsewhere(NPY_DISABLE_CPU_FEATURES=" ".join(wide)) == digest()


@pytest.fixture(scope="module")
def day() -> BranchDay:
    return branch_day.branch_day(60)


REPLICATIONS = 40


def test_in_threads_the_answers_are_the_same(day: BranchDay) -> None:
    whole = branch_day.play(day, first=0, count=REPLICATIONS)
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda first: branch_day.play(day, first=first, count=5), range(0, 40, 5)))
    assert (np.concatenate([part.per_day for part in parts]) == whole.per_day).all()
    assert (np.sum([part.totals for part in parts], axis=0) == whole.totals).all()


@pytest.mark.parametrize("seed", range(5))
def test_in_any_parts_and_any_order_the_sums_are_the_same(day: BranchDay, seed: int) -> None:
    rng = Random(seed)
    cuts = sorted(rng.sample(range(1, REPLICATIONS), 6))
    parts = list(zip([0, *cuts], [*cuts, REPLICATIONS], strict=True))
    rng.shuffle(parts)
    whole = branch_day.play(day, first=0, count=REPLICATIONS, branch=3)
    found = [branch_day.play(day, first=a, count=b - a, branch=3) for a, b in parts]
    assert (np.sum([part.totals for part in found], axis=0) == whole.totals).all()
    assert (np.sum([part.waits for part in found], axis=0) == whole.waits).all()
    for (a, b), part in zip(parts, found, strict=True):
        assert (part.per_day == whole.per_day[a:b]).all()


def test_a_day_drawn_and_served_is_a_day_of_a_study(day: BranchDay) -> None:
    study = branch_day.play(day, first=3, count=1)
    table = engine.draw(day.model, seed=1, replication=3, until_ms=branch_day.CLOSES_MS)
    above = branch_day.DIVERT_ABOVE
    result = engine.serve(table, day.counters, day.schedule, groups=9, divert_above=above)
    assert study.per_day[0, engine.DAY_SERVED] == (result[:, engine.OUTCOME] == engine.SERVED).sum()
    called = result[:, engine.CALLED] >= 0
    waits = (result[:, engine.CALLED] - table[:, engine.ENTER])[called]
    assert study.per_day[0, engine.DAY_WAIT] == waits.sum()


def test_arrays_of_another_layout_give_the_same_answer(day: BranchDay) -> None:
    """Such as come from another process: not contiguous, or not writable."""
    odd = engine.Model(*(np.asfortranarray(array) for array in day.model))
    for array in odd:
        array.flags.writeable = False
    whole = branch_day.play(day, first=0, count=3)
    assert (branch_day.play(day._replace(model=odd), first=0, count=3).per_day == whole.per_day).all()


def test_no_machine_code_calls_machine_code_of_another_file() -> None:
    """numba keeps what it compiled by the file of the caller, and would not notice a change in the callee."""
    compiled = {name: value for name, value in vars(engine).items() if isinstance(value, Dispatcher)}
    assert {"philox", "_serve", "_futures", "_days", "_room"} <= set(compiled)
    for function in compiled.values():
        python = function.py_func
        assert python.__module__ == engine.__name__
        for name in python.__code__.co_names:
            value = python.__globals__.get(name)
            if isinstance(value, Dispatcher):
                assert value.py_func.__module__ == engine.__name__, name


def test_nothing_is_left_to_compile_after_warming() -> None:
    engine.warm()
    compiled = {name: value for name, value in vars(engine).items() if isinstance(value, Dispatcher)}
    before = {name: len(function.signatures) for name, function in compiled.items()}
    digest()
    assert {name: len(function.signatures) for name, function in compiled.items()} == before
    assert all(before[name] for name in ("_serve", "_draw", "_days", "_futures", "_room"))
