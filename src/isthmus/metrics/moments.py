"""First moments of a set of embeddings: one pass, O(D) memory, mergeable.

Every mean over all pairs of rows follows from them, so no N × N matrix is ever built:
Σ_{i≠j} x̂_i·x̂_j = ‖Σ x̂‖² − Σ ‖x̂‖², with x̂ the rows scaled to unit length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, column_sums, row_chunks, unit_rows
from ..errors import InputError
from ..progress import tracked_rows


@dataclass(frozen=True)
class Moments:
    """Count and sum of unit rows.

    Sums are taken per chunk on the array's own device, pairwise in working precision, and
    accumulated on the host in double precision. Moments of shards merge to those of the whole:
    `Moments.of(a).merge(Moments.of(b))`.

    Attributes
    ----------
    count:
        Number of rows, N.
    total:
        Σ x̂_i, shape (D,), float64.
    """

    count: int
    total: NDArray[np.float64]

    @classmethod
    def of(cls, x: Array) -> Moments:
        """Moments of the rows of a (N, D) array.

        >>> m = Moments.of(np.array([[2.0, 0.0], [0.0, 3.0]]))
        >>> m.count, m.mean, m.mean_cosine
        (2, array([0.5, 0.5]), 0.0)
        """
        total = np.zeros(x.shape[1])
        for rows in tracked_rows(row_chunks(x), x.shape[0]):
            total += column_sums(unit_rows(x[rows, :]))
        return cls(count=int(x.shape[0]), total=total)

    def merge(self, other: Moments) -> Moments:
        """Moments of both sets of rows together."""
        if self.total.shape != other.total.shape:
            raise InputError(
                "moments of different widths cannot be merged: "
                f"found {len(self.total)} and {len(other.total)} dimensions"
            )
        return Moments(self.count + other.count, self.total + other.total)

    @property
    def mean(self) -> NDArray[np.float64]:
        """The centre of the unit rows, (D,). Its length is 1 only if all rows coincide."""
        return self.total / self.count

    @property
    def mean_cosine(self) -> float:
        """Mean cosine over all pairs of distinct rows, in [−1/(N−1), 1]."""
        if self.count < 2:
            raise InputError("a mean over pairs of rows needs at least two rows; found one")
        squared = float(self.total @ self.total)
        mean = (squared - self.count) / (self.count * (self.count - 1))
        return min(mean, 1.0)  # rounding may take it just above
