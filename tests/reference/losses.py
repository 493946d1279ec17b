"""Slow, obvious losses in double precision, one loop per sum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]


def unit(x: Rows) -> Rows:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def info_nce(x: Rows, y: Rows, temperature: float, groups: NDArray[np.int64]) -> float:
    def one_way(a: Rows, b: Rows) -> float:
        total = 0.0
        for i in range(len(a)):
            weights = [np.exp(a[i] @ b[j] / temperature) for j in range(len(b))]
            positives = [j for j in range(len(b)) if groups[j] == groups[i]]
            total -= np.mean([np.log(weights[j] / sum(weights)) for j in positives])
        return total / len(a)

    x, y = unit(x), unit(y)
    return (one_way(x, y) + one_way(y, x)) / 2


def align_true_pairs(rows: list[Rows], anchor: int) -> float:
    others = [unit(x) for k, x in enumerate(rows) if k != anchor]
    centre = unit(rows[anchor])
    per_modality = [
        np.mean([np.sum((a - b) ** 2) for a, b in zip(x, centre, strict=True)]) for x in others
    ]
    return float(np.mean(per_modality))


def centroid_uniformity(rows: list[Rows], groups: NDArray[np.int64], *, renormalise: bool) -> float:
    centroids = np.mean([unit(x) for x in rows], axis=0)
    if renormalise:
        centroids = unit(centroids)
    potentials = [
        np.exp(-2 * np.sum((a - b) ** 2))
        for i, a in enumerate(centroids)
        for j, b in enumerate(centroids)
        if groups[i] != groups[j]
    ]
    return float(np.log(np.mean(potentials)))
