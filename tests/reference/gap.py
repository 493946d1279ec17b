"""The gap metrics by full matrices and explicit loops over matched pairs."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Rows = NDArray[np.float64]


def unit(x: ArrayLike) -> Rows:
    rows = np.array(x, dtype=np.float64)
    return np.stack([row / math.sqrt(sum(value * value for value in row)) for row in rows])


def matches(gx: ArrayLike, gy: ArrayLike) -> list[tuple[int, int]]:
    x_ids, y_ids = np.asarray(gx).tolist(), np.asarray(gy).tolist()
    return [(i, j) for i, a in enumerate(x_ids) for j, b in enumerate(y_ids) if a == b]


def dimension_gap(x: ArrayLike, y: ArrayLike) -> Rows:
    return np.abs(unit(x).mean(axis=0) - unit(y).mean(axis=0))


def l2m(x: ArrayLike, y: ArrayLike) -> float:
    return math.sqrt(sum(gap * gap for gap in dimension_gap(x, y)))


def l2i(x: ArrayLike, y: ArrayLike, gx: ArrayLike, gy: ArrayLike) -> float:
    a, b = unit(x), unit(y)
    return float(np.mean([math.dist(a[i], b[j]) for i, j in matches(gx, gy)]))


def pair_cosine(x: ArrayLike, y: ArrayLike, gx: ArrayLike, gy: ArrayLike) -> float:
    cosines = unit(x) @ unit(y).T
    return float(np.mean([cosines[i, j] for i, j in matches(gx, gy)]))


def mean_angular_value(x: ArrayLike) -> float:
    cosines = unit(x) @ unit(x).T
    n = len(cosines)
    return float(np.mean([cosines[i, j] for i in range(n) for j in range(n) if i != j]))


def rmg(x: ArrayLike, y: ArrayLike, gx: ArrayLike, gy: ArrayLike) -> float:
    matched = (1 - pair_cosine(x, y, gx, gy)) / 2
    within = [(1 - mean_angular_value(rows)) / 2 for rows in (x, y)]
    return matched / (sum(within) / 2 + matched)
