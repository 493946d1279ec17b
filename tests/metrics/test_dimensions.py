from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import roc_auc_score

from isthmus import InputError, arrays
from isthmus.metrics.dimensions import (
    dimension_separation,
    largest_gap_first,
    largest_mean_dimensions,
)
from tests.reference import gap as gap_reference
from tests.reference.gap import unit
from tests.strategies import make_space, spaces

both_libraries = pytest.mark.parametrize(
    "library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"]
)


def lda_auc(x, y, dimensions):
    """scikit-learn's discriminant, with one prior for both, scored on the rows it was fitted to."""
    rows = np.concatenate([unit(x), unit(y)])[:, list(dimensions)]
    truth = np.repeat([0, 1], [len(x), len(y)])
    model = LinearDiscriminantAnalysis(solver="eigen", priors=[0.5, 0.5]).fit(rows, truth)
    return roc_auc_score(truth, model.decision_function(rows))


@both_libraries
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_dimensions_are_those_of_the_largest_means(library, dtype):
    space = make_space(seed=4, n=90, m=70, width=12, groups=12)
    x, y = space.x.astype(dtype), space.y.astype(dtype)
    means = [unit(rows).mean(axis=0) for rows in (x, y)]
    found = largest_mean_dimensions(library(x), library(y))
    assert found == tuple(int(np.argmax(mean)) for mean in means)
    order = np.argsort(-gap_reference.dimension_gap(x, y))
    largest = largest_mean_dimensions(library(x), library(y), choice="largest_mean_diff")
    assert largest == tuple(order[:2])
    np.testing.assert_array_equal(largest_gap_first(library(x), library(y)), order)


def test_signs_of_means_count():
    x, y = np.array([[-0.9, 0.4, 0.1]]), np.array([[0.1, 0.2, 0.9]])
    assert largest_mean_dimensions(x, y) == (1, 2)
    assert largest_mean_dimensions(x, y, choice="largest_mean_diff") == (0, 2)


def test_both_modalities_may_peak_in_one_dimension():
    assert largest_mean_dimensions(np.eye(3)[:1], np.eye(3)[:1]) == (0, 0)
    assert dimension_separation(np.eye(3)[:1], np.eye(3)[:1], (0, 0)) == 0.5


@both_libraries
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float16", 1e-4), ("float32", 1e-4), ("float64", 1e-12)]
)
@pytest.mark.parametrize("dimensions", [(0, 1), (3,), (5, 2, 5)])
def test_separation_equals_scikit_learn_s(library, dimensions, dtype, tolerance):
    space = make_space(seed=4, n=90, m=70, width=12, groups=12)
    x, y = space.x.astype(dtype), space.y.astype(dtype)
    expected = lda_auc(x, y, sorted(set(dimensions)))
    found = dimension_separation(library(x), library(y), dimensions)
    assert found == pytest.approx(expected, abs=tolerance)


@given(spaces)
def test_order_chunks_and_places_change_nothing(space):
    whole = dimension_separation(space.x, space.y, (0, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "CHUNK_BYTES", 1)
        found = dimension_separation(space.y[::-1], space.x[::-1], [1, 0])
    assert found == pytest.approx(whole, abs=1e-9)
    assert 0 <= whole <= 1


def test_two_dimensions_tell_modalities_apart_that_differ_there():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 300, 10))
    x[:, 3] += 6
    y[:, 7] += 6
    assert largest_mean_dimensions(x, y) == (3, 7)
    assert dimension_separation(x, y, (3, 7)) > 0.99
    assert dimension_separation(x, y, (0, 1)) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_points_that_coincide_tie_and_others_do_not(dtype):
    x = np.repeat(np.random.default_rng(0).normal(size=(1, 9)).astype(dtype), 20, axis=0)
    assert dimension_separation(x, x[:7], (0, 1)) == 0.5
    assert dimension_separation(x, -x[:7], (0, 1)) == 1


@pytest.mark.parametrize("dimensions", [(), (0, 3), (-1, 0)])
def test_dimensions_out_of_range_are_refused(dimensions):
    with pytest.raises(InputError, match="dimensions must be in 0 … 2"):
        dimension_separation(np.eye(3), np.eye(3), dimensions)


def test_other_choices_and_widths_are_refused():
    with pytest.raises(InputError, match="found 'largest'"):
        largest_mean_dimensions(np.eye(3), np.eye(3), choice="largest")
    with pytest.raises(InputError, match="there is one column"):
        largest_mean_dimensions(np.ones((3, 1)), np.ones((3, 1)), choice="largest_mean_diff")
    for refused in (largest_mean_dimensions, lambda x, y: dimension_separation(x, y, (0, 1))):
        with pytest.raises(InputError, match="equally many columns"):
            refused(np.eye(3), np.eye(4))
