"""How sure a median over seeds is: a percentile bootstrap, the same every time it is asked."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quizserver.lab.curves import Floats

RESAMPLES = 2000
SEED = 20_240_229


def median_interval(values: ArrayLike) -> tuple[float, float, float]:
    """The median of ``values`` (N,) and its 95 % bootstrap interval: (median, low, high).

    The interval is the 2.5 % and 97.5 % quantile of the medians of ``RESAMPLES`` samples drawn with
    replacement (B. Efron, Annals of Statistics 7, 1979). Values that are not finite count as larger
    than every other. Raises ``ValueError`` when there are none.
    """
    flat_values = np.asarray(values, dtype=np.float64).ravel()
    if len(flat_values) == 0:
        raise ValueError("there is no median of no values")
    comparable = np.where(np.isfinite(flat_values), flat_values, np.inf)
    draws = np.random.default_rng(SEED).integers(len(comparable), size=(RESAMPLES, len(comparable)))
    medians = np.sort(_row_medians(comparable[draws]))
    low, high = (medians[int(share * (RESAMPLES - 1) + 0.5)] for share in (0.025, 0.975))
    return float(_row_medians(comparable[None])[0]), float(low), float(high)


def _row_medians(samples: NDArray[np.float64]) -> Floats:
    # np.median would subtract infinities from one another
    ordered = np.sort(samples, axis=1)
    size = ordered.shape[1]
    return np.asarray(0.5 * ordered[:, (size - 1) // 2] + 0.5 * ordered[:, size // 2])
