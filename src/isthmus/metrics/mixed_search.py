"""Mixed-modality search: one corpus of all modalities, and who wins its first places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace, is_cupy_array, is_numpy_array, is_torch_array
from numpy.typing import NDArray

from ..arrays import Array, to_numpy
from ..embeddings import Embeddings, RowValues
from ..errors import InputError
from ..matching import count_matches
from .matched_strips import MatchedStrip, matched_strips
from .ranking import ndcg
from .strips import Gallery


@dataclass(frozen=True)
class MixedQueries:
    """How the queries of one modality fare.

    Attributes
    ----------
    queries:
        Number of queries asked; those without a match in another modality are left out.
    recall:
        R@k, share of queries with a match among their first k, in [0, 1].
    ndcg:
        nDCG@k against the ideal order of all matches, in [0, 1].
    top_share:
        Modality → its share of the queries' first k, in [0, 1].
    corpus_share:
        Modality → its share of the corpus without the query, which a search blind to
        modality would give.
    """

    queries: int
    recall: float
    ndcg: float
    top_share: Mapping[str, float]
    corpus_share: Mapping[str, float]


@dataclass(frozen=True)
class MixedSearch:
    """What `mixed_search` found: its k, the corpus' rows, and modality → its queries' fate."""

    k: int
    corpus: int
    by_modality: Mapping[str, MixedQueries]


def mixed_search(
    arrays: Mapping[str, Array],
    groups: RowValues | None = None,
    *,
    k: int = 10,
    max_queries: int | None = None,
    seed: int = 0,
) -> MixedSearch:
    """Search one corpus of all modalities with every row.

    A query's corpus is every row of every modality but itself, ordered by cosine. Its matches
    are the rows of its group in *other* modalities: other rows of its own modality stand in
    their way, even those of its group. In an open space the first places all go to the
    query's own modality.

    Parameters
    ----------
    arrays:
        Name → (N_m, D), at least two modalities.
    groups:
        Group ids as in `Embeddings`: one array for all modalities, or name → (N_m,). Without
        them, row i matches row i.
    k:
        Places of the result list that count, 1 to Σ N_m − 1.
    max_queries:
        Ask only so many of each modality's queries, drawn at random; all if not given. The
        corpus stays whole.
    seed:
        Seed of that draw.

    Raises
    ------
    InputError
        What `Embeddings` refuses; k outside its range; max_queries below 1; a modality with no
        match in any other.

    Notes
    -----
    Ties: a match level with rows that do not match counts the mean of its best and worst
    rank. Where rows tie for place k, the shares count what a random choice among them would
    give on average. If all rows coincide, shares of the top equal those of the corpus.
    Exact, in strips of bounded memory beside one copy of the corpus' unit rows.

    References
    ----------
    Li et al., *Closing the Modality Gap for Mixed Modality Search* (2025, arXiv 2507.19054),
    whose code computes the ideal over retrieved rows only; here it is over all matches.

    Examples
    --------
    >>> apart = {"image": [[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]],
    ...          "text": [[1.0, 0.0, -1.0], [0.0, 1.0, -1.0]]}
    >>> found = mixed_search(apart, k=1).by_modality["image"]
    >>> found.recall, found.top_share
    (0.0, {'image': 1.0, 'text': 0.0})
    """
    space = Embeddings(arrays, groups=groups)
    sizes = {name: int(x.shape[0]) for name, x in space.arrays.items()}
    corpus = sum(sizes.values())
    if not 1 <= k < corpus:
        raise InputError(
            f"k must be between 1 and {corpus - 1}, the rows that a query can find; found {k}"
        )
    if max_queries is not None and max_queries < 1:
        raise InputError(f"max_queries must be at least 1; found {max_queries}")
    gallery = Gallery.of(list(space.arrays.values()))
    ends = np.cumsum(list(sizes.values()))
    parts = {
        name: slice(int(end) - sizes[name], int(end)) for name, end in zip(sizes, ends, strict=True)
    }
    draws = np.random.default_rng(seed).spawn(len(parts))
    return MixedSearch(
        k=k,
        corpus=corpus,
        by_modality={
            name: _search(space, name, gallery, parts, k, max_queries, draw)
            for name, draw in zip(parts, draws, strict=True)
        },
    )


def _search(
    space: Embeddings,
    name: str,
    gallery: Gallery,
    parts: Mapping[str, slice],
    k: int,
    max_queries: int | None,
    draw: np.random.Generator,
) -> MixedQueries:
    codes = space.codes[name]
    others = np.concatenate([np.where(m == name, -1, space.codes[m]) for m in parts])
    rows = np.flatnonzero(count_matches(codes, others))
    if max_queries is not None and max_queries < len(rows):
        rows = np.sort(draw.choice(rows, max_queries, replace=False))
    hits, gains = 0, 0.0
    taken = np.zeros(len(parts))
    for strip in matched_strips(
        space[name], gallery, codes, others, rows=rows, own_place=parts[name].start
    ):
        optimistic, pessimistic = strip.ranks()
        ranks = (optimistic + pessimistic) / 2
        hits += int((ranks[:, 0] <= k).sum())
        gains += float(ndcg(ranks, strip.counts, k).sum())
        taken += _taken(strip, parts, k).sum(axis=0)
    return MixedQueries(
        queries=len(rows),
        recall=hits / len(rows),
        ndcg=gains / len(rows),
        top_share=dict(zip(parts, (taken / (k * len(rows))).tolist(), strict=True)),
        corpus_share={
            m: (part.stop - part.start - (m == name)) / (gallery.size - 1)
            for m, part in parts.items()
        },
    )


def _taken(strip: MatchedStrip, parts: Mapping[str, slice], k: int) -> NDArray[np.float64]:
    """How many of each query's first k places each modality takes, (q, modalities).

    Rows above the k-th highest score have a place; those level with it share the rest.
    """
    xp = array_namespace(strip.scores)
    last = _kth_highest(strip.scores, k)  # (q, 1)
    high, low = last + strip.rounding, last - strip.rounding

    def counts(chosen: Array) -> NDArray[np.int64]:
        return np.stack(
            [to_numpy(xp.count_nonzero(chosen[:, part], axis=1)) for part in parts.values()],
            axis=1,
        )

    above = counts(strip.scores > high)  # (q, modalities)
    level = counts(strip.scores >= low) - above
    left = k - above.sum(axis=1, keepdims=True)
    return np.asarray(above + level * (left / level.sum(axis=1, keepdims=True)))


def _kth_highest(scores: Array, k: int) -> Array:
    """The k-th highest score of each row, (q, 1), by selection where the library has it."""
    xp = array_namespace(scores)
    place = scores.shape[1] - k
    if is_numpy_array(scores) or is_cupy_array(scores):
        return xp.partition(scores, place, axis=1)[:, place, None]
    if is_torch_array(scores):
        return xp.topk(scores, k, dim=1).values[:, -1:]
    return xp.sort(scores, axis=1)[:, place, None]
