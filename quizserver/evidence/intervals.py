"""95 % intervals of a proportion (Wilson) and of a median over seeds (bootstrap).

Both depend on their arguments alone: the bootstrap draws from a fixed seed. numpy is imported by
the bootstrap only, as the web process reads evidence without it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from quizserver.lab.curves import Floats

Z95 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution."""

RESAMPLES = 2000
SEED = 20_240_229


def wilson_interval(k: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % score interval for a proportion (E. B. Wilson, JASA 22, 1927).

    Raises ``ValueError`` unless 0 <= k <= n and n > 0.
    """
    if not (0 <= k <= n and n > 0):
        raise ValueError(f"{k} of {n} is no count")
    share, z2 = k / n, Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    # at the ends the formula gives 0 and 1 exactly; floating point would miss them by a hair
    return (0.0 if k == 0 else centre - half), (1.0 if k == n else centre + half)


def median_interval(values: ArrayLike) -> tuple[float, float, float]:
    """The median of ``values`` (N,) and its 95 % bootstrap interval: (median, low, high).

    The interval is the 2.5 % and 97.5 % quantile of the medians of ``RESAMPLES`` samples drawn with
    replacement (B. Efron, Annals of Statistics 7, 1979). Values that are not finite count as larger
    than every other. Raises ``ValueError`` when there are none.
    """
    import numpy as np

    flat_values = np.asarray(values, dtype=np.float64).ravel()
    if len(flat_values) == 0:
        raise ValueError("there is no median of no values")
    comparable = np.where(np.isfinite(flat_values), flat_values, np.inf)
    draws = np.random.default_rng(SEED).integers(len(comparable), size=(RESAMPLES, len(comparable)))
    medians = np.sort(_row_medians(comparable[draws]))
    low, high = (medians[int(share * (RESAMPLES - 1) + 0.5)] for share in (0.025, 0.975))
    return float(_row_medians(comparable[None])[0]), float(low), float(high)


def _row_medians(samples: NDArray[np.float64]) -> Floats:
    import numpy as np

    # np.median would subtract infinities from one another
    ordered = np.sort(samples, axis=1)
    size = ordered.shape[1]
    return np.asarray(0.5 * ordered[:, (size - 1) // 2] + 0.5 * ordered[:, size // 2])
