from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus import InputError, arrays
from isthmus.metrics import ranks, recall_at_k
from isthmus.metrics import strips as strips_module
from tests.reference import recall as reference
from tests.strategies import Space, make_space, rotation, seeds, spaces

GOLDEN_TOLERANCE = 1e-6
PERCENT_TOLERANCE = 5e-5  # the published code rounds per cents to four digits


def found_ranks(space: Space) -> tuple[list[int], list[int]]:
    found = ranks(space.x, space.y, space.groups)
    return found.optimistic.tolist(), found.pessimistic.tolist()


@pytest.mark.parametrize("k", [1, 5, 10])
@pytest.mark.parametrize("way", ["forward", "backward"])
def test_published_retrieval_of_pairs(published, way, k):
    text_to_image = published["pairs/y"], published["pairs/x"]
    queries, candidates = text_to_image if way == "forward" else text_to_image[::-1]
    percent = json.loads(str(published["pairs/retrieval"]))[f"{way}_r{k}"]
    found = 100 * recall_at_k(queries, candidates, k=k)
    assert found == pytest.approx(percent, abs=PERCENT_TOLERANCE)


@pytest.mark.parametrize(("position", "k"), [(0, 1), (1, 5), (2, 10)])
def test_published_retrieval_of_captions(published, position, k):
    images, texts = published["captions/images"], published["captions/texts"]
    of_images, of_texts = np.arange(len(images)), published["captions/text_to_image"]
    t2i = recall_at_k(texts, images, k=k, groups=(of_texts, of_images))
    i2t = recall_at_k(images, texts, k=k, groups=(of_images, of_texts))
    assert t2i == pytest.approx(published["captions/recall_t2i"][position], abs=GOLDEN_TOLERANCE)
    assert i2t == pytest.approx(published["captions/recall_i2t"][position], abs=GOLDEN_TOLERANCE)


def test_published_zero_shot_accuracy(published):
    labels, texts = published["labelled/labels"], published["labelled/texts"]
    groups = (labels, np.arange(len(texts)))
    found = 100 * recall_at_k(published["labelled/images"], texts, groups=groups)
    assert found == pytest.approx(float(published["labelled/top1"]), abs=1e-5)


@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("groups", [1, 5, 20, 200])
def test_ranks_equal_the_reference(groups, dtype, library):
    space = make_space(seed=7, n=50, m=70, width=24, groups=groups)
    x, y = space.x.astype(dtype), space.y.astype(dtype)
    expected = reference.best_match_ranks(x, y, *space.groups)
    assert found_ranks(space.with_rows(library(x), library(y))) == expected


def test_ranks_of_memory_maps_equal_the_reference(tmp_path):
    space = make_space(seed=8, n=50, m=70, width=24, groups=20)
    np.save(tmp_path / "x.npy", space.x)
    np.save(tmp_path / "y.npy", space.y)
    mapped = [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "xy"]
    assert found_ranks(space.with_rows(*mapped)) == reference.best_match_ranks(
        space.x, space.y, *space.groups
    )


@pytest.mark.parametrize("library", [np, torch])
@pytest.mark.parametrize("types", [("float32", "float64"), ("float64", "float16")])
def test_modalities_may_differ_in_precision(library, types):
    rows = np.random.default_rng(0).normal(size=(6, 4))
    x, y = (library.asarray(rows, dtype=getattr(library, name)) for name in types)
    assert recall_at_k(x, y) == 1


@given(spaces)
def test_ranks_equal_the_reference_on_any_groups(space):
    assert found_ranks(space) == reference.best_match_ranks(space.x, space.y, *space.groups)


@given(spaces, st.integers(1, 12))
def test_recall_equals_the_reference(space, k):
    found = recall_at_k(space.x, space.y, k=k, groups=space.groups)
    assert found == reference.recall_at_k(space.x, space.y, *space.groups, k)


@given(spaces, st.integers(1, 2000), st.integers(1, 500))
def test_strips_of_any_size_give_the_same(space, strip_bytes, chunk_bytes):
    whole = found_ranks(space)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strips_module, "STRIP_BYTES", strip_bytes)
        patch.setattr(arrays, "CHUNK_BYTES", chunk_bytes)
        assert found_ranks(space) == whole


@given(spaces, seeds)
def test_a_common_rotation_changes_no_rank(space, seed):
    turn = rotation(space.x.shape[1], seed)
    assert found_ranks(space.with_rows(space.x @ turn, space.y @ turn)) == found_ranks(space)


@given(spaces, seeds)
def test_the_length_of_a_row_changes_no_rank(space, seed):
    rng = np.random.default_rng(seed)
    longer = space.with_rows(
        space.x * rng.uniform(0.01, 100, (len(space.x), 1)),
        space.y * rng.uniform(0.01, 100, (len(space.y), 1)),
    )
    assert found_ranks(longer) == found_ranks(space)


@given(spaces, seeds)
def test_the_order_of_candidates_changes_no_rank(space, seed):
    order = np.random.default_rng(seed).permutation(len(space.y))
    shuffled = Space(space.x, space.y[order], space.gx, space.gy[order])
    assert found_ranks(shuffled) == found_ranks(space)


@given(spaces, seeds)
def test_the_order_of_queries_orders_the_ranks(space, seed):
    matched = np.isin(space.gx, space.gy)
    order = np.random.default_rng(seed).permutation(int(matched.sum()))
    kept = Space(space.x[matched], space.y, space.gx[matched], space.gy)
    shuffled = Space(kept.x[order], kept.y, kept.gx[order], kept.gy)
    assert found_ranks(shuffled) == tuple(np.array(r)[order].tolist() for r in found_ranks(kept))


@given(spaces)
def test_recall_grows_with_k_up_to_one(space):
    found = ranks(space.x, space.y, space.groups)
    recalls = [found.recall(k) for k in range(1, len(space.y) + 1)]
    assert recalls == sorted(recalls)
    assert recalls[-1] == 1
    assert found.candidates == len(space.y)


@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("n", "width"), [(3, 2), (5, 64), (17, 64), (33, 16), (50, 512)])
def test_equal_embeddings_find_nothing(n, width, dtype, library):
    point = np.random.default_rng(n).normal(size=(1, width)).astype(dtype)
    rows = library(np.repeat(point, n, axis=0))
    found = ranks(rows, rows)
    assert found.optimistic.tolist() == [1] * n
    assert found.pessimistic.tolist() == [n] * n
    assert found.recall(1) == 0
    assert found.recall(n) == 1


def test_equal_embeddings_tie_with_those_that_do_not_match_alone():
    rows = np.ones((6, 4))
    codes = np.array([0, 0, 0, 0, 1, 1])
    found = ranks(rows, rows, (codes, codes))
    assert found.optimistic.tolist() == [1] * 6
    assert found.pessimistic.tolist() == [3, 3, 3, 3, 5, 5]
    assert found.mean.tolist() == [2, 2, 2, 2, 3, 3]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("strip_bytes", [1, 900, 32 * 2**20])
def test_duplicates_tie_in_strips_of_any_size(monkeypatch, seed, strip_bytes):
    monkeypatch.setattr(strips_module, "STRIP_BYTES", strip_bytes)
    rng = np.random.default_rng(seed)
    distinct = rng.normal(size=(10, 64)).astype(np.float32)
    x, y = distinct[rng.integers(0, 10, 40)], distinct[rng.integers(0, 10, 37)]
    space = Space(x, y, rng.integers(0, 20, 40), rng.integers(0, 20, 37))
    assert found_ranks(space) == reference.best_match_ranks(x, y, *space.groups)


HAND_MADE: list[tuple[str, Any, list[int], list[int], list[int]]] = [
    ("worst of three", [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]], [2, 1, 0], [3], [3]),
    ("best of its two matches counts", [[1.0, 0.1], [0.8, 0.6], [0.0, 1.0]], [0, 1, 0], [1], [1]),
    ("tied with one other", [[0.6, 0.8], [0.6, -0.8], [0.0, 1.0]], [0, 1, 2], [1], [2]),
]


@pytest.mark.parametrize(
    ("candidates", "codes", "optimistic", "pessimistic"),
    [case[1:] for case in HAND_MADE],
    ids=[case[0] for case in HAND_MADE],
)
def test_ranks_worked_out_by_hand(candidates, codes, optimistic, pessimistic):
    query = np.array([[1.0, 0.0]])
    found = ranks(query, np.array(candidates), (np.array([0]), np.array(codes)))
    assert found.optimistic.tolist() == optimistic
    assert found.pessimistic.tolist() == pessimistic


def test_queries_without_a_match_are_left_out():
    codes = (np.array([0, 9, 1]), np.array([1, 0, 5]))
    assert len(ranks(np.eye(3), np.eye(3), codes).mean) == 2
    assert recall_at_k(np.eye(3), np.eye(3)[[2, 0, 1]], groups=codes) == 1


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (None, "there are 3 and 2 of them"),
        (([0, 1], [0, 1]), r"groups of x must be one id per row, shape \(3,\)"),
        (([0, 1, 2], [7, 8]), "no query matches a candidate"),
    ],
)
def test_groups_that_do_not_fit_are_refused(groups, message):
    with pytest.raises(InputError, match=message):
        recall_at_k(np.eye(3), np.eye(3)[:2], groups=groups)


def test_other_widths_are_refused():
    with pytest.raises(InputError, match="3"):
        recall_at_k(np.eye(3), np.ones((3, 4)))
