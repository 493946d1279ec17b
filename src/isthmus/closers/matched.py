"""What closers that learn from matched rows share: how far they trust few pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

Matrix = NDArray[np.float64]

_LEAST = 1e-12  # a mean squared deviation that rows in single precision leave where they coincide


def ridge_weight(strength: float, count: int, covariance: Matrix, name: str) -> float:
    """λ = strength · (D / G) · tr Σ / D: what is added to the diagonal of a covariance Σ.

    G is the number of matched groups that Σ (D, D) is of, and tr Σ / D its mean eigenvalue. So
    what is known without pairs weighs as much as strength · D groups do, and vanishes as
    more come.

    >>> ridge_weight(1.0, 4, np.eye(2), "image")
    0.5

    Raises
    ------
    InputError
        Matched rows that all coincide.
    """
    trace = float(np.trace(covariance))
    if trace <= _LEAST:
        raise InputError(
            f"all matched rows of modality '{name}' coincide, so nothing can be learned from "
            "their pairs: fit on more varied rows"
        )
    return strength * trace / count


def check_regular(values: Matrix, count: int, name: str) -> None:
    """An error where a covariance with these eigenvalues, of so many groups, has no inverse."""
    rank = int((values > len(values) * np.finfo(np.float64).eps * values.max()).sum())
    if rank < len(values):
        raise InputError(
            f"the {count} matched groups of modality '{name}' vary in {rank} of {len(values)} "
            "directions, so without shrinkage they fix no map: give a strength above 0"
        )
