from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus import InputError
from isthmus.metrics import group_sums as sums_module
from isthmus.metrics import l2m
from isthmus.metrics.scatter import class_scatter
from tests.reference import geometry as reference
from tests.strategies import make_space, rotation, seeds, spaces

both_libraries = pytest.mark.parametrize(
    "library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"]
)


@both_libraries
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float16", 1e-6), ("float32", 1e-6), ("float64", 1e-12)]
)
def test_scatter_equals_the_reference(library, dtype, tolerance):
    space = make_space(seed=4, n=90, m=70, width=8, groups=12)
    third = make_space(seed=5, n=40, m=2, width=8, groups=12)
    given_rows = {"a": space.x, "b": space.y, "c": third.x}
    given_rows = {name: x.astype(dtype) for name, x in given_rows.items()}
    labels = {"a": space.gx, "b": space.gy, "c": third.gx}
    expected = reference.class_scatter(given_rows, labels)
    found = class_scatter({name: library(x) for name, x in given_rows.items()}, labels)
    assert asdict(found) == pytest.approx(expected, abs=tolerance)


@given(spaces, seeds, st.integers(1, 9))
def test_rotation_order_and_chunks_change_nothing(space, seed, rows):
    labels = {"x": space.gx, "y": space.gy}
    expected = reference.class_scatter({"x": space.x, "y": space.y}, labels)
    rng = np.random.default_rng(seed)
    i, j = rng.permutation(len(space.x)), rng.permutation(len(space.y))
    turn = rotation(space.x.shape[1], seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sums_module, "ROWS", rows)
        found = class_scatter(
            {"y": space.y[j] @ turn, "x": space.x[i] @ turn},
            {"x": space.gx[i], "y": space.gy[j]},
        )
    assert asdict(found) == pytest.approx(expected, abs=1e-10)


def test_a_constant_gap_adds_a_quarter_of_its_square():
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 500)
    x = np.stack([np.cos(angle), np.sin(angle), np.full(500, 0.5)], axis=1)
    y, labels = x * [1, 1, -1], (angle > np.pi).astype(int)
    found = class_scatter({"x": x, "y": y}, {"x": labels, "y": labels})
    closed = class_scatter({"x": x, "y": x}, {"x": labels, "y": labels})
    assert found.within_from_modality == pytest.approx(l2m(x, y) ** 2 / 4)
    assert found.within == pytest.approx(closed.within + l2m(x, y) ** 2 / 4)
    assert found.between == pytest.approx(closed.between)
    assert closed.share == pytest.approx(0, abs=1e-12)


@both_libraries
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_everything_at_one_point_does_not_scatter(library, dtype):
    rows = np.repeat(np.random.default_rng(0).normal(size=(1, 17)).astype(dtype), 900, axis=0)
    labels = {"x": np.arange(900) % 7, "y": np.arange(900) % 5}
    found = class_scatter({"x": library(rows), "y": library(rows)}, labels)
    assert found.total == pytest.approx(0, abs=1e-6)
    assert found.share == 0


def test_one_class_and_one_modality():
    x = np.random.default_rng(0).normal(size=(30, 4))
    found = class_scatter({"x": x}, {"x": ["a"] * 30})
    assert found.between == pytest.approx(0, abs=1e-15)
    assert found.share == pytest.approx(0, abs=1e-12)
    assert found.within == found.total > 0


def test_a_class_of_one_modality_alone_has_no_gap():
    labels = {"x": [0, 0, 0], "y": [1, 1, 1]}
    found = class_scatter({"x": np.eye(3), "y": -np.eye(3)}, labels)
    assert found.within_from_modality == pytest.approx(0, abs=1e-15)
    assert found.between == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"x": [0, 1, 2]}, "labels are missing for modality 'y'"),
        ({"x": [0, 1, 2], "y": [0, 1]}, r"modality 'y' must be one per row, shape \(3,\)"),
        ({"x": [0, 1, 2], "y": ["a", "b", "c"]}, "of one kind in all modalities"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(InputError, match=message):
        class_scatter({"x": np.eye(3), "y": np.eye(3)}, labels)


def test_no_modality_and_other_widths_are_refused():
    with pytest.raises(InputError, match="at least one modality"):
        class_scatter({}, {})
    with pytest.raises(InputError, match="equally many columns"):
        class_scatter({"x": np.eye(3), "y": np.eye(4)}, {"x": [0, 1, 2], "y": [0, 1, 2, 3]})
