"""Intervals that hold as often as they say: widened by how often they failed on days not learnt from.

Romano, Patterson and Candès, "Conformalized quantile regression", NeurIPS 2019, each end by itself (their
theorem 2), so that a wait is as seldom above the upper end as below the lower one.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def conformal_shift(excess: Numbers, miss_share: float) -> float:
    """How far to move one end outwards so that it is passed by no more than this share.

    Parameters
    ----------
    excess : (n,) how far each observation lay beyond the end, negative inside; in any unit, such as shares of
        a scale. From data the end was not fitted on.
    miss_share : share that may lie beyond, in (0, 1).

    Returns
    -------
    float
        The k-th smallest excess, k = ceil((n + 1)(1 - miss_share)), in the same unit; the largest when the
        observations are too few for the share. Negative: the end may move inwards.

    Raises ValueError when there is no observation.

    >>> conformal_shift(np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 0.1)
    6.0
    >>> conformal_shift(np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 0.5)
    2.0
    """
    if not len(excess):
        raise ValueError("Expected observations, got none")
    rank = math.ceil((len(excess) + 1) * (1 - miss_share))
    return float(np.sort(excess)[min(rank, len(excess)) - 1])
