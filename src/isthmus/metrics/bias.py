"""Object bias: is a space arranged by objects more than by attributes? (Schrodi et al., 2025)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Array, to_numpy
from ..errors import InputError
from .class_moments import ClassMoments


@dataclass(frozen=True)
class FactorBias:
    """How strongly a space is arranged by one factor.

    `intra` and `cross` are mean cosines, in [−1, 1], of the pairs of rows that share the
    factor's value and of those that differ in it.
    """

    intra: float
    cross: float

    @property
    def delta(self) -> float:
        """Δ = intra − cross, in [−2, 2]; 0 if the factor does not matter."""
        return self.intra - self.cross


@dataclass(frozen=True)
class Moad:
    """Matching object attribute distance: `moad` = `object_delta` − `attribute_delta`.

    `attributes` holds one entry per attribute factor (one in all where no factors were
    given), and `attribute_delta` is the mean of their Δ.
    """

    moad: float
    object_delta: float
    attribute_delta: float
    object: FactorBias
    attributes: tuple[FactorBias, ...]


@dataclass(frozen=True)
class PresenceBias:
    """Bias towards each factor against how often captions name it.

    `kendall` is the rank correlation τ-b of `deltas` and `rates` over factors, in [−1, 1]; None
    where one of them is the same for all factors.
    """

    deltas: Mapping[str, float]
    rates: Mapping[str, float]
    kendall: float | None


def factor_bias(x: Array, labels: ArrayLike) -> FactorBias:
    """Mean cosine of rows that share a label, and of rows that do not, over all pairs.

    With class sums s_c of unit rows and counts n_c: intra = Σ_c (‖s_c‖² − n_c) / Σ_c n_c(n_c − 1)
    and cross = (‖Σ_c s_c‖² − Σ_c ‖s_c‖²) / (N² − Σ_c n_c²). Exact, in O(N·D).

    Parameters
    ----------
    x:
        (N, D).
    labels:
        (N,) value of the factor in each row.

    Raises
    ------
    InputError
        Labels that do not fit the rows; no two rows that share a label, or none that differ.

    Examples
    --------
    >>> factor_bias(np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]), ["cat", "cat", "dog"])
    FactorBias(intra=1.0, cross=0.0)
    """
    values = to_numpy(labels)
    if values.shape != (x.shape[0],):
        raise InputError(
            f"labels must be one per row, shape ({x.shape[0]},); found shape {values.shape}"
        )
    classes, codes = np.unique(values, return_inverse=True)
    codes = codes.reshape(-1).astype(np.int64)
    sums = ClassMoments.of(x, codes, len(classes))
    return _bias(sums.counts, sums.totals, shared=0, what="labels")


def moad(
    x: Array,
    objects: ArrayLike,
    attributes: ArrayLike,
    *,
    factors: Sequence[Sequence[int]] | None = None,
) -> Moad:
    """Matching object attribute distance of one modality, in [−4, 4].

    MOAD = Δ_object − Δ_attribute, with Δ the mean cosine of pairs of rows that share a value
    less that of pairs that differ in it, over all pairs of distinct rows. Positive: biased
    towards objects; negative: towards attributes; 0: towards neither.

    Parameters
    ----------
    x:
        (N, D) rows of one modality.
    objects:
        (N,) object of each row.
    attributes:
        (N, A), true where a row has an attribute.
    factors:
        Columns of `attributes` that are the values of one factor, per factor: then
        Δ_attribute is the mean of the factors' Δ. A factor of a single column has two values,
        present and absent. Without factors, all columns are values of one: pairs are counted
        once per column that they share (intra) and once per two columns of which one row has
        the one and the other row the other (cross). Give factors where rows have several
        attributes.

    Raises
    ------
    InputError
        Objects or attributes that do not fit the rows; columns that do not exist; an object or
        attribute factor without two rows that share a value, or without two that differ.

    Notes
    -----
    0 where objects and attributes are the same partition, or all rows are equal. O(N·(D + A)).
    The published code takes some pairs alone for its cross means: here they are exact.

    Examples
    --------
    >>> x = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> red, blue = [True, False, True, False], [False, True, False, True]
    >>> moad(x, ["cat", "cat", "dog", "dog"], np.stack([red, blue], axis=1)).moad
    1.5
    """
    held = to_numpy(attributes)
    if held.ndim != 2 or held.shape[0] != x.shape[0] or not held.shape[1]:
        raise InputError(
            f"attributes must be a boolean matrix with one row per row of x, ({x.shape[0]}, A); "
            f"found shape {held.shape}"
        )
    if not np.isin(held, (0, 1)).all():
        raise InputError(f"attributes must be true or false; found dtype {held.dtype}")
    held = held.astype(bool)
    groups = [range(held.shape[1])] if factors is None else factors
    if not len(groups):
        raise InputError("factors must name at least one list of columns; found none")
    found = tuple(_attribute_bias(x, held, list(columns)) for columns in groups)
    objects_bias = factor_bias(x, objects)
    attribute_delta = sum(bias.delta for bias in found) / len(found)
    return Moad(
        moad=objects_bias.delta - attribute_delta,
        object_delta=objects_bias.delta,
        attribute_delta=attribute_delta,
        object=objects_bias,
        attributes=found,
    )


def caption_presence_bias(
    x: Array, factors: Mapping[str, ArrayLike], named: Mapping[str, ArrayLike]
) -> PresenceBias:
    """Is a space biased towards the factors that its captions name most often?

    Per factor f, Δ_f (`factor_bias`) and the rate p(f is named | image); then Kendall's τ-b
    between the two over factors. The claim it tests is that the bias of an encoder follows
    what captions mention, not how frequent a word is as such.

    Parameters
    ----------
    x:
        (N, D) rows of one modality.
    factors:
        Factor → (N,) its value in each sample, named or not.
    named:
        Factor → (N,) whether the sample's caption names it.

    Raises
    ------
    InputError
        Fewer than two factors; factors and named with other keys; values that do not fit.

    Examples
    --------
    >>> x = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    >>> values = {"shape": [0, 0, 1, 1], "colour": [0, 1, 0, 1]}
    >>> caption_presence_bias(x, values, {"shape": [1, 1, 1, 1], "colour": [0, 1, 0, 0]}).kendall
    1.0
    """
    from scipy.stats import kendalltau

    if len(factors) < 2 or set(factors) != set(named):
        raise InputError(
            "factors and named must have the same keys, two or more; "
            f"found {', '.join(factors) or 'none'} and {', '.join(named) or 'none'}"
        )
    deltas, rates = {}, {}
    for name, values in factors.items():
        present = to_numpy(named[name])
        if present.shape != (x.shape[0],) or not np.isin(present, (0, 1)).all():
            raise InputError(
                f"named['{name}'] must be true or false for each of {x.shape[0]} rows; "
                f"found shape {present.shape}"
            )
        deltas[name] = factor_bias(x, values).delta
        rates[name] = float(present.mean())
    varied = len(set(deltas.values())) > 1 and len(set(rates.values())) > 1
    ranked = kendalltau(list(deltas.values()), list(rates.values())) if varied else None
    return PresenceBias(deltas, rates, None if ranked is None else float(ranked.statistic))


def _attribute_bias(x: Array, held: NDArray[np.bool_], columns: list[int]) -> FactorBias:
    if not columns or not all(0 <= column < held.shape[1] for column in columns):
        raise InputError(
            f"a factor must list columns of attributes, 0 to {held.shape[1] - 1}; found {columns}"
        )
    if len(columns) == 1:
        return factor_bias(x, held[:, columns[0]])
    values = held[:, columns]  # (N, K)
    counts, totals = np.zeros(len(columns), np.int64), np.zeros((len(columns), x.shape[1]))
    for place, column in enumerate(values.T):
        sums = ClassMoments.of(x, np.where(column, 0, -1), 1)
        counts[place], totals[place] = sums.counts[0], sums.totals[0]
    per_row = values.sum(axis=1)
    # A row with k of the values meets itself in k (k − 1) pairs of columns: no pairs of rows.
    shared = int((per_row * (per_row - 1)).sum())
    return _bias(counts, totals, shared=shared, what=f"attributes in columns {columns}")


def _bias(
    counts: NDArray[Any], totals: NDArray[np.float64], *, shared: int, what: str
) -> FactorBias:
    within = float((totals**2).sum())
    everything = float((totals.sum(axis=0) ** 2).sum())
    rows = int(counts.sum())
    squares = int((counts.astype(object) ** 2).sum())
    intra, cross = squares - rows, rows**2 - squares - shared
    if intra < 1 or cross < 1:
        lack = "share a value" if intra < 1 else "differ"
        raise InputError(f"no two rows {lack} in their {what}: there is nothing to compare")
    return FactorBias((within - rows) / intra, (everything - within - shared) / cross)
