"""Do two modalities order their classes alike? Neighbourhood distance, from class sums."""

from __future__ import annotations

from typing import Any

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import ArrayLike, NDArray

from ..arrays import Array, to_numpy, working_dtype
from ..errors import InputError
from ..matching import Codes, encode
from .class_moments import ClassMoments

STRIP_BYTES = 32 * 2**20
"""The strip of class-class similarities that is held at a time takes about this much memory."""


def neighbourhood_distance(
    x: Array,
    y: Array,
    *,
    labels: tuple[ArrayLike, ArrayLike] | None = None,
    published: bool = False,
) -> float:
    """How differently two modalities order the classes by similarity, in [0, 1].

    With the class-class similarities A_lm = mean_{i∈l, j∈m} cos(x_i, x_j) of each modality (a
    class with itself included), K_l is the Kendall distance of the orders of row l in both:
    the share of pairs of classes in opposite order, a pair tied in one modality alone
    counting half. The result is the mean of K_l over the classes.

    Parameters
    ----------
    x, y:
        (N, D) and (M, D'): the widths may differ, as only orders are compared. A prototype
        per class (a prompt) is a modality with one row per class.
    labels:
        Class of each row of x and of y. Classes that only one of them has are left out.
        Without labels, row i of both is class i.
    published:
        Reproduce the published code, which compares the sorted lists of class numbers place by
        place instead of the classes' ranks: its value depends on how classes are numbered
        (here: in sorted order), and is not 1 for reversed orders.

    Returns
    -------
    float
        0: the same orders. 0.5: unrelated ones. 1: reversed (each class then lies nearest to
        what it was farthest from, itself included). All rows equal in both modalities: 0; in
        one alone: 0.5.

    Raises
    ------
    InputError
        Labels that do not fit the rows or are of two kinds; fewer than two common classes.

    Notes
    -----
    O(N·D + C²·(D + log C)) time, in strips of bounded memory. Similarities that differ by no
    more than rounding are ties. Source: Schrodi et al., *Two Effects, One Trigger* (2025).

    Examples
    --------
    >>> x = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    >>> neighbourhood_distance(x, x), round(neighbourhood_distance(x, x[[0, 2, 1]]), 3)
    (0.0, 0.333)
    """
    codes_x, codes_y, classes = _common_classes(x, y, labels)
    means, rounding = [], []
    for array, codes in ((x, codes_x), (y, codes_y)):
        found = ClassMoments.of(array, codes, classes)
        means.append(found.totals / found.counts[:, None])  # (C, D)
        eps = float(array_namespace(array).finfo(working_dtype(array)).eps)
        rounding.append(8 * eps)
    total = 0.0
    step = max(1, STRIP_BYTES // (16 * classes))
    for start in range(0, classes, step):
        strips = [mean[start : start + step] @ mean.T for mean in means]  # (s, C) each
        for row_x, row_y in zip(*strips, strict=True):
            levels = _levels(row_x, rounding[0]), _levels(row_y, rounding[1])
            if published:
                levels = levels[0].argsort(kind="stable"), levels[1].argsort(kind="stable")
            total += _kendall_distance(*levels)
    return total / classes


def _common_classes(
    x: Array, y: Array, labels: tuple[ArrayLike, ArrayLike] | None
) -> tuple[Codes, Codes, int]:
    """Codes 0 … C − 1 of the classes that both have, −1 for others, and C."""
    if labels is None:
        if x.shape[0] != y.shape[0]:
            raise InputError(
                f"without labels, row i of both is class i, but there are {x.shape[0]} and "
                f"{y.shape[0]} rows; give labels=(labels of x, labels of y)"
            )
        labels = np.arange(x.shape[0]), np.arange(y.shape[0])
    given: dict[str, NDArray[Any]] = {"x": to_numpy(labels[0]), "y": to_numpy(labels[1])}
    for name, array in (("x", x), ("y", y)):
        if given[name].shape != (array.shape[0],):
            raise InputError(
                f"labels of {name} must be one per row, shape ({array.shape[0]},); "
                f"found shape {given[name].shape}"
            )
    if len({array.dtype.kind == "U" for array in given.values()}) > 1:
        raise InputError("labels of x and of y must be of one kind, integers or strings")
    codes = encode(given)
    common = np.intersect1d(codes["x"], codes["y"])
    if len(common) < 2:
        raise InputError(
            f"an order of classes needs at least two that x and y share; found {len(common)}"
        )
    x_codes, y_codes = (
        np.where(np.isin(c, common), np.searchsorted(common, c), -1) for c in codes.values()
    )
    return x_codes, y_codes, len(common)


def _levels(values: NDArray[np.float64], rounding: float) -> Codes:
    """Dense ranks (C,), from 0; values that steps of at most `rounding` join share one."""
    order = np.argsort(values, kind="stable")
    levels = np.empty(len(values), dtype=np.int64)
    levels[order] = np.concatenate([[0], np.cumsum(np.diff(values[order]) > rounding)])
    return levels


def _kendall_distance(a: Codes, b: Codes) -> float:
    """(discordant pairs + half the pairs tied in one alone) / all pairs, of dense ranks."""
    from scipy.stats import kendalltau

    pairs = len(a) * (len(a) - 1) // 2
    tied_a, tied_b = _tied(a), _tied(b)
    tied_both = _tied(a * (int(b.max()) + 1) + b)
    # Kendall's τ-b is (concordant − discordant) / √((pairs − tied_a)(pairs − tied_b)).
    scale = float(np.sqrt(float(pairs - tied_a) * float(pairs - tied_b)))
    if len(a) == 2:  # scipy's significance, which nobody asked for, needs three
        surplus = int(np.sign((a[1] - a[0]) * (b[1] - b[0])))
    else:
        surplus = round(kendalltau(a, b, method="asymptotic").statistic * scale) if scale else 0
    return float((pairs - surplus - tied_both) / (2 * pairs))


def _tied(levels: Codes) -> int:
    _, counts = np.unique(levels, return_counts=True)
    return int((counts * (counts - 1) // 2).sum())
