"""Group-wise metrics by full matrices and explicit loops."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from .gap import Rows, unit


def factor_bias(x: ArrayLike, labels: ArrayLike) -> tuple[float, float]:
    cosines, values = unit(x) @ unit(x).T, np.asarray(labels)
    pairs = list(combinations(range(len(values)), 2))
    intra = [cosines[i, j] for i, j in pairs if values[i] == values[j]]
    cross = [cosines[i, j] for i, j in pairs if values[i] != values[j]]
    return float(np.mean(intra)), float(np.mean(cross))


def multi_hot_bias(x: ArrayLike, held: ArrayLike) -> tuple[float, float]:
    cosines, columns = unit(x) @ unit(x).T, np.asarray(held).T
    rows = range(len(cosines))
    intra, cross = [], []
    for a, first in enumerate(columns):
        for b, second in enumerate(columns):
            found = [cosines[i, j] for i in rows for j in rows if i != j and first[i] and second[j]]
            (intra if a == b else cross).extend(found)
    return float(np.mean(intra)), float(np.mean(cross))


def class_similarity(x: ArrayLike, labels: ArrayLike, classes: list[object]) -> Rows:
    cosines, values = unit(x) @ unit(x).T, np.asarray(labels)
    return np.array(
        [[cosines[np.ix_(values == a, values == b)].mean() for b in classes] for a in classes]
    )


def neighbourhood_distance(x: ArrayLike, lx: ArrayLike, y: ArrayLike, ly: ArrayLike) -> float:
    classes = sorted(set(np.asarray(lx).tolist()) & set(np.asarray(ly).tolist()))
    first, second = class_similarity(x, lx, classes), class_similarity(y, ly, classes)
    distances = []
    for a, b in zip(first, second, strict=True):
        scores = []
        for i, j in combinations(range(len(classes)), 2):
            one, two = np.sign(a[i] - a[j]), np.sign(b[i] - b[j])
            scores.append(0.0 if one == two else 0.5 if one * two == 0 else 1.0)
        distances.append(np.mean(scores))
    return float(np.mean(distances))
