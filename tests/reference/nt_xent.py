"""Slow, obvious contrast within and across sets of rows, one loop per sum."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .losses import Rows, unit


class Set(NamedTuple):
    """Rows of one view of a modality: of the items that have it."""

    rows: Rows
    codes: NDArray[np.int64]
    weights: Rows


def nt_xent(sets: list[Set], temperature: float) -> float:
    """Every row against all others, with all others of its code as positives."""
    z = unit(np.concatenate([s.rows for s in sets]))
    codes = np.concatenate([s.codes for s in sets])
    weights = np.concatenate([s.weights for s in sets])
    total = mass = 0.0
    for i in range(len(z)):
        others = [j for j in range(len(z)) if j != i]
        positives = [j for j in others if codes[j] == codes[i]]
        if not positives:
            continue
        normaliser = sum(np.exp(z[i] @ z[j] / temperature) for j in others)
        logs = [z[i] @ z[p] / temperature - np.log(normaliser) for p in positives]
        total -= weights[i] * np.mean(logs)
        mass += weights[i]
    return float(total / mass) if mass else 0.0


def info_nce(x: Set, y: Set, temperature: float) -> float:
    """Both directions; rows without a match are candidates alone."""

    def one_way(a: Set, b: Set) -> float:
        total = mass = 0.0
        u, v = unit(a.rows), unit(b.rows)
        for i in range(len(u)):
            positives = [j for j in range(len(v)) if b.codes[j] == a.codes[i]]
            if not positives:
                continue
            normaliser = sum(np.exp(u[i] @ v[j] / temperature) for j in range(len(v)))
            logs = [u[i] @ v[p] / temperature - np.log(normaliser) for p in positives]
            total -= a.weights[i] * np.mean(logs)
            mass += a.weights[i]
        return float(total / mass) if mass else 0.0

    return (one_way(x, y) + one_way(y, x)) / 2


def mean_over_pairs(sets: dict[str, Set], temperature: float, anchor: str | None = None) -> float:
    """NT-Xent of all pairs of sets, or of the anchor's."""
    pairs = [pair for pair in combinations(sets, 2) if anchor is None or anchor in pair]
    return float(np.mean([nt_xent([sets[a], sets[b]], temperature) for a, b in pairs]))


def co_mm(
    fused: tuple[Set, Set], modalities: dict[str, tuple[Set, Set]], temperature: float
) -> dict[str, float]:
    """L and every L_i, term by term."""
    first, second = fused
    terms = {"fused": nt_xent([first, second], temperature)}
    for name, (one, other) in modalities.items():
        terms[name] = nt_xent([one, second], temperature) / 2
        terms[name] += nt_xent([other, first], temperature) / 2
    return terms
