"""Square-root staffing: how many counters a share of waiting customers needs, in the limit of many.

Start values and sanity checks; `erlang` is exact. Halfin and Whitt (1981) without, Garnett, Mandelbaum and
Reiman (2002) with abandonment.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_ndtr


def _log_density(x: float) -> float:
    return -0.5 * x * x - 0.5 * float(np.log(2.0 * np.pi))


def _hazard(x: float) -> float:
    """Of the standard normal: density by upper tail."""
    return float(np.exp(_log_density(x) - log_ndtr(-x)))


def wait_probability(beta: float, patience_ratio: float = 0.0) -> float:
    """Share that waits with a + beta sqrt(a) counters, in the limit of large loads a.

    Parameters
    ----------
    beta : above 0 without patience, any with.
    patience_ratio : mean service by mean patience, >= 0; 0 when nobody leaves.

    Returns
    -------
    [1 + beta Phi(beta) / phi(beta)]^-1 (Halfin-Whitt), or [1 + sqrt(r) h(beta / sqrt(r)) / h(-beta)]^-1
    (Garnett), h being the normal hazard rate.
    """
    if patience_ratio == 0:
        return 1.0 if beta <= 0 else 1.0 / (1.0 + beta * float(np.exp(log_ndtr(beta) - _log_density(beta))))
    root = float(np.sqrt(patience_ratio))
    return 1.0 / (1.0 + root * _hazard(beta / root) / _hazard(-beta))


def beta_for(wait_share: float, patience_ratio: float = 0.0) -> float:
    """The beta with which such a share waits.

    Parameters
    ----------
    wait_share : between 0 and 1, both excluded.
    patience_ratio : mean service by mean patience, >= 0.

    Raises
    ------
    ValueError : for a share outside, or a negative ratio.
    """
    if not 1e-12 <= wait_share <= 1 - 1e-12:
        raise ValueError(f"Expected a share between 0 and 1, both excluded, got {wait_share}")
    if not 0 <= patience_ratio <= 1e4:
        raise ValueError(f"Expected a patience ratio of 0 to 10,000, got {patience_ratio}")
    low = 1e-13 if patience_ratio == 0 else -30.0
    return float(brentq(lambda beta: wait_probability(beta, patience_ratio) - wait_share, low, 30.0))


def start(load: float, wait_share: float, patience_ratio: float = 0.0, load_cv: float = 0.0) -> float:
    """Counters to begin a search from: a + beta sqrt(a + cv^2 a^2), at least 1.

    Parameters
    ----------
    load : erlangs, >= 0.
    wait_share, patience_ratio : as in `beta_for`.
    load_cv : coefficient of variation of the load itself (Whitt 2006), >= 0.
    """
    spread = float(np.sqrt(load + (load_cv * load) ** 2))
    return max(1.0, load + beta_for(wait_share, patience_ratio) * spread)
