from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given

from isthmus import InputError
from isthmus.metrics import neighbourhood
from isthmus.metrics.neighbourhood import neighbourhood_distance
from tests.reference import groups as reference
from tests.strategies import rotation, seeds


def labelled(seed: int, classes: int = 7, rows: int = 50):
    """Two modalities with classes that only one has, and their labels."""
    rng = np.random.default_rng(seed)
    lx, ly = rng.integers(0, classes, rows), rng.integers(2, classes + 2, rows // 2)
    lx[:3] = ly[:3] = [2, 3, 4]
    return rng.normal(size=(rows, 5)), lx, rng.normal(size=(rows // 2, 8)), ly


def test_the_published_value(published):
    x, y = published["labelled/images"], published["labelled/texts"]
    labels = published["labelled/labels"], np.arange(len(y))
    expected = float(published["labelled/neighbour_kendall_distance"])
    assert neighbourhood_distance(x, y, labels=labels, published=True) == pytest.approx(
        expected, abs=1e-9
    )
    ours = reference.neighbourhood_distance(x, labels[0], y, labels[1])
    assert neighbourhood_distance(x, y, labels=labels) == pytest.approx(ours, abs=1e-9)
    assert abs(ours - expected) > 0.01


@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_distance_equals_the_reference(library, dtype):
    x, lx, y, ly = labelled(0)
    x, y = x.astype(dtype), y.astype(dtype)
    expected = reference.neighbourhood_distance(x, lx, y, ly)
    found = neighbourhood_distance(library(x), library(y), labels=(lx, ly))
    assert found == pytest.approx(expected, abs=1e-9)


@given(seed=seeds)
def test_any_labels_equal_the_reference(seed):
    x, lx, y, ly = labelled(seed, rows=20)
    expected = reference.neighbourhood_distance(x, lx, y, ly)
    assert neighbourhood_distance(x, y, labels=(lx, ly)) == pytest.approx(expected, abs=1e-9)


@given(seed=seeds)
def test_neither_rotation_nor_order_nor_names_nor_place_change_it(seed):
    x, lx, y, ly = labelled(seed)
    rng = np.random.default_rng(seed)
    order, names = rng.permutation(len(x)), rng.permutation(20)
    expected = neighbourhood_distance(x, y, labels=(lx, ly))
    turned = (x @ rotation(5, seed))[order]
    assert neighbourhood_distance(turned, y, labels=(names[lx[order]], names[ly])) == pytest.approx(
        expected, abs=1e-9
    )
    assert neighbourhood_distance(y, x, labels=(ly, lx)) == pytest.approx(expected, abs=1e-9)


def test_strips_of_any_size_give_the_same(monkeypatch):
    x, lx, y, ly = labelled(1)
    whole = neighbourhood_distance(x, y, labels=(lx, ly))
    monkeypatch.setattr(neighbourhood, "STRIP_BYTES", 1)
    assert neighbourhood_distance(x, y, labels=(lx, ly)) == pytest.approx(whole, abs=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_one_space_is_at_no_distance_from_itself_turned(dtype):
    x = np.random.default_rng(0).normal(size=(30, 6)).astype(dtype)
    assert neighbourhood_distance(x, x) == 0
    assert neighbourhood_distance(x, (x[:, ::-1] * -2).copy()) == 0


def with_class_similarity(target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two unit rows per class whose class-class mean similarities are `target`."""
    values, vectors = np.linalg.eigh(target)
    centre = vectors * np.sqrt(values)  # (C, C), centre centreᵀ = target
    rest = np.sqrt(1 - (centre**2).sum(axis=1, keepdims=True))
    rows = np.concatenate([np.hstack([centre, rest]), np.hstack([centre, -rest])])
    return rows, np.tile(np.arange(len(target)), 2)


def test_reversed_orders_of_other_classes_differ_in_every_pair_of_those():
    noise = np.random.default_rng(0).uniform(-0.01, 0.01, (6, 6))
    noise += noise.T
    np.fill_diagonal(noise, 0)
    base = np.full((6, 6), 0.3) + 0.2 * np.eye(6)
    x, lx = with_class_similarity(base + noise)
    y, ly = with_class_similarity(base - noise)
    # A class lies nearest to itself in both: 10 of the 15 pairs are of other classes.
    assert neighbourhood_distance(x, y, labels=(lx, ly)) == pytest.approx(10 / 15)


def test_each_row_reversed_is_at_distance_one():
    levels = neighbourhood._levels(np.array([0.1, 0.5, 0.2, 0.9]), 1e-12)
    assert neighbourhood._kendall_distance(levels, levels.max() - levels) == 1


def test_shuffled_classes_are_halfway():
    x = np.random.default_rng(0).normal(size=(150, 40))
    y = x[np.random.default_rng(1).permutation(150)]
    assert neighbourhood_distance(x, y) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_rows_at_one_point_tie_all_classes(dtype):
    labels = np.arange(30) % 5
    point = np.full((30, 7), 0.3, dtype=dtype)
    spread = np.random.default_rng(0).normal(size=(30, 7)).astype(dtype)
    assert neighbourhood_distance(point, point, labels=(labels, labels)) == 0
    assert neighbourhood_distance(point, spread, labels=(labels, labels)) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "there are 3 and 2 rows"),
        (([0, 1], [0, 1]), r"labels of x must be one per row, shape \(3,\)"),
        (([0, 1, 2], [[0, 1]]), r"labels of y must be one per row, shape \(2,\)"),
        (([0, 1, 2], ["0", "1"]), "of one kind"),
        (([0, 1, 2], [2, 3]), "two that x and y share; found 1"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(InputError, match=message):
        neighbourhood_distance(np.eye(3), np.eye(3)[:2], labels=labels)


@pytest.mark.parametrize("turn", [False, True])
def test_two_classes_are_enough(turn):
    x = np.array([[1.0, 0.0], [0.0, 1.0]])
    y = np.array([[1.0, 0.0], [1.0, 0.0]]) if turn else x
    labels = np.arange(2), np.arange(2)
    expected = reference.neighbourhood_distance(x, labels[0], y, labels[1])
    assert neighbourhood_distance(x, y) == pytest.approx(expected, abs=1e-9)
