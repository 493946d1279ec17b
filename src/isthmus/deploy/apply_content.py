"""What one application of a closer writes: which rows, as what, with which ids and labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..closers import Closer
from ..errors import InputError
from ..readers import read_raw

Column = NDArray[Any] | None
DTYPES = ("float16", "float32", "float64")


@dataclass(frozen=True)
class Part:
    """One modality of what is written.

    Attributes
    ----------
    source:
        (N, D), the rows as they are read.
    width, dtype:
        K and the dtype of the closed rows.
    groups, labels:
        (N,) ids and classes, or None.
    """

    source: NDArray[Any]
    width: int
    dtype: np.dtype[Any]
    groups: Column
    labels: Column

    @property
    def rows(self) -> int:
        """N."""
        return len(self.source)

    @property
    def nbytes(self) -> int:
        """Of the closed rows."""
        return self.rows * self.width * self.dtype.itemsize


Content = Mapping[str, Part]
"""Modality → what is written of it."""


def read_content(
    closer: Closer,
    source: Sequence[str | Path],
    *,
    modalities: Sequence[str] | None,
    groups: Sequence[str],
    labels: Sequence[str],
    dtype: str | None,
) -> Content:
    """The rows of a source, which one closer can all close, memory-mapped or spooled.

    Raises
    ------
    InputError
        A source that cannot be read; a modality or width that the closer was not fitted on; a
        modality without rows; ids or labels that are not one integer or string for each row.
    """
    raw = read_raw(*source, modalities=modalities, groups=groups, labels=labels, fewest=1)
    return {
        name: _part(
            closer, name, x, (raw.groups or {}).get(name), (raw.labels or {}).get(name), dtype
        )
        for name, x in raw.arrays.items()
    }


def _part(
    closer: Closer, name: str, x: NDArray[Any], groups: Column, labels: Column, dtype: str | None
) -> Part:
    if name not in closer.names:
        raise InputError(
            f"the closer was fitted on {', '.join(closer.names)}, not on '{name}': name the "
            "source's arrays as NAME=FILE, or choose some with modalities"
        )
    closer.check_rows(x, name)
    if not len(x):
        raise InputError(f"modality '{name}' has no rows")
    first = x[:1] if x.dtype.kind == "f" else x[:1].astype(np.float32)
    width = closer.move(np.asarray(first), modality=name)[0].shape[1]
    kept = x.dtype if x.dtype.kind == "f" else np.dtype(np.float32)
    return Part(
        x,
        int(width),
        kept if dtype is None else np.dtype(dtype),
        _column("groups", name, groups, len(x)),
        _column("labels", name, labels, len(x)),
    )


def _column(what: Literal["groups", "labels"], name: str, values: Column, n: int) -> Column:
    if values is None:
        return None
    if values.shape != (n,) or values.dtype.kind not in "iuUb":
        raise InputError(
            f"{what} of modality '{name}' must be an integer or a string for each of its {n} "
            f"rows; found shape {values.shape} of {values.dtype}"
        )
    return values


def ids(content: Content) -> dict[str, NDArray[Any]]:
    """Modality → an id for each row, of one kind: its group, or else its number.

    Raises
    ------
    InputError
        Groups of some modalities only, or of two kinds; no groups, where only they could say
        which rows match.
    """
    rows = {name: part.rows for name, part in content.items()}
    if all(part.groups is None for part in content.values()):
        if len(set(rows.values())) > 1:
            listed = ", ".join(f"{name} has {n}" for name, n in rows.items())
            raise InputError(
                f"modalities have different numbers of rows ({listed}) and no group ids say "
                "which rows belong together: give groups, or write to a folder"
            )
        return {name: np.arange(n) for name, n in rows.items()}
    return of_one_kind("groups", {name: part.groups for name, part in content.items()})


def of_one_kind(
    what: Literal["groups", "labels"], columns: Mapping[str, Column]
) -> dict[str, NDArray[Any]]:
    """Modality → values that one column of a table can hold: int64 or strings."""
    found: dict[str, NDArray[Any]] = {}
    for name, values in columns.items():
        if values is None:
            raise InputError(
                f"{what} are missing for modality '{name}': give them for all, or write to a folder"
            )
        if values.dtype.kind == "u" and values.size and values.max() > np.iinfo(np.int64).max:
            raise InputError(f"{what} of modality '{name}' are beyond 64-bit integers")
        found[name] = values if values.dtype.kind == "U" else values.astype(np.int64)
    if len({values.dtype.kind for values in found.values()}) > 1:
        kinds = {n: "strings" if v.dtype.kind == "U" else "integers" for n, v in found.items()}
        listed = ", ".join(f"{name} has {kind}" for name, kind in kinds.items())
        raise InputError(f"{what} must be of one kind in all modalities; found: {listed}")
    return found
