"""Sums of unit rows by class or attribute value, in all modalities, mergeable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..embeddings import Embeddings
from ..errors import InputError
from ..metrics.class_moments import ClassMoments

Value: TypeAlias = bool | int | str

LABEL = "label"
"""What the labels are called among factors."""

_NAMED = "named_"  # before attributes that are about captions, not about items


@dataclass(frozen=True)
class FactorSums:
    """Count and sum of the unit rows that have each value of one factor.

    Attributes
    ----------
    values:
        The values that occur in any modality, ascending, V of them.
    moments:
        Modality → counts (V,), 0 where a value does not occur in it, and sums (V, D).
    """

    values: tuple[Value, ...]
    moments: Mapping[str, ClassMoments]

    @classmethod
    def of(cls, arrays: Mapping[str, Array], given: Mapping[str, NDArray[Any]]) -> FactorSums:
        """Sums over (N_m, D) rows by their values (N_m,).

        >>> sums = FactorSums.of({"a": np.eye(2)}, {"a": np.array(["cat", "ant"])})
        >>> sums.values, sums.moments["a"].totals.tolist()
        (('ant', 'cat'), [[0.0, 1.0], [1.0, 0.0]])
        """
        parts = [given[name] for name in arrays]
        column = np.concatenate(parts)
        if column.dtype.kind == "f":  # signed with unsigned 64-bit numbers: doubles merge some
            column = np.concatenate([part.astype(object) for part in parts])
        distinct = np.unique(column)
        moments = {
            name: ClassMoments.of(x, np.searchsorted(distinct, given[name]), len(distinct))
            for name, x in arrays.items()
        }
        return cls(tuple(distinct.tolist()), moments)

    def merge(self, other: FactorSums) -> FactorSums:
        """Sums over both sets of rows.

        Raises
        ------
        InputError
            Numbers here and strings there.
        """
        try:
            values = tuple(sorted({*self.values, *other.values}))
        except TypeError as error:
            raise InputError(
                "classes of shards must be of one kind; found "
                f"{self.values[0]!r} and {other.values[0]!r}"
            ) from error
        place = {value: k for k, value in enumerate(values)}
        moments = {
            name: _spread(own, [place[v] for v in self.values], len(values)).merge(
                _spread(other.moments[name], [place[v] for v in other.values], len(values))
            )
            for name, own in self.moments.items()
        }
        return FactorSums(values, moments)

    def shared_means(self) -> dict[str, NDArray[np.float64]]:
        """Modality → means of its rows of each value that occurs in all modalities, (V', D)."""
        held = np.all([own.counts > 0 for own in self.moments.values()], axis=0)
        return {n: own.totals[held] / own.counts[held, None] for n, own in self.moments.items()}


def factor_sums(embeddings: Embeddings) -> dict[str, FactorSums]:
    """Sums by label, and by each attribute of the items, one pass each.

    Attributes `named_…`, which say what captions name, are no factors.

    Raises
    ------
    InputError
        Embeddings without labels.
    """
    if embeddings.labels is None:
        raise InputError(
            "this closer learns from class labels, and there are none: give labels, one per row"
        )
    given = {LABEL: embeddings.labels} | {
        f"attribute {name}": values
        for name, values in embeddings.attributes.items()
        if not name.startswith(_NAMED)
    }
    return {name: FactorSums.of(embeddings.arrays, values) for name, values in given.items()}


def merge_factors(
    ours: Mapping[str, FactorSums], theirs: Mapping[str, FactorSums]
) -> dict[str, FactorSums]:
    """Sums over both sets of rows, factor by factor.

    Raises
    ------
    InputError
        Other factors.
    """
    if set(ours) != set(theirs):
        raise InputError(
            f"shards must have the same labels and attributes; found {', '.join(ours)} and "
            f"{', '.join(theirs)}"
        )
    return {name: own.merge(theirs[name]) for name, own in ours.items()}


def _spread(own: ClassMoments, place: list[int], n: int) -> ClassMoments:
    """The same sums among n values, at their places."""
    counts = np.zeros(n, np.int64)
    totals = np.zeros((n, own.totals.shape[1]))
    counts[place], totals[place] = own.counts, own.totals
    return ClassMoments(counts, totals)
