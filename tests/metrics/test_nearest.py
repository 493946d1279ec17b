from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus.metrics import nearest as module
from isthmus.metrics.nearest import Nearest
from tests.strategies import seeds

LIBRARIES = pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["np", "torch"])


def found_in_blocks(scores, k: int, size: int) -> Nearest:
    nearest = Nearest(k)
    for start in range(0, scores.shape[1], size):
        block = slice(start, min(start + size, scores.shape[1]))
        nearest.add(block, scores[:, block])
    return nearest


@LIBRARIES
@pytest.mark.parametrize("select", [True, False], ids=["selection", "sorting"])
@pytest.mark.parametrize("k", [1, 3, 40])
@pytest.mark.parametrize("size", [1, 7, 40])
def test_the_best_are_those_of_a_full_sort(monkeypatch, library, select, k, size):
    if not select:
        for kind in ("is_numpy_array", "is_torch_array"):
            monkeypatch.setattr(module, kind, lambda _: False)
    scores = np.random.default_rng(0).normal(size=(9, 40))
    found = found_in_blocks(library(scores), k, size)
    order = np.argsort(-scores, axis=1)[:, :k]
    np.testing.assert_array_equal(found.places, order)
    np.testing.assert_array_equal(found.scores, np.take_along_axis(scores, order, axis=1))


@given(seeds, st.integers(1, 12), st.integers(1, 15), st.integers(1, 4))
def test_blocks_of_any_size_give_the_same_scores_among_equals(seed, k, size, levels):
    scores = np.random.default_rng(seed).integers(0, levels, (5, 12)).astype(np.float64)
    found = found_in_blocks(scores, k, size)
    np.testing.assert_array_equal(found.scores, -np.sort(-scores, axis=1)[:, :k])
    np.testing.assert_array_equal(np.take_along_axis(scores, found.places, axis=1), found.scores)
    assert all(len(set(row)) == k for row in found.places.tolist())
