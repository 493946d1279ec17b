"""Linear separability: can a hyperplane tell which modality a row is from?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Array, check_widths, like, row_chunks, to_numpy, unit_rows
from ..errors import InputError
from ..matching import Codes, given_or_positional
from .gap import Groups, encode_groups
from .second_moments import SecondMoments

RIDGE = 1e-7
"""This share of the total variance is added to it in every direction, against rounding."""


def modality_auc(
    x: Array, y: Array, *, groups: Groups | None = None, folds: int = 5, seed: int = 0
) -> float:
    """Area under the ROC curve of the best linear direction between modalities, held out.

    The direction is Fisher's discriminant w = Σ⁻¹ (ȳ − x̄), where Σ is the mean of the two
    within-modality covariances, each shrunk by Ledoit and Wolf's rule. It is fitted outside a
    fold and scored inside it. Folds are split by group, so that matched rows are held out
    together. The value is the share of all (row of x, row of y) that are held out together in
    which the row of y projects higher; ties count one half.

    0.5: indistinguishable. 1: a hyperplane separates the modalities. Below 0.5 is chance:
    where means coincide over all rows, a fold's means differ the other way from the rest.

    Parameters
    ----------
    x, y:
        (N, D) and (M, D).
    groups:
        Group ids of the rows of x and of y; without them, row i matches row i.
    folds:
        Number of folds (fewer if there are fewer groups), to which shuffled groups are dealt.
    seed:
        Shuffles the groups.

    Notes
    -----
    Two passes, O(N·D² + folds·D³): each direction follows from moments of all rows less those
    of its fold. Where the means coincide up to rounding, the direction is zero and all rows
    tie: 0.5.

    Raises
    ------
    InputError
        Groups that do not fit the rows, fewer than two groups or folds, or no fold that holds
        both modalities inside and outside.

    References
    ----------
    Fisher (1936); Ledoit and Wolf, *A well-conditioned estimator for large-dimensional
    covariance matrices* (2004).

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(100, 4))
    >>> modality_auc(x, x), modality_auc(x, x + [9, 0, 0, 0]) > 0.9
    (0.5, True)
    """
    check_widths(x, y)
    if folds < 2:
        raise InputError(f"cross-validation needs at least two folds; found {folds}")
    fold_x, fold_y, n = _folds(x, y, encode_groups(x, y, groups), folds, seed)
    parts_x = SecondMoments.of_parts(x, fold_x, n)
    parts_y = SecondMoments.of_parts(y, fold_y, n)
    whole_x, whole_y = _sum(parts_x), _sum(parts_y)
    directions = np.zeros((x.shape[1], n))
    used = []
    for k, (a, b) in enumerate(zip(parts_x, parts_y, strict=True)):
        rest_x, rest_y = whole_x.minus(a), whole_y.minus(b)
        if a.count and b.count and rest_x.count and rest_y.count:
            directions[:, k] = fisher_direction(rest_x, rest_y)
            used.append(k)
    if not used:
        raise InputError(
            "no fold holds rows of both modalities inside and outside; "
            "give more groups that have rows of both"
        )
    below = _projections(x, fold_x, directions)
    above = _projections(y, fold_y, directions)
    weights = [parts_x[k].count * parts_y[k].count for k in used]
    areas = [roc_auc(above[fold_y == k], below[fold_x == k]) for k in used]
    return float(np.average(areas, weights=weights))


def fisher_direction(x: SecondMoments, y: SecondMoments) -> NDArray[np.float64]:
    """Unit direction w ∝ Σ⁻¹ (ȳ − x̄), (D,), along which y lies above x.

    Σ is the mean of both covariances, shrunk. Zero where the means coincide up to rounding.

    >>> x = SecondMoments.of(np.array([[1.0, 0.0], [1.0, 0.0]]))
    >>> fisher_direction(x, SecondMoments.of(np.array([[0.0, 1.0]])))
    array([-0.707..., 0.707...])
    """
    difference = y.mean - x.mean
    if np.linalg.norm(difference) <= 8 * max(x.rounding, y.rounding):
        return np.zeros_like(difference)
    return discriminant(difference, (shrunk_covariance(x) + shrunk_covariance(y)) / 2)


def discriminant(
    difference: NDArray[np.float64], covariance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Unit vector along (S + ridge·I)⁻¹ difference, (D,), with ridge = RIDGE · tr S."""
    ridge = RIDGE * float(np.trace(covariance)) + 1e-12  # the latter where all rows coincide
    direction = np.linalg.solve(covariance + ridge * np.eye(len(difference)), difference)
    return np.asarray(direction / np.linalg.norm(direction))


def shrunk_covariance(moments: SecondMoments) -> NDArray[np.float64]:
    """Ledoit and Wolf's covariance, (1 − s) S + s (tr S / D) I, (D, D).

    s = min(1, b / d) with b = (Σ ‖x̂_i − x̄‖⁴ / N − ‖S‖²) / N and d = ‖S − (tr S / D) I‖². As
    rows have unit length, ‖x̂_i − x̄‖² = 1 + ‖x̄‖² − 2 x̂_i·x̄, and the fourth powers follow from
    second moments: no pass over the rows.

    >>> shrunk_covariance(SecondMoments.of(np.array([[1.0, 0.0], [-1.0, 0.0]])))
    array([[1., 0.], [0., 0.]])
    """
    n, mean, sample = moments.count, moments.mean, moments.covariance
    level = 1 + float(mean @ mean)
    fourth = level**2 - 4 * level * (level - 1) + 4 * float(mean @ moments.product @ mean) / n
    scale = np.trace(sample) / len(mean) * np.eye(len(mean))
    distance = float(((sample - scale) ** 2).sum())
    noise = (fourth - float((sample**2).sum())) / n
    shrinkage = min(max(noise, 0.0) / distance, 1.0) if distance > 0 else 0.0
    return np.asarray((1 - shrinkage) * sample + shrinkage * scale)


def roc_auc(above: ArrayLike, below: ArrayLike) -> float:
    """Share of pairs in which the first list's score is higher, ties counting one half.

    >>> roc_auc([2.0, 3.0], [1.0, 2.0])
    0.875
    """
    first, second = to_numpy(above), np.sort(to_numpy(below))
    lower = np.searchsorted(second, first, side="left")
    upper = np.searchsorted(second, first, side="right")
    return float((lower + upper).mean() / (2 * len(second)))


def _folds(
    x: Array, y: Array, codes: tuple[Codes, Codes] | None, folds: int, seed: int
) -> tuple[Codes, Codes, int]:
    """Fold of each row of x and of y, and how many folds there are."""
    codes = given_or_positional(codes, x.shape[0], y.shape[0])
    distinct = int(max(codes[0].max(), codes[1].max())) + 1
    if distinct < 2:
        raise InputError("splitting by group needs at least two groups; found one")
    n = min(folds, distinct)
    fold = np.random.default_rng(seed).permutation(distinct) % n
    return fold[codes[0]], fold[codes[1]], n


def _sum(parts: list[SecondMoments]) -> SecondMoments:
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.merge(part)
    return whole


def _projections(x: Array, fold: Codes, directions: NDArray[np.float64]) -> NDArray[np.floating]:
    """Each row's projection on its own fold's direction, (N,)."""
    columns = like(directions, x)  # (D, folds)
    found = []
    for rows in row_chunks(x):
        scores = to_numpy(unit_rows(x[rows, :]) @ columns)  # (n, folds)
        found.append(scores[np.arange(len(scores)), fold[rows]])
    return np.concatenate(found)
