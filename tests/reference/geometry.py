"""Geometry of modalities by explicit loops, full matrices and scikit-learn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import sqrtm
from sklearn.covariance import ledoit_wolf
from sklearn.metrics import roc_auc_score

from . import gap, recall
from .gap import Rows, unit


def covariance(x: ArrayLike) -> Rows:
    rows = unit(x)
    centred = [row - rows.mean(axis=0) for row in rows]
    return np.mean([np.outer(row, row) for row in centred], axis=0)


def modality_auc(x: ArrayLike, y: ArrayLike, fold_x: ArrayLike, fold_y: ArrayLike) -> float:
    a, b = unit(x), unit(y)
    in_x, in_y = np.asarray(fold_x), np.asarray(fold_y)
    won, pairs = 0.0, 0
    for fold in np.unique(np.concatenate([in_x, in_y])):
        train_x, train_y = a[in_x != fold], b[in_y != fold]
        test_x, test_y = a[in_x == fold], b[in_y == fold]
        if not all(len(rows) for rows in (train_x, train_y, test_x, test_y)):
            continue
        shrunk = (ledoit_wolf(train_x)[0] + ledoit_wolf(train_y)[0]) / 2
        ridge = (1e-7 * np.trace(shrunk) + 1e-12) * np.eye(a.shape[1])
        direction = np.linalg.inv(shrunk + ridge) @ (train_y.mean(axis=0) - train_x.mean(axis=0))
        scores = np.concatenate([test_x, test_y]) @ direction
        truth = [0] * len(test_x) + [1] * len(test_y)
        won += roc_auc_score(truth, scores) * len(test_x) * len(test_y)
        pairs += len(test_x) * len(test_y)
    return won / pairs


def gap_vector(x: ArrayLike, y: ArrayLike) -> dict[str, float]:
    a, b = unit(x), unit(y)
    g = a.mean(axis=0) - b.mean(axis=0)
    between = (g @ g) / 4
    within = [np.mean([math.dist(r, rows.mean(axis=0)) ** 2 for r in rows]) for rows in (a, b)]
    found = {
        "length": math.sqrt(g @ g),
        "share_of_variance": between / (between + sum(within) / 2),
    }
    u = g / math.sqrt(g @ g)
    for name, rows in (("x", a), ("y", b)):
        centred = rows - rows.mean(axis=0)
        found[f"along_{name}"] = ((centred @ u) ** 2).sum() / (centred**2).sum()
        _, singular, axes = np.linalg.svd(centred, full_matrices=False)
        leading = 1
        while (singular[:leading] ** 2).sum() < 0.9 * (singular**2).sum():
            leading += 1
        projection = sum((u @ axis) * axis for axis in axes[:leading])
        found[f"cosine_{name}"] = float(np.linalg.norm(projection))
    return found


def ablated(x: ArrayLike, dimensions: Sequence[int]) -> Rows:
    return unit(np.delete(unit(x), list(dimensions), axis=1))


def dimension_ablation(
    x: ArrayLike, y: ArrayLike, gx: ArrayLike, gy: ArrayLike, k: int
) -> dict[str, float]:
    order = np.argsort(-gap.dimension_gap(x, y), kind="stable")[:k]
    a, b = ablated(x, order), ablated(y, order)
    return {
        "l2m": gap.l2m(a, b),
        "rmg": gap.rmg(a, b, gx, gy),
        "pair_cosine": gap.pair_cosine(a, b, gx, gy),
        "recall_x_to_y": recall.recall_at_k(a, b, gx, gy, 1),
        "recall_y_to_x": recall.recall_at_k(b, a, gy, gx, 1),
    }


def gaussian_uniformity(x: ArrayLike, t: float) -> float:
    rows = unit(x)
    n = len(rows)
    potentials = [
        math.exp(-t * math.dist(rows[i], rows[j]) ** 2)
        for i in range(n)
        for j in range(n)
        if i != j
    ]
    return math.log(sum(potentials) / len(potentials))


def pair_centroids(x: ArrayLike, y: ArrayLike, gx: ArrayLike, gy: ArrayLike) -> Rows:
    a, b, in_x, in_y = unit(x), unit(y), np.asarray(gx), np.asarray(gy)
    common = sorted(set(in_x.tolist()) & set(in_y.tolist()))
    return unit([a[in_x == g].mean(axis=0) + b[in_y == g].mean(axis=0) for g in common])


def wasserstein_uniformity(x: ArrayLike) -> float:
    rows, spread = unit(x), covariance(x)
    mean, m = rows.mean(axis=0), spread.shape[0]
    root = sqrtm(spread + 1e-15 * np.eye(m)).real
    squared = mean @ mean + 1 + np.trace(spread) - 2 / math.sqrt(m) * np.trace(root)
    return -math.sqrt(max(squared, 0.0))


def effective_rank(x: ArrayLike, *, centred: bool) -> float:
    rows = unit(x)
    if centred:
        rows = rows - rows.mean(axis=0)
    singular = np.linalg.svd(rows, compute_uv=False)
    p = [value / singular.sum() for value in singular if value > 1e-12]
    return math.exp(-sum(value * math.log(value) for value in p))


def class_scatter(
    modalities: Mapping[str, ArrayLike], labels: Mapping[str, ArrayLike]
) -> dict[str, float]:
    rows = np.concatenate([unit(x) for x in modalities.values()])
    classes = np.concatenate([np.asarray(labels[name]) for name in modalities])
    source = np.concatenate([[m] * len(labels[name]) for m, name in enumerate(modalities)])
    found = {"within": 0.0, "between": 0.0, "total": 0.0, "within_from_modality": 0.0}
    for row, label, modality in zip(rows, classes, source, strict=True):
        centre = rows[classes == label].mean(axis=0)
        own = rows[(classes == label) & (source == modality)].mean(axis=0)
        found["within"] += math.dist(row, centre) ** 2 / len(rows)
        found["between"] += math.dist(centre, rows.mean(axis=0)) ** 2 / len(rows)
        found["total"] += math.dist(row, rows.mean(axis=0)) ** 2 / len(rows)
        found["within_from_modality"] += math.dist(own, centre) ** 2 / len(rows)
    found["share"] = found["within_from_modality"] / found["within"] if found["within"] else 0.0
    return found
