"""k-nearest-neighbour classification across all modalities at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Array, to_numpy, unit_rows
from ..errors import InputError


def knn_accuracy(
    x: Array, labels: ArrayLike, groups: ArrayLike, *, k: int = 5, folds: int = 5
) -> float:
    """Cross-validated accuracy of a k-nearest-neighbour vote on unit rows, in [0, 1].

    Folds are split by group: an image is never classified from its own caption. Every row
    is tested once. Deterministic.

    Parameters
    ----------
    x:
        (N, D): the rows of all modalities, stacked.
    labels, groups:
        (N,) class and group id of each row.
    k:
        Neighbours that vote.
    folds:
        Number of folds (fewer if there are fewer groups).

    Raises
    ------
    InputError
        Labels or groups that do not fit the rows, k < 1, folds < 2, fewer than two groups, or
        fewer than k rows outside a fold.

    Examples
    --------
    >>> x = np.repeat(np.eye(2), 6, axis=0)
    >>> knn_accuracy(x, [0] * 6 + [1] * 6, range(12), k=3)
    1.0
    """
    from sklearn.model_selection import GroupKFold
    from sklearn.neighbors import KNeighborsClassifier

    ids, classes = np.asarray(groups), np.asarray(labels)
    for name, values in (("labels", classes), ("groups", ids)):
        if values.shape != (x.shape[0],):
            raise InputError(
                f"{name} must be one per row, shape ({x.shape[0]},); found shape {values.shape}"
            )
    if k < 1 or folds < 2:
        raise InputError(f"need k >= 1 and folds >= 2; found k = {k} and folds = {folds}")
    distinct = len(np.unique(ids))
    if distinct < 2:
        raise InputError("splitting by group needs at least two groups; found one")
    splits = GroupKFold(min(folds, distinct))
    rows = to_numpy(unit_rows(x))
    smallest = min(len(train) for train, _ in splits.split(rows, groups=ids))
    if smallest < k:
        raise InputError(f"k = {k} neighbours, but a fold leaves only {smallest} rows to vote")
    correct = sum(
        KNeighborsClassifier(k, algorithm="brute")
        .fit(rows[train], classes[train])
        .score(rows[test], classes[test])
        * len(test)
        for train, test in splits.split(rows, groups=ids)
    )
    return float(correct / len(rows))
