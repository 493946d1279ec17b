"""A flat picture of a space: the first two principal axes, always taken the same way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import take_rows, to_numpy, unit_rows
from ..embeddings import Embeddings
from ..matching import matched_pairs

SHOWN = 300
"""Rows of each modality that are drawn at most."""


@dataclass(frozen=True)
class PlanarMap:
    """Points of each modality in the plane, which rows they are, and the true pairs drawn.

    `explained` is the share of the variance that each axis shows. `links` are pairs of
    points (modality, modality, index into the first's points, index into the second's).
    """

    points: Mapping[str, NDArray[np.float64]]
    rows: Mapping[str, NDArray[np.int64]]
    explained: tuple[float, float]
    links: tuple[tuple[str, str, NDArray[np.int64], NDArray[np.int64]], ...]


def pca_map(embeddings: Embeddings, *, seed: int = 0) -> PlanarMap:
    """Project a seeded sample of all modalities on their common first two principal axes.

    The axes are those of the unit rows of all modalities together, each weighted equally,
    around the middle of their means: a gap shows as far as it makes up the variance. The
    sign of an axis is fixed by its largest entry.
    """
    rows = _sample_matched(embeddings, seed)
    drawn: dict[str, NDArray[Any]] = {
        name: to_numpy(unit_rows(take_rows(embeddings[name], rows[name]))).astype(np.float64)
        for name in embeddings.names
    }
    middle = np.mean([x.mean(axis=0) for x in drawn.values()], axis=0)
    weighted = np.concatenate([(x - middle) / np.sqrt(len(x)) for x in drawn.values()])
    _, singular, axes = np.linalg.svd(weighted, full_matrices=False)
    axes = _two(axes)
    axes *= np.sign(axes[np.arange(2), np.abs(axes).argmax(axis=1)] + 1e-30)[:, None]
    shares = np.append(singular**2 / max((singular**2).sum(), 1e-30), 0.0)
    codes = embeddings.codes
    links = []
    for a, b in embeddings.pairs:
        chunk = next(matched_pairs(codes[a][rows[a]], codes[b][rows[b]]), None)
        if chunk is not None:
            _, first = np.unique(chunk[0], return_index=True)  # one line for each row of a
            links.append((a, b, chunk[0][first], chunk[1][first]))
    return PlanarMap(
        points={name: (x - middle) @ axes.T for name, x in drawn.items()},
        rows=rows,
        explained=(float(shares[0]), float(shares[1])),
        links=tuple(links),
    )


def _sample_matched(embeddings: Embeddings, seed: int) -> dict[str, NDArray[np.int64]]:
    """Rows to draw: those of randomly chosen groups, so that pairs stay together."""
    groups = np.unique(np.concatenate(list(embeddings.codes.values())))
    rank = np.empty(groups.max() + 1, dtype=np.int64)
    rank[np.random.default_rng(seed).permutation(groups)] = np.arange(len(groups))
    return {
        name: np.sort(np.argsort(rank[codes], kind="stable")[:SHOWN])
        for name, codes in embeddings.codes.items()
    }


def _two(axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first two axes; a second one of zeros where the space has a single dimension."""
    return axes[:2].copy() if len(axes) > 1 else np.vstack([axes, np.zeros_like(axes)])
