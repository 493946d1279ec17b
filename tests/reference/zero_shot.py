"""Class prototypes by looping over prompts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .gap import unit


def class_prototypes(prompts: ArrayLike, classes: ArrayLike) -> NDArray[np.float64]:
    rows, ids = unit(prompts), np.asarray(classes).tolist()
    means = [
        np.mean([row for row, own in zip(rows, ids, strict=True) if own == name], axis=0)
        for name in sorted(set(ids))
    ]
    return unit(means)


def top_k(
    images: ArrayLike, prototypes: ArrayLike, names: list[str], labels: list[str], k: int
) -> float:
    scores = unit(images) @ unit(prototypes).T
    hits = [
        label in [names[c] for c in np.argsort(-row)[:k]]
        for row, label in zip(scores, labels, strict=True)
    ]
    return sum(hits) / len(hits)
