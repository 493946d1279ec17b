"""Matched spaces with known answers, for the closers that learn from pairs."""

from __future__ import annotations

import numpy as np

from isthmus import Embeddings


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def rotation(width, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))[0]


def rows(n, width, seed=0):
    """Unit rows away from the origin."""
    rng = np.random.default_rng(seed)
    return unit(rng.normal(size=(n, width)) + 2 * rng.normal(size=width) / width**0.5)


def several(seed=0, groups=12, width=4, names=("image", "text")):
    """Groups of one to three rows of each modality, some without, in any order."""
    rng = np.random.default_rng(seed)
    arrays, ids = {}, {}
    for name in names:
        counts = rng.integers(0, 4, groups)
        counts[:2] = 1  # some are always common
        found = rng.permutation(np.repeat(np.arange(groups), counts))
        ids[name] = found
        arrays[name] = rng.normal(size=(len(found), width)) + rng.normal(size=width)
    return Embeddings(arrays, groups=ids)


def pairs_by_hand(space, a, b):
    """Every pair of matched rows x, y, (P, D) each, and its weight 1/(n·m), (P,)."""
    x, y, weights = [], [], []
    for i, row in enumerate(unit(space[a])):
        for j, other in enumerate(unit(space[b])):
            if space.groups[a][i] == space.groups[b][j]:
                n = (space.groups[a] == space.groups[a][i]).sum()
                m = (space.groups[b] == space.groups[b][j]).sum()
                x.append(row)
                y.append(other)
                weights.append(1 / (n * m))
    return np.array(x), np.array(y), np.array(weights)


def mean_cosine(closed, a="image", b="text"):
    return float((closed[a] * closed[b]).sum(axis=1).mean())
