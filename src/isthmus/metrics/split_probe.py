"""Linear probe with splits of your own: learnt on one, chosen by another, scored on a third."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import to_numpy
from ..errors import InputError
from .probe import short_of_convergence, standardised

Task: TypeAlias = Literal["classes", "labels", "regression"]
"""What is read: one class of several, any of several labels, or numbers."""

GRID = (1e-6, 1e-4, 1e-2, 1.0, 1e2, 1e4, 1e6)
"""Inverse strengths of the penalty of the published protocol."""

STEPS = 100
"""L-BFGS steps of the published protocol; a fit that needs more is judged as it stands."""

Part: TypeAlias = tuple[ArrayLike, ArrayLike]
"""Rows (N, D), and their targets: (N,) classes, (N, K) labels that are 0 or 1, (N, K) numbers."""


@dataclass(frozen=True)
class SplitProbe:
    """What a probe scores on the test split, and the cost that the validation split chose.

    `scores` are, in [0, 1] but for the error, of classes `balanced_accuracy` (the mean over
    classes), `accuracy` and, of two, `auc`; of labels `macro_f1` and `weighted_f1`; of regression
    `mse` (mean over columns).
    """

    scores: Mapping[str, float]
    cost: float


def probe_splits(
    train: Part,
    validation: Part,
    test: Part,
    *,
    task: Task = "classes",
    balanced: bool = False,
    costs: Sequence[float] = GRID,
) -> SplitProbe:
    """What a linear model reads from features, the test rows being seen once.

    Columns are standardised by the training rows. For each cost C a model is fitted to the training
    rows: ½‖W‖² + C · cross-entropy, summed over rows, by L-BFGS; of labels, one for each; of
    numbers, ridge regression with penalty 1/C. The first of the costs that are best on the
    validation rows, by balanced accuracy, macro F1 or squared error, is taken; the model is fitted
    again to training and validation rows together, and scored on the test rows.

    Parameters
    ----------
    train, validation, test:
        `Part`s that share no item.
    balanced:
        Rows weigh as much as their class is rare, so that a class of a tenth of the rows is not
        passed over.
    costs:
        The C to choose among.

    Raises
    ------
    InputError
        Targets that do not fit the rows or the task; rows that are not finite, or of several
        widths; a class that only the validation or test rows have; one class alone; costs that are
        not positive.

    References
    ----------
    The protocol of Dufumier et al., *What to align in multimodal contrastive learning?* (2025),
    whose released code refits on the test rows where a set has no validation split.

    Examples
    --------
    >>> x = np.repeat(np.eye(2), 10, axis=0)
    >>> part = (x, np.repeat([0, 1], 10))
    >>> probe_splits(part, part, part).scores["balanced_accuracy"]
    1.0
    """
    if task not in get_args(Task):
        raise InputError(f"task must be one of {', '.join(get_args(Task))}; found {task!r}")
    if not len(costs) or min(costs) <= 0:
        raise InputError(f"costs must be positive, at least one of them; found {list(costs)}")
    named = {"train": train, "validation": validation, "test": test}
    parts = {name: _checked(name, part, task) for name, part in named.items()}
    _check_together({name: x.shape[1] for name, (x, _) in parts.items()}, "columns")
    if task != "classes":
        _check_together({name: y.shape[1] for name, (_, y) in parts.items()}, "targets")
    else:
        _check_known(parts)
    sizes = np.cumsum([len(x) for x, _ in parts.values()])
    together = np.concatenate([x for x, _ in parts.values()])
    rows = np.split(standardised(together, np.arange(sizes[0])), sizes[:-1])
    targets = [y for _, y in parts.values()]
    best, chosen = -np.inf, float(min(costs))
    for cost in sorted(map(float, costs)):
        model = _fitted(rows[0], targets[0], task, cost, balanced=balanced)
        score = _score(targets[1], model.predict(rows[1]), task)
        if score > best:
            best, chosen = score, cost
    learnt = np.concatenate(rows[:2]), np.concatenate(targets[:2])
    model = _fitted(*learnt, task, chosen, balanced=balanced)
    return SplitProbe(_scores(targets[2], model, rows[2], task), chosen)


def _fitted(x: NDArray[Any], y: NDArray[Any], task: Task, cost: float, *, balanced: bool) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.multiclass import OneVsRestClassifier

    if task == "regression":
        return Ridge(alpha=1 / cost).fit(x, y)
    weight = "balanced" if balanced else None
    model: Any = LogisticRegression(C=cost, max_iter=STEPS, class_weight=weight)
    with short_of_convergence():
        warnings.filterwarnings("ignore", "Label .* is present in all training examples")
        return (OneVsRestClassifier(model) if task == "labels" else model).fit(x, y)


def _score(y: NDArray[Any], predicted: NDArray[Any], task: Task) -> float:
    """The higher the better."""
    from sklearn.metrics import f1_score, recall_score

    if task == "regression":
        return -float(np.square(predicted - y).mean())
    if task == "labels":
        return float(f1_score(y, predicted, average="macro", zero_division=0.0))
    return float(
        recall_score(y, predicted, average="macro", zero_division=0.0, labels=np.unique(y))
    )


def _scores(y: NDArray[Any], model: Any, x: NDArray[Any], task: Task) -> dict[str, float]:
    from sklearn.metrics import f1_score, roc_auc_score

    predicted = model.predict(x)
    if task == "regression":
        return {"mse": -_score(y, predicted, task)}
    if task == "labels":
        weighted = float(f1_score(y, predicted, average="weighted", zero_division=0.0))
        return {"macro_f1": _score(y, predicted, task), "weighted_f1": weighted}
    found = {
        "balanced_accuracy": _score(y, predicted, task),
        "accuracy": float((predicted == y).mean()),
    }
    if len(model.classes_) == 2 and len(np.unique(y)) == 2:
        found["auc"] = float(roc_auc_score(y == model.classes_[1], model.decision_function(x)))
    return found


def _checked(name: str, part: Part, task: Task) -> tuple[NDArray[np.float64], NDArray[Any]]:
    x, y = (to_numpy(values) for values in part)
    wanted = 1 if task == "classes" else 2
    if x.ndim != 2 or not len(x) or y.ndim != wanted or len(y) != len(x):
        raise InputError(
            f"{name}: rows must be (N, D), N at least 1, and targets of {task} "
            f"{'(N,)' if wanted == 1 else '(N, K)'}; found {x.shape} and {y.shape}"
        )
    x = x.astype(np.float64)
    for what, values in {"rows": x, "targets": y}.items():
        flat = values.reshape(len(values), -1)
        bad = ~np.isfinite(flat).all(axis=1) if values.dtype.kind == "f" else np.zeros(1, bool)
        if bad.any():
            raise InputError(f"{name}: {what} must be finite; row {int(np.argmax(bad))} is not")
    if task == "labels" and not np.isin(y, (0, 1)).all():
        raise InputError(f"{name}: labels must be 0 or 1; found {float(y[~np.isin(y, (0, 1))][0])}")
    return x, y.astype(np.float64) if task == "regression" else y


def _check_together(found: Mapping[str, int], what: str) -> None:
    if len(set(found.values())) > 1:
        listed = ", ".join(f"{count} in {name}" for name, count in found.items())
        raise InputError(f"all parts must have as many {what}; found {listed}")


def _check_known(parts: Mapping[str, tuple[Any, NDArray[Any]]]) -> None:
    known = set(parts["train"][1].tolist())
    if len(known) < 2:
        raise InputError("a probe needs two classes among its training rows; found one")
    for name, (_, y) in parts.items():
        if unknown := sorted(set(y.tolist()) - known, key=str):
            raise InputError(f"{name}: class {unknown[0]!r} is not among the training rows")
