"""Statistics of matched pairs: one pass, O(1) memory, mergeable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..arrays import Array, array_namespace, row_chunks, take_rows, to_numpy, unit_rows
from ..errors import InputError
from ..matching import Codes, matched_pairs


@dataclass(frozen=True)
class PairMoments:
    """Count, summed cosine and summed distance of matched pairs of unit rows."""

    count: int
    cosine_total: float
    distance_total: float

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
            Without codes, if N ≠ M; with codes, if nothing matches.
        """
        count, cosine, distance = 0, 0.0, 0.0
        for a, b in _paired_unit_rows(x, y, codes):
            xp = array_namespace(a)
            # Each pair's own numbers on the device, their sums on the host in double precision.
            cosine += float(to_numpy(xp.sum(a * b, axis=1)).sum(dtype=np.float64))
            squared = xp.sum((a - b) ** 2, axis=1)
            distance += float(to_numpy(xp.sqrt(squared)).sum(dtype=np.float64))
            count += int(a.shape[0])
        if not count:
            raise InputError("no row of the one modality matches a row of the other")
        return cls(count, cosine, distance)

    def merge(self, other: PairMoments) -> PairMoments:
        """Statistics of both sets of pairs together."""
        return PairMoments(
            self.count + other.count,
            self.cosine_total + other.cosine_total,
            self.distance_total + other.distance_total,
        )

    @property
    def mean_cosine(self) -> float:
        """Mean cosine of matched pairs, in [−1, 1]."""
        return self.cosine_total / self.count

    @property
    def mean_distance(self) -> float:
        """Mean Euclidean distance of matched unit rows, in [0, 2]."""
        return self.distance_total / self.count


def _paired_unit_rows(
    x: Array, y: Array, codes: tuple[Codes, Codes] | None
) -> Iterator[tuple[Array, Array]]:
    """Unit rows of x and of y that belong together, (n, D) each, chunk by chunk."""
    if codes is None:
        if x.shape[0] != y.shape[0]:
            raise InputError(
                f"without groups, rows are paired by position, but there are {x.shape[0]} "
                f"and {y.shape[0]} of them"
            )
        for rows in row_chunks(x):
            yield unit_rows(x[rows, :]), unit_rows(y[rows, :])
        return
    for i, j in matched_pairs(*codes):
        yield unit_rows(take_rows(x, i)), unit_rows(take_rows(y, j))
