"""A hall's wait forecaster: learnt from past days, asked about a ticket at the moment of issue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from openhall.science.prediction.features import joined, tell
from openhall.science.prediction.learnt import Learnt, PastDay, learn
from openhall.science.prediction.lines import WAIT_MAX_MINUTES, Asked, Day, Floats, Whole
from openhall.science.prediction.quantiles import ModelParameters, WaitModel, fit_wait_model


@dataclass(frozen=True, kw_only=True)
class HallForecaster:
    """What was learnt of a hall's Q lines, and the model over it."""

    learnt: Learnt
    model: WaitModel
    office: Whole

    def forecast(self, day: Day, asked: Asked) -> tuple[Floats, Floats, Floats]:
        """P10, P50 and P90 in minutes for n tickets of one day, each of shape (n,)."""
        return self.model.forecast(tell(day, asked, self.learnt, self.office))


def fit_hall(
    days: Sequence[PastDay], office: Whole, parameters: ModelParameters | None = None
) -> HallForecaster:
    """Learn a hall from past days.

    A line's own figures are told to the model as learnt from the other days: on a new day, too, it will know
    only other days.

    Parameters
    ----------
    days : sequence of PastDay
        In the order of time, at least two with people in line.
    office : ndarray of int, shape (Q,)
        Office of each line, from 0.

    Raises
    ------
    ValueError
        When there are fewer than two such days.
    """
    if len(days) < 2:
        raise ValueError(f"Expected at least 2 days to learn from; got {len(days)}")
    told = [
        tell(past.day, past.asked, learn([*days[:place], *days[place + 1 :]], office), office)
        for place, past in enumerate(days)
    ]
    model = fit_wait_model(
        joined(told),
        np.minimum(np.concatenate([past.wait for past in days]), WAIT_MAX_MINUTES),
        np.repeat(np.arange(len(days)), [past.wait.size for past in days]),
        parameters,
    )
    return HallForecaster(learnt=learn(days, office), model=model, office=office)
