"""Uniformity of rows that are not there until they are asked for: a seeded sample of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, take_rows
from ..embeddings import Embeddings
from .budget import draw_rows
from .estimate import Estimate
from .stacked import stacked
from .uniformity import gaussian_uniformity, pair_centroids

Indices = NDArray[np.int64]


def joint_uniformity(
    embeddings: Embeddings, *, sample: int | None = None, seed: int = 0
) -> Estimate:
    """`gaussian_uniformity` of the rows of all modalities, stacked.

    Each row counts once: a modality with more rows weighs more.

    >>> joint_uniformity(Embeddings({"a": np.eye(4)[:2], "b": np.eye(4)[2:]}))
    Estimate(value=-4.0, error=0.0, rows=4)
    """
    rows = stacked(embeddings.arrays.values())
    return _uniformity(rows.shape[0], rows.at, sample, seed)


def centroid_uniformity(
    embeddings: Embeddings, pair: tuple[str, str], *, sample: int | None = None, seed: int = 0
) -> Estimate | None:
    """`gaussian_uniformity` of the `pair_centroids` of two modalities.

    None with a single matched group. An InputError where a centroid has no direction.

    >>> centroid_uniformity(Embeddings({"a": np.eye(4), "b": np.eye(4)}), ("a", "b"))
    Estimate(value=-4.0, error=0.0, rows=4)
    """
    codes = embeddings.codes[pair[0]], embeddings.codes[pair[1]]
    common = np.intersect1d(*codes)

    def centroids(drawn: Indices) -> Array:
        rows = [np.flatnonzero(np.isin(own, common[drawn])) for own in codes]
        x, y = (take_rows(embeddings[name], own) for name, own in zip(pair, rows, strict=True))
        return pair_centroids(x, y, groups=(codes[0][rows[0]], codes[1][rows[1]]))

    return _uniformity(len(common), centroids, sample, seed) if len(common) > 1 else None


def _uniformity(
    n: int, rows: Callable[[Indices], Array], sample: int | None, seed: int
) -> Estimate:
    """Of n rows, twice the sample is made, and the sample drawn from that.

    The error of a sample of m from 2m rows has the factor √(1 − m/2m) where that of m from n
    has √(1 − m/n).
    """
    if sample is None or n <= 2 * sample:
        return gaussian_uniformity(rows(np.arange(n)), sample=sample, seed=seed)
    found = gaussian_uniformity(rows(draw_rows(n, 2 * sample, seed)), sample=sample, seed=seed)
    return replace(found, error=found.error * math.sqrt(2 * (1 - sample / n)))
