"""How long each step of a measurement takes, roughly: what its progress is told by."""

from __future__ import annotations

import numpy as np

from ..embeddings import Embeddings
from .budget import Budget, cluster_starts


def step_costs(
    embeddings: Embeddings, budget: Budget, *, n_clusters: int | None, softmax: bool
) -> dict[str, float]:
    """The steps of `measure` in their order, in seconds of one machine of two cores.

    >>> space = Embeddings({"a": np.eye(3), "b": np.eye(3)})
    >>> names = list(step_costs(space, Budget.of(exact=True), n_clusters=None, softmax=False))
    >>> names[:3]
    ['one pass', 'uniformity', 'intervals a – b']
    """
    width = embeddings.dimension
    rows = {name: float(x.shape[0]) for name, x in embeddings.arrays.items()}
    everything = sum(rows.values())
    sampled = {name: _least(n, budget.sample) for name, n in rows.items()}
    squares = sum(n**2 for n in sampled.values()) + _least(everything, budget.sample) ** 2
    costs = {"one pass": 7e-11 * everything * width**2, "uniformity": 2e-11 * squares * width}
    pairs = _matched(embeddings)
    for a, b in pairs:
        ablated = _least(min(rows[a], rows[b]), budget.ablated)
        together = rows[a] + rows[b]
        costs[f"intervals {a} – {b}"] = 1e-8 * together * width
        costs[f"separability {a} – {b}"] = 2e-10 * together * width**2
        costs[f"centroids {a} – {b}"] = 2e-11 * _least(together / 2, budget.sample) ** 2 * width
        costs[f"dimensions {a} – {b}"] = 1.8e-7 * ablated**2
        for x, y in ((a, b), (b, a)):
            scores = _least(rows[x], budget.queries) * rows[y]
            costs[f"retrieval {x}→{y}"] = (4e-9 + 8e-12 * width) * scores
        if softmax:
            costs[f"softmax {a} – {b}"] = (2e-8 + 3e-11 * width) * rows[a] * rows[b]
    asked = sum(_least(n, budget.mixed) for n in rows.values())
    costs["mixed search"] = (1e-8 + 2e-11 * width) * asked * everything
    if embeddings.labels is not None:
        classes = len(np.unique(np.concatenate(list(embeddings.labels.values()))))
        k = n_clusters or classes
        clustered = sum(_least(n, budget.cluster_rows(k)) for n in rows.values())
        started = _least(everything, budget.cluster_rows(k))
        probed = sum(_least(n, budget.probed) for n in rows.values())
        votes = _least(everything, budget.sample) * everything
        costs |= {
            "clusters": 3e-9 * cluster_starts(int(started), k, width) * started * k * width
            + 5e-9 * everything * k * width,
            "kNN": (5e-9 + 1.5e-11 * width) * votes,
            "clusters of each modality": 3e-8 * clustered * k * width,
            "kNN of each modality": (5e-9 + 2e-11 * width) * sum(sampled.values()) ** 2,
            "zero-shot": 2e-8 * everything * width,
            "probes": (9e-8 + 1e-7 * len(pairs)) * probed * width * min(classes, 100),
        }
    return costs


def _matched(embeddings: Embeddings) -> list[tuple[str, str]]:
    """The pairs of modalities with a group in common."""
    codes = embeddings.codes
    return [(a, b) for a, b in embeddings.pairs if np.isin(codes[a], codes[b]).any()]


def _least(n: float, limit: int | None) -> float:
    return n if limit is None else min(n, float(limit))
