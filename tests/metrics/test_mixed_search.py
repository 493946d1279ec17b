from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus import Embeddings, InputError, arrays, checks
from isthmus.closers import Centering
from isthmus.metrics import nearest, strips
from isthmus.metrics.mixed_search import MixedSearch, mixed_search, mixed_search_of
from tests.reference import mixed_search as reference
from tests.strategies import rotation, seeds

LIBRARIES = pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["np", "torch"])


def make(seed: int, *, sizes: tuple[int, ...] = (20, 35, 12), copies: bool = False) -> tuple:
    """Three modalities a, b, c that match many to many; with `copies`, full of duplicates."""
    rng = np.random.default_rng(seed)
    names = "abc"[: len(sizes)]
    rows = {name: rng.normal(size=(n, 9)) for name, n in zip(names, sizes, strict=True)}
    if copies:
        rows = {name: rows["a"][rng.integers(0, 6, len(x))] for name, x in rows.items()}
    groups = {name: rng.integers(0, 9, len(x)) for name, x in rows.items()}
    for ids in groups.values():
        ids[0] = 0
    return rows, groups


def numbers(found: MixedSearch) -> list[float]:
    return [
        number
        for queries in found.by_modality.values()
        for number in (queries.recall, queries.ndcg, *queries.top_share.values())
    ]


def expected_numbers(rows, groups, k) -> list[float]:
    found = reference.mixed_search(rows, groups, k).values()
    return [number for recall, ndcg, share in found for number in (recall, ndcg, *share.values())]


@LIBRARIES
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("copies", [False, True])
@pytest.mark.parametrize("k", [1, 10, 66])
def test_scores_equal_the_reference(k, copies, dtype, library):
    rows, groups = make(1, copies=copies)
    rounded = {name: x.astype(dtype) for name, x in rows.items()}
    found = mixed_search({name: library(x) for name, x in rounded.items()}, groups, k=k)
    np.testing.assert_allclose(numbers(found), expected_numbers(rounded, groups, k), rtol=1e-9)


@given(seeds, st.integers(1, 15), st.booleans())
def test_scores_equal_the_reference_on_any_groups(seed, k, copies):
    rows, groups = make(seed, sizes=(7, 10), copies=copies)
    found = numbers(mixed_search(rows, groups, k=k))
    np.testing.assert_allclose(found, expected_numbers(rows, groups, k), rtol=1e-9)


@pytest.mark.parametrize("k", [1, 10])
def test_selection_and_sorting_give_the_same(monkeypatch, k):
    rows, groups = make(2, copies=True)
    selected = numbers(mixed_search(rows, groups, k=k))
    monkeypatch.setattr(nearest, "is_numpy_array", lambda _: False)
    assert numbers(mixed_search(rows, groups, k=k)) == selected


@given(seeds, st.integers(1, 3000), st.integers(1, 500))
def test_strips_of_any_size_give_the_same(seed, strip_bytes, chunk_bytes):
    rows, groups = make(seed, sizes=(7, 10))
    whole = numbers(mixed_search(rows, groups, k=3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strips, "STRIP_BYTES", strip_bytes)
        patch.setattr(arrays, "CHUNK_BYTES", chunk_bytes)
        np.testing.assert_allclose(numbers(mixed_search(rows, groups, k=3)), whole, rtol=1e-12)


@given(seeds)
def test_rotation_and_order_change_nothing(seed):
    rows, groups = make(seed, copies=seed % 2 == 0)
    turn, rng = rotation(9, seed), np.random.default_rng(seed)
    orders = {name: rng.permutation(len(x)) for name, x in rows.items()}
    moved = {name: rows[name][order] @ turn for name, order in orders.items()}
    ids = {name: groups[name][order] for name, order in orders.items()}
    before, after = (numbers(mixed_search(*given, k=4)) for given in ((rows, groups), (moved, ids)))
    np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("copies", [False, True])
def test_rows_that_were_checked_are_not_checked_again(monkeypatch, copies):
    rows, groups = make(3, copies=copies)
    space = Embeddings(rows, groups=groups)
    expected = mixed_search(rows, groups, k=4, max_queries=5, seed=1)
    monkeypatch.setattr(checks, "check_values", None)
    assert mixed_search_of(space, k=4, max_queries=5, seed=1) == expected


@pytest.mark.parametrize("spare", [0, 1, 100])
@pytest.mark.parametrize("copies", [False, True])
def test_rows_level_with_the_last_place_are_counted_however_many_were_kept(
    monkeypatch, spare, copies
):
    module = sys.modules["isthmus.metrics.mixed_search"]  # the package exports its function
    monkeypatch.setattr(module, "SPARE", spare)
    rows, groups = make(4, copies=copies)
    found = numbers(mixed_search(rows, groups, k=3))
    np.testing.assert_allclose(found, expected_numbers(rows, groups, 3), rtol=1e-9)


def test_a_query_does_not_find_itself():
    rows = {"a": np.eye(4), "b": np.eye(4)}
    found = mixed_search(rows, k=1).by_modality
    for own, other in ("ab", "ba"):
        assert found[own].recall == found[own].ndcg == 1
        assert found[own].top_share == {own: 0.0, other: 1.0}
        assert found[own].corpus_share == {own: 3 / 7, other: 4 / 7}


def test_rows_of_the_own_modality_stand_in_the_way_of_their_group():
    rows = {"image": np.eye(2), "text": np.array([[1, 0.05], [1, 0.2], [0, 1]])}
    groups = {"image": [0, 1], "text": [0, 0, 1]}
    found = mixed_search(rows, groups, k=1).by_modality["text"]
    assert found.recall == 2 / 3  # the second text finds the first, not the image
    assert found.top_share == pytest.approx({"image": 2 / 3, "text": 1 / 3})


def test_the_ideal_counts_all_matches():
    rows = {"a": np.array([[1.0, 0.0], [1.0, 0.2]]), "b": np.array([[1.0, 0.1], [0.0, 1.0]])}
    groups = {"a": [0, 1], "b": [0, 0]}
    found = mixed_search(rows, groups, k=2).by_modality["a"]
    assert found.queries == 1
    assert found.ndcg == pytest.approx(1 / (1 + 1 / np.log2(3)))


@LIBRARIES
def test_if_all_rows_coincide_the_top_is_as_the_corpus(library):
    point = np.random.default_rng(0).normal(size=(1, 33)).astype(np.float32)
    rows = {name: library(np.repeat(point, n, axis=0)) for name, n in (("a", 30), ("b", 10))}
    groups = {"a": np.arange(30) % 10, "b": np.arange(10)}
    for queries in mixed_search(rows, groups, k=5).by_modality.values():
        assert queries.recall == 0
        assert queries.top_share == pytest.approx(queries.corpus_share)


@pytest.mark.parametrize("seed", range(3))
def test_a_draw_of_queries_is_seeded_and_estimates_the_whole(seed):
    rows, groups = make(5, sizes=(300, 200))
    whole = mixed_search(rows, groups)
    some = mixed_search(rows, groups, max_queries=100, seed=seed)
    assert some == mixed_search(rows, groups, max_queries=100, seed=seed)
    assert some != mixed_search(rows, groups, max_queries=100, seed=seed + 1)
    for name, queries in some.by_modality.items():
        assert queries.queries == 100
        assert queries.ndcg == pytest.approx(whole.by_modality[name].ndcg, abs=0.05)
        assert queries.corpus_share == whole.by_modality[name].corpus_share


def test_a_draw_of_more_queries_than_there_are_asks_all():
    rows, groups = make(6)
    assert mixed_search(rows, groups, max_queries=10**6, seed=1) == mixed_search(rows, groups)


def test_the_gap_of_clip_hides_other_modalities_and_centering_shows_them(real_data):
    with np.load(real_data("clip_coco500/coco_val500_clip_vitb16.npz")) as file:
        rows = {name: file[name] for name in ("image", "text")}
    fitted, held_out = (
        Embeddings({name: x[part] for name, x in rows.items()})
        for part in (slice(0, 250), slice(250, 500))
    )
    images = mixed_search(rows).by_modality["image"]
    assert images.recall == 0
    assert images.top_share["text"] < 0.001
    closed = Centering().fit(fitted).close(held_out)
    before = mixed_search(held_out.arrays, held_out.codes).by_modality["image"]
    after = mixed_search(closed.arrays, closed.codes).by_modality["image"]
    assert before.recall == 0
    assert 0.35 < after.recall < 0.65
    assert after.ndcg > 0.1
    assert after.top_share["text"] > 0.05


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k must be between 1 and 5, the rows that a query can find; found 0"),
        ({"k": 6}, "found 6"),
        ({"max_queries": 0}, "max_queries must be at least 1; found 0"),
        ({"groups": {"a": [0, 1, 2], "b": [3, 4, 5]}}, "no group id in common"),
        ({"groups": {"a": [0, 1, 2]}}, "groups are missing for modality 'b'"),
    ],
)
def test_what_cannot_be_searched_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        mixed_search({"a": np.eye(3), "b": np.eye(3)}, **{"k": 2} | options)
