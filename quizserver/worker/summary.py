"""Summarises many replicas as the three lines of a chart. It uses numpy: only workers import it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from quizserver.lab.curves import replica_quantile

Values = npt.NDArray[np.float64]

LINES = {"median": 0.5, "low": 0.1, "high": 0.9}
# As many digits as a chart can show; the values of single replicas are stored in full.
_DIGITS = 6


def summarise_points(x: Sequence[float] | Values, series: Mapping[str, Values]) -> str:
    """JSON text: x (P,) and for each series (R, P) its median, low (10 %) and high (90 %).

    Values that are not finite are null.
    """
    lines = {
        name: {line: _rounded_numbers(replica_quantile(values, q)) for line, q in LINES.items()}
        for name, values in series.items()
    }
    summary = {"x": _rounded_numbers(np.asarray(x, dtype=np.float64)), "series": lines}
    return json.dumps(summary, allow_nan=False, separators=(",", ":"))


def hash_points(digest: hashlib._Hash, series: Sequence[Values]) -> None:
    """Adds the next points to the digest of a run's curves: for each series (R, P) values.

    They are hashed as little-endian float64 by point, then series, then replica, and every NaN has
    the same bits: as ``static/js/live-curves.js`` does in a browser that trained the same.
    """
    values = np.stack(series).astype("<f8")
    values[np.isnan(values)] = np.nan
    digest.update(np.ascontiguousarray(values.transpose(2, 0, 1)).tobytes())


def _rounded_numbers(values: Values) -> list[float | None]:
    return [float(f"{v:.{_DIGITS}g}") if np.isfinite(v) else None for v in values.tolist()]
