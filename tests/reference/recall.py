"""Ranks of the best match by sorting every query's scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .gap import unit

TIE = 1e-6
"""Scores this close are equal but for the rounding of single precision."""


def best_match_ranks(
    queries: ArrayLike, candidates: ArrayLike, gq: ArrayLike, gc: ArrayLike
) -> tuple[list[int], list[int]]:
    """Optimistic and pessimistic rank of each query that has a match, in order."""
    scores = unit(queries) @ unit(candidates).T
    query_ids, candidate_ids = np.asarray(gq).tolist(), np.asarray(gc).tolist()
    optimistic, pessimistic = [], []
    for row, own in zip(scores.tolist(), query_ids, strict=True):
        right = [score for score, other in zip(row, candidate_ids, strict=True) if other == own]
        wrong = [score for score, other in zip(row, candidate_ids, strict=True) if other != own]
        if not right:
            continue
        best = max(right)
        descending = sorted(wrong, reverse=True)
        optimistic.append(1 + sum(score > best + TIE for score in descending))
        pessimistic.append(1 + sum(score >= best - TIE for score in descending))
    return optimistic, pessimistic


def recall_at_k(
    queries: ArrayLike, candidates: ArrayLike, gq: ArrayLike, gc: ArrayLike, k: int
) -> float:
    optimistic, pessimistic = best_match_ranks(queries, candidates, gq, gc)
    hits = [(o + p) / 2 <= k for o, p in zip(optimistic, pessimistic, strict=True)]
    return sum(hits) / len(hits)
