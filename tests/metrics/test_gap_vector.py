from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
import torch
from hypothesis import given

from isthmus import InputError
from isthmus.metrics import l2m
from isthmus.metrics.gap_vector import (
    GapVector,
    centroid_distances,
    gap_vector,
    gap_vector_from,
    mean_centroid_distance,
)
from isthmus.metrics.second_moments import SecondMoments
from tests.reference import geometry as reference
from tests.strategies import make_space, rotation, seeds

both_libraries = pytest.mark.parametrize(
    "library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"]
)


@both_libraries
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float16", 1e-6), ("float32", 1e-6), ("float64", 1e-12)]
)
def test_the_shape_of_the_gap_equals_the_reference(library, dtype, tolerance):
    space = make_space(seed=2, n=200, m=150, width=12, groups=9)
    x, y = space.x.astype(dtype), space.y.astype(dtype)
    found = asdict(gap_vector(library(x), library(y)))
    assert found == pytest.approx(reference.gap_vector(x, y), abs=tolerance)


@given(seeds)
def test_shape_equals_the_reference_in_any_rotation_order_and_sharding(seed):
    rng = np.random.default_rng(seed)
    space = make_space(seed=seed, n=30, m=20, width=5, groups=9)
    expected = reference.gap_vector(space.x, space.y)
    turn = rotation(5, seed)
    x, y = space.x[rng.permutation(30)] @ turn, space.y[rng.permutation(20)] @ turn
    merged = SecondMoments.of(x[:7]).merge(SecondMoments.of(x[7:]))
    found = gap_vector_from(merged, SecondMoments.of(y))
    assert asdict(found) == pytest.approx(expected, abs=1e-9)
    assert found.length == pytest.approx(l2m(space.x, space.y), abs=1e-12)


def test_a_gap_orthogonal_to_both_modalities_is_found_so():
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 400)
    x = np.stack([np.cos(angle), np.sin(angle), np.full(400, 0.5)], axis=1)
    found = gap_vector(x, x * [1, 1, -1])
    assert found.cosine_x == found.cosine_y == pytest.approx(0, abs=1e-12)
    assert found.along_x == found.along_y == pytest.approx(0, abs=1e-12)
    assert found.length == pytest.approx(2 * 0.5 / 1.25**0.5)


def test_a_gap_along_the_axis_on_which_rows_vary_is_found_so():
    angle = np.linspace(np.pi / 3, 0.45 * np.pi, 100)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    found = gap_vector(x, x * [-1, 1])
    assert min(found.along_x, found.along_y, found.cosine_x, found.cosine_y) > 0.8


@both_libraries
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_two_points_differ_by_nothing_but_the_gap(library, dtype):
    x = np.repeat(np.random.default_rng(0).normal(size=(1, 9)).astype(dtype), 40, axis=0)
    found = gap_vector(library(x), library(-x))
    assert found == GapVector(pytest.approx(2), 1.0, 0.0, 0.0, 0.0, 0.0)


@both_libraries
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 50])
def test_equal_modalities_have_a_gap_without_direction(library, dtype, rows):
    x = np.random.default_rng(0).normal(size=(rows, 9)).astype(dtype)
    assert gap_vector(library(x), library(x)) == GapVector(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@both_libraries
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-12)])
def test_centroid_distances_are_l2m_of_every_pair(library, dtype, tolerance):
    rng = np.random.default_rng(0)
    spaces = {k: library((rng.normal(size=(20 + k, 5)) + k).astype(dtype)) for k in range(4)}
    found = centroid_distances(spaces)
    expected = [[l2m(a, b) for b in spaces.values()] for a in spaces.values()]
    np.testing.assert_allclose(found, expected, atol=tolerance)
    np.testing.assert_array_equal(np.diag(found), 0)
    mean = np.mean([expected[i][j] for i in range(4) for j in range(i)])
    assert mean_centroid_distance(spaces) == pytest.approx(mean, abs=tolerance)


def test_one_modality_has_no_centroid_distance():
    with pytest.raises(InputError, match="at least two modalities; found 1"):
        mean_centroid_distance({"image": np.eye(3)})


def test_other_widths_are_refused():
    with pytest.raises(InputError, match="equally many columns"):
        gap_vector(np.eye(3), np.eye(4))
    with pytest.raises(InputError, match="equally many columns"):
        centroid_distances({"a": np.eye(3), "b": np.eye(3), "c": np.eye(4)})
