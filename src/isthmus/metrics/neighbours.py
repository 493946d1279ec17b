"""k-nearest-neighbour classification: over all modalities at once, and from one to another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Array, to_numpy, unit_rows
from ..errors import InputError
from ..matching import encode
from .estimate import Estimate

Indices = NDArray[np.int64]


def knn_accuracy(
    x: Array, labels: ArrayLike, groups: ArrayLike, *, k: int = 5, folds: int = 5
) -> float:
    """Cross-validated accuracy of a k-nearest-neighbour vote on unit rows, in [0, 1].

    Folds are split by group: an image is never classified from its own caption. Every row
    is tested once: O(N²·D). Deterministic.

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
    return knn_estimate(x, labels, groups, k=k, folds=folds).value


def knn_estimate(
    x: Array,
    labels: ArrayLike,
    groups: ArrayLike,
    *,
    k: int = 5,
    folds: int = 5,
    sample: int | None = None,
    seed: int = 0,
) -> Estimate:
    """`knn_accuracy` of a seeded sample of rows, on which all rows of other folds still vote.

    The standard error is that of a share, √(p(1−p)/n · (1 − n/N)); it is 0 if all rows are
    tested, as they are without `sample`.

    >>> x = np.repeat(np.eye(2), 6, axis=0)
    >>> knn_estimate(x, [0] * 6 + [1] * 6, range(12), k=3, sample=5)
    Estimate(value=1.0, error=0.0, rows=5)
    """
    classes, ids = _columns(x, labels, groups)
    _check_votes(k, folds)
    n = len(ids)
    tested = np.ones(n, dtype=bool)
    if sample is not None and sample < n:
        if sample < 1:
            raise InputError(f"a sample needs at least one row; found {sample}")
        tested = np.random.default_rng(seed).permutation(n) < sample
    splits = [(train, test) for train, test in _folds(ids, folds)]
    voters = np.ones(n, dtype=bool)
    share = _vote(to_numpy(unit_rows(x)), classes, splits, voters, tested, k)
    m = int(tested.sum())
    return Estimate(share, math.sqrt(share * (1 - share) / m * (1 - m / n)), m)


def knn_accuracies(
    arrays: Mapping[str, Array],
    labels: Mapping[str, ArrayLike],
    groups: Mapping[str, ArrayLike],
    *,
    k: int = 5,
    folds: int = 5,
) -> Mapping[str, float]:
    """kNN accuracy within each modality and from each to each other, in [0, 1].

    "a→b": the k nearest rows of modality a vote on each row of b, by cosine. Folds are split
    by group over all modalities together, the same for every entry: no row is classified from
    its own group. Where "a→b" falls short of "b→b", neighbourhoods do not carry over from
    one modality to the other.

    Parameters
    ----------
    arrays:
        Name → (N_m, D).
    labels, groups:
        Name → (N_m,) class and group id of each row.
    k, folds:
        As in `knn_accuracy`.

    Returns
    -------
    Mapping
        An entry for every ordered pair of modalities, each with itself included ("a→a").

    Raises
    ------
    InputError
        As `knn_accuracy`, or labels or groups that lack a modality; fewer than k rows of a
        modality outside a fold.

    Examples
    --------
    >>> x = np.repeat(np.eye(2), 6, axis=0)
    >>> classes = [0] * 6 + [1] * 6
    >>> both = {"image": classes, "text": classes[::-1]}
    >>> ids = {"image": range(12), "text": range(12)}
    >>> knn_accuracies({"image": x, "text": x}, both, ids, k=3)
    {'image→image': 1.0, 'image→text': 0.0, 'text→image': 0.0, 'text→text': 1.0}
    """
    _check_votes(k, folds)
    for what, given in (("labels", labels), ("groups", groups)):
        if absent := [name for name in arrays if name not in given]:
            raise InputError(f"{what} are missing for modality '{absent[0]}'")
    columns = {name: _columns(x, labels[name], groups[name], name) for name, x in arrays.items()}
    classes = np.concatenate([own for own, _ in columns.values()])
    codes = encode({name: ids for name, (_, ids) in columns.items()})
    modality = np.repeat(list(arrays), [len(ids) for ids in codes.values()])
    splits = list(_folds(np.concatenate(list(codes.values())), folds))
    rows = np.concatenate([to_numpy(unit_rows(x)) for x in arrays.values()])
    return {
        f"{a}→{b}": _vote(rows, classes, splits, modality == a, modality == b, k)
        for a in arrays
        for b in arrays
    }


def _check_votes(k: int, folds: int) -> None:
    if k < 1 or folds < 2:
        raise InputError(f"need k >= 1 and folds >= 2; found k = {k} and folds = {folds}")


def _columns(
    x: Array, labels: ArrayLike, groups: ArrayLike, name: str | None = None
) -> tuple[NDArray[Any], NDArray[Any]]:
    found = np.asarray(labels), np.asarray(groups)
    for what, values in zip(("labels", "groups"), found, strict=True):
        if values.shape != (x.shape[0],):
            owner = f" of modality '{name}'" if name else ""
            raise InputError(
                f"{what}{owner} must be one per row, shape ({x.shape[0]},); "
                f"found shape {values.shape}"
            )
    return found


def _folds(ids: NDArray[Any], folds: int) -> Iterator[tuple[Indices, Indices]]:
    """Rows outside and inside of each fold, no group being on both sides."""
    from sklearn.model_selection import GroupKFold

    distinct = len(np.unique(ids))
    if distinct < 2:
        raise InputError("splitting by group needs at least two groups; found one")
    yield from GroupKFold(min(folds, distinct)).split(ids, groups=ids)


def _vote(
    rows: NDArray[Any],
    classes: NDArray[Any],
    splits: list[tuple[Indices, Indices]],
    voters: NDArray[np.bool_],
    tested: NDArray[np.bool_],
    k: int,
) -> float:
    """Share of the tested rows that the k nearest voters of other folds classify rightly."""
    from sklearn.neighbors import KNeighborsClassifier

    parts = [(train[voters[train]], test[tested[test]]) for train, test in splits]
    parts = [(train, test) for train, test in parts if len(test)]
    smallest = min(len(train) for train, _ in parts)
    if smallest < k:
        raise InputError(f"k = {k} neighbours, but a fold leaves only {smallest} rows to vote")
    correct = sum(
        KNeighborsClassifier(k, algorithm="brute")
        .fit(rows[train], classes[train])
        .score(rows[test], classes[test])
        * len(test)
        for train, test in parts
    )
    return float(correct / sum(len(test) for _, test in parts))
