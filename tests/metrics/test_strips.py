from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus.metrics import strips
from isthmus.metrics.strips import Gallery, strip_rows


@given(st.lists(st.integers(1, 300), max_size=60), st.integers(1, 1000))
def test_strips_hold_every_row_once_and_stay_within_their_memory(costs, strip_bytes):
    costs = np.sort(np.array(costs, dtype=np.int64))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strips, "STRIP_BYTES", strip_bytes)
        parts = list(strip_rows(np.arange(len(costs)), costs))
    assert [row for part in parts for row in part.tolist()] == list(range(len(costs)))
    for part in parts:
        assert len(part) == 1 or len(part) * costs[part].max() <= strip_bytes


@pytest.mark.parametrize("strip_bytes", [100, 1000])
def test_equal_costs_fill_the_strips(monkeypatch, strip_bytes):
    monkeypatch.setattr(strips, "STRIP_BYTES", strip_bytes)
    sizes = [len(part) for part in strip_rows(np.arange(107), 10)]
    assert sizes[:-1] == [strip_bytes // 10] * (107 // (strip_bytes // 10))


@pytest.mark.parametrize("library", [np, torch])
@pytest.mark.parametrize(
    ("candidates", "queries", "expected"),
    [
        ("float16", "float32", "float32"),
        ("float32", "float64", "float64"),
        ("float64", "float16", "float64"),
        ("int64", "float32", "float32"),
    ],
)
def test_cosines_are_compared_in_the_wider_precision(library, candidates, queries, expected):
    rows = np.random.default_rng(0).integers(1, 9, (4, 3))
    x, y = (library.asarray(rows, dtype=getattr(library, t)) for t in (queries, candidates))
    gallery = Gallery.of([y], [x])
    scores = gallery.scores(x, np.array([2, 0]))
    assert gallery.units.dtype == scores.dtype == getattr(library, expected)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(np.asarray(scores), unit[[2, 0]] @ unit.T, atol=1e-6)
