"""Statistics of matched pairs: one pass, O(1) memory, mergeable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace

from ..arrays import (
    Array,
    check_widths,
    row_chunks,
    take_rows,
    to_numpy,
    unit_rows,
)
from ..errors import InputError
from ..matching import Codes, matched_pairs, positional


@dataclass(frozen=True)
class PairMoments:
    """Count, summed distance and summed squared distance of matched pairs of unit rows.

    Cosines follow from squared distances, ‖x̂ − ŷ‖² = 2 − 2 cos: unlike a sum of cosines, they
    are exact where pairs coincide.
    """

    count: int
    distance_total: float
    squared_total: float

    @classmethod
    def of(cls, x: Array, y: Array, codes: tuple[Codes, Codes] | None = None) -> PairMoments:
        """Statistics of all pairs (i, j) with equal codes, or of row i with row i.

        Parameters
        ----------
        x, y:
            (N, D) and (M, D).
        codes:
            Integer group of each row of x and of each row of y. Without them, N equals M.

        Raises
        ------
        InputError
            Widths that differ; without codes, if N ≠ M; with codes, if nothing matches.
        """
        check_widths(x, y)
        total = cls(0, 0.0, 0.0)
        for a, b in _paired_unit_rows(x, y, codes):
            total = total.merge(pair_sums(a, b))
        if not total.count:
            raise InputError("no row of the one modality matches a row of the other")
        return total

    def merge(self, other: PairMoments) -> PairMoments:
        """Statistics of both sets of pairs together."""
        return PairMoments(
            self.count + other.count,
            self.distance_total + other.distance_total,
            self.squared_total + other.squared_total,
        )

    @property
    def mean_cosine(self) -> float:
        """Mean cosine of matched pairs, in [−1, 1]."""
        return 1 - self.mean_squared_distance / 2

    @property
    def mean_distance(self) -> float:
        """Mean Euclidean distance of matched unit rows, in [0, 2]."""
        return self.distance_total / self.count

    @property
    def mean_squared_distance(self) -> float:
        """Mean squared distance of matched unit rows, in [0, 4]: the alignment of a space."""
        return self.squared_total / self.count


def pair_sums(a: Array, b: Array) -> PairMoments:
    """Statistics of unit rows of which row i of a (n, D) matches row i of b (n, D).

    Each pair's own number is computed on the device, their sums on the host in double
    precision.
    """
    xp = array_namespace(a)
    difference = a - b
    squared = to_numpy(xp.linalg.vecdot(difference, difference))  # (n,)
    return PairMoments(
        count=len(squared),
        distance_total=float(np.sqrt(squared).sum(dtype=np.float64)),
        squared_total=float(squared.sum(dtype=np.float64)),
    )


def _paired_unit_rows(
    x: Array, y: Array, codes: tuple[Codes, Codes] | None
) -> Iterator[tuple[Array, Array]]:
    """Unit rows of x and of y that belong together, (n, D) each, chunk by chunk."""
    if codes is None:
        positional(x.shape[0], y.shape[0])
        for rows in row_chunks(x, y):
            yield unit_rows(x[rows, :]), unit_rows(y[rows, :])
        return
    for i, j in matched_pairs(*codes):
        yield unit_rows(take_rows(x, i)), unit_rows(take_rows(y, j))
