"""Slow, obvious losses that are no contrast of pairs by cosine, one loop per sum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from .losses import Rows, unit
from .nt_xent import Set

Score = Callable[[Rows, list[Rows]], float]


def contrast(scores: Rows, rows: Set, columns: Set) -> float:
    """Softmax cross-entropies over a table of scores, in both directions."""

    def one_way(table: Rows, own: Set, other: Set) -> float:
        total = mass = 0.0
        for i in range(len(table)):
            positives = [j for j in range(len(other.codes)) if other.codes[j] == own.codes[i]]
            if positives:
                logs = [table[i, p] - np.log(np.exp(table[i]).sum()) for p in positives]
                total -= own.weights[i] * np.mean(logs)
                mass += own.weights[i]
        return float(total / mass) if mass else 0.0

    return (one_way(scores, rows, columns) + one_way(scores.T, columns, rows)) / 2


def contrast_of_shapes(anchors: Set, others: Sequence[Set], score: Score) -> float:
    """Contrast of anchor rows with the tuples of the others' rows, by a score of the k rows."""
    a, o = unit(anchors.rows), [unit(s.rows) for s in others]
    scores = np.array([[score(x, [z[j] for z in o]) for j in range(len(o[0]))] for x in a])
    return contrast(scores.reshape(len(a), len(o[0])), anchors, others[0])


def volume(x: Rows, others: list[Rows]) -> float:
    """Of the parallelotope of k vectors: √|det G|."""
    z = np.stack([x, *others])
    return float(np.sqrt(abs(np.linalg.det(z @ z.T))))


def area(x: Rows, others: list[Rows]) -> float:
    """Of the triangle between the ends of three vectors, from the lengths of its sides."""
    y, z = others
    a, b, c = (float(np.linalg.norm(d)) for d in (x - y, x - z, y - z))
    return float(np.sqrt(max(4 * a * a * b * b - (a * a + b * b - c * c) ** 2, 0.0))) / 4


def softened(root: float, softening: float) -> float:
    return float(np.sqrt(root * root + softening**2) - softening)


def symile(
    sets: Sequence[Set], orders: Sequence[Sequence[NDArray[np.int64]]], temperature: float
) -> float:
    """Every set as the anchor in turn; orders of the others' rows for every anchor."""
    losses = []
    for k, (anchor, shuffles) in enumerate(zip(sets, orders, strict=True)):
        x = unit(anchor.rows)
        others = [unit(s.rows) for m, s in enumerate(sets) if m != k]
        total = mass = 0.0
        for i in range(len(x)):
            negatives = []
            for j in range(len(x)):
                items = [order[j] for order in shuffles]
                if any(anchor.codes[item] != anchor.codes[i] for item in items):
                    rows = [z[item] for z, item in zip(others, items, strict=True)]
                    negatives.append(np.sum(np.prod([x[i], *rows], axis=0)) / temperature)
            positives = [
                np.sum(np.prod([x[i], *(z[j] for z in others)], axis=0)) / temperature
                for j in range(len(x))
                if anchor.codes[j] == anchor.codes[i]
            ]
            normaliser = np.log(sum(np.exp(s) for s in (*positives, *negatives)))
            total += anchor.weights[i] * (normaliser - np.mean(positives))
            mass += anchor.weights[i]
        losses.append(total / mass if mass else 0.0)
    return float(np.mean(losses))


def separation(x: Set, y: Set, temperature: float, meaning: Rows | None) -> float:
    """One direction: true pairs against x's own rows of other groups; unit rows of meaning."""
    u, v = unit(x.rows), unit(y.rows)
    e = meaning
    total = mass = 0.0
    for i in range(len(u)):
        matches = [j for j in range(len(v)) if y.codes[j] == x.codes[i]]
        if not matches:
            continue
        positive = np.mean([u[i] @ v[j] for j in matches]) / temperature
        normaliser = np.exp(positive)
        for j in range(len(u)):
            if x.codes[j] != x.codes[i]:
                apart = 1.0 if e is None else 1 - e[i] @ e[j]
                normaliser += np.exp(apart * (u[i] @ u[j]) / temperature)
        total += x.weights[i] * (np.log(normaliser) - positive)
        mass += x.weights[i]
    return float(total / mass) if mass else 0.0


def uniformity(x: Set) -> float:
    """Within a set: log of the weighted mean potential between rows of different groups."""
    return cross_uniformity(x, x)


def cross_uniformity(x: Set, y: Set) -> float:
    u, v = unit(x.rows), unit(y.rows)
    total = mass = 0.0
    for i in range(len(u)):
        for j in range(len(v)):
            if x.codes[i] != y.codes[j]:
                weight = (x.weights[i] + y.weights[j]) / 2
                total += weight * np.exp(-2 * np.sum((u[i] - v[j]) ** 2))
                mass += weight
    return float(np.log(total / mass)) if mass else 0.0


def align(x: Set, y: Set) -> float:
    """Of sets of the same items."""
    squares = np.sum((unit(x.rows) - unit(y.rows)) ** 2, axis=1)
    return float(x.weights @ squares / x.weights.sum()) if x.weights.sum() else 0.0


def gap(x: Set, y: Set) -> float:
    """Distance of the weighted means of sets of the same items."""
    if not x.weights.sum():
        return 0.0
    w = x.weights / x.weights.sum()
    return float(np.linalg.norm(w @ unit(x.rows) - w @ unit(y.rows)))


def club(x: Set, y: Set, temperature: float, labels: tuple[Rows, Rows] | None) -> float:
    """Mean score of pairs less the mean score of a row with all rows, or all of its label."""

    def one_way(a: Set, b: Set, own: Rows | None, other: Rows | None) -> float:
        u, v = unit(a.rows), unit(b.rows)
        total = mass = 0.0
        for i in range(len(u)):
            matches = [j for j in range(len(v)) if b.codes[j] == a.codes[i]]
            if matches:
                compared = [
                    j for j in range(len(v)) if own is None or other is None or own[i] == other[j]
                ]
                joint = np.mean([u[i] @ v[j] for j in matches])
                apart = np.mean([u[i] @ v[j] for j in compared])
                total += a.weights[i] * (joint - apart) / temperature
                mass += a.weights[i]
        return float(total / mass) if mass else 0.0

    first, second = labels if labels is not None else (None, None)
    return (one_way(x, y, first, second) + one_way(y, x, second, first)) / 2


def contrast_within(x: Set, y: Set, temperature: float, labels: tuple[Rows, Rows]) -> float:
    """InfoNCE with the rows of the own label as candidates."""

    def one_way(a: Set, b: Set, own: Rows, other: Rows) -> float:
        u, v = unit(a.rows), unit(b.rows)
        total = mass = 0.0
        for i in range(len(u)):
            matches = [j for j in range(len(v)) if b.codes[j] == a.codes[i]]
            if matches:
                logits = [u[i] @ v[j] / temperature for j in range(len(v)) if own[i] == other[j]]
                normaliser = np.log(np.sum(np.exp(logits)))
                logs = [u[i] @ v[j] / temperature - normaliser for j in matches]
                total -= a.weights[i] * np.mean(logs)
                mass += a.weights[i]
        return float(total / mass) if mass else 0.0

    return (one_way(x, y, *labels) + one_way(y, x, *labels[::-1])) / 2


def mean_over_pairs(names: Sequence[str], loss: Callable[[str, str], float]) -> float:
    return float(np.mean([loss(a, b) for a, b in combinations(names, 2)]))
