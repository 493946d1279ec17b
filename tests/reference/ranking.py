"""Ranking scores from explicit lists of ranks, one query and one match at a time."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .gap import unit
from .recall import TIE

Ranks = list[list[float]]
"""For each query that has a match, the ranks of all its matches, best first."""


def match_ranks(
    queries: ArrayLike, candidates: ArrayLike, gq: ArrayLike, gc: ArrayLike
) -> tuple[Ranks, Ranks]:
    """Optimistic and pessimistic."""
    scores = unit(queries) @ unit(candidates).T
    query_ids, candidate_ids = np.asarray(gq).tolist(), np.asarray(gc).tolist()
    return ranks_of_scores(
        scores.tolist(), [[own == other for other in candidate_ids] for own in query_ids]
    )


def ranks_of_scores(scores: list[list[float]], relevant: list[list[bool]]) -> tuple[Ranks, Ranks]:
    optimistic, pessimistic = [], []
    for row, flags in zip(scores, relevant, strict=True):
        right = sorted((s for s, f in zip(row, flags, strict=True) if f), reverse=True)
        wrong = [s for s, f in zip(row, flags, strict=True) if not f]
        if right:
            before = list(enumerate(right, start=1))
            optimistic.append([t + sum(w > s + TIE for w in wrong) for t, s in before])
            pessimistic.append([t + sum(w >= s - TIE for w in wrong) for t, s in before])
    return optimistic, pessimistic


def mean_ranks(optimistic: Ranks, pessimistic: Ranks) -> Ranks:
    both = zip(optimistic, pessimistic, strict=True)
    return [[(a + b) / 2 for a, b in zip(low, high, strict=True)] for low, high in both]


def recall(ranks: Ranks, k: int) -> float:
    return statistics.mean(float(own[0] <= k) for own in ranks)


def median_rank(ranks: Ranks) -> float:
    return statistics.median(own[0] for own in ranks)


def mean_reciprocal_rank(ranks: Ranks) -> float:
    return statistics.mean(1 / own[0] for own in ranks)


def ndcg(ranks: Ranks, k: int) -> float:
    values = []
    for own in ranks:
        gained = sum(1 / math.log2(1 + rank) for rank in own if rank <= k)
        ideal = sum(1 / math.log2(1 + t) for t in range(1, min(len(own), k) + 1))
        values.append(gained / ideal)
    return statistics.mean(values)


def mean_average_precision(ranks: Ranks) -> float:
    def precision(own: list[float]) -> float:
        return statistics.mean(t / rank for t, rank in enumerate(own, start=1))

    return statistics.mean(precision(own) for own in ranks)


def scores(ranks: Ranks, ks: Sequence[int], at: int) -> list[float]:
    """R@k for every k, median rank, MRR, nDCG, mAP."""
    return [
        *(recall(ranks, k) for k in ks),
        median_rank(ranks),
        mean_reciprocal_rank(ranks),
        ndcg(ranks, at),
        mean_average_precision(ranks),
    ]
