"""Small programs whose optimum is known, and a stop that counts questions instead of seconds."""

from functools import cache

import numpy as np

from openhall.rehearsal.rosters import curtois, inrc, inrc_model
from openhall.rehearsal.rosters.curtois_model import Model
from openhall.rehearsal.rosters.inrc_rules import soft_rules
from openhall.science.roster.annealing import Regulations
from openhall.science.roster.mip import Builder, Mip, solve
from openhall.science.roster.soft_annealing import SoftRules
from openhall.science.roster.stages import Ward
from tests.unit.rehearsal.roster_texts import CURTOIS, INRC

SECONDS_LEFT = 30.0
"""What a stop says while it goes on: HiGHS needs far less on these programs."""


class Tries:
    """Stops after so many questions, however quick the machine is."""

    def __init__(self, count: int) -> None:
        self.count = self.left = count

    def seconds_left(self) -> float:
        self.left -= 1
        return SECONDS_LEFT * max(0, self.left) / max(1, self.count)


def knapsack() -> Mip:
    """Values 5, 4, 3; two limits; the best is the first two."""
    builder = Builder()
    columns = [builder.column(cost=-value) for value in (5.0, 4.0, 3.0)]
    builder.row(zip(columns, (2.0, 3.0, 1.0), strict=True), upper=5.0)
    builder.row(zip(columns, (4.0, 1.0, 2.0), strict=True), upper=11.0)
    return builder.mip()


@cache
def week() -> tuple[Mip, float]:
    """Ten people, seven days, five wanted a day, four or five days each; and the least cost."""
    generator = np.random.default_rng(7)
    builder = Builder()
    people, days = 10, 7
    works = [
        [builder.column(cost=float(generator.integers(1, 9)), cell=(person, day)) for day in range(days)]
        for person in range(people)
    ]
    for day in range(days):
        missing = builder.column(cost=120.0, upper=10.0)
        row = [(works[person][day], 1.0) for person in range(people)]
        builder.row([*row, (missing, 1.0)], lower=6.0)
    for person in range(people):
        builder.row([(column, 1.0) for column in works[person]], lower=2.0, upper=4.0 + person % 2)
        for day in range(days - 2):
            builder.row([(works[person][day + step], 1.0) for step in range(3)], upper=2.0)
    mip = builder.mip()
    return mip, solve(mip, seconds=60.0).objective


@cache
def ward() -> tuple[Mip, Ward, Regulations, float]:
    """The tiny Curtois problem, in both forms, and the least cost less the offset of its wishes."""
    model = Model(curtois.read(CURTOIS, "tiny"))
    best = solve(model.mip, seconds=60.0).objective
    return model.mip, model.ward, model.rules, best


@cache
def soft_ward() -> tuple[Mip, Ward, SoftRules, float]:
    """The tiny problem of the competition with enough people, in both forms, and the least cost."""
    problem = inrc.read(INRC.replace("Tuesday, N, 1", "Tuesday, N, 0"), "tiny")
    model = inrc_model.Model(problem)
    best = solve(model.mip, seconds=60.0).objective
    return model.mip, model.ward, soft_rules(problem), best
