"""Sums of unit rows by group, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import NDArray

from ..arrays import Array, take_rows, unit_rows
from ..matching import Codes

ROWS = 128
"""So many rows are summed in one product with their one-hot groups: few, for precision."""


def group_sums(
    x: Array, codes: Codes, *, rows: NDArray[np.int64] | None = None
) -> Iterator[tuple[Codes, Array]]:
    """Parts of the sums of unit rows by group, in bounded memory.

    Yields ascending group codes (g,) and what some of their rows add up to, (g, D), on the
    array's own device. Rows are visited in the order of their groups; a product with one-hot
    groups adds them up. A group's parts, added, are its sum.

    Parameters
    ----------
    x:
        (N, D).
    codes:
        (N,) integer group of each row.
    rows:
        Indices of the rows that `codes` are of; all rows in order if not given.

    Examples
    --------
    >>> list(group_sums(np.eye(2), np.array([3, 3])))
    [(array([3]), array([[1., 1.]]))]
    """
    xp = array_namespace(x)
    order = np.argsort(codes, kind="stable")
    for start in range(0, len(order), ROWS):
        own = order[start : start + ROWS]
        chunk = unit_rows(take_rows(x, own if rows is None else rows[own]))  # (n, D)
        present, place = np.unique(codes[own], return_inverse=True)
        one_hot = np.arange(len(present))[:, None] == place.reshape(1, -1)  # (g, n)
        yield present, xp.asarray(one_hot, dtype=chunk.dtype, device=device(chunk)) @ chunk
