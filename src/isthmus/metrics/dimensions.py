"""The few dimensions that hold the gap: which they are, and how well they separate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from ..arrays import Array, check_widths, row_chunks, to_numpy, unit_rows
from ..errors import InputError
from .moments import Moments
from .separability import discriminant, roc_auc

Choice: TypeAlias = Literal["largest_mean_per_modality", "largest_mean_diff"]


def largest_mean_dimensions(
    x: Array, y: Array, *, choice: Choice = "largest_mean_per_modality"
) -> tuple[int, int]:
    """The two dimensions in which the modalities look most apart.

    `largest_mean_per_modality`: (argmax_d x̄_d, argmax_d ȳ_d), means of unit rows, with their
    signs. Both may be the same dimension. `largest_mean_diff`: the two largest of
    | x̄_d − ȳ_d |. The first of equals is taken.

    Parameters
    ----------
    x, y:
        (N, D) and (M, D); rows need not match.

    Raises
    ------
    InputError
        Another choice; widths that differ; with `largest_mean_diff`, fewer than two columns.

    References
    ----------
    Schrodi et al., *Two Effects, One Trigger* (ICLR 2025), Figures 4b and 12.

    Examples
    --------
    >>> largest_mean_dimensions(np.eye(3)[:1], np.eye(3)[2:])
    (0, 2)
    """
    if choice == "largest_mean_per_modality":
        check_widths(x, y)
        return int(Moments.of(x).mean.argmax()), int(Moments.of(y).mean.argmax())
    if choice != "largest_mean_diff":
        raise InputError(
            f"choice must be 'largest_mean_per_modality' or 'largest_mean_diff'; found {choice!r}"
        )
    order = largest_gap_first(x, y)
    if len(order) < 2:
        raise InputError("two dimensions were asked for, but there is one column")
    return int(order[0]), int(order[1])


def largest_gap_first(x: Array, y: Array) -> NDArray[np.int64]:
    """All dimensions by descending difference of means | x̄_d − ȳ_d |, (D,).

    >>> largest_gap_first(np.array([[0.6, 0.8]]), np.array([[0.8, -0.6]]))
    array([1, 0])
    """
    check_widths(x, y)
    return largest_difference_first([Moments.of(x).mean, Moments.of(y).mean])


def largest_difference_first(means: Sequence[NDArray[np.float64]]) -> NDArray[np.int64]:
    """All dimensions by descending difference of means (D,), the largest over pairs, (D,).

    >>> largest_difference_first([np.array([0.0, 0.3]), np.array([0.1, 0.1]), np.zeros(2)])
    array([1, 0])
    """
    return np.argsort(-np.ptp(np.stack(means), axis=0), kind="stable")


def dimension_separation(x: Array, y: Array, dimensions: Sequence[int]) -> float:
    """AUC of the best linear direction on a few dimensions alone, about 0.5 to 1.

    Fisher's discriminant on those coordinates of the unit rows, and the share of all (row of
    x, row of y) in which y's projects higher; ties count one half. It is fitted and scored on
    the same rows, which flatters two dimensions hardly at all; on many, use `modality_auc`.

    Parameters
    ----------
    x, y:
        (N, D) and (M, D); rows need not match.
    dimensions:
        Indices in 0 … D − 1, say from `largest_mean_dimensions`. Doubles count once.

    Notes
    -----
    Where the modalities coincide on these dimensions, all rows tie: 0.5.

    Raises
    ------
    InputError
        No dimension, or one out of range; widths that differ.

    References
    ----------
    Schrodi et al., *Two Effects, One Trigger* (ICLR 2025): two dimensions separate the
    modalities of large models.

    Examples
    --------
    >>> dimension_separation(np.eye(3)[:2], np.eye(3)[2:], (0, 2))
    1.0
    """
    check_widths(x, y)
    chosen = sorted(set(dimensions))
    if not chosen or chosen[0] < 0 or chosen[-1] >= x.shape[1]:
        raise InputError(
            f"dimensions must be in 0 … {x.shape[1] - 1}, at least one; found {list(dimensions)}"
        )
    a, b = _coordinates(x, chosen), _coordinates(y, chosen)
    difference = b.mean(axis=0) - a.mean(axis=0)
    if np.linalg.norm(difference) <= 1e-6:  # rounding of single precision
        return 0.5
    covariance = [np.atleast_2d(np.cov(rows, rowvar=False, bias=True)) for rows in (a, b)]
    direction = discriminant(difference, (covariance[0] + covariance[1]) / 2)
    return roc_auc(b @ direction, a @ direction)


def _coordinates(x: Array, dimensions: list[int]) -> NDArray[np.float64]:
    """Some coordinates of the unit rows, (N, K), on the host."""
    xp = array_namespace(x)
    parts = []
    for rows in row_chunks(x):
        chunk = unit_rows(x[rows, :])
        parts.append(to_numpy(xp.stack([chunk[:, d] for d in dimensions], axis=1)))
    return np.concatenate(parts).astype(np.float64)
