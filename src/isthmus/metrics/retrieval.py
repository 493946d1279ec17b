"""Cross-modal retrieval: the rank of each query's best match, by counting, in tiles.

A query's rank is one plus the number of candidates that score above its best match. It is
counted strip by strip of the score matrix, so memory is bounded and nothing is sorted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import NDArray

from ..arrays import Array, check_widths, to_numpy, unit_rows, working_dtype
from ..errors import InputError
from ..matching import Codes, count_matches
from .gap import Groups, encode_groups

STRIP_BYTES = 32 * 2**20
"""The strip of scores that is held at a time takes about this much memory."""


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
    """Rank of each query's best match, exact, in strips of bounded memory.

    Parameters
    ----------
    queries, candidates:
        (N, D) and (M, D).
    codes:
        Integer group of each query and of each candidate; without them row i matches row i.
    """
    if codes is None:
        if queries.shape[0] != candidates.shape[0]:
            raise InputError(
                f"without groups, rows are paired by position, but there are "
                f"{queries.shape[0]} queries and {candidates.shape[0]} candidates"
            )
        codes = (np.arange(queries.shape[0]), np.arange(candidates.shape[0]))
    check_widths(queries, candidates)
    query_codes, candidate_codes = codes
    matched = np.flatnonzero(count_matches(query_codes, candidate_codes))
    if not len(matched):
        raise InputError("no query matches a candidate")

    xp = array_namespace(queries)
    precise = xp.float64 in (working_dtype(queries), working_dtype(candidates))
    dtype = xp.float64 if precise else xp.float32
    gallery = xp.astype(unit_rows(candidates), dtype)  # (M, D)
    # Equal vectors may score unequally by so much, depending on their place in the product.
    rounding = float(xp.finfo(dtype).eps) * max(8.0, gallery.shape[1] ** 0.5)
    gallery_codes = xp.asarray(candidate_codes, device=device(gallery))
    step = max(1, STRIP_BYTES // (8 * gallery.shape[0]))
    optimistic, pessimistic = [], []
    for start in range(0, queries.shape[0], step):
        strip = slice(start, start + step)
        scores = xp.astype(unit_rows(queries[strip, :]), dtype) @ gallery.T  # (q, M)
        strip_codes = xp.asarray(query_codes[strip], device=device(gallery))
        is_match = strip_codes[:, None] == gallery_codes[None, :]
        best = xp.max(xp.where(is_match, scores, -2.0), axis=1, keepdims=True)  # (q, 1)
        above = xp.sum(scores > best + rounding, axis=1)
        # Candidates above the best match cannot match; among the ties, matches do not count.
        level = xp.sum((xp.abs(scores - best) <= rounding) & ~is_match, axis=1)
        optimistic.append(to_numpy(above) + 1)
        pessimistic.append(to_numpy(above + level) + 1)
    return Ranks(
        np.concatenate(optimistic)[matched].astype(np.int64),
        np.concatenate(pessimistic)[matched].astype(np.int64),
        candidates=int(gallery.shape[0]),
    )
