from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus.metrics import strips
from isthmus.metrics.strips import Gallery, strip_rows
from isthmus.progress import watched


@given(st.lists(st.integers(1, 300), max_size=60), st.integers(1, 1000))
def test_strips_hold_every_row_once_and_stay_within_their_memory(costs, strip_bytes):
    costs = np.sort(np.array(costs, dtype=np.int64))
    parts = list(strip_rows(np.arange(len(costs)), costs, strip_bytes))
    assert [row for part in parts for row in part.tolist()] == list(range(len(costs)))
    for part in parts:
        assert len(part) == 1 or len(part) * costs[part].max() <= strip_bytes


@pytest.mark.parametrize("strip_bytes", [100, 1000])
def test_equal_costs_fill_the_strips(strip_bytes):
    sizes = [len(part) for part in strip_rows(np.arange(107), 10, strip_bytes)]
    assert sizes[:-1] == [strip_bytes // 10] * (107 // (strip_bytes // 10))


@pytest.mark.parametrize("budget", [0, 2**30])
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
def test_cosines_are_compared_in_the_wider_precision(
    monkeypatch, library, candidates, queries, expected, budget
):
    monkeypatch.setattr(strips, "GALLERY_BYTES", budget)
    rows = np.random.default_rng(0).integers(1, 9, (4, 3))
    x, y = (library.asarray(rows, dtype=getattr(library, t)) for t in (queries, candidates))
    (strip,) = strips.strips(x, Gallery.of([y], [x]), rows=np.array([2, 0]))
    ((block, scores),) = strip.blocks()
    assert (block, scores.dtype) == (slice(0, 4), getattr(library, expected))
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(np.asarray(scores), unit[[2, 0]] @ unit.T, atol=1e-6)


@pytest.mark.parametrize(("budget", "held"), [(10 * 4 * 4 - 1, False), (10 * 4 * 4, True)])
def test_unit_rows_are_held_within_the_budget_alone(monkeypatch, budget, held):
    monkeypatch.setattr(strips, "GALLERY_BYTES", budget)
    assert (Gallery.of([np.ones((10, 4), np.float32)]).held is not None) == held


@pytest.mark.parametrize("budget", [0, 2**30])
@pytest.mark.parametrize("block_rows", [1, 2, 3, 30])
def test_blocks_are_all_candidates_in_their_order(monkeypatch, budget, block_rows):
    monkeypatch.setattr(strips, "GALLERY_BYTES", budget)
    monkeypatch.setattr(strips, "BLOCK_ROWS", block_rows)
    parts = [np.random.default_rng(n).normal(size=(n, 3)) for n in (7, 1, 12)]
    gallery = Gallery.of(parts)
    blocks = list(gallery.blocks())
    stops = [block.stop for block, _ in blocks]
    assert [block.start for block, _ in blocks] == [0, *stops[:-1]]
    assert stops[-1] == gallery.size == 20
    rows = np.concatenate(parts)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(np.concatenate([units for _, units in blocks]), unit, atol=1e-15)
    places = np.array([19, 0, 7, 7, 3])
    np.testing.assert_allclose(gallery.at(places), unit[places], atol=1e-15)


@pytest.mark.parametrize("budget", [0, 2**30])
@pytest.mark.parametrize("block_rows", [2, 30])
def test_every_tile_is_told_once(monkeypatch, budget, block_rows):
    monkeypatch.setattr(strips, "GALLERY_BYTES", budget)
    monkeypatch.setattr(strips, "BLOCK_ROWS", block_rows)
    monkeypatch.setattr(strips, "STRIP_BYTES", 200)
    x, told = np.eye(10), []
    with watched(lambda _, done: told.append(done)):
        tiles = sum(1 for s in strips.strips(x, Gallery.of([x])) for _ in s.blocks())
    assert len(told) == tiles > 1
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)
