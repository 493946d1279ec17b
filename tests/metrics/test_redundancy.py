from __future__ import annotations

import numpy as np
import pytest
import torch

from isthmus import InputError
from isthmus.metrics.redundancy import PARTS, estimate_information

FIRST, SECOND = np.random.default_rng(0).integers(0, 2, (2, 600))


def embed(bits: np.ndarray, *, seed: int, width: int = 4) -> np.ndarray:
    """Vectors that carry a bit along one direction, with noise."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=width)
    direction *= 2 / np.linalg.norm(direction)
    return (2 * bits - 1)[:, None] * direction + 0.3 * rng.normal(size=(len(bits), width))


IMAGE, TEXT = embed(FIRST, seed=1), embed(SECOND, seed=2, width=5)
SAME = embed(FIRST, seed=3)

WORLDS = {
    "both carry the label": (IMAGE, SAME, FIRST, (1, 0, 0, 0)),
    "the first alone carries it": (IMAGE, TEXT, FIRST, (0, 1, 0, 0)),
    "the second alone carries it": (TEXT, IMAGE, FIRST, (0, 0, 1, 0)),
    "only both together do": (IMAGE, TEXT, FIRST ^ SECOND, (0, 0, 0, 1)),
    "each carries half of it": (IMAGE, TEXT, 2 * FIRST + SECOND, (0, 1, 1, 0)),
    "nothing carries it": (IMAGE, TEXT, np.arange(600) % 2, (0, 0, 0, 0)),
}


@pytest.mark.parametrize(("x", "y", "labels", "expected"), WORLDS.values(), ids=WORLDS)
def test_known_answers_are_estimated(x, y, labels, expected):
    found = estimate_information(x, y, labels, bootstrap=10)
    parts = [getattr(found, part) for part in PARTS]
    assert parts == pytest.approx(expected, abs=0.15)
    assert min(parts) >= 0
    assert sum(parts) <= found.entropy + 1e-9
    assert found.redundancy + found.unique1 == pytest.approx(found.first.information)
    assert found.redundancy + found.unique2 == pytest.approx(found.second.information)
    assert sum(parts) == pytest.approx(found.joint.information)


def test_accuracies_are_of_each_alone_and_of_both():
    x, y, labels, _ = WORLDS["only both together do"]
    found = estimate_information(x, y, labels, bootstrap=2)
    assert found.joint.accuracy > 0.95
    assert found.first.accuracy < 0.65
    assert found.second.accuracy < 0.65
    assert found.test_rows == 120


def test_standard_errors_grow_where_rows_of_a_group_are_copies():
    groups = np.arange(600) // 2
    noisy = embed(FIRST, seed=4) + 2 * np.random.default_rng(5).normal(size=(600, 4))
    copies = noisy[groups * 2], TEXT[groups * 2], FIRST[groups * 2]
    by_group = estimate_information(*copies, groups=groups, bootstrap=100)
    alone = estimate_information(noisy, TEXT, FIRST, bootstrap=100)
    assert by_group.first.information_error > alone.first.information_error > 0
    assert by_group.errors["unique1"] > 0


def test_torch_gives_the_same_and_so_does_every_call():
    x, y, labels, _ = WORLDS["each carries half of it"]
    found = estimate_information(x, y, labels, bootstrap=3)
    assert estimate_information(x, y, labels, bootstrap=3) == found
    other = estimate_information(torch.from_numpy(x), torch.from_numpy(y), labels, bootstrap=3)
    parts = [getattr(found, part) for part in PARTS]
    assert [getattr(other, part) for part in PARTS] == pytest.approx(parts, abs=1e-6)


def test_a_class_that_training_lacks_leaves_information_finite():
    labels = FIRST.copy()
    labels[np.arange(3)] = [2, 3, 4]
    found = [
        estimate_information(IMAGE, SAME, labels, bootstrap=2, seed=seed).joint.information
        for seed in range(2)
    ]
    assert np.isfinite(found).all()
    assert min(found) > 0.2


@pytest.mark.parametrize(
    ("y", "labels", "options", "message"),
    [
        (np.eye(5), [0, 1] * 3, {}, "row i of both of the same item"),
        (np.eye(6), [0, 1], {}, r"labels must be one per row, shape \(6,\)"),
        (np.eye(6), [0, 1] * 3, {"groups": [0] * 6}, "three groups; found 1"),
        (np.eye(6), [0, 1] * 3, {"bootstrap": 1}, "two resamples or more; found 1"),
    ],
)
def test_what_does_not_fit_is_refused(y, labels, options, message):
    with pytest.raises(InputError, match=message):
        estimate_information(np.eye(6), y, labels, **options)
