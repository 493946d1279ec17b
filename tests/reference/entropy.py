"""Softmax entropy and InfoNCE from explicit probabilities in double precision."""

from __future__ import annotations

import math
import statistics

import numpy as np
from numpy.typing import ArrayLike

from .gap import unit


def probabilities(x: ArrayLike, y: ArrayLike, temperature: float) -> list[list[float]]:
    rows = []
    for logits in ((unit(x) @ unit(y).T) / temperature).tolist():
        weights = [math.exp(logit - max(logits)) for logit in logits]
        rows.append([weight / math.fsum(weights) for weight in weights])
    return rows


def softmax_entropy(x: ArrayLike, y: ArrayLike, temperature: float) -> list[float]:
    found = probabilities(x, y, temperature)
    return [-math.fsum(p * math.log(p) for p in row if p > 0) for row in found]


def one_way(x: ArrayLike, y: ArrayLike, gx: ArrayLike, gy: ArrayLike, temperature: float) -> float:
    losses = []
    ids = np.asarray(gy).tolist()
    for own, row in zip(np.asarray(gx).tolist(), probabilities(x, y, temperature), strict=True):
        matched = [p for p, other in zip(row, ids, strict=True) if other == own]
        if matched:
            losses.append(-statistics.mean(math.log(p) for p in matched))
    return statistics.mean(losses)
