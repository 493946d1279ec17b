"""Which rows of two modalities belong together: those whose group ids are equal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

Codes: TypeAlias = NDArray[np.int64]
"""Group ids as integers, shared by all modalities: rows match where codes are equal."""

PAIR_CHUNK = 16_384
"""Matched pairs are visited in chunks of at most this many (or one row's, if more)."""


def encode(ids: dict[str, NDArray[np.generic]]) -> dict[str, Codes]:
    """Integer codes for the ids of several modalities, equal where ids are equal."""
    parts = list(ids.values())
    values = np.concatenate(parts)
    if values.dtype.kind == "f":  # signed with unsigned 64-bit ids: doubles would merge some
        values = np.concatenate([part.astype(object) for part in parts])
    _, codes = np.unique(values, return_inverse=True)
    ends = np.cumsum([len(v) for v in ids.values()])
    split = np.split(codes.reshape(-1).astype(np.int64), ends[:-1])
    return dict(zip(ids, split, strict=True))


def positional(*rows: int) -> Codes:
    """Codes by which row i of every modality matches row i of the others.

    Raises
    ------
    InputError
        Modalities with different numbers of rows.
    """
    if len(set(rows)) > 1:
        raise InputError(
            "without groups, rows are paired by position, but there are "
            f"{' and '.join(map(str, rows))} of them"
        )
    return np.arange(rows[0])


def given_or_positional(codes: tuple[Codes, Codes] | None, n: int, m: int) -> tuple[Codes, Codes]:
    """The codes of n and of m rows, or without any those by position."""
    if codes is not None:
        return codes
    by_position = positional(n, m)
    return by_position, by_position


def matched_pairs(x: Codes, y: Codes) -> Iterator[tuple[Codes, Codes]]:
    """All (i, j) with x[i] == y[j], as index arrays, chunk by chunk in bounded memory.

    >>> pairs = list(matched_pairs(np.array([3, 5, 7]), np.array([5, 3, 5])))
    >>> [(i.tolist(), j.tolist()) for i, j in pairs]
    [([0, 1, 1], [1, 0, 2])]
    """
    order = np.argsort(y, kind="stable")
    ordered = y[order]
    first = np.searchsorted(ordered, x, side="left")
    counts = np.searchsorted(ordered, x, side="right") - first
    total = np.cumsum(counts)
    start = 0
    while start < len(x):
        done = total[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(total, done + PAIR_CHUNK, side="right")))
        count = counts[start:stop]
        i = np.repeat(np.arange(start, stop), count)
        # Position of each pair within its row's run of matches: 0, 1, … count − 1.
        within = np.arange(len(i)) - np.repeat(np.cumsum(count) - count, count)
        j = order[np.repeat(first[start:stop], count) + within]
        if len(i):
            yield i, j
        start = stop


def count_matches(x: Codes, y: Codes) -> NDArray[np.int64]:
    """For each row of x, the number of rows of y with the same code."""
    ordered = np.sort(y)
    right = np.searchsorted(ordered, x, side="right")
    return np.asarray(right - np.searchsorted(ordered, x, side="left"), dtype=np.int64)
