"""The columns of the main table, of one trained space."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...arrays import to_numpy
from ...embeddings import Embeddings
from ...metrics import (
    joint_clustering,
    knn_accuracy,
    l2m,
    linear_probe,
    mixed_search,
    pair_cosine,
    recall_at_k,
    rmg,
    wasserstein_uniformity,
)

if TYPE_CHECKING:
    from ..trained import Trained

Match = Literal["item", "label"]
"""What is a hit in retrieval: the row of the same item, or any row of the same class, where a text
says no more than the class."""

TEXT = "text"

MEANINGS = {
    "gap": "distance of the modalities' means (L2M), mean over pairs of modalities",
    "RMG": "relative modality gap, mean over pairs",
    "cos": "cosine of true pairs, mean over pairs",
    "V": "V-measure of k-means over all modalities, × 100",
    "ARI": "adjusted Rand index of the same clusters, × 100",
    "NMI": "their normalised mutual information, × 100",
    "homogeneity": "their homogeneity, × 100",
    "kNN": "accuracy of a vote of 5 neighbours of all modalities, folds by item, × 100",
    "probe": "accuracy of a linear probe on all modalities, split by item, × 100",
    "uniformity": "minus the Wasserstein distance to a uniform sphere",
    "MM R@1": "first of one gallery of all modalities is a match from another one, × 100",
    "cross": "share of other modalities in the top 10 of that gallery, queries other than text, %",
    "τ": "temperature at the end of training",
}
"""Columns that every data set has, in their order, and what they mean."""

KEPT = "columns-1"
"""Name under which a cell keeps its columns."""


def measured(found: Trained, *, match: Match) -> dict[str, float]:
    """Every column of a trained cell but the temperature."""
    return columns(found.space, match=match)


def columns(space: Embeddings, *, match: Match, seed: int = 0) -> dict[str, float]:
    """Every column but the temperature.

    V-measure, ARI, NMI and homogeneity are those of k-means with as many clusters as there are
    classes, on the stacked rows of all modalities, as the paper's; kNN and the probe never see a
    row of an item that they are tested on, unlike the released code.
    """
    assert space.labels is not None
    arrays = {name: to_numpy(space[name]) for name in space.names}
    items = space.codes
    stacked = np.concatenate(list(arrays.values()))
    classes = np.concatenate([space.labels[name] for name in arrays])
    rows = np.concatenate([items[name] for name in arrays])
    pairs = [(arrays[a], arrays[b], (items[a], items[b])) for a, b in space.pairs]
    gaps = {f"gap {a}–{b}": l2m(arrays[a], arrays[b]) for a, b in space.pairs}
    found = {
        "gap": float(np.mean(list(gaps.values()))),
        **gaps,
        "RMG": float(np.mean([rmg(x, y, groups=ids) for x, y, ids in pairs])),
        "cos": float(np.mean([pair_cosine(x, y, groups=ids) for x, y, ids in pairs])),
    }
    hits = items if match == "item" else space.labels
    for a, b in space.pairs:
        for x, y in ((a, b), (b, a)):
            recall = recall_at_k(arrays[x], arrays[y], groups=(hits[x], hits[y]))
            found[recall_column(x, y)] = 100 * recall
    clusters = joint_clustering(stacked, classes, seed=seed)
    found |= {
        "V": 100 * clusters.v_measure,
        "ARI": 100 * clusters.ari,
        "NMI": 100 * clusters.nmi,
        "homogeneity": 100 * clusters.homogeneity,
        "kNN": 100 * knn_accuracy(stacked, classes, rows),
        "probe": 100 * linear_probe(stacked, classes, rows, seed=seed).accuracy,
        "uniformity": wasserstein_uniformity(stacked),
    }
    return found | mixed_columns(space, match=match, seed=seed)


def mixed_columns(space: Embeddings, *, match: Match, seed: int = 0) -> dict[str, float]:
    """Of one gallery of all modalities: its R@1, and who stands in its first ten places.

    Texts are not asked where they say the class alone: their equals fill all places.
    """
    hits = space.codes if match == "item" else space.labels
    first = mixed_search(space.arrays, hits, k=1, max_queries=1000, seed=seed).by_modality
    ten = mixed_search(space.arrays, hits, k=10, max_queries=1000, seed=seed).by_modality
    own = {name: found.top_share[name] for name, found in ten.items() if name != TEXT}
    return {
        "MM R@1": 100 * float(np.mean([found.recall for found in first.values()])),
        "cross": 100 * (1 - float(np.mean(list(own.values())))),
    }


def recall_column(queries: str, candidates: str) -> str:
    """Name of the column of R@1 from one modality to another.

    >>> recall_column("image", "text")
    'R@1 image→text'
    """
    return f"R@1 {queries}→{candidates}"


def meanings(names: tuple[str, ...]) -> dict[str, str]:
    """Columns of a data set with these modalities, in their order, and what they mean."""
    pairs = [(a, b) for k, a in enumerate(names) for b in names[k + 1 :]]
    ways = [way for a, b in pairs for way in ((b, a), (a, b))]
    found = dict(MEANINGS)
    first = {"gap": found.pop("gap")}
    recalls = {recall_column(a, b): "" for a, b in ways}
    gaps = {f"gap {a}–{b}": "" for a, b in combinations(sorted(names), 2)}
    main = {key: found.pop(key) for key in ("V", "kNN")}
    return first | recalls | main | found | (gaps if len(gaps) > 1 else {})
