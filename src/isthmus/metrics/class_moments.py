"""First moments of every class: one pass, O(C·D) memory, mergeable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, to_numpy
from ..errors import InputError
from ..matching import Codes
from .group_sums import group_sums


@dataclass(frozen=True)
class ClassMoments:
    """Count and sum of the unit rows of each class: one pass, O(C·D) memory, mergeable.

    Every mean cosine within and between classes follows from them:
    Σ_{i∈c, j∈d} x̂_i·x̂_j = s_c·s_d.

    Attributes
    ----------
    counts:
        Rows per class, (C,).
    totals:
        Σ_{i∈c} x̂_i, (C, D), float64.
    """

    counts: NDArray[np.int64]
    totals: NDArray[np.float64]

    @classmethod
    def of(cls, x: Array, codes: Codes, classes: int) -> ClassMoments:
        """Moments of the rows of a (N, D) array with classes 0 … C − 1; −1 is left out.

        >>> ClassMoments.of(np.eye(3), np.array([0, 1, 1]), 2).totals
        array([[1., 0., 0.], [0., 1., 1.]])
        """
        totals = np.zeros((classes, x.shape[1]))
        held = np.flatnonzero(codes >= 0)
        for present, part in group_sums(x, codes[held], rows=held):
            totals[present] += to_numpy(part)
        counts = np.bincount(codes[codes >= 0], minlength=classes)
        return cls(counts.astype(np.int64), totals)

    def merge(self, other: ClassMoments) -> ClassMoments:
        """Moments of both sets of rows together; the same classes in the same order."""
        if self.totals.shape != other.totals.shape:
            raise InputError(
                "moments of other classes or widths cannot be merged: "
                f"found {self.totals.shape} and {other.totals.shape}"
            )
        return ClassMoments(self.counts + other.counts, self.totals + other.totals)
