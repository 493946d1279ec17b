"""Each modality by itself: shapes, rows, dimensions, copies."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..arrays import row_chunks, unit_rows
from .finding import Array, Finding, count, listed

SAMPLE = 2000
"""Rows that are compared with one another at most."""

NEAR = 0.999
"""Cosine from which on two rows of different groups count as nearly the same."""


def shape_findings(name: str, array: Array) -> Iterator[Finding]:
    """Is it a 2-D array of real numbers?"""
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        yield Finding(
            "error",
            name,
            f"shape {array.shape} of {array.dtype}, not a 2-D array of numbers",
            "save one row per item, one column per dimension, as float32 or float16",
        )
    elif array.dtype.kind in "iu":
        yield Finding(
            "note",
            name,
            f"integers ({array.dtype})",
            "fine if they are quantised embeddings; else they are another column: check the file",
        )
    elif array.dtype.itemsize == 8:
        yield Finding(
            "note",
            name,
            "double precision",
            "single precision halves the file and changes no metric beyond the sixth digit",
        )


def row_findings(name: str, array: Array) -> tuple[list[Finding], NDArray[np.bool_]]:
    """Findings about rows by themselves, and which rows have a direction."""
    norms = np.empty(len(array))
    for rows in row_chunks(array):
        norms[rows] = np.linalg.norm(np.asarray(array[rows], dtype=np.float64), axis=1)
    finite, zero = np.isfinite(norms), norms == 0
    findings = []
    if not finite.all():
        findings.append(
            Finding(
                "error",
                name,
                f"NaN or infinity in {count(~finite)}",
                "drop these rows in all modalities, or embed the items again",
            )
        )
    if zero.any():
        findings.append(
            Finding(
                "error",
                name,
                f"only zeros in {count(zero)}",
                "a zero vector has no direction: drop these rows, or embed the items again",
            )
        )
    good = finite & ~zero
    off = good & (np.abs(norms - 1) > 1e-2)
    if off.any() and array.dtype.kind == "f":
        low, high = norms[good].min(), norms[good].max()
        findings.append(
            Finding(
                "note",
                name,
                f"lengths from {low:.3g} to {high:.3g}, not 1, in {off.sum():,} of "
                f"{len(array):,} rows",
                "Isthmus compares directions; normalise before a scalar-product index",
            )
        )
    return findings, good


def dimension_findings(name: str, array: Array, good: NDArray[np.bool_]) -> Iterator[Finding]:
    """Dimensions that hold one value only."""
    lowest, highest = np.full(array.shape[1], np.inf), np.full(array.shape[1], -np.inf)
    for rows in row_chunks(array):
        chunk = array[rows][good[rows]]
        if len(chunk):
            lowest = np.minimum(lowest, chunk.min(axis=0))
            highest = np.maximum(highest, chunk.max(axis=0))
    constant = np.flatnonzero(lowest == highest)
    if len(constant):
        yield Finding(
            "warning",
            name,
            f"{len(constant)} of {array.shape[1]} dimensions are constant: {listed(constant)}",
            "a padded or dead output: drop these dimensions in all modalities",
        )


def duplicate_findings(name: str, array: Array) -> Iterator[Finding]:
    """Rows that are bit for bit equal to an earlier one."""
    seen: dict[bytes, int] = {}
    copies = [
        row
        for row in range(len(array))
        if seen.setdefault(np.ascontiguousarray(array[row]).tobytes(), row) != row
    ]
    if copies:
        yield Finding(
            "warning",
            name,
            f"{len(copies):,} of {len(array):,} rows repeat an earlier row: "
            f"{listed(np.array(copies))}",
            "give equal items equal group ids, or they count as false negatives",
        )


def near_findings(
    name: str,
    array: Array,
    good: NDArray[np.bool_],
    codes: NDArray[np.int64],
    seed: int,
) -> Iterator[Finding]:
    """Rows so alike that they act as false negatives of one another."""
    rows = np.flatnonzero(good)
    rows = np.sort(np.random.default_rng(seed).permutation(rows)[:SAMPLE])
    if len(rows) < 2:
        return
    units = unit_rows(array[rows])
    cosines = units @ units.T  # (n, n) of the sample
    other = codes[rows][:, None] != codes[rows][None, :]
    near = ((cosines > NEAR) & other).any(axis=1)
    if near.mean() > 0.01:
        yield Finding(
            "warning",
            name,
            f"{near.mean():.0%} of {len(rows):,} sampled rows have a near copy "
            f"(cosine > {NEAR}) in another group",
            "near-identical items act as false negatives: give them one group id",
        )
