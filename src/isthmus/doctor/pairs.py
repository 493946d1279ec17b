"""Modalities together: do rows that should match look alike?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import unit_rows
from ..matching import Codes, encode, matched_pairs
from .finding import Array, Finding
from .rows import SAMPLE

_SURE = 4  # standard errors by which matching rows must be more alike than random ones


def column_findings(
    arrays: Mapping[str, Array], what: str, columns: Mapping[str, Array] | None
) -> Iterator[Finding]:
    """Is there one id or label for every row?"""
    for name, array in arrays.items():
        column = None if columns is None else columns.get(name)
        if columns and column is None:
            yield Finding("error", name, f"{what} are missing", "give them for every modality")
        elif column is not None and len(column) != len(array):
            yield Finding(
                "error",
                name,
                f"{len(column):,} {what} for {len(array):,} rows",
                "one per row, in the same order: check that both files come from one run",
            )


def label_findings(
    names: tuple[str, str], labels: tuple[Array, Array], codes: tuple[Codes, Codes]
) -> Iterator[Finding]:
    """Do matched rows have the same label?"""
    wrong = total = 0
    for i, j in matched_pairs(*codes):
        wrong += int((labels[0][i] != labels[1][j]).sum())
        total += len(i)
    if wrong:
        yield Finding(
            "error" if wrong > total / 2 else "warning",
            ", ".join(names),
            f"{wrong:,} of {total:,} matched pairs have different labels",
            "labels or ids are swapped or out of order: compare a few rows with their source",
        )


def pair_findings(
    names: tuple[str, str],
    arrays: tuple[Array, Array],
    usable: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    codes: tuple[Codes, Codes],
    *,
    seed: int,
) -> Iterator[Finding]:
    """Are matching rows more alike than random ones? If not, are they off by a few rows?"""
    (x, y), where = arrays, ", ".join(names)
    if x.shape[1] != y.shape[1]:
        yield Finding(
            "error",
            where,
            f"{x.shape[1]} and {y.shape[1]} dimensions",
            "modalities must come from one model's shared space: check for a missing projection",
        )
        return
    rng = np.random.default_rng(seed)
    i, j = _sample_pairs(codes, usable, rng)
    if len(i) < 2:
        yield Finding(
            "error",
            where,
            "no rows have a group id in common",
            "rows match where their ids are equal: check that both use the same ids",
        )
        return
    a, b = _Centred.of(x, i), _Centred.of(y, j)
    true = _cosines(a, b, i, j)
    order = rng.permutation(len(j))
    random = _cosines(a, b, i, j[order])[codes[1][j] != codes[1][j[order]]]
    if len(random) < 2 or _clearly_above(true, random):
        return
    shift = _best_shift(a, b, i, usable, random)
    yield Finding(
        "error",
        where,
        f"matching rows are no more alike than random ones (mean cosine {true.mean():.3f} "
        f"against {random.mean():.3f}, each modality centred)",
        f"row i of {names[0]} seems to belong to row i{shift:+d} of {names[1]}: a row was lost "
        "or added"
        if shift
        else "the two are in different orders, or from different models: check ids and files",
    )


def _sample_pairs(
    codes: tuple[Codes, Codes],
    usable: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    rng: np.random.Generator,
) -> tuple[Codes, Codes]:
    """Matched pairs of a sample of the first modality's rows, those with NaN left out."""
    chosen = np.sort(rng.permutation(len(codes[0]))[:SAMPLE])
    for i, j in matched_pairs(codes[0][chosen], codes[1]):
        keep = usable[0][chosen[i]] & usable[1][j]
        return chosen[i][keep], j[keep]
    return np.empty(0, np.int64), np.empty(0, np.int64)


def _best_shift(
    x: _Centred,
    y: _Centred,
    i: Codes,
    usable: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    random: NDArray[np.float64],
) -> int:
    """The small shift of rows at which pairs do look alike, or 0."""
    for shift in (1, -1, 2, -2, 3, -3):
        inside = i[(i + shift >= 0) & (i + shift < len(y.array))]
        inside = inside[usable[0][inside] & usable[1][inside + shift]]
        if len(inside) > 1 and _clearly_above(_cosines(x, y, inside, inside + shift), random):
            return shift
    return 0


def _clearly_above(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    error = np.sqrt(a.var() / len(a) + b.var() / len(b))
    return bool(a.mean() - b.mean() > _SURE * error)


def codes_of(
    arrays: Mapping[str, Array], groups: Mapping[str, Array] | None
) -> dict[str, Codes] | None:
    """Group codes of all rows, by ids or by position; None where neither fits the rows."""
    if groups and all(len(groups.get(n, ())) == len(x) for n, x in arrays.items()):
        return encode({name: np.asarray(groups[name]) for name in arrays})
    if groups or len({len(array) for array in arrays.values()}) > 1:
        return None
    return {name: np.arange(len(array)) for name, array in arrays.items()}


def _cosines(x: _Centred, y: _Centred, i: Codes, j: Codes) -> NDArray[np.float64]:
    """Cosine of rows i of x with rows j of y, around each one's own centre."""
    a, b = x.rows(i), y.rows(j)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.asarray(np.einsum("nd,nd->n", a, b) / np.maximum(lengths, 1e-12))


@dataclass(frozen=True)
class _Centred:
    """An array with the mean of a sample of its unit rows: a gap must not hide likeness."""

    array: Array
    centre: NDArray[np.float64]

    @classmethod
    def of(cls, array: Array, sample: Codes) -> _Centred:
        return cls(array, unit_rows(array[sample]).mean(axis=0, dtype=np.float64))

    def rows(self, index: Codes) -> NDArray[np.float64]:
        return np.asarray(unit_rows(self.array[index]) - self.centre)
