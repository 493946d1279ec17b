from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score

from isthmus import InputError, arrays
from isthmus.metrics import matched_strips, recall_at_k, strips
from isthmus.metrics.ranking import QueryScores, RankingScores, Retrieval, retrieval
from tests.reference import ranking as reference
from tests.strategies import Space, make_space, rotation, seeds, spaces

KS = (1, 3, 10)
LIBRARIES = pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["np", "torch"])


def numbers(found: RankingScores) -> list[float]:
    return [
        *found.recall.values(),
        found.median_rank,
        found.mean_reciprocal_rank,
        found.ndcg,
        found.mean_average_precision,
    ]


def all_numbers(space: Space, at: int = 5) -> list[list[float]]:
    found = retrieval(space.x, space.y, groups=space.groups, ks=KS, ndcg_at=at)
    return [numbers(scores) for scores in (found.optimistic, found, found.pessimistic)]


def expected_numbers(space: Space, at: int = 5) -> list[list[float]]:
    low, high = reference.match_ranks(space.x, space.y, *space.groups)
    middle = reference.mean_ranks(low, high)
    return [reference.scores(ranks, KS, at) for ranks in (low, middle, high)]


@LIBRARIES
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("groups", [1, 2, 5, 20, 200])
def test_scores_equal_the_reference(groups, dtype, library):
    space = make_space(seed=7, n=50, m=70, width=24, groups=groups)
    rounded = space.with_rows(space.x.astype(dtype), space.y.astype(dtype))
    found = all_numbers(rounded.with_rows(library(rounded.x), library(rounded.y)))
    np.testing.assert_allclose(found, expected_numbers(rounded), rtol=1e-12)


@given(spaces, st.integers(1, 12))
def test_scores_equal_the_reference_on_any_groups(space, at):
    np.testing.assert_allclose(all_numbers(space, at), expected_numbers(space, at), rtol=1e-12)


@LIBRARIES
@pytest.mark.parametrize("seed", range(4))
def test_duplicates_tie_as_in_the_reference(seed, library):
    rng = np.random.default_rng(seed)
    distinct = rng.normal(size=(10, 32)).astype(np.float32)
    x, y = distinct[rng.integers(0, 10, 40)], distinct[rng.integers(0, 10, 37)]
    space = Space(x, y, rng.integers(0, 20, 40), rng.integers(0, 20, 37))
    found = all_numbers(space.with_rows(library(x), library(y)))
    np.testing.assert_allclose(found, expected_numbers(space), rtol=1e-12)
    assert found[0] != found[2]


@pytest.mark.parametrize("groups", [1, 4, 20, 60])
@pytest.mark.parametrize("at", [1, 5, 1000])
def test_without_ties_scikit_learn_agrees(groups, at):
    space = make_space(seed=3, n=60, m=80, width=16, groups=groups)
    x, y = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (space.x, space.y))
    relevant = space.gx[:, None] == space.gy[None, :]
    kept = relevant.any(axis=1)
    scores = (x @ y.T)[kept]
    found = retrieval(space.x, space.y, groups=space.groups, ndcg_at=at)
    assert not found.tied
    assert found.queries == kept.sum()
    precision = label_ranking_average_precision_score(relevant[kept], scores)
    assert found.mean_average_precision == pytest.approx(precision, rel=1e-12)
    gain = ndcg_score(relevant[kept], scores, k=at, ignore_ties=True)
    assert found.ndcg == pytest.approx(gain, rel=1e-12)


@pytest.mark.parametrize("way", ["t2i", "i2t"])
def test_published_recall_of_captions(published, way):
    images, texts = published["captions/images"], published["captions/texts"]
    sides = [(texts, published["captions/text_to_image"]), (images, np.arange(len(images)))]
    (x, gx), (y, gy) = sides if way == "t2i" else sides[::-1]
    found = list(retrieval(x, y, groups=(gx, gy)).recall.values())
    np.testing.assert_allclose(found, published[f"captions/recall_{way}"], atol=1e-6)


@given(spaces)
def test_recall_is_that_of_recall_at_k(space):
    found = retrieval(space.x, space.y, groups=space.groups, ks=KS)
    for k in KS:
        assert found.recall[k] == recall_at_k(space.x, space.y, k=k, groups=space.groups)


QUERY = np.array([[1.0, 0.0]])
FIRST, SECOND, THIRD, LAST = [2.0, 0.0], [1.0, 0.5], [1.0, 1.0], [0.0, 1.0]
D2, D3 = 1 / math.log2(3), 1 / math.log2(4)

# candidates, which of them match, then (recall@1, median, MRR, nDCG@2, mAP) of each way
HAND_MADE = {
    "found first": ([FIRST, SECOND, THIRD], "x..", *[[1, 1, 1, 1, 1]] * 3),
    "found third": ([THIRD, FIRST, SECOND], "x..", *[[0, 3, 1 / 3, 0, 1 / 3]] * 3),
    "one of two beyond the cut": (
        [FIRST, SECOND, THIRD],
        "x.x",
        *[[1, 1, 1, 1 / (1 + D2), (1 + 2 / 3) / 2]] * 3,
    ),
    "the ideal counts matches that were not retrieved": (
        [FIRST, SECOND, THIRD, LAST],
        ".xxx",
        *[[0, 2, 1 / 2, D2 / (1 + D2), (1 / 2 + 2 / 3 + 3 / 4) / 3]] * 3,
    ),
    "tied with one other": (
        [FIRST, FIRST],
        "x.",
        [1, 1, 1, 1, 1],
        [0, 1.5, 1 / 1.5, 1 / math.log2(2.5), 1 / 1.5],
        [0, 2, 1 / 2, D2, 1 / 2],
    ),
    "the second match is tied": (
        [FIRST, THIRD, THIRD],
        "xx.",
        [1, 1, 1, 1, 1],
        [1, 1, 1, 1 / (1 + D2), (1 + 2 / 2.5) / 2],
        [1, 1, 1, 1 / (1 + D2), (1 + 2 / 3) / 2],
    ),
    "ties among matches do not count": ([FIRST, FIRST, LAST], "xx.", *[[1, 1, 1, 1, 1]] * 3),
}


@LIBRARIES
@pytest.mark.parametrize("case", HAND_MADE.values(), ids=list(HAND_MADE))
def test_scores_worked_out_by_hand(case, library):
    candidates, matching, optimistic, mean, pessimistic = case
    groups = ([0], [0 if mark == "x" else 1 for mark in matching])
    found = retrieval(
        library(QUERY), library(np.array(candidates)), groups=groups, ks=(1,), ndcg_at=2
    )
    assert numbers(found.optimistic) == pytest.approx(optimistic)
    assert numbers(found) == pytest.approx(mean)
    assert numbers(found.pessimistic) == pytest.approx(pessimistic)
    assert found.tied == (optimistic != pessimistic)


@LIBRARIES
@pytest.mark.parametrize("n", [2, 17, 40])
def test_equal_embeddings_are_in_the_middle_of_their_ties(n, library):
    rows = library(np.repeat(np.random.default_rng(n).normal(size=(1, 64)), n, axis=0))
    found = retrieval(rows, rows, ndcg_at=n)
    assert numbers(found.optimistic) == [1.0] * 7
    assert (found.median_rank, found.pessimistic.median_rank) == ((n + 1) / 2, n)
    assert found.mean_average_precision == pytest.approx(2 / (n + 1))
    assert found.pessimistic.ndcg == pytest.approx(1 / math.log2(1 + n))


@pytest.mark.parametrize(
    ("x", "y", "groups"),
    [
        (np.eye(4), np.eye(4), None),
        (np.eye(4), np.repeat(np.eye(4), 5, axis=0), (np.arange(4), np.repeat(np.arange(4), 5))),
        (np.eye(4), np.ones((3, 4)), ([7] * 4, [7] * 3)),
        (np.eye(4)[:1], np.eye(4)[:1], None),
    ],
    ids=["pairs", "five captions", "all match", "one row"],
)
def test_perfect_retrieval_scores_one(x, y, groups):
    found = retrieval(x, y, groups=groups)
    assert numbers(found) == [1.0] * 7
    assert not found.tied
    assert (found.queries, found.candidates) == (len(x), len(y))


@given(spaces, st.integers(1, 3000), st.integers(1, 500), st.sampled_from([0, 2, 1000]))
def test_strips_of_any_size_and_both_ways_to_count_give_the_same(space, size, chunk, few):
    whole = all_numbers(space)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strips, "STRIP_BYTES", size)
        patch.setattr(arrays, "CHUNK_BYTES", chunk)
        patch.setattr(matched_strips, "FEW_MATCHES", few)
        np.testing.assert_allclose(all_numbers(space), whole, rtol=1e-12)


@given(spaces, seeds)
def test_rotation_and_order_change_nothing(space, seed):
    turn, rng = rotation(space.x.shape[1], seed), np.random.default_rng(seed)
    i, j = rng.permutation(len(space.x)), rng.permutation(len(space.y))
    moved = Space(space.x[i] @ turn, space.y[j] @ turn, space.gx[i], space.gy[j])
    np.testing.assert_allclose(all_numbers(moved), all_numbers(space), rtol=1e-12)


@given(spaces)
def test_mean_ranks_lie_between_the_extremes(space):
    doubled = Space(
        space.x, np.concatenate([space.y] * 2), space.gx, np.concatenate([space.gy, space.gy + 50])
    )
    low, middle, high = all_numbers(doubled)
    rising = np.array([1, 1, 1, -1, 1, 1, 1])  # a lower median rank is the better one
    assert (rising * low >= rising * middle).all()
    assert (rising * middle >= rising * high).all()


def test_memory_stays_bounded_when_one_query_matches_everything(monkeypatch):
    monkeypatch.setattr(strips, "STRIP_BYTES", 2**20)
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(3000, 8)).astype(np.float32) for _ in range(2))
    gx, gy = np.arange(1, 3001), np.zeros(3000, dtype=np.int64)
    gx[1], gy[:100] = 0, np.arange(1, 101)  # one match each, and one with 2,900 matches
    tracemalloc.start()
    found = retrieval(x, y, groups=(gx, gy))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.queries == 100
    assert peak < 5 * 2**20  # all scores alone take 36 MB, all places of matches more


def test_queries_without_a_match_are_left_out():
    codes = (np.array([0, 9, 1]), np.array([1, 0, 5]))
    found = retrieval(np.eye(3), np.eye(3)[[2, 0, 1]], groups=codes)
    assert isinstance(found, Retrieval)
    assert (found.queries, found.candidates) == (2, 3)
    assert numbers(found) == [1.0] * 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "there are 3 and 2 of them"),
        ({"groups": ([0, 1], [0, 1])}, r"groups of x must be one id per row, shape \(3,\)"),
        ({"groups": ([0, 1, 2], [7, 8])}, "no query matches a candidate"),
        ({"ks": (1, 0)}, "must be at least 1; found 0"),
        ({"ndcg_at": -2}, "must be at least 1; found -2"),
    ],
)
def test_what_cannot_be_ranked_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        retrieval(np.eye(3), np.eye(3)[:2], **options)


def test_a_sample_of_queries_searches_all_candidates():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 6))
    y = x + rng.normal(size=(200, 6))
    whole = QueryScores.of(x, y, None)
    part = QueryScores.of(x, y, None, max_queries=50, seed=3)
    assert (len(whole.rows), len(part.rows), part.candidates) == (200, 50, 200)
    for row, scores in zip(part.rows, part.mean, strict=True):
        np.testing.assert_array_equal(scores, whole.mean[whole.rows == row][0])
    assert len(set(part.rows)) == 50
