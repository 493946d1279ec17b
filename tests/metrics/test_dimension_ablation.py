from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus import InputError, arrays, matching
from isthmus.metrics import l2m, pair_cosine, recall_at_k, rmg
from isthmus.metrics.dimension_ablation import DimensionAblation, dimension_ablation
from tests.reference import gap as gap_reference
from tests.reference import geometry as reference
from tests.strategies import Space, make_space, seeds

FIELDS = ("l2m", "rmg", "pair_cosine", "recall_x_to_y", "recall_y_to_x")

module = importlib.import_module("isthmus.metrics.dimension_ablation")  # not the function


def at(found: DimensionAblation, k: int) -> dict[str, float]:
    return {field: getattr(found, field)[found.counts.index(k)] for field in FIELDS}


def paired(seed: int, n: int = 80, width: int = 12) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, width))
    return x, x + 0.6 * rng.normal(size=x.shape) + 3 * np.eye(width)[seed % width]


@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float16", 2e-6), ("float32", 2e-6), ("float64", 1e-12)]
)
@pytest.mark.parametrize("counts", [range(11), (3,), (9, 0, 4, 4)])
def test_every_count_equals_recomputing(library, dtype, tolerance, counts):
    space = make_space(seed=7, n=50, m=40, width=12, groups=25)
    x, y = space.x.astype(dtype), space.y.astype(dtype)
    found = dimension_ablation(library(x), library(y), counts=counts, groups=space.groups)
    assert found.counts == tuple(sorted(set(counts)))
    order = np.argsort(-gap_reference.dimension_gap(x, y), kind="stable")
    assert found.dimensions == tuple(order[: max(counts)])
    for k in found.counts:
        expected = reference.dimension_ablation(x, y, *space.groups, k)
        assert at(found, k) == pytest.approx(expected, abs=tolerance), k


@pytest.mark.parametrize("seed", range(3))
def test_rows_are_paired_by_position_and_the_plain_metrics_agree(seed):
    x, y = paired(seed)
    found = dimension_ablation(x, y, counts=range(6))
    for k in found.counts:
        a, b = (np.delete(rows, found.dimensions[:k], axis=1) for rows in (x, y))
        expected = {
            "l2m": l2m(a, b),
            "rmg": rmg(a, b),
            "pair_cosine": pair_cosine(a, b),
            "recall_x_to_y": recall_at_k(a, b),
            "recall_y_to_x": recall_at_k(b, a),
        }
        assert at(found, k) == pytest.approx(expected, abs=1e-9)
    assert found.dimensions[0] == seed
    assert found.l2m[0] > 2 * found.l2m[1]
    assert 0.2 < found.recall_x_to_y[1] < 1


@given(seeds, st.integers(1, 3000), st.integers(1, 500), st.integers(1, 40))
def test_strips_chunks_and_order_change_nothing(seed, strip_bytes, chunk_bytes, pair_chunk):
    space = make_space(seed=seed, n=25, m=20, width=6, groups=9)
    whole = dimension_ablation(space.x, space.y, counts=range(5), groups=space.groups)
    rng = np.random.default_rng(seed)
    i, j = rng.permutation(25), rng.permutation(20)
    moved = Space(space.x[i], space.y[j], space.gx[i], space.gy[j])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "STRIP_BYTES", strip_bytes)
        patch.setattr(arrays, "CHUNK_BYTES", chunk_bytes)
        patch.setattr(matching, "PAIR_CHUNK", pair_chunk)
        found = dimension_ablation(moved.x, moved.y, counts=range(5), groups=moved.groups)
        swapped = dimension_ablation(moved.y, moved.x, counts=[2], groups=moved.swapped.groups)
    for field in FIELDS:
        assert getattr(found, field) == pytest.approx(getattr(whole, field), abs=1e-9)
    assert swapped.recall_x_to_y[0] == pytest.approx(whole.recall_y_to_x[2])


@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equal_modalities_have_no_gap_at_any_count(library, dtype):
    x = library(np.random.default_rng(0).normal(size=(60, 30)).astype(dtype))
    found = dimension_ablation(x, x)
    assert found.counts == tuple(range(21))
    assert set(found.l2m) == set(found.rmg) == {0.0}
    assert set(found.recall_x_to_y) == set(found.recall_y_to_x) == set(found.pair_cosine) == {1.0}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_everything_at_one_point_finds_nothing(dtype):
    rows = np.repeat(np.random.default_rng(1).normal(size=(1, 24)).astype(dtype), 40, axis=0)
    found = dimension_ablation(rows, rows, counts=(0, 1, 20))
    assert found.recall_x_to_y == found.recall_y_to_x == (0, 0, 0)
    assert found.rmg == (0, 0, 0)


def test_rows_that_all_match_are_all_found():
    x, y = paired(0, n=5)
    found = dimension_ablation(x, y, counts=[0, 2], groups=([1] * 5, [1] * 5))
    assert found.recall_x_to_y == found.recall_y_to_x == (1, 1)


def test_modalities_may_differ_in_precision():
    x, y = paired(0)
    expected = dimension_ablation(x, y, counts=[0, 3])
    found = dimension_ablation(torch.from_numpy(x).float(), torch.from_numpy(y), counts=[0, 3])
    for field in FIELDS:
        assert getattr(found, field) == pytest.approx(getattr(expected, field), abs=1e-6)


def test_precision_survives_rows_that_lie_almost_wholly_in_what_is_removed():
    x, y = paired(1)
    x, y = (np.concatenate([1e4 * np.ones((80, 1)), rows], axis=1) for rows in (x, y))
    y[:, 0] *= -1
    found = dimension_ablation(x.astype(np.float32), y.astype(np.float32), counts=[1])
    expected = dimension_ablation(x, y, counts=[1])
    assert found.dimensions == expected.dimensions == (0,)
    for field in FIELDS:
        assert getattr(found, field) == pytest.approx(getattr(expected, field), abs=1e-5)


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        (np.eye(3), np.eye(3), {}, r"counts must be in 0 … 2"),
        (np.eye(3), np.eye(3), {"counts": []}, r"counts must be in 0 … 2"),
        (np.eye(3), np.eye(3), {"counts": [-1]}, r"counts must be in 0 … 2"),
        (np.eye(3), np.eye(3)[:2], {"counts": [0]}, "there are 3 and 2 of them"),
        (np.eye(3), np.eye(4), {"counts": [0]}, "equally many columns"),
        (np.eye(3), np.eye(3)[[1, 1, 1]], {"counts": [1]}, "row 1 of x is zero outside the 1 dim"),
        (
            np.eye(3),
            np.eye(3),
            {"counts": [0], "groups": ([0, 1, 2], [3, 4, 5])},
            "no row of the one modality matches",
        ),
    ],
)
def test_what_cannot_be_ablated_is_refused(x, y, options, message):
    with pytest.raises(InputError, match=message):
        dimension_ablation(x, y, **options)
