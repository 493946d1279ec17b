"""Planted scores and spaces, whose calibration is known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from isthmus import Embeddings
from isthmus.calibration import Evidence
from isthmus.calibration.scores import BlockScores


def block_scores(
    scores: np.ndarray, codes: tuple[np.ndarray, np.ndarray], blocks: int
) -> Iterator[BlockScores]:
    """Scores (n, m) of rows with these groups, whose block is the group modulo `blocks`."""
    rows, columns = ([np.flatnonzero(own % blocks == b) for b in range(blocks)] for own in codes)
    for f, i in enumerate(rows):
        for g, j in enumerate(columns):
            part, same = scores[np.ix_(i, j)], codes[0][i][:, None] == codes[1][j]
            yield BlockScores(f, g, part[same], part[~same])


def gaussian_scores(
    n: int, seed: int, *, match: float = 0.4, other: float = 0.1, spread: float = 0.08
) -> np.ndarray:
    """(n, n): independent normal scores, those on the diagonal around `match`."""
    scores = np.random.default_rng(seed).normal(other, spread, size=(n, n))
    np.fill_diagonal(scores, np.diag(scores) + match - other)
    return scores


def gaussian_evidence(n: int, seed: int, blocks: int = 10, **planted: float) -> Evidence:
    codes = np.arange(n)
    scores = gaussian_scores(n, seed, **planted)
    return Evidence.of(block_scores(scores, (codes, codes), blocks), blocks)


def space(
    n: int = 200,
    *,
    seed: int = 0,
    width: int = 24,
    gap: float = 1.0,
    noise: float = 1.0,
    texts: int = 1,
) -> Embeddings:
    """Items seen by two modalities with an offset between them; `texts` of each item."""
    rng = np.random.default_rng(seed)
    items = rng.normal(size=(n, width))
    group = np.repeat(np.arange(n), texts)
    direction = np.ones(width) * gap / np.sqrt(width) * 3
    return Embeddings(
        {
            "image": items + 0.5 * noise * rng.normal(size=items.shape) + direction,
            "text": items[group] + noise * rng.normal(size=(n * texts, width)) - direction,
        },
        groups={"image": np.arange(n), "text": group},
    )
