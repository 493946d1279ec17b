"""Cross-modal retrieval: the rank of each query's best match, by counting, in tiles.

A query's rank is one plus the number of candidates that score above its best match. It is
counted tile by tile of the score matrix, so memory is bounded and nothing is sorted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from ..arrays import Array
from ..matching import Codes
from .gap import Groups, encode_groups
from .matched_strips import checked_codes, matched_strips
from .strips import Gallery

UNMATCHED = -1
"""In place of a count for a query without any match."""


@dataclass(frozen=True)
class Ranks:
    """Rank of each query's best match among the candidates, 1 being the best.

    Where candidates that do not match score as high as the best match, up to the rounding of
    a scalar product, its rank is ambiguous: `optimistic` puts it before them, `pessimistic`
    after them. Queries without any match among the candidates are left out.
    """

    optimistic: NDArray[np.int64]
    pessimistic: NDArray[np.int64]
    candidates: int

    @property
    def mean(self) -> NDArray[np.float64]:
        """Expected rank if ties are broken at random, up to ties among matches."""
        return (self.optimistic + self.pessimistic) / 2

    def recall(self, k: int) -> float:
        """R@k: share of queries whose best match has a mean rank of at most k, in [0, 1]."""
        return float((self.mean <= k).mean())


def recall_at_k(
    queries: Array, candidates: Array, *, k: int = 1, groups: Groups | None = None
) -> float:
    """Share of queries with a match among their k nearest candidates by cosine, in [0, 1].

    Parameters
    ----------
    queries, candidates:
        (N, D) of one modality and (M, D) of another.
    groups:
        Group ids of queries and of candidates. A query may have any number of matches; one
        of them among the first k is a hit. Without groups, row i matches row i.

    Notes
    -----
    A tie between the best match and candidates that do not match counts as their mean rank:
    embeddings that all coincide score no hit.

    Examples
    --------
    >>> recall_at_k(np.eye(3), np.eye(3)[[0, 2, 1]])
    0.333333333333...
    """
    return ranks(queries, candidates, encode_groups(queries, candidates, groups)).recall(k)


def recalls(found: Ranks, ks: Sequence[int]) -> dict[int, float]:
    """R@k for several k."""
    return {k: found.recall(k) for k in ks}


def ranks(queries: Array, candidates: Array, codes: tuple[Codes, Codes] | None = None) -> Ranks:
    """Rank of each query's best match, exact, in tiles of bounded memory.

    Parameters
    ----------
    queries, candidates:
        (N, D) and (M, D).
    codes:
        Integer group of each query and of each candidate; without them row i matches row i.
    """
    query_codes, candidate_codes = checked_codes(queries, candidates, codes)
    gallery = Gallery.of([candidates], [queries])
    xp = array_namespace(candidates)
    above = np.full(queries.shape[0], UNMATCHED)
    level = np.zeros_like(above)
    for strip in matched_strips(queries, gallery, query_codes, candidate_codes):
        best = xp.max(strip.matches, axis=1, keepdims=True)  # (q, 1)
        above[strip.rows, None], level[strip.rows, None] = strip.wrong(best)
    matched = above != UNMATCHED
    optimistic = above[matched] + 1
    return Ranks(optimistic, optimistic + level[matched], candidates=gallery.size)
