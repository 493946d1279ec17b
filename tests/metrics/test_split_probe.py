"""A linear probe with splits of its own: protocol, scores, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from isthmus.errors import InputError
from isthmus.metrics.split_probe import GRID, probe_splits


def blobs(rows: int, seed: int, *, classes: int = 3, noise: float = 0.3) -> tuple[Any, Any]:
    draw = np.random.default_rng(seed)
    y = np.arange(rows) % classes
    return np.eye(classes)[y] + noise * draw.normal(size=(rows, classes)), y


def rare(rows: int, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """A tenth of the rows is of class 1, and overlaps with the others."""
    draw = np.random.default_rng(seed)
    y = (np.arange(rows) % 10 == 0).astype(int)
    return draw.normal(size=(rows, 4)) + y[:, None] * [1.0, 0, 0, 0], y


def test_classes_that_lie_apart_are_all_found() -> None:
    found = probe_splits(blobs(300, 0), blobs(90, 1), blobs(90, 2))
    assert found.scores["balanced_accuracy"] > 0.95
    assert found.cost in GRID
    assert set(found.scores) == {"balanced_accuracy", "accuracy"}


def test_chance_is_one_over_the_classes() -> None:
    draw = np.random.default_rng(0)
    parts = [(draw.normal(size=(n, 5)), np.arange(n) % 4) for n in (400, 200, 2000)]
    assert probe_splits(*parts).scores["balanced_accuracy"] == pytest.approx(0.25, abs=0.03)  # type: ignore[arg-type]


def test_a_rare_class_is_passed_over_unless_classes_weigh_equally() -> None:
    parts = [rare(n, k) for k, n in enumerate((2000, 1000, 4000))]
    plain, equal = (probe_splits(*parts, balanced=b, costs=[1.0]).scores for b in (False, True))  # type: ignore[misc]
    assert plain["balanced_accuracy"] < 0.56
    assert plain["accuracy"] > 0.89
    assert equal["balanced_accuracy"] == pytest.approx(0.69, abs=0.03)  # Φ(½), optimal
    assert equal["auc"] == pytest.approx(0.76, abs=0.03)  # Φ(1/√2)


def test_the_cost_is_the_one_that_validation_rows_choose_not_the_test_rows() -> None:
    """Column 1 predicts in training and test, and the opposite in validation."""
    draw = np.random.default_rng(0)

    def part(rows: int, sign: int) -> tuple[Any, Any]:
        y = np.arange(rows) % 2
        weak = (2 * y - 1)[:, None] * 0.6 + draw.normal(size=(rows, 1))
        return np.concatenate([sign * (2.0 * y[:, None] - 1), weak], axis=1), y

    train, test = part(100, 1), part(100, 1)
    chosen = probe_splits(train, part(100, -1), test, costs=[1e-6, 1e4])
    agreeing = probe_splits(train, part(100, 1), test, costs=[1e-6, 1e4])
    assert chosen.scores["balanced_accuracy"] < agreeing.scores["balanced_accuracy"]


def test_it_is_fitted_again_to_training_and_validation_rows() -> None:
    """What the validation rows alone can tell is read in the end."""
    train = (np.array([[0.0, 0], [0, 0], [1, 0], [1, 0.1]]), [0, 1, 0, 1])
    validation = (np.array([[0.0, 1], [0, -1]] * 20), [1, 0] * 20)
    test = (np.array([[0.0, 1], [0, -1]]), [1, 0])
    assert probe_splits(train, validation, test, costs=[1.0]).scores["accuracy"] == 1.0


def test_the_test_rows_change_nothing_but_the_score() -> None:
    train, validation, test = blobs(60, 0), blobs(30, 1), blobs(30, 2)
    other = (test[0] * 100, test[1])
    assert probe_splits(train, validation, test).cost == probe_splits(train, validation, other).cost


def test_labels_are_read_one_by_one_and_a_constant_one_is_no_trouble() -> None:
    def part(rows: int, seed: int) -> tuple[Any, Any]:
        x, y = blobs(rows, seed)
        return x, np.stack([y == 0, y == 1, np.zeros(rows)], axis=1).astype(int)

    found = probe_splits(part(300, 0), part(90, 1), part(90, 2), task="labels").scores
    assert found["weighted_f1"] > 0.9
    assert found["macro_f1"] == pytest.approx(2 / 3 * found["weighted_f1"], abs=0.02)


def test_numbers_are_read_with_their_squared_error() -> None:
    draw = np.random.default_rng(0)
    weights = draw.normal(size=(5, 2))

    def part(rows: int) -> tuple[Any, Any]:
        x = draw.normal(size=(rows, 5))
        return x, x @ weights + 0.1 * draw.normal(size=(rows, 2))

    found = probe_splits(part(400), part(100), part(400), task="regression")
    assert found.scores == {"mse": pytest.approx(0.01, rel=0.2)}


GOOD = blobs(30, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "class"}, r"task must be one of classes, labels, regression; found 'class'"),
        ({"costs": []}, r"costs must be positive, at least one of them; found \[\]"),
        ({"costs": [1, 0]}, r"costs must be positive"),
        ({"train": (GOOD[0], GOOD[1][:-1])}, r"train: rows must be .* found \(30, 3\) and \(29,\)"),
        ({"test": (GOOD[0][:0], GOOD[1][:0])}, r"test: rows must be .* found \(0, 3\) and \(0,\)"),
        ({"test": (GOOD[0][:, :2], GOOD[1])}, r"as many columns; found 3 in train, .* 2 in test"),
        ({"train": (GOOD[0], GOOD[1] * 0)}, r"two classes among its training rows; found one"),
        ({"test": (GOOD[0], GOOD[1] + 1)}, r"test: class 3 is not among the training rows"),
        ({"task": "labels"}, r"targets of labels \(N, K\); found \(30, 3\) and \(30,\)"),
        (
            {"validation": (np.where(np.arange(90).reshape(30, 3) == 7, np.nan, GOOD[0]), GOOD[1])},
            r"validation: rows must be finite; row 2 is not",
        ),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, Any], message: str) -> None:
    given = {"train": GOOD, "validation": GOOD, "test": GOOD, **changes}
    parts = [given.pop(name) for name in ("train", "validation", "test")]
    with pytest.raises(InputError, match=message):
        probe_splits(*parts, **given)


def test_targets_of_labels_and_numbers_are_checked() -> None:
    x = GOOD[0]
    two, bad = np.zeros((30, 1)), np.full((30, 1), np.inf)
    with pytest.raises(InputError, match=r"train: labels must be 0 or 1; found 2\.0"):
        probe_splits((x, two + 2), (x, two), (x, two), task="labels")
    with pytest.raises(InputError, match="test: targets must be finite; row 0 is not"):
        probe_splits((x, two), (x, two), (x, bad), task="regression")
    with pytest.raises(InputError, match="as many targets; found 1 in train, 1 in validation, 2"):
        probe_splits((x, two), (x, two), (x, np.zeros((30, 2))), task="regression")
