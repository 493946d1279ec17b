"""One index of several modalities, measured through whatever searches it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Array, take_rows, to_numpy, unit_rows
from ..embeddings import Embeddings
from ..errors import InputError
from ..matching import count_matches
from ..metrics.mixed_search import MixedQueries, MixedSearch

Search: TypeAlias = Callable[[NDArray[np.float32], int], Iterable[Sequence[Any]]]
"""(q, D) vectors and k → for each of the q queries the ids of its k nearest rows, best first."""

_BATCH = 256  # queries at a time

_NONE = -1  # in place of a row, where an index found fewer than it was asked for


def row_ids(space: Embeddings) -> dict[str, NDArray[np.int64]]:
    """Modality → numbers of its rows, counted through all modalities.

    >>> ids = row_ids(Embeddings({"image": np.eye(2), "text": np.eye(2)}))
    >>> ids["image"], ids["text"]
    (array([0, 1]), array([2, 3]))
    """
    sizes = [int(x.shape[0]) for x in space.arrays.values()]
    ends = np.cumsum(sizes)
    return {
        name: np.arange(end - size, end)
        for name, size, end in zip(space.names, sizes, ends, strict=True)
    }


def evaluate_index(
    search: Search,
    space: Embeddings,
    *,
    k: int = 10,
    ids: Mapping[str, ArrayLike] | None = None,
    max_queries: int | None = None,
    seed: int = 0,
) -> MixedSearch:
    """`isthmus.metrics.mixed_search`, of an index as it answers, exact or not.

    Every row of every modality is a query. Its matches are the rows of its group in other
    modalities; it is dropped itself from what the index returns.

    Parameters
    ----------
    search:
        (q, D) unit rows in single precision, and how many neighbours → for each query the
        ids of its nearest rows, best first. An array, or lists, which may be shorter; −1 for
        none, as FAISS has it.
    space:
        The rows that the index holds, as they lie in it: open, or closed.
    k:
        Places of the result list that count, 1 to Σ N_m − 1. The index is asked for k + 1.
    ids:
        Modality → (N_m,) the index's id of each row; `row_ids` if not given.
    max_queries:
        Ask only so many of each modality's queries, drawn at random.
    seed:
        Seed of that draw.

    Returns
    -------
    R@k, nDCG@k and each modality's share of the first k, per modality of the queries. Where an
    index returns fewer than k rows the shares add up to less than one. Rows that tie count in
    the order in which the index returns them; without ties, an exact index gives what
    `mixed_search` gives.

    Raises
    ------
    InputError
        k outside its range; ids that are not one per row, or not unique; a modality without
        any match; an answer for another number of queries, with an id that is no row's, or
        with one row twice.

    Examples
    --------
    >>> space = Embeddings({"image": [[1.0, 0.1], [0.1, 1.0]], "text": [[1.0, 0.0], [0.0, 1.0]]})
    >>> rows = np.concatenate([space["image"], space["text"]])
    >>> found = evaluate_index(lambda x, k: np.argsort(-(x @ rows.T))[:, :k], space, k=1)
    >>> found.by_modality["image"].recall
    1.0
    """
    corpus = _Corpus(space, ids)
    if not 1 <= k < corpus.size:
        raise InputError(
            f"k must be between 1 and {corpus.size - 1}, the rows that a query can find; found {k}"
        )
    draws = np.random.default_rng(seed).spawn(len(space.names))
    found = {}
    for number, (name, draw) in enumerate(zip(space.names, draws, strict=True)):
        counts = count_matches(space.codes[name], np.where(corpus.owner == number, -1, corpus.code))
        rows = _queries(counts, name, max_queries, draw)
        places = corpus.ask(search, name, rows, k)
        known = places != _NONE
        other = known & (corpus.owner[places] != number)
        hits = other & (corpus.code[places] == space.codes[name][rows][:, None])  # (q, k)
        discounts = 1 / np.log2(np.arange(2, k + 2))
        ideal = np.cumsum(discounts)[np.minimum(counts[rows], k) - 1]
        sizes = np.bincount(corpus.owner) - (np.arange(len(space.names)) == number)
        found[name] = MixedQueries(
            queries=len(rows),
            recall=float(hits.any(axis=1).mean()),
            ndcg=float((hits @ discounts / ideal).mean()),
            top_share={
                m: float((known & (corpus.owner[places] == j)).mean())
                for j, m in enumerate(space.names)
            },
            corpus_share={m: int(sizes[j]) / (corpus.size - 1) for j, m in enumerate(space.names)},
        )
    return MixedSearch(k=k, corpus=corpus.size, by_modality=found)


def cross_recall(
    search: Search,
    space: Embeddings,
    *,
    query: str,
    gallery: str,
    k: int = 1,
    ids: Mapping[str, ArrayLike] | None = None,
) -> float:
    """R@k from one modality to another, of an index whose `search` returns the gallery alone.

    The share of queries with a match among their first k, in [0, 1]; queries without a match
    in the gallery are left out. Parameters and errors as for `evaluate_index`.

    >>> space = Embeddings({"image": [[1.0, 0.1], [0.1, 1.0]], "text": [[1.0, 0.0], [0.0, 1.0]]})
    >>> search = lambda x, k: 2 + np.argsort(-(x @ np.asarray(space["text"]).T))[:, :k]
    >>> cross_recall(search, space, query="image", gallery="text")
    1.0
    """
    corpus = _Corpus(space, ids)
    for name in (query, gallery):
        _ = space[name]  # an unknown modality is refused here
    if k < 1:
        raise InputError(f"k must be at least 1; found {k}")
    rows = _queries(count_matches(space.codes[query], space.codes[gallery]), query)
    places = corpus.ask(search, query, rows, k)
    number = space.names.index(gallery)
    if (strange := (corpus.owner[places] != number) & (places != _NONE)).any():
        raise InputError(
            f"the search must return rows of modality '{gallery}' alone; found a row of "
            f"'{space.names[int(corpus.owner[places[strange][0]])]}'"
        )
    hits = (places != _NONE) & (corpus.code[places] == space.codes[query][rows][:, None])
    return float(hits.any(axis=1).mean())


class _Corpus:
    """All rows of all modalities: their ids, modalities and groups."""

    def __init__(self, space: Embeddings, ids: Mapping[str, ArrayLike] | None) -> None:
        self.space = space
        self.code = np.concatenate([space.codes[name] for name in space.names])
        self.owner = np.repeat(
            np.arange(len(space.names)), [len(space.codes[name]) for name in space.names]
        )
        self.first = {name: int(own[0]) for name, own in row_ids(space).items()}
        listed: list[Hashable] = []
        for name in space.names:
            if ids is not None and name not in ids:
                raise InputError(f"ids are missing for modality '{name}'")
            own = np.asarray((row_ids(space) if ids is None else ids)[name]).tolist()
            if len(own) != len(space.codes[name]):
                raise InputError(
                    f"ids of modality '{name}' must be one per row, {len(space.codes[name])}; "
                    f"found {len(own)}"
                )
            listed += own
        self.places = {own: place for place, own in enumerate(listed)}
        if len(self.places) < len(listed):
            raise InputError(
                f"ids must tell all rows apart, those of different modalities too; of "
                f"{len(listed)} rows only {len(self.places)} differ"
            )

    @property
    def size(self) -> int:
        return len(self.code)

    def ask(self, search: Search, name: str, rows: NDArray[np.int64], k: int) -> NDArray[np.int64]:
        """(q, k) places of the first k that the index returns for rows of a modality.

        A query is left out of its own answer; `_NONE` where the index returned fewer.
        """
        found = np.full((len(rows), k), _NONE)
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            vectors = _vectors(take_rows(self.space[name], batch))
            answers = [_listed(answer) for answer in search(vectors, k + 1)]
            if len(answers) != len(batch):
                raise InputError(
                    f"the search was asked {len(batch)} queries and answered {len(answers)}"
                )
            for at, (row, answer) in enumerate(zip(batch, answers, strict=True), start):
                own = self.first[name] + int(row)
                others = [place for place in self._places(answer) if place != own][:k]
                found[at, : len(others)] = others
        return found

    def _places(self, answer: list[Hashable]) -> list[int]:
        known = [one for one in answer if one in self.places or one not in (_NONE, None)]
        for one in known:
            if one not in self.places:
                raise InputError(
                    f"the search returned the id {one!r}, which no row has: does the index "
                    "hold these rows, under these ids?"
                )
        if len(set(known)) < len(known):
            raise InputError(f"the search returned a row twice for one query; found ids {known}")
        return [self.places[one] for one in known]


def _queries(
    counts: NDArray[np.int64],
    name: str,
    most: int | None = None,
    draw: np.random.Generator | None = None,
) -> NDArray[np.int64]:
    """Rows that have a match, or a draw of them."""
    rows = np.flatnonzero(counts)
    if not len(rows):
        raise InputError(f"no row of modality '{name}' has a match in what is searched")
    if most is not None and most < 1:
        raise InputError(f"max_queries must be at least 1; found {most}")
    if most is not None and draw is not None and most < len(rows):
        rows = np.sort(draw.choice(rows, most, replace=False))
    return rows


def _vectors(rows: Array) -> NDArray[np.float32]:
    return np.ascontiguousarray(to_numpy(unit_rows(rows)), dtype=np.float32)


def _listed(answer: Sequence[Any]) -> list[Hashable]:
    return list(answer.tolist() if isinstance(answer, np.ndarray) else answer)
