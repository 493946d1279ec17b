"""Tables with a row for every item of all modalities: `modality`, `id`, `label`, `vector`."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .lazy import Arrays, Stored
from .spool import block_rows, collect

MODALITY, ID, LABEL, VECTOR = "modality", "id", "label", "vector"
"""The columns of a long table."""


def by_modality(arrays: Arrays, groups: str, labels: str) -> Arrays:
    """A long table as one array per modality, in the order in which their first rows come.

    Arrays that are no long table stay as they are. It is one if it has the columns `modality`
    and `vector`, and that is the one matrix in it. Ids and labels are named as modalities are,
    with the endings given; other columns as MODALITY.COLUMN. The vectors are read once, and
    stay where they were read if the rows of a modality lie together.
    """
    if not {MODALITY, VECTOR} <= set(arrays) or _matrices(arrays) != [VECTOR]:
        return arrays
    names = np.asarray(arrays[MODALITY]).astype(np.str_)
    found, first, codes = np.unique(names, return_index=True, return_inverse=True)
    order = np.argsort(first)
    endings = {ID: groups, LABEL: labels, VECTOR: ""}
    places = {
        str(found[k]) + endings.get(column, f".{column}"): (column, int(k))
        for k in order
        for column in arrays
        if column != MODALITY
    }

    @cache
    def whole(column: str) -> NDArray[Any]:
        return arrays[column]

    def rows(column: str, code: int) -> NDArray[Any]:
        values = whole(column)
        mine = np.flatnonzero(codes == code)
        if mine[-1] - mine[0] + 1 == len(mine):
            return values[mine[0] : mine[-1] + 1]
        if values.ndim == 1:
            return np.asarray(values[mine])
        width = values.shape[1]
        step = block_rows(width * values.itemsize)
        taken = (values[mine[k : k + step], :] for k in range(0, len(mine), step))
        return collect(VECTOR, taken, rows=len(mine), width=width, dtype=values.dtype)

    def describe(place: str) -> Stored:
        column, code = places[place]
        stored = arrays.stored(column)
        return Stored(stored.is_matrix, stored.summary, lambda: rows(column, code))

    return Arrays(places, describe)


def _matrices(arrays: Arrays) -> list[str]:
    return [name for name in arrays if arrays.stored(name).is_matrix]
