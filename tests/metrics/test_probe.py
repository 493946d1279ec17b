from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.preprocessing import StandardScaler

from isthmus import InputError
from isthmus.metrics.probe import COSTS, group_split, linear_probe
from tests.strategies import seeds


def overlapping(n: int = 480) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of three classes that overlap, unequal in size, two rows to a group."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(n // 2), 2)
    labels = np.minimum(rng.integers(0, 6, n // 2), 2)[groups]
    return rng.normal(size=(n, 6)) + 1.2 * np.eye(6)[labels], labels, groups


@given(seed=seeds, groups=st.integers(3, 40))
def test_no_group_is_on_two_sides_of_a_split(seed, groups):
    ids = np.random.default_rng(seed).integers(0, groups, 80)
    ids[:3] = [0, 1, 2]
    split = group_split(ids, seed=seed)
    sides = [set(ids[rows]) for rows in (split.train, split.validation, split.test)]
    assert all(sides)
    assert sum(map(len, sides)) == len(set.union(*sides))
    together = np.concatenate([split.train, split.validation, split.test])
    assert sorted(together) == list(range(80))


@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_probe_equals_one_by_hand(library, dtype, seed):
    x, labels, groups = overlapping()
    x = x.astype(dtype)
    split = group_split(groups, seed=seed)
    rows = x.astype(float) / np.linalg.norm(x.astype(float), axis=1, keepdims=True)
    rows = StandardScaler().fit(rows[split.train]).transform(rows)
    tried = []
    for cost in COSTS:
        model = LogisticRegression(C=cost, max_iter=1000).fit(
            rows[split.train], labels[split.train]
        )
        valid = model.predict(rows[split.validation])
        tried.append((balanced_accuracy_score(labels[split.validation], valid), -cost, model))
    _, cost, model = max(tried, key=lambda entry: entry[:2])
    predicted = model.predict(rows[split.test])
    found = linear_probe(library(x), labels, groups, seed=seed)
    assert found.cost == -cost
    assert found.accuracy == pytest.approx(accuracy_score(labels[split.test], predicted))
    expected = balanced_accuracy_score(labels[split.test], predicted)
    assert found.balanced_accuracy == pytest.approx(expected)
    sizes = found.train_rows, found.validation_rows, found.test_rows
    assert sizes == (len(split.train), len(split.validation), len(split.test)) == (288, 96, 96)


def test_what_only_the_group_tells_is_not_read():
    """Labels are random per group, and each group's rows are nearly equal: a leak would show."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(100), 4)
    labels = rng.integers(0, 2, 100)[groups]
    x = rng.normal(size=(100, 200))[groups] + 0.01 * rng.normal(size=(400, 200))
    assert linear_probe(x, labels, groups).accuracy < 0.75
    assert linear_probe(x, labels, np.arange(400)).accuracy == 1


def test_the_test_rows_do_not_choose_the_cost():
    x, labels, groups = overlapping()
    changed, split = labels.copy(), group_split(groups)
    changed[split.test] = (changed[split.test] + 1) % 3
    found, other = linear_probe(x, labels, groups), linear_probe(x, changed, groups)
    assert found.cost == other.cost
    assert found.accuracy > other.accuracy


def test_rows_at_one_point_predict_the_majority():
    labels = np.array([0] * 70 + [1] * 30)[np.random.default_rng(0).permutation(100)]
    found = linear_probe(np.full((100, 3), 0.7, dtype=np.float32), labels, np.arange(100))
    test = group_split(np.arange(100)).test
    assert found.accuracy == pytest.approx((labels[test] == 0).mean())
    assert found.balanced_accuracy == pytest.approx(0.5)


@pytest.mark.parametrize("names", [["a", "b", "c"], [7, -2, 5]])
def test_names_of_classes_do_not_matter(names):
    x, labels, groups = overlapping()
    by_name = linear_probe(x, np.array(sorted(names))[labels], groups)
    assert by_name == linear_probe(x, labels, groups)


@pytest.mark.parametrize(
    ("labels", "groups", "options", "message"),
    [
        ([0, 1] * 3, [0, 0, 0, 1, 1, 1], {}, "three groups; found 2"),
        ([0, 1], range(6), {}, r"labels must be one per row, shape \(6,\)"),
        ([0, 1] * 3, range(5), {}, r"groups must be one per row, shape \(6,\)"),
        ([0] * 6, range(6), {}, "two classes among its training rows; found one"),
        ([0, 1] * 3, range(6), {"costs": []}, r"costs must be positive.* found \[\]"),
        ([0, 1] * 3, range(6), {"costs": [1, 0]}, "costs must be positive"),
    ],
)
def test_what_cannot_be_probed_is_refused(labels, groups, options, message):
    x = np.random.default_rng(0).normal(size=(6, 3))
    with pytest.raises(InputError, match=message):
        linear_probe(x, labels, groups, **options)
