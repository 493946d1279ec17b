"""Candidates that are held, and candidates that are visited in blocks, give the same."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.metrics import matched_strips, ranks, strips
from isthmus.metrics.entropy import contrastive_loss, softmax_entropy
from isthmus.metrics.mixed_search import mixed_search
from isthmus.metrics.neighbours import knn_accuracies, knn_estimate
from isthmus.metrics.ranking import QueryScores
from isthmus.metrics.stacked import stacked
from isthmus.metrics.zero_shot import zero_shot_accuracy
from isthmus.progress import watched
from tests.reference import recall as reference
from tests.strategies import Space, make_space, seeds

LIBRARIES = pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["np", "torch"])


@contextmanager
def blocks(rows: int, *, strip_bytes: int = 2000, gathered: int = 64) -> Iterator[None]:
    """Nothing is held, blocks have so many rows, and strips a few queries."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strips, "GALLERY_BYTES", 0)
        patch.setattr(strips, "BLOCK_ROWS", rows)
        patch.setattr(strips, "STRIP_BYTES", strip_bytes)
        patch.setattr(matched_strips, "GATHERED", gathered)
        yield


def spaces_of(seed: int, groups: int, *, copies: bool, dtype: str = "float64") -> Space:
    """A space that matches many to many; with `copies`, rows are few, so that many tie."""
    space = make_space(seed=seed, n=20, m=30, width=8, groups=groups)
    if copies:
        rng = np.random.default_rng(seed)
        space = space.with_rows(space.x[rng.integers(0, 5, 20)], space.x[rng.integers(0, 7, 30)])
    return space.with_rows(space.x.astype(dtype), space.y.astype(dtype))


def both_ranks(space: Space) -> tuple[list[int], list[int]]:
    found = ranks(space.x, space.y, space.groups)
    return found.optimistic.tolist(), found.pessimistic.tolist()


def ranking_numbers(space: Space) -> np.ndarray:
    found = QueryScores.of(space.x, space.y, space.groups)
    order = np.argsort(found.rows)
    return np.stack([found.optimistic, found.mean, found.pessimistic])[:, order]


def mixed_numbers(space: Space) -> list[float]:
    arrays, groups = {"x": space.x, "y": space.y}, {"x": space.gx, "y": space.gy}
    found = mixed_search(arrays, groups, k=3).by_modality.values()
    return [v for own in found for v in (own.recall, own.ndcg, *own.top_share.values())]


def softmax_numbers(space: Space) -> list[float]:
    loss = contrastive_loss(space.x, space.y, temperature=0.1, groups=space.groups)
    entropies = softmax_entropy(space.x, space.y, temperature=0.1)
    return [loss.x_to_y, loss.y_to_x, *entropies.tolist()]


def vote_numbers(space: Space) -> list[float]:
    arrays = {"x": space.x, "y": space.y}
    groups = {"x": np.arange(20), "y": np.arange(10, 40)}
    # Copies of a row have one label, but which of several such rows votes decides others.
    labels = {name: (1e4 * np.asarray(x)[:, 0]).astype(int) % 3 for name, x in arrays.items()}
    whole = knn_estimate(
        stacked(arrays.values()), *(np.concatenate(list(v.values())) for v in (labels, groups))
    )
    return [whole.value, *knn_accuracies(arrays, labels, groups, k=3).values()]


METRICS: dict[str, Callable[[Space], Any]] = {
    "rankings": ranking_numbers,
    "mixed search": mixed_numbers,
    "softmax": softmax_numbers,
    "votes": vote_numbers,
}
EVERY_METRIC = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)


@EVERY_METRIC
@LIBRARIES
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("groups", [1, 3, 20])
@pytest.mark.parametrize("copies", [False, True])
def test_metrics_of_blocks_are_those_of_held_rows(copies, groups, dtype, library, metric):
    space = spaces_of(2, groups, copies=copies, dtype=dtype)
    space = space.with_rows(library(space.x), library(space.y))
    whole = metric(space)
    with blocks(7):
        found = metric(space)
    np.testing.assert_allclose(found, whole, atol=1e-11 if dtype == "float64" else 2e-5)


@settings(max_examples=20)
@given(
    seeds,
    st.integers(1, 25),
    st.booleans(),
    st.integers(2, 40),
    st.integers(500, 5000),
    st.sampled_from([0, 2, 10**9]),
)
def test_ranks_of_any_blocks_equal_the_reference(seed, groups, copies, rows, strip_bytes, gathered):
    space = spaces_of(seed, groups, copies=copies)
    whole = ranking_numbers(space)
    with blocks(rows, strip_bytes=strip_bytes, gathered=gathered):
        assert both_ranks(space) == reference.best_match_ranks(space.x, space.y, *space.groups)
        np.testing.assert_allclose(ranking_numbers(space), whole, rtol=1e-12)


@settings(max_examples=15)
@given(seeds, st.integers(1, 25), st.booleans(), st.integers(4, 60), st.integers(1000, 9000))
def test_any_blocks_give_the_same_search_and_softmax(seed, groups, copies, rows, strip_bytes):
    space = spaces_of(seed, groups, copies=copies)
    whole = mixed_numbers(space), softmax_numbers(space)
    with blocks(rows, strip_bytes=strip_bytes):
        found = mixed_numbers(space), softmax_numbers(space)
    np.testing.assert_allclose(found[0], whole[0], rtol=1e-12)
    np.testing.assert_allclose(found[1], whole[1], atol=1e-11)


@pytest.mark.parametrize("gathered", [0, 10**9], ids=["gathered", "multiplied out"])
@pytest.mark.parametrize("n", [5, 40])
def test_equal_rows_tie_in_blocks(n, gathered):
    row = np.random.default_rng(n).normal(size=(1, 300)).astype(np.float32)
    x = np.repeat(row, n, axis=0)
    with blocks(3, gathered=gathered):
        found = ranks(x, x)
    assert found.optimistic.tolist() == [1] * n
    assert found.pessimistic.tolist() == [n] * n


@pytest.mark.parametrize("temperature", [1e-6, 1e6])
def test_no_temperature_overflows_in_blocks(temperature):
    x = np.eye(6, dtype=np.float32)
    expected = np.log(6) if temperature > 1 else 0
    with blocks(2):
        entropy = softmax_entropy(x, x, temperature=temperature)
        loss = contrastive_loss(x, x, temperature=temperature)
    np.testing.assert_allclose(entropy, np.full(6, expected), atol=1e-5)
    assert loss.mean == pytest.approx(expected, abs=1e-5)
    assert loss.x_to_y >= 0


def test_prototypes_may_be_visited_in_blocks():
    rng = np.random.default_rng(0)
    images, prompts, labels = rng.normal(size=(50, 4)), rng.normal(size=(9, 4)), np.arange(50) % 9
    whole = zero_shot_accuracy(images, prompts, labels)
    with blocks(2):
        assert zero_shot_accuracy(images, prompts, labels) == whole


@pytest.fixture
def mapped(tmp_path) -> Space:
    """Two memory maps of 20,000 rows, 2.5 MB each: 5 MB in working precision."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 64)).astype(np.float16)
    y = (x + rng.normal(size=x.shape)).astype(np.float16)
    for name, rows in (("x", x), ("y", y)):
        np.save(tmp_path / f"{name}.npy", rows)
    maps = (np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "xy")
    return Space(*maps, np.arange(20_000), np.arange(20_000))


MAPPED: dict[str, Callable[[Space], Any]] = {
    "retrieval": lambda s: QueryScores.of(s.x, s.y, s.groups, max_queries=200).mean.mean(),
    "mixed search": lambda s: mixed_search({"x": s.x, "y": s.y}, max_queries=100).by_modality,
    "entropy": lambda s: softmax_entropy(s.x[:200], s.y, temperature=1).mean(),
    "votes": lambda s: knn_estimate(
        stacked([s.x, s.y]), np.tile(s.gx % 2, 2), np.tile(s.gx, 2), sample=100
    ),
}


@pytest.mark.parametrize("metric", MAPPED.values(), ids=MAPPED)
def test_rows_beyond_the_budget_are_not_in_memory(mapped, metric):
    whole = metric(mapped)
    with blocks(256, strip_bytes=2**18):
        tracemalloc.start()
        found = metric(mapped)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 4.5 * 2**20  # ids and their orders take up to 3 MB, the units of y alone 5
    assert repr(found)[:10] == repr(whole)[:10]


@EVERY_METRIC
@pytest.mark.parametrize("rows", [7, 1000])
def test_the_share_of_tiles_that_were_visited_is_told(metric, rows):
    told: list[float] = []
    with blocks(rows), watched(lambda _, done: told.append(done)):
        metric(spaces_of(2, 20, copies=False))
    assert len(told) > (5 if rows == 7 else 2)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)
