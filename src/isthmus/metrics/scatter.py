"""How much of the spread within a class is due to the gap between modalities?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Array, check_widths, to_numpy
from ..errors import InputError
from ..matching import encode
from .group_sums import group_sums

ROUNDING = 1e-6
"""A scatter below this cannot be told from zero in single precision."""


@dataclass(frozen=True)
class Scatter:
    """Mean squared distances of unit rows of all modalities, stacked: total = within + between.

    Attributes
    ----------
    within:
        Of a row to its class's mean over all modalities.
    between:
        Of a row's class mean to the mean of all rows.
    total:
        Of a row to the mean of all rows, in [0, 1].
    within_from_modality:
        The part of `within` that modalities add: of the mean of a row's class in its own
        modality to the mean of its class.
    share:
        within_from_modality / within, in [0, 1]; 0 where every class is one point.
    """

    within: float
    between: float
    total: float
    within_from_modality: float
    share: float


def class_scatter(modalities: Mapping[str, Array], labels: Mapping[str, ArrayLike]) -> Scatter:
    """Within- and between-class scatter, and the part of it that the modality gap adds.

    With μ the mean of all N unit rows, μ_c of class c, and μ_cm of class c in modality m:

    within = Σ_cm Σ_i ‖ẑ_i − μ_cm‖² / N + Σ_cm n_cm ‖μ_cm − μ_c‖² / N,
    between = Σ_c n_c ‖μ_c − μ‖² / N.

    The second term of `within` is the gap's: two modalities of equally many rows that differ
    by a constant vector δ add ‖δ‖²/4.

    Parameters
    ----------
    modalities:
        Name → (N_m, D).
    labels:
        Name → (N_m,) class of each row, integers or strings. A class may lack rows in a
        modality: the gap adds nothing to it.

    Notes
    -----
    One pass, O(N·D) time and O(M·C·D) memory, from sums by class and modality. With one
    class, `between` is 0; with one modality, `within_from_modality` is.

    Raises
    ------
    InputError
        No modality, labels that are missing or do not fit the rows, or widths that differ.

    References
    ----------
    The within-class scatter of Grassucci et al., *Closing the Modality Gap Aligns Group-Wise
    Semantics* (ICLR 2026).

    Examples
    --------
    >>> found = class_scatter({"a": np.eye(2)[:1], "b": np.eye(2)[1:]}, {"a": [0], "b": [0]})
    >>> found.within, found.between, found.share
    (0.5, 0.0, 1.0)
    """
    codes = encode(_checked_labels(modalities, labels))
    classes = max(int(own.max()) for own in codes.values()) + 1
    arrays = list(modalities.values())
    width = arrays[0].shape[1]
    sums = np.zeros((len(arrays), classes, width))  # (M, C, D)
    counts = np.zeros((len(arrays), classes))  # (M, C)
    for m, (name, array) in enumerate(modalities.items()):
        check_widths(arrays[0], array)
        counts[m] = np.bincount(codes[name], minlength=classes)
        for present, part in group_sums(array, codes[name]):
            sums[m, present] += to_numpy(part)
    n = float(counts.sum())
    own_means = sums / np.maximum(counts, 1)[:, :, None]  # (M, C, D)
    class_counts = counts.sum(axis=0)  # (C,)
    class_means = sums.sum(axis=0) / class_counts[:, None]  # (C, D)
    mean = sums.sum(axis=(0, 1)) / n  # (D,)
    own = max(1 - _squares(own_means, counts) / n, 0.0)  # unit rows: mean of ‖ẑ‖² is 1
    modality = _squares(own_means - class_means[None, :, :], counts) / n
    between = _squares(class_means - mean, class_counts) / n
    within = own + modality
    return Scatter(
        within=within,
        between=between,
        total=within + between,
        within_from_modality=modality,
        share=modality / within if within > ROUNDING else 0.0,
    )


def _squares(vectors: NDArray[np.float64], counts: NDArray[np.float64]) -> float:
    """Σ n ‖v‖² over vectors (…, D) with counts (…)."""
    return float((counts * (vectors**2).sum(axis=-1)).sum())


def _checked_labels(
    modalities: Mapping[str, Array], labels: Mapping[str, ArrayLike]
) -> dict[str, NDArray[np.generic]]:
    if not modalities:
        raise InputError("a scatter needs at least one modality; found none")
    checked: dict[str, NDArray[np.generic]] = {}
    for name, array in modalities.items():
        if name not in labels:
            raise InputError(f"labels are missing for modality '{name}'")
        checked[name] = to_numpy(labels[name])
        if checked[name].shape != (array.shape[0],):
            raise InputError(
                f"labels of modality '{name}' must be one per row, shape ({array.shape[0]},); "
                f"found shape {checked[name].shape}"
            )
    if len({own.dtype.kind == "U" for own in checked.values()}) > 1:
        raise InputError("labels must be of one kind in all modalities, integers or strings")
    return checked
