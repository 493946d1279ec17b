"""Matrices in npy files, with their ids in another beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ...errors import InputError
from ...readers.npy import read_npy
from ...readers.side import GROUPS, LABELS
from .table import Table, text

NPY = ".npy"


class NpyTable(Table):
    """A matrix, with `NAME.groups.npy`, its ids, beside it, and perhaps `NAME.labels.npy`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names = ()
        self._features = []
        self._rows = read_npy(path)
        if self._rows.ndim != 2 or self._rows.dtype.kind not in "iuf":
            raise InputError(
                f"{path} must be a 2-D array of numbers; found shape {self._rows.shape} of "
                f"{self._rows.dtype}"
            )

    def ids(self, column: str) -> list[str]:
        """The ids beside it."""
        return self._beside(GROUPS, f"ids, '{column}' in other tables")

    def has_label(self, column: str) -> bool:
        """Whether there are classes beside it."""
        return self.path.with_suffix(LABELS + NPY).exists()

    def labels(self, column: str) -> list[str]:
        """The classes beside it."""
        return self._beside(LABELS, "classes")

    def numbers(self, columns: Sequence[str], rows: int) -> NDArray[Any]:
        """All of it, memory-mapped."""
        return self._rows

    def _beside(self, ending: str, what: str) -> list[str]:
        path = self.path.with_suffix(ending + NPY)
        if not path.exists():
            raise InputError(f"{self.path} needs its {what}, one for each row, in {path}")
        found = read_npy(path)
        if found.shape != self._rows.shape[:1]:
            raise InputError(
                f"{path} must hold one value for each of the {len(self._rows)} rows of "
                f"{self.path}; found shape {found.shape}"
            )
        return list(map(text, found.tolist()))
