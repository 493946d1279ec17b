"""The part of `measure` that needs labels: groups of meaning, of each modality and across."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, take_rows
from ..embeddings import Embeddings
from ..matching import Codes, encode
from ..progress import steps
from .absent import or_none
from .budget import Budget, cluster_starts, draw_rows
from .class_moments import ClassMoments
from .clustering import Clustering, cluster_each, joint_clustering
from .estimate import Estimate
from .group_measurement import (
    ClassOrder,
    GroupMeasurement,
    KnnAccuracies,
    ModalityGroups,
    PairGroups,
)
from .neighbourhood import neighbourhood_distance
from .neighbours import knn_accuracies, knn_estimate
from .pair_measure import Step
from .probe_measure import measure_probes
from .scatter import class_scatter
from .stacked import stacked
from .zero_shot_measure import measure_zero_shot


def measure_groups(
    embeddings: Embeddings,
    *,
    n_clusters: int | None,
    budget: Budget,
    seed: int,
    step: Step,
) -> GroupMeasurement | None:
    """Everything that labels say of a space; None if it has none."""
    if embeddings.labels is None:
        return None
    labels = encode(dict(embeddings.labels))
    with step("clusters"):
        clustering = cluster_together(embeddings, n_clusters=n_clusters, budget=budget, seed=seed)
    with step("kNN"):
        knn = _knn(embeddings, labels, budget.sample, seed)
    with step("clusters of each modality"), steps(dict.fromkeys(labels, 1.0)) as part:
        clusters = {}
        for name, own in labels.items():
            with part(name):
                clusters[name] = _clusters(embeddings[name], own, n_clusters, budget, seed)
    with step("kNN of each modality"):
        accuracies = _knn_accuracies(embeddings, labels, budget.sample, seed)
    with step("zero-shot"):
        classes = max(int(own.max()) for own in labels.values()) + 1
        sums = {
            name: ClassMoments.of(embeddings[name], own, classes) for name, own in labels.items()
        }
        zero_shot = {
            (a, b): measure_zero_shot(
                embeddings[a], labels[a], sums[b], sample=budget.sample, seed=seed
            )
            for a, b in permutations(embeddings.names, 2)
        }
        orders = {
            (a, b): _class_order(embeddings, labels, a, b, budget.classes, seed)
            for a, b in embeddings.pairs
        }
    with step("probes"):
        probes, information = measure_probes(embeddings, labels, budget.probed, seed)
    return GroupMeasurement(
        clustering=clustering,
        scatter=class_scatter(embeddings.arrays, embeddings.labels),
        knn_accuracy=knn,
        knn_accuracies=accuracies,
        by_modality={
            name: ModalityGroups(found, rows, probes[name])
            for name, (found, rows) in clusters.items()
        },
        by_pair={
            (a, b): PairGroups(
                {f"{x}→{y}": found for x, y in ((a, b), (b, a)) if (found := zero_shot[x, y])},
                orders[a, b],
                information[a, b],
            )
            for a, b in embeddings.pairs
        },
    )


def cluster_together(
    embeddings: Embeddings, *, n_clusters: int | None, budget: Budget, seed: int
) -> Clustering:
    """`joint_clustering` of the rows of all modalities; they need labels."""
    assert embeddings.labels is not None
    labels = _joined(embeddings.labels)
    k = n_clusters or len(np.unique(labels))
    start_rows = budget.cluster_rows(k)
    tried = len(labels) if start_rows is None else min(start_rows, len(labels))
    return joint_clustering(
        stacked(embeddings.arrays.values()),
        labels,
        n_clusters=n_clusters,
        n_init=cluster_starts(tried, k, embeddings.dimension),
        start_rows=start_rows,
        modalities=np.repeat(embeddings.names, [len(own) for own in embeddings.codes.values()]),
        seed=seed,
    )


def _knn(
    embeddings: Embeddings, labels: Mapping[str, Codes], sample: int | None, seed: int
) -> Estimate | None:
    """Neighbours of all modalities that vote together."""
    classes, groups = _joined(labels), _joined(embeddings.codes)
    if not _repeated(classes, groups):
        return None
    rows = stacked(embeddings.arrays.values())  # (Σ N_m, D)
    return or_none(  # too few groups to split: the space has no such number
        lambda: knn_estimate(rows, classes, groups, sample=sample, seed=seed)
    )


def _clusters(
    x: Array, labels: Codes, n_clusters: int | None, budget: Budget, seed: int
) -> tuple[Clustering | None, int]:
    """Clusters of one modality by itself, and the number of rows that they are of."""
    k = len(np.unique(labels)) if n_clusters is None else n_clusters
    rows = draw_rows(len(labels), budget.cluster_rows(k), seed)
    found = or_none(  # more clusters than rows
        lambda: cluster_each(
            {"": take_rows(x, rows)},
            {"": labels[rows]},
            n_clusters=n_clusters,
            seed=seed,
        )[""]
    )
    return found, len(rows)


def _knn_accuracies(
    embeddings: Embeddings, labels: Mapping[str, Codes], sample: int | None, seed: int
) -> KnnAccuracies | None:
    """Neighbours of one modality that vote on rows of another, and of their own."""
    drawn = {name: draw_rows(len(own), sample, seed) for name, own in labels.items()}
    if not _repeated(_joined(labels), _joined(embeddings.codes)):
        return None
    found = or_none(  # too few groups, or rows, to split
        lambda: knn_accuracies(
            {name: take_rows(embeddings[name], rows) for name, rows in drawn.items()},
            {name: labels[name][rows] for name, rows in drawn.items()},
            {name: embeddings.codes[name][rows] for name, rows in drawn.items()},
        )
    )
    rows = {name: len(own) for name, own in drawn.items()}
    return None if found is None else KnnAccuracies(found, rows)


def _class_order(
    embeddings: Embeddings,
    labels: Mapping[str, Codes],
    a: str,
    b: str,
    limit: int | None,
    seed: int,
) -> ClassOrder | None:
    """How alike two modalities order the classes, or a sample of them."""
    common = np.intersect1d(labels[a], labels[b])
    if len(common) < 3:  # two are in the same order, or in the opposite one
        return None
    chosen = common[draw_rows(len(common), limit, seed)]
    x, y, own = embeddings[a], embeddings[b], (labels[a], labels[b])
    if len(chosen) < len(common):
        rows = [np.flatnonzero(np.isin(codes, chosen)) for codes in own]
        x, y = take_rows(x, rows[0]), take_rows(y, rows[1])
        own = own[0][rows[0]], own[1][rows[1]]
    return ClassOrder(neighbourhood_distance(x, y, labels=own), len(chosen))


def _joined(columns: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """A column of every modality, one after the other."""
    return np.concatenate(list(columns.values()))


def _repeated(labels: Codes, groups: Codes) -> bool:
    """Whether any class has two groups, so that one can be told from the other."""
    return len(np.unique(labels)) < len(np.unique(groups))
