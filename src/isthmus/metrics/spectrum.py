"""Effective rank: over how many dimensions a space really spreads."""

from __future__ import annotations

import numpy as np

from ..arrays import Array
from ..errors import InputError
from .second_moments import SecondMoments


def effective_rank(x: Array, *, centred: bool = False) -> float:
    """Exponential of the entropy of the normalised singular values, in [1, min(N, D)].

    erank = exp(−Σ_k p_k ln p_k), p_k = σ_k / Σ_j σ_j, with σ the singular values of the unit
    rows, as Roy and Vetterli define it. RankMe is the same number, up to its ε of 1e-7, on
    rows of any length. (Singular values, not eigenvalues of the covariance, which are their
    squares.)

    1: all rows lie on one line. D: they spread evenly in every direction.

    Parameters
    ----------
    x:
        (N, D): one modality, or several stacked.
    centred:
        Take the mean off first: a narrow cone then does not hide the spread within it. In
        [1, min(N − 1, D)].

    Notes
    -----
    From second moments in one pass: σ² are eigenvalues of Σ x̂_i x̂_iᵀ. Directions whose
    variance cannot be told from rounding count as empty.

    Raises
    ------
    InputError
        With `centred`, if all rows coincide: nothing is left that could have a rank.

    References
    ----------
    Roy and Vetterli, *The effective rank* (EUSIPCO 2007); Garrido et al., *RankMe* (ICML 2023).

    Examples
    --------
    >>> round(effective_rank(np.eye(5)), 6)
    5.0
    """
    return effective_rank_from(SecondMoments.of(x), centred=centred)


def effective_rank_from(moments: SecondMoments, *, centred: bool = False) -> float:
    """`effective_rank` from second moments."""
    singular = np.sqrt(moments.eigenvalues(centred=centred))
    singular = singular[singular > 0]
    if not len(singular):
        raise InputError(
            "all rows coincide, so centred rows have no rank; use centred=False, or look for "
            "a collapsed model"
        )
    p = singular / singular.sum()
    return float(np.exp(-(p * np.log(p)).sum()))
