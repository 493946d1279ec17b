"""Retrieval quality from the ranks of all matches: R@k, median rank, MRR, nDCG, mAP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..errors import InputError
from ..matching import Codes
from .gap import Groups, encode_groups
from .matched_strips import Counts, checked_codes, matched_strips
from .strips import Gallery

MatchRanks: TypeAlias = NDArray[Any]
"""(q, P) rank of each query's matches, best first; whole, or halves where ties are averaged."""


@dataclass(frozen=True)
class RankingScores:
    """Means over the queries, under one way to break ties.

    Attributes
    ----------
    recall:
        k → R@k, share of queries whose best match ranks k or better, in [0, 1].
    median_rank:
        Median rank of the best match, from 1.
    mean_reciprocal_rank:
        MRR, mean of 1 / rank of the best match, in (0, 1].
    ndcg:
        nDCG@k with binary relevance, in [0, 1].
    mean_average_precision:
        mAP, in (0, 1].
    """

    recall: Mapping[int, float]
    median_rank: float
    mean_reciprocal_rank: float
    ndcg: float
    mean_average_precision: float


@dataclass(frozen=True)
class Retrieval(RankingScores):
    """What `retrieval` found: every score with ties at their mean rank, and the two extremes.

    Attributes
    ----------
    queries:
        Number of queries that have a match; the others are left out.
    candidates:
        Number of candidates that each of them was compared with.
    ndcg_at:
        The k of nDCG@k.
    optimistic, pessimistic:
        The same scores with matches before, or after, the candidates they tie with.
    """

    queries: int
    candidates: int
    ndcg_at: int
    optimistic: RankingScores
    pessimistic: RankingScores

    @property
    def tied(self) -> bool:
        """Whether ties make a difference to any of the scores."""
        return self.optimistic != self.pessimistic


@dataclass(frozen=True)
class QueryScores:
    """Best rank, nDCG and average precision of each query, in whichever order.

    Attributes
    ----------
    rows:
        (q,) the queries that have a match, as rows of all queries.
    optimistic, mean, pessimistic:
        (q, 3) scores with ties broken in each way.
    """

    rows: NDArray[np.int64]
    optimistic: NDArray[np.float64]
    mean: NDArray[np.float64]
    pessimistic: NDArray[np.float64]
    candidates: int
    ndcg_at: int

    @classmethod
    def of(
        cls,
        queries: Array,
        candidates: Array,
        codes: tuple[Codes, Codes] | None,
        *,
        ndcg_at: int = 10,
        max_queries: int | None = None,
        seed: int = 0,
    ) -> QueryScores:
        """Score every query that has a match, or a seeded sample of `max_queries` of them.

        Codes as in `isthmus.metrics.ranks`.
        """
        codes = checked_codes(queries, candidates, codes)
        gallery = Gallery.of([candidates], [queries])
        chosen = np.flatnonzero(np.isin(*codes))
        if max_queries is not None and max_queries < len(chosen):
            chosen = np.random.default_rng(seed).choice(chosen, max_queries, replace=False)
        rows: list[NDArray[np.int64]] = []
        parts: list[list[NDArray[np.float64]]] = [[], [], []]
        for strip in matched_strips(queries, gallery, *codes, rows=np.sort(chosen)):
            low, high = strip.ranks()
            rows.append(strip.rows)
            for part, ranks in zip(parts, (low, (low + high) / 2, high), strict=True):
                part.append(_per_query(ranks, strip.counts, ndcg_at))
        optimistic, mean, pessimistic = map(np.concatenate, parts)
        return cls(np.concatenate(rows), optimistic, mean, pessimistic, gallery.size, ndcg_at)

    def hits(self, k: int) -> NDArray[np.bool_]:
        """(q,) whether each query's best match has a mean rank of at most k."""
        return np.asarray(self.mean[:, 0] <= k)

    def summary(self, ks: Sequence[int] = (1, 5, 10)) -> Retrieval:
        """Means over the queries."""
        return Retrieval(
            **vars(_scores(self.mean, ks)),
            queries=len(self.rows),
            candidates=self.candidates,
            ndcg_at=self.ndcg_at,
            optimistic=_scores(self.optimistic, ks),
            pessimistic=_scores(self.pessimistic, ks),
        )


def retrieval(
    queries: Array,
    candidates: Array,
    *,
    groups: Groups | None = None,
    ks: Sequence[int] = (1, 5, 10),
    ndcg_at: int = 10,
) -> Retrieval:
    r"""Rank all candidates by cosine for every query, and score where its matches come.

    With r_1 < … < r_P the ranks of a query's P matches among all candidates:

    - R@k = [r_1 ≤ k], reciprocal rank 1/r_1;
    - nDCG@k = Σ_{t: r_t ≤ k} 1/log₂(1 + r_t)  /  Σ_{t ≤ min(P, k)} 1/log₂(1 + t): the ideal
      has all P matches first, found or not;
    - average precision = (1/P) Σ_t t / r_t,

    each averaged over the queries that have a match. Exact, in tiles of bounded memory: a
    match's rank is counted, no list of candidates is sorted by index.

    Parameters
    ----------
    queries, candidates:
        (N, D) of one modality and (M, D) of another.
    groups:
        Group ids of queries and of candidates, matching many to many; without them, row i
        matches row i.
    ks:
        The k of R@k.
    ndcg_at:
        The k of nDCG@k.

    Raises
    ------
    InputError
        A k below 1; groups that do not fit the rows; no query with a match.

    Notes
    -----
    Where candidates that do not match score level with a match, up to rounding, a score counts
    the mean of the match's best and worst rank; `optimistic` and `pessimistic` give the
    bounds. If all rows coincide, every match ties with every other candidate. Perfect
    alignment of distinct rows gives 1 throughout; so does a query that all candidates match.

    References
    ----------
    Järvelin and Kekäläinen, *Cumulated Gain-Based Evaluation of IR Techniques* (2002).

    Examples
    --------
    >>> found = retrieval(np.eye(3), np.eye(3)[[0, 2, 1]])
    >>> found.recall[1], found.median_rank, found.tied
    (0.333333333333..., 2.5, True)
    """
    if wrong := [k for k in (*ks, ndcg_at) if k < 1]:
        raise InputError(f"ranks start at 1: ks and ndcg_at must be at least 1; found {wrong[0]}")
    codes = encode_groups(queries, candidates, groups)
    return QueryScores.of(queries, candidates, codes, ndcg_at=ndcg_at).summary(ks)


def ndcg(ranks: MatchRanks, counts: Counts, k: int) -> NDArray[np.float64]:
    """nDCG@k of each query, (q,), from the ranks of its matches.

    >>> ndcg(np.array([[1, 3]]), np.array([2]), 2).round(3)
    array([0.613])
    """
    nth = np.arange(1, ranks.shape[1] + 1)
    gains = np.where(nth <= counts[:, None], 1 / np.log2(1 + ranks), 0)  # (q, P)
    ideal = np.cumsum(np.where(nth <= k, 1 / np.log2(1 + nth), 0))  # (P,)
    found: NDArray[np.float64] = np.where(ranks <= k, gains, 0).sum(axis=1) / ideal[counts - 1]
    return found


def _per_query(ranks: MatchRanks, counts: Counts, ndcg_at: int) -> NDArray[np.float64]:
    """Best rank, nDCG and average precision of each query, (q, 3)."""
    nth = np.arange(1, ranks.shape[1] + 1)
    precision = np.where(nth <= counts[:, None], nth / ranks, 0).sum(axis=1) / counts
    return np.stack([ranks[:, 0], ndcg(ranks, counts, ndcg_at), precision], axis=1)


def _scores(per_query: NDArray[np.float64], ks: Sequence[int]) -> RankingScores:
    best, gains, precision = per_query.T
    return RankingScores(
        recall={k: float((best <= k).mean()) for k in ks},
        median_rank=float(np.median(best)),
        mean_reciprocal_rank=float((1 / best).mean()),
        ndcg=float(gains.mean()),
        mean_average_precision=float(precision.mean()),
    )
