"""Rows whose columns are brought to one size, by what they are in training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROWS = 4096  # at a time
_CONSTANT = 1e-10  # a deviation below this share of the mean is rounding


@dataclass(frozen=True)
class ScaledRows:
    """Rows (N, D), of which NaN becomes the mean of its column, and columns have one size.

    Attributes
    ----------
    rows:
        As they are stored.
    mean, deviation:
        (D,) of every column, over the rows that are trained on; of a column that is the same in
        all of them, the deviation is 1.
    standardise:
        Whether columns become (x − mean) / deviation. Without it, only NaN is filled in.

    Examples
    --------
    >>> x = np.array([[1.0, 7.0], [3.0, np.nan], [100.0, 7.0]])
    >>> ScaledRows.of(x, np.array([0, 1]), standardise=True)[[0, 1]].tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    >>> ScaledRows.of(x, np.array([0, 1]), standardise=False)[1].tolist()
    [3.0, 7.0]
    """

    rows: NDArray[Any]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    standardise: bool

    @classmethod
    def of(cls, rows: NDArray[Any], trained: NDArray[np.int64], *, standardise: bool) -> ScaledRows:
        """By the rows of these indices, in two passes."""
        parts = [trained[k : k + _ROWS] for k in range(0, len(trained), _ROWS)]
        width = rows.shape[1]
        total, squares, count = np.zeros(width), np.zeros(width), np.zeros(width)
        for part in parts:
            x = rows[part].astype(np.float64)
            count += (~np.isnan(x)).sum(axis=0)
            total += np.nansum(x, axis=0)
        count = np.maximum(count, 1)
        mean = total / count
        for part in parts:
            squares += np.nansum(np.square(rows[part] - mean), axis=0)
        deviation = np.sqrt(squares / count)
        deviation[deviation <= _CONSTANT * np.abs(mean)] = 1.0
        return cls(rows, mean, deviation, standardise)

    def like(self, rows: NDArray[Any]) -> ScaledRows:
        """Other rows, by the same numbers."""
        return ScaledRows(rows, self.mean, self.deviation, self.standardise)

    def __getitem__(self, index: Any) -> NDArray[np.float64]:
        """Some of the rows."""
        x = np.asarray(self.rows[index], dtype=np.float64)
        if self.standardise:
            x = (x - self.mean) / self.deviation
        return np.where(np.isnan(x), 0.0 if self.standardise else self.mean, x)
