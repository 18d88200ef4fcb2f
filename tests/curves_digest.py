"""What the digest of a run's curves is, written down once more without the product's code."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray


def curves_digest(points: Iterable[Mapping[str, NDArray[np.float64]]]) -> str:
    """The SHA-256, in hexadecimal, of the values (R,) of each series at each point.

    They are hashed as little-endian float64, by point, then series, then replica, and every NaN has
    the same bits.
    """
    digest = hashlib.sha256()
    for series in points:
        for values in series.values():
            numbers = np.array(values, dtype="<f8")
            numbers[np.isnan(numbers)] = np.nan
            digest.update(numbers.tobytes())
    return digest.hexdigest()
