"""What a closed space is judged by."""

from __future__ import annotations

import numpy as np

from ...arrays import take_rows
from ...embeddings import Embeddings
from ...metrics.budget import Budget
from ...metrics.gap import l2m, rmg
from ...metrics.group_measure import cluster_together
from ...metrics.mixed_search import MixedQueries, mixed_search_of
from ...metrics.neighbours import knn_accuracies
from ...metrics.recall import recall_at_k

PLACES = 10
"""First places of the search in one index that count."""

METRICS = {
    "gap": "gap (L2M)",
    "rmg": "RMG",
    "recall": "R@1",
    "search_recall": "one index: R@10",
    "search_ndcg": "one index: nDCG@10",
    "own_share": "own kind in top 10",
    "v_measure": "V-measure",
    "neighbours": "kNN across",
}
"""Score → heading. Means over pairs of modalities, directions and modalities of queries."""


def held_out_scores(embeddings: Embeddings, *, seed: int = 0) -> dict[str, float]:
    """The gap, and what it costs, in one number each.

    L2M and RMG, mean over pairs of modalities; R@1 from one modality to another, mean over
    directions; search in one index for all: R@10, nDCG@10 and the share of the query's own
    modality in its first 10 places, mean over modalities. With labels: V-measure of joint
    k-means, and accuracy of a 5-nearest-neighbour vote of one modality on another, mean over
    directions. A score that the space has no rows for is NaN.

    Examples
    --------
    >>> space = Embeddings({"image": np.eye(12), "text": np.eye(12)})
    >>> held_out_scores(space)["search_recall"]
    1.0
    """
    arrays, codes = embeddings.arrays, embeddings.codes
    gaps, relative, recalls = [], [], []
    for a, b in embeddings.pairs:
        gaps.append(l2m(arrays[a], arrays[b]))
        if np.isin(codes[a], codes[b]).any():
            relative.append(rmg(arrays[a], arrays[b], groups=(codes[a], codes[b])))
            for x, y in ((a, b), (b, a)):
                asked = np.flatnonzero(np.isin(codes[x], codes[y]))
                queries = take_rows(arrays[x], asked)
                recalls.append(recall_at_k(queries, arrays[y], groups=(codes[x][asked], codes[y])))
    mixed = _queries(embeddings, seed)
    found = {
        "gap": _mean(gaps),
        "rmg": _mean(relative),
        "recall": _mean(recalls),
        "search_recall": _mean([found.recall for found in mixed.values()]),
        "search_ndcg": _mean([found.ndcg for found in mixed.values()]),
        "own_share": _mean([found.top_share[name] for name, found in mixed.items()]),
    }
    return found | _labelled(embeddings, seed)


def _queries(embeddings: Embeddings, seed: int) -> dict[str, MixedQueries]:
    places = min(PLACES, sum(len(codes) for codes in embeddings.codes.values()) - 1)
    limit = Budget.of(exact=False).mixed
    found = mixed_search_of(embeddings, k=places, max_queries=limit, seed=seed)
    return dict(found.by_modality)


def _labelled(embeddings: Embeddings, seed: int) -> dict[str, float]:
    labels = embeddings.labels
    if labels is None:
        return {}
    budget = Budget.of(exact=False)
    clusters = cluster_together(embeddings, n_clusters=None, budget=budget, seed=seed)
    across = knn_accuracies(embeddings.arrays, labels, embeddings.groups)
    ways = [f"{a}→{b}" for a in embeddings.names for b in embeddings.names if a != b]
    return {
        "v_measure": float("nan") if clusters is None else clusters.v_measure,
        "neighbours": _mean([across[way] for way in ways]),
    }


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
