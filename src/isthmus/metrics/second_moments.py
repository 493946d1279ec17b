"""Second moments of a set of embeddings: one pass, O(D²) memory, mergeable and divisible.

Covariance, spectrum, discriminants and Gaussian fits follow from them without another pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from ..arrays import (
    Array,
    column_sums,
    like,
    row_chunks,
    take_rows,
    to_numpy,
    unit_rows,
    working_dtype,
)
from ..errors import InputError
from ..matching import Codes
from ..progress import tracked_rows
from .moments import Moments


@dataclass(frozen=True)
class SecondMoments:
    """Count, sum and summed outer products of unit rows.

    Products are taken per chunk on the array's own device in working precision, of rows less
    their chunk's centre c, and accumulated on the host in double precision:
    Σ x̂ x̂ᵀ = Σ (x̂ − c)(x̂ − c)ᵀ + n c cᵀ + c rᵀ + r cᵀ with r = Σ (x̂ − c). A narrow cone thus
    loses no precision to its mean. Moments of shards merge to those of the
    whole, and those of a part, say a fold, can be taken away again.

    Attributes
    ----------
    count:
        Number of rows, N.
    total:
        Σ x̂_i, shape (D,), float64.
    product:
        Σ x̂_i x̂_iᵀ, shape (D, D), float64, symmetric.
    rounding:
        Machine epsilon of the precision that rows were multiplied in.
    """

    count: int
    total: NDArray[np.float64]
    product: NDArray[np.float64]
    rounding: float = 0.0

    @classmethod
    def of(cls, x: Array) -> SecondMoments:
        """Second moments of the rows of a (N, D) array.

        >>> m = SecondMoments.of(np.array([[2.0, 0.0], [0.0, 3.0]]))
        >>> m.product.tolist(), m.covariance.tolist()
        ([[1.0, 0.0], [0.0, 1.0]], [[0.25, -0.25], [-0.25, 0.25]])
        """
        return cls.of_parts(x, np.zeros(x.shape[0], np.int64), 1)[0]

    @classmethod
    def of_parts(cls, x: Array, parts: Codes, n: int) -> list[SecondMoments]:
        """Second moments of each part of the rows, in one pass.

        Parameters
        ----------
        x:
            (N, D).
        parts:
            (N,) part of each row, in 0 … n − 1. A part may have no rows.
        """
        xp = array_namespace(x)
        width = x.shape[1]
        counts = np.bincount(parts, minlength=n)
        totals, products = np.zeros((n, width)), np.zeros((n, width, width))
        for rows in tracked_rows(row_chunks(x), x.shape[0]):
            chunk = unit_rows(x[rows, :])  # (n, D)
            present = np.unique(parts[rows])
            for part in present:
                own = chunk
                if len(present) > 1:
                    own = take_rows(chunk, np.flatnonzero(parts[rows] == part))
                total, product = chunk_moments(own)
                totals[part] += total
                products[part] += product
        products = (products + products.swapaxes(1, 2)) / 2
        rounding = float(xp.finfo(working_dtype(x)).eps)
        return [cls(int(counts[k]), totals[k], products[k], rounding) for k in range(n)]

    def merge(self, other: SecondMoments) -> SecondMoments:
        """Second moments of both sets of rows together."""
        self._check_width(other)
        return SecondMoments(
            self.count + other.count,
            self.total + other.total,
            self.product + other.product,
            max(self.rounding, other.rounding),
        )

    def minus(self, other: SecondMoments) -> SecondMoments:
        """Second moments of the rows that are left when those of `other`, a part, are removed.

        Raises
        ------
        InputError
            Widths that differ, or more rows to remove than there are.
        """
        self._check_width(other)
        if other.count > self.count:
            raise InputError(
                f"cannot remove the moments of {other.count} rows from those of {self.count}; "
                "only a part of the rows can be removed"
            )
        return SecondMoments(
            self.count - other.count,
            self.total - other.total,
            self.product - other.product,
            max(self.rounding, other.rounding),
        )

    @property
    def moments(self) -> Moments:
        """The first moments of the same rows."""
        return Moments(self.count, self.total)

    @property
    def mean(self) -> NDArray[np.float64]:
        """The centre of the unit rows, (D,)."""
        return np.asarray(self.total / self._rows())

    @property
    def covariance(self) -> NDArray[np.float64]:
        """Σ x̂_i x̂_iᵀ / N − x̄ x̄ᵀ, (D, D), biased: divided by N. Zero for one row."""
        mean = self.mean
        return self.product / self.count - np.outer(mean, mean)

    @property
    def variance(self) -> float:
        """Trace of the covariance, in [0, 1]: mean squared distance of a unit row to the mean.

        Exactly 0 where it cannot be told from rounding.
        """
        mean = self.mean
        value = float(np.trace(self.product)) / self.count - float(mean @ mean)
        return value if value > self._least(len(mean)) else 0.0

    def eigenvalues(self, *, centred: bool = True) -> NDArray[np.float64]:
        """Eigenvalues of the covariance, or of Σ x̂_i x̂_iᵀ / N, descending, (D,).

        Those that cannot be told from rounding, and those beyond the rank that so many rows
        can have, are exactly 0.
        """
        matrix = self.covariance if centred else self.product / self._rows()
        values = np.linalg.eigvalsh(matrix)[::-1].copy()
        values[self.count - centred :] = 0.0
        values[values <= self._least(len(values)) + 8 * self.rounding * values[0]] = 0.0
        return np.asarray(values)

    def _least(self, width: int) -> float:
        """A variance that rounding of rows, and of sums in double precision, may leave."""
        return 16 * self.rounding**2 + width * float(np.finfo(np.float64).eps)

    def _rows(self) -> int:
        if self.count < 1:
            raise InputError("moments of no rows have no mean")
        return self.count

    def _check_width(self, other: SecondMoments) -> None:
        if self.total.shape != other.total.shape:
            raise InputError(
                "moments of different widths cannot be combined: "
                f"found {len(self.total)} and {len(other.total)} dimensions"
            )


def chunk_moments(rows: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Σ x̂, (D,), and Σ x̂ x̂ᵀ, (D, D), of a chunk of unit rows (n, D)."""
    n = rows.shape[0]
    near = like(column_sums(rows) / n, rows)  # (D,)
    centre = to_numpy(near).astype(np.float64)
    apart = rows - near  # (n, D)
    rest = column_sums(apart)
    mixed = np.outer(centre, rest)
    product = to_numpy(apart.T @ apart) + n * np.outer(centre, centre) + mixed + mixed.T
    return n * centre + rest, product
