"""Products of matched unit rows: cross-covariances, in one pass and O(D²) memory, mergeable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, take_rows, to_numpy, unit_rows
from ..matching import Codes
from ..progress import tracked

GROUPS = 512
"""Groups whose means are held at a time."""

ROWS = 2048
"""Rows that are multiplied at a time."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class PairProducts:
    """Sums over matched rows x̂ of one modality and ŷ of another.

    Each common group weighs one, however many rows it has: its n rows x̂ weigh 1/n, its m rows
    ŷ 1/m, and each of its n·m pairs 1/(n·m).

    Attributes
    ----------
    count:
        Number of common groups, G.
    x_total, y_total:
        Σ_g x̄_g and Σ_g ȳ_g with the means of each group's rows, (D,).
    xx, yy:
        Σ_g (1/n_g) Σ_{i ∈ g} x̂_i x̂_iᵀ, and that of ŷ, (D, D).
    xy:
        Σ_g x̄_g ȳ_gᵀ, (D, D).
    """

    count: int
    x_total: Matrix
    y_total: Matrix
    xx: Matrix
    yy: Matrix
    xy: Matrix

    @classmethod
    def of(cls, x: Array, y: Array, codes: tuple[Codes, Codes]) -> PairProducts:
        """Products over all groups that have rows in both (N, D) and (M, D) arrays.

        >>> codes = np.array([0, 1]), np.array([1, 0, 1])
        >>> PairProducts.of(np.eye(2), np.eye(2)[[0, 0, 1]], codes).xy.tolist()
        [[1.0, 0.0], [0.5, 0.5]]
        """
        width, common = x.shape[1], np.intersect1d(*codes)
        sides = [_Side.of(rows, own, common) for rows, own in zip((x, y), codes, strict=True)]
        total = cls(len(common), *np.zeros((2, width)), *np.zeros((3, width, width)))
        starts = range(0, len(common), GROUPS)
        for start in tracked(starts, len(common), lambda _: GROUPS):
            (x_mean, xx), (y_mean, yy) = (
                side.means_and_product(start, min(start + GROUPS, len(common))) for side in sides
            )
            cross = x_mean.T @ y_mean
            total = total.merge(cls(0, x_mean.sum(axis=0), y_mean.sum(axis=0), xx, yy, cross))
        return total

    def merge(self, other: PairProducts) -> PairProducts:
        """Sums over both sets of groups together."""
        return PairProducts(
            self.count + other.count,
            self.x_total + other.x_total,
            self.y_total + other.y_total,
            self.xx + other.xx,
            self.yy + other.yy,
            self.xy + other.xy,
        )

    @property
    def swapped(self) -> PairProducts:
        """The same with x and y exchanged."""
        return PairProducts(
            self.count, self.y_total, self.x_total, self.yy, self.xx, self.xy.T.copy()
        )

    @property
    def means(self) -> tuple[Matrix, Matrix]:
        """Weighted means of x̂ and of ŷ, (D,) each."""
        return self.x_total / self.count, self.y_total / self.count

    @property
    def covariances(self) -> tuple[Matrix, Matrix, Matrix]:
        """Weighted covariances of x̂ and of ŷ, and their cross-covariance, (D, D) each."""
        x, y = self.means
        return (
            self.xx / self.count - np.outer(x, x),
            self.yy / self.count - np.outer(y, y),
            self.xy / self.count - np.outer(x, y),
        )


class _Side(NamedTuple):
    """Rows of one modality that have a match in the other, in the order of their groups."""

    x: Array
    order: NDArray[np.int64]
    """Their indices in x."""
    place: NDArray[np.int64]
    """Ascending number of the group of each, among the common ones."""
    counts: NDArray[np.int64]
    """Rows of each group."""

    @classmethod
    def of(cls, x: Array, codes: Codes, common: Codes) -> _Side:
        order = np.argsort(codes, kind="stable")
        order = order[np.isin(codes[order], common)]
        place = np.searchsorted(common, codes[order])
        return cls(x, order, place, np.bincount(place, minlength=len(common)))

    def means_and_product(self, first: int, last: int) -> tuple[Matrix, Matrix]:
        """Of groups first … last − 1: means (g, D), and Σ_g (1/n_g) Σ_{i ∈ g} x̂_i x̂_iᵀ."""
        width = self.x.shape[1]
        means, product = np.zeros((last - first, width)), np.zeros((width, width))
        start, stop = np.searchsorted(self.place, [first, last])
        for at in range(start, stop, ROWS):
            own = slice(at, min(at + ROWS, stop))
            place = self.place[own]
            rows = to_numpy(unit_rows(take_rows(self.x, self.order[own]))).astype(np.float64)
            weighted = rows / self.counts[place][:, None]
            runs = np.flatnonzero(np.diff(place, prepend=-1))  # where a group begins
            means[place[runs] - first] += np.add.reduceat(weighted, runs, axis=0)
            product += weighted.T @ rows
        return means, product
