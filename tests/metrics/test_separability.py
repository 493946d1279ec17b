from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from sklearn.covariance import ledoit_wolf
from sklearn.metrics import roc_auc_score

from isthmus import InputError, arrays
from isthmus.metrics.second_moments import SecondMoments
from isthmus.metrics.separability import modality_auc, roc_auc, shrunk_covariance
from tests.reference import geometry as reference
from tests.reference.gap import unit
from tests.strategies import Space, make_space, rotation, seeds, spaces


def clouds(seed: int = 0, n: int = 200, width: int = 8, gap: float = 1.0) -> tuple[Any, Any]:
    """Paired rows that share their meaning, and an offset along one axis."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, width))
    return x, x + 0.3 * rng.normal(size=(n, width)) + gap * np.eye(width)[0]


def folds_of(codes: np.ndarray, groups: int, folds: int, seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).permutation(groups) % min(folds, groups))[codes]


@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float16", 1e-4), ("float32", 1e-4), ("float64", 1e-12)]
)
def test_the_area_equals_scikit_learn_s_weighted_over_folds(library, dtype, tolerance):
    space = make_space(seed=3, n=150, m=120, width=6, groups=40)
    x, y = (space.x * 0.4).astype(dtype), (space.y * 0.4).astype(dtype)
    codes = np.unique(np.concatenate(space.groups), return_inverse=True)[1].reshape(-1)
    fold = folds_of(codes, codes.max() + 1, 4, seed=2)
    expected = reference.modality_auc(x, y, fold[:150], fold[150:])
    found = modality_auc(library(x), library(y), groups=space.groups, folds=4, seed=2)
    assert found == pytest.approx(expected, abs=tolerance)
    assert 0.5 < found < 1


def test_rows_are_paired_by_position_without_groups():
    x, y = clouds()
    fold = folds_of(np.arange(200), 200, 5, seed=0)
    assert modality_auc(x, y) == pytest.approx(reference.modality_auc(x, y, fold, fold), abs=1e-12)
    assert modality_auc(x, y) == modality_auc(x, y, groups=(range(200), range(200)))


@given(spaces)
def test_shrinkage_is_ledoit_and_wolf_s(space):
    found = shrunk_covariance(SecondMoments.of(space.x))
    np.testing.assert_allclose(found, ledoit_wolf(unit(space.x))[0], atol=1e-12)


@given(seeds)
def test_ranks_give_scikit_learn_s_area(seed):
    rng = np.random.default_rng(seed)
    scores, truth = rng.integers(0, 6, 30), np.repeat([0, 1], [12, 18])
    expected = roc_auc_score(truth, scores)
    assert roc_auc(scores[12:], scores[:12]) == pytest.approx(expected, abs=1e-12)


def test_more_gap_is_more_separable():
    areas = [modality_auc(*clouds(n=500, gap=gap)) for gap in (0, 0.5, 1, 2, 5)]
    assert areas == sorted(areas)
    assert areas[0] == pytest.approx(0.5, abs=0.05)
    assert areas[-1] > 0.99


def test_a_gap_that_hides_behind_a_longer_axis_is_found():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4)) * [1, 1, 1, 0.01] + [5, 0, 0, 0]
    y = rng.normal(size=(300, 4)) * [1, 1, 1, 0.01] + [5, 0, 0, 0.5]
    assert modality_auc(x, y) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equal_modalities_cannot_be_told_apart(dtype):
    x = clouds()[0].astype(dtype)
    assert modality_auc(x, x) == 0.5
    order = np.random.default_rng(0).permutation(len(x))
    assert modality_auc(x, x[order], groups=(range(200), order)) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_everything_at_one_point_ties(dtype):
    rows = np.repeat(np.random.default_rng(0).normal(size=(1, 17)).astype(dtype), 50, axis=0)
    assert modality_auc(rows, rows[:31], groups=(range(50), range(31))) == 0.5


@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_two_points_are_separated(library, dtype):
    x = np.repeat(np.random.default_rng(0).normal(size=(1, 17)).astype(dtype), 10, axis=0)
    assert modality_auc(library(x), library(-x)) == 1
    assert modality_auc(library(x), library(x + 0.1 * np.eye(17, dtype=dtype)[0])) == 1


def test_fewer_rows_than_dimensions_are_enough():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 20, 100))
    assert 0.2 < modality_auc(x, y) < 0.8
    assert modality_auc(x + 1, y - 1) == 1


@given(seeds)
def test_order_rotation_and_length_change_nothing(seed):
    space = make_space(seed=seed, n=40, m=35, width=4, groups=12)
    whole = modality_auc(space.x, space.y, groups=space.groups)
    rng = np.random.default_rng(seed)
    i, j = rng.permutation(40), rng.permutation(35)
    turn = rotation(4, seed) * 7
    moved = Space(space.x[i] @ turn, space.y[j] @ turn, space.gx[i], space.gy[j])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "CHUNK_BYTES", 100)
        found = modality_auc(moved.x, moved.y, groups=moved.groups)
    assert found == pytest.approx(whole, abs=1e-9)


@given(spaces)
def test_modalities_may_change_places(space):
    codes = np.unique(np.concatenate(space.groups), return_inverse=True)[1].reshape(-1)
    fold = folds_of(codes, codes.max() + 1, 5, seed=0)
    in_x, in_y = fold[: len(space.x)], fold[len(space.x) :]
    both = [k for k in set(in_x) & set(in_y) if (in_x != k).any() and (in_y != k).any()]
    if codes.max() == 0 or not both:
        with pytest.raises(InputError, match=r"at least two groups|no fold holds"):
            modality_auc(space.x, space.y, groups=space.groups)
        return
    found = modality_auc(space.x, space.y, groups=space.groups)
    assert modality_auc(space.y, space.x, groups=space.swapped.groups) == pytest.approx(found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 1}, "at least two folds; found 1"),
        ({"groups": ([0, 0, 0], [0, 0])}, "at least two groups; found one"),
        ({"groups": ([0, 0, 0], [1, 1])}, "no fold holds rows of both"),
        ({"groups": ([0, 1], [0, 1])}, "groups of x must be one id per row"),
        ({}, "there are 3 and 2 of them"),
    ],
)
def test_what_cannot_be_split_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        modality_auc(np.eye(3), np.eye(3)[:2], **options)


def test_other_widths_are_refused():
    with pytest.raises(InputError, match="equally many columns"):
        modality_auc(np.eye(3), np.eye(4))
