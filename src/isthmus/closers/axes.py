"""Principal axes of a modality."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..metrics.second_moments import SecondMoments


def principal_axes(second: SecondMoments) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Variances (D,), descending, and orthonormal axes as columns, (D, D).

    Variances that cannot be told from rounding, or beyond the rank of so many rows, are 0. An
    axis points where its entry of largest size is positive.

    >>> principal_axes(SecondMoments.of(np.array([[0.0, 1.0], [0.0, -1.0]])))[1].tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    vectors = np.linalg.eigh(second.covariance)[1][:, ::-1]
    largest = np.abs(vectors).argmax(axis=0)
    signs = np.sign(vectors[largest, np.arange(len(largest))])
    return second.eigenvalues(), vectors * signs
