"""Linear probe: what a linear classifier reads from a space, on groups it never saw."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Array, to_numpy, unit_rows
from ..errors import InputError
from ..matching import Codes, encode

COSTS = (1e-4, 1e-2, 1.0, 1e2)
"""Inverse strengths of the L2 penalty among which the validation rows choose."""

SHARES = (0.6, 0.2, 0.2)
"""Shares of the groups that train, validate and test."""

MAX_STEPS = 1000
"""L-BFGS steps; a fit that needs more is used as it stands."""


@dataclass(frozen=True)
class Split:
    """Row indices of the three parts; no group has rows in two of them."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


@dataclass(frozen=True)
class ProbeResult:
    """Accuracies on the test rows, in [0, 1], and how they came about.

    `balanced_accuracy` is the mean over classes of the share found (macro accuracy): a probe
    that always predicts the most frequent class scores 1/classes. `cost` is the inverse
    strength of the penalty that the validation rows chose.
    """

    accuracy: float
    balanced_accuracy: float
    cost: float
    train_rows: int
    validation_rows: int
    test_rows: int


def group_split(groups: ArrayLike, *, seed: int = 0) -> Split:
    """Random split of rows by group: 60 % of the groups train, 20 % validate, 20 % test.

    Parameters
    ----------
    groups:
        (N,) group id of each row.

    Raises
    ------
    InputError
        Fewer than three groups.

    Examples
    --------
    >>> split = group_split([0, 0, 1, 1, 2, 2])
    >>> len(split.train), len(split.validation), len(split.test)
    (2, 2, 2)
    """
    codes = encode({"rows": to_numpy(groups)})["rows"]
    count = int(codes.max()) + 1 if len(codes) else 0
    if count < 3:
        raise InputError(f"training, validation and test need three groups; found {count}")
    order = np.random.default_rng(seed).permutation(count)
    validation, test = (max(1, round(share * count)) for share in SHARES[1:])
    part = np.zeros(count, dtype=np.int64)
    part[order[:validation]], part[order[validation : validation + test]] = 1, 2
    return Split(*(np.flatnonzero(part[codes] == k) for k in range(3)))


def linear_probe(
    x: Array,
    labels: ArrayLike,
    groups: ArrayLike,
    *,
    seed: int = 0,
    costs: Sequence[float] = COSTS,
) -> ProbeResult:
    """Test accuracy of logistic regression on unit rows, split by group.

    Groups are split at random into training, validation and test, so that an item's caption
    never trains a probe that its image tests. Columns are standardised with the training
    rows' mean and deviation. For each cost C, logistic regression minimises ½‖W‖² + C ·
    cross-entropy (summed) on the training rows; the C with the best balanced accuracy on the
    validation rows (of equals the smallest) is scored on the test rows, once.

    Parameters
    ----------
    x:
        (N, D): the rows of one modality, or of several stacked.
    labels, groups:
        (N,) class and group id of each row.
    seed:
        Seed of the split; the rest is deterministic.
    costs:
        The C to choose among.

    Raises
    ------
    InputError
        Labels or groups that do not fit the rows; fewer than three groups; costs that are not
        positive; training rows of one class alone.

    Notes
    -----
    Columns without deviation stay 0. A class that the training rows lack is never found.
    scikit-learn fits on the host.

    Examples
    --------
    >>> x = np.repeat(np.eye(2), 10, axis=0)
    >>> linear_probe(x, [0] * 10 + [1] * 10, range(20)).accuracy
    1.0
    """
    codes = class_codes(x, labels, groups)
    split = group_split(groups, seed=seed)
    rows = standardised(to_numpy(unit_rows(x)), split.train)
    validation = codes[split.validation]
    best, model, cost = -1.0, None, 0.0
    for fitted, each in fits(rows, codes, split, costs):
        score = _balanced(validation, fitted.predict(rows[split.validation]))
        if score > best:
            best, model, cost = score, fitted, each
    assert model is not None
    test, predicted = codes[split.test], model.predict(rows[split.test])
    return ProbeResult(
        accuracy=float((test == predicted).mean()),
        balanced_accuracy=_balanced(test, predicted),
        cost=cost,
        train_rows=len(split.train),
        validation_rows=len(split.validation),
        test_rows=len(split.test),
    )


def class_codes(x: Array, labels: ArrayLike, groups: ArrayLike) -> Codes:
    """Each row's class as an integer, (N,); labels and groups are checked against the rows."""
    for name, values in (("labels", labels), ("groups", groups)):
        shape = to_numpy(values).shape
        if shape != (x.shape[0],):
            raise InputError(
                f"{name} must be one per row, shape ({x.shape[0]},); found shape {shape}"
            )
    return encode({"rows": to_numpy(labels)})["rows"]


def standardised(rows: NDArray[Any], train: NDArray[np.int64]) -> NDArray[np.float64]:
    """Rows less the training rows' mean, over their deviation, (N, D)."""
    values = rows.astype(np.float64)
    mean, deviation = values[train].mean(axis=0), values[train].std(axis=0)
    noise = 1e-6 * np.abs(mean)  # a column that varies by rounding alone holds nothing
    return np.asarray((values - mean) / np.where(deviation > noise, deviation, np.inf))


def fits(
    rows: NDArray[np.float64], codes: Codes, split: Split, costs: Sequence[float]
) -> list[tuple[Any, float]]:
    """A logistic regression on the training rows for each cost, in ascending order."""
    from sklearn.linear_model import LogisticRegression

    if not len(costs) or min(costs) <= 0:
        raise InputError(f"costs must be positive, at least one of them; found {list(costs)}")
    if len(np.unique(codes[split.train])) < 2:
        raise InputError("a probe needs two classes among its training rows; found one")
    with short_of_convergence():
        return [
            (
                LogisticRegression(C=cost, solver="lbfgs", max_iter=MAX_STEPS).fit(
                    rows[split.train], codes[split.train]
                ),
                float(cost),
            )
            for cost in sorted(costs)
        ]


@contextmanager
def short_of_convergence() -> Iterator[None]:
    """Fits within may run out of steps: the validation rows judge them as they are."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _balanced(truth: Codes, predicted: Codes) -> float:
    found = np.bincount(truth, truth == predicted)
    counts = np.bincount(truth)
    return float((found[counts > 0] / counts[counts > 0]).mean())
