from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus import Embeddings, InputError
from isthmus.integrations.one_index import cross_recall, evaluate_index, row_ids
from isthmus.metrics import mixed_search, recall_at_k
from tests.reference.gap import unit
from tests.strategies import seeds


def space_of(seed: int, sizes: tuple[int, ...], groups: int, width: int = 5) -> Embeddings:
    rng = np.random.default_rng(seed)
    names = ["image", "text", "audio"][: len(sizes)]
    rows = {m: rng.normal(size=(n, width)) for m, n in zip(names, sizes, strict=True)}
    # The first row of each has a match for certain, the others by chance.
    ids = {m: np.r_[0, rng.integers(0, groups, n - 1)] for m, n in zip(names, sizes, strict=True)}
    return Embeddings(rows, groups=ids)


class Exact:
    """An index that compares a query with all rows."""

    def __init__(self, space: Embeddings, ids: dict | None = None, only: str | None = None):
        names = space.names if only is None else (only,)
        self.rows = np.concatenate([unit(np.asarray(space[name])) for name in names])
        self.ids = np.concatenate([(ids or row_ids(space))[name] for name in names])
        self.asked: list[tuple] = []

    def __call__(self, queries, k):
        self.asked.append((queries.shape, queries.dtype, k))
        np.testing.assert_allclose(np.linalg.norm(queries, axis=1), 1, rtol=1e-6)
        return self.ids[np.argsort(-(queries @ self.rows.T), axis=1)[:, :k]]


def assert_same(found, expected):
    assert (found.k, found.corpus) == (expected.k, expected.corpus)
    for name, exact in expected.by_modality.items():
        got = found.by_modality[name]
        assert got.queries == exact.queries
        assert got.recall == pytest.approx(exact.recall, abs=1e-12)
        assert got.ndcg == pytest.approx(exact.ndcg, abs=1e-12)
        assert got.top_share == pytest.approx(exact.top_share, abs=1e-12)
        assert got.corpus_share == pytest.approx(exact.corpus_share, abs=1e-12)


@given(
    seeds,
    st.lists(st.integers(2, 12), min_size=2, max_size=3).map(tuple),
    st.integers(1, 9),
    st.integers(1, 3),
)
def test_an_exact_index_gives_what_mixed_search_gives(seed, sizes, groups, k):
    space = space_of(seed, sizes, groups)
    assert_same(
        evaluate_index(Exact(space), space, k=k),
        mixed_search(space.arrays, dict(space.groups), k=k),
    )


@given(seeds, st.integers(3, 20), st.integers(1, 5))
def test_a_draw_of_queries_is_the_one_of_mixed_search(seed, most, k):
    space = space_of(seed, (30, 40), 20)
    assert_same(
        evaluate_index(Exact(space), space, k=k, max_queries=most, seed=seed),
        mixed_search(space.arrays, dict(space.groups), k=k, max_queries=most, seed=seed),
    )


@given(seeds, st.integers(1, 9), st.integers(1, 4))
def test_recall_across_is_recall_at_k_of_the_gallery(seed, groups, k):
    space = space_of(seed, (15, 12), groups)
    for query, gallery in (("image", "text"), ("text", "image")):
        found = cross_recall(Exact(space, only=gallery), space, query=query, gallery=gallery, k=k)
        ids = (space.groups[query], space.groups[gallery])
        assert found == recall_at_k(space[query], space[gallery], k=k, groups=ids)


@pytest.mark.parametrize("library", [np.float16, np.float64, torch.float32])
def test_queries_are_unit_rows_in_single_precision_in_batches(library):
    space = space_of(0, (300, 7), 1)
    convert = torch.tensor if isinstance(library, torch.dtype) else np.asarray
    given_space = space.map(lambda _, x: convert(100 * x, dtype=library))
    index = Exact(space)
    evaluate_index(index, given_space, k=3)
    assert [shape for shape, *_ in index.asked] == [(256, 5), (44, 5), (7, 5)]
    assert {(dtype.name, k) for _, dtype, k in index.asked} == {("float32", 4)}


@pytest.mark.parametrize("kind", [str, int])
def test_ids_of_any_kind_are_understood(kind):
    space = space_of(1, (9, 8), 4)
    ids = {
        name: np.array([kind(1000 + 7 * i) for i in own]) for name, own in row_ids(space).items()
    }
    assert_same(
        evaluate_index(Exact(space, ids), space, k=4, ids=ids),
        mixed_search(space.arrays, dict(space.groups), k=4),
    )


def test_an_index_that_finds_fewer_rows_fills_no_place():
    space = Embeddings({"image": np.eye(4), "text": np.eye(4)})
    # Each query finds itself, its match and then nothing, in one of three ways to say so.
    for answer in (
        lambda i: [i, (i + 4) % 8],
        lambda i: [i, (i + 4) % 8, -1, -1],
        lambda i: [i, (i + 4) % 8, None],
    ):
        found = evaluate_index(
            lambda x, k, a=answer: [a(int(np.argmax(row))) for row in x], space, k=2
        )
        image = found.by_modality["image"]
        assert (image.recall, image.ndcg) == (1, 1)
        assert image.top_share == {"image": 0, "text": 0.5}


def test_a_query_that_its_index_does_not_return_costs_no_place():
    space = Embeddings({"image": np.eye(3), "text": np.eye(3)})
    found = evaluate_index(lambda x, k: [[(int(np.argmax(r)) + 3) % 6] for r in x], space, k=1)
    assert found.by_modality["image"].recall == 1


SPACE = space_of(0, (6, 5), 3)


def ask(search, **options):
    return lambda: evaluate_index(search, SPACE, **options)


REFUSED = {
    "k of nothing": (ask(Exact(SPACE), k=0), "k must be between 1 and 10"),
    "k of everything": (ask(Exact(SPACE), k=11), "k must be between 1 and 10"),
    "no queries": (ask(Exact(SPACE), k=2, max_queries=0), "max_queries must be at least 1"),
    "too few answers": (ask(lambda x, k: [[0]], k=2), "answered 1"),
    "unknown id": (ask(lambda x, k: [[77]] * len(x), k=2), "the id 77, which no row has"),
    "a row twice": (ask(lambda x, k: [[3, 3]] * len(x), k=2), "a row twice"),
    "ids of one modality": (
        ask(Exact(SPACE), k=2, ids={"image": np.arange(6)}),
        "ids are missing for modality 'text'",
    ),
    "ids too few": (
        ask(Exact(SPACE), k=2, ids={"image": np.arange(6), "text": np.arange(4)}),
        "one per row, 5; found 4",
    ),
    "ids not unique": (
        ask(Exact(SPACE), k=2, ids={"image": np.arange(6), "text": np.arange(5)}),
        "of 11 rows only 6 differ",
    ),
    "unknown modality": (
        lambda: cross_recall(Exact(SPACE), SPACE, query="image", gallery="audio"),
        "no modality 'audio'",
    ),
    "gallery not searched alone": (
        lambda: cross_recall(Exact(SPACE), SPACE, query="image", gallery="text", k=5),
        "rows of modality 'text' alone; found a row of 'image'",
    ),
    "k below 1": (
        lambda: cross_recall(Exact(SPACE), SPACE, query="image", gallery="text", k=0),
        "k must be at least 1",
    ),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
