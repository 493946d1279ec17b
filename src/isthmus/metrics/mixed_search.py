"""Mixed-modality search: one corpus of all modalities, and who wins its first places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import NDArray

from ..arrays import Array, to_numpy
from ..embeddings import Embeddings, RowValues
from ..errors import InputError
from ..matching import count_matches
from ..progress import steps
from .matched_strips import matched_strips
from .nearest import SPARE, Nearest
from .ranking import ndcg
from .strips import SCORE_BYTES, Gallery, Strip


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
    Exact, in tiles of bounded memory.

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
    return mixed_search_of(
        Embeddings(arrays, groups=groups), k=k, max_queries=max_queries, seed=seed
    )


def mixed_search_of(
    space: Embeddings, *, k: int = 10, max_queries: int | None = None, seed: int = 0
) -> MixedSearch:
    """`mixed_search` of rows that `Embeddings` has checked already.

    >>> found = mixed_search_of(Embeddings({"image": np.eye(3), "text": np.eye(3)}), k=1)
    >>> found.by_modality["image"].recall
    1.0
    """
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
    found = {}
    with steps(dict.fromkeys(parts, 1.0)) as step:
        for name, draw in zip(parts, draws, strict=True):
            with step(name):
                found[name] = _search(space, name, gallery, parts, k, max_queries, draw)
    return MixedSearch(k=k, corpus=corpus, by_modality=found)


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
        space[name],
        gallery,
        codes,
        others,
        rows=rows,
        score_bytes=2 * SCORE_BYTES,  # selection knows scores by their places
        hidden=partial(_itself, parts[name].start, gallery),
    ):
        nearest = Nearest(min(k + SPARE, gallery.size))
        optimistic, pessimistic = strip.ranks(also=nearest.add)
        ranks = (optimistic + pessimistic) / 2
        hits += int((ranks[:, 0] <= k).sum())
        gains += float(ndcg(ranks, strip.counts, k).sum())
        taken += _taken(strip.strip, nearest, parts, k).sum(axis=0)
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


def _itself(start: int, gallery: Gallery, rows: NDArray[np.int64], block: slice) -> Array | None:
    """(q, m) where a block's candidate is the query itself, whose modality starts at `start`."""
    own = start + rows - block.start
    size = block.stop - block.start
    if not ((own >= 0) & (own < size)).any():
        return None
    first = gallery.rows.arrays[0]
    xp, where = array_namespace(first), device(first)
    return xp.arange(size, device=where)[None, :] == xp.asarray(own, device=where)[:, None]


def _taken(
    strip: Strip, nearest: Nearest, parts: Mapping[str, slice], k: int
) -> NDArray[np.float64]:
    """How many of each query's first k places each modality takes, (q, modalities).

    Rows above the k-th highest score have a place; those level with it share the rest.
    """
    scores, rounding = nearest.scores, strip.gallery.rounding
    last = scores[:, k - 1, None]  # (q, 1)
    owner = np.searchsorted([part.stop for part in parts.values()], nearest.places, side="right")
    owned = owner[:, :, None] == np.arange(len(parts))  # (q, K, modalities)
    above = (owned & (scores > last + rounding)[:, :, None]).sum(axis=1)
    level = (owned & (scores >= last - rounding)[:, :, None]).sum(axis=1) - above
    # More of them may be level than were kept.
    more = np.flatnonzero(scores[:, -1] >= last[:, 0] - rounding)
    if scores.shape[1] < strip.gallery.size and len(more):
        low, high = last[more] - rounding, last[more] + rounding
        level[more] = _level(strip.part(more), low, high, parts)
    left = k - above.sum(axis=1, keepdims=True)
    return np.asarray(above + level * (left / level.sum(axis=1, keepdims=True)))


def _level(
    strip: Strip,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    parts: Mapping[str, slice],
) -> NDArray[np.int64]:
    """How many candidates of each modality score from `low` to `high`, (q, modalities)."""
    counts = np.zeros((len(strip.rows), len(parts)), dtype=np.int64)
    for block, scores in strip.blocks():
        xp = array_namespace(scores)
        least, most = (
            xp.asarray(bound, dtype=scores.dtype, device=device(scores)) for bound in (low, high)
        )
        level = (scores >= least) & (scores <= most)  # (q, m)
        for column, part in enumerate(parts.values()):
            begin, end = max(part.start, block.start), min(part.stop, block.stop)
            if begin < end:
                own = level[:, begin - block.start : end - block.start]
                counts[:, column] += to_numpy(xp.count_nonzero(own, axis=1))
    return counts
