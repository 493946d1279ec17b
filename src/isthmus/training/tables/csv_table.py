"""Tables in csv and tsv files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...datasets.tables import csv_rows
from ...errors import InputError
from ...readers.guard import one_line, reading
from ...readers.spool import block_rows, collect
from .table import Table

_EMPTY = ("", "na", "n/a", "nan", "none", "null")
"""What a csv writes, in any case, where it has no number."""


class CsvTable(Table):
    """A csv or tsv file; its rows are named by their line."""

    def where(self, row: int) -> str:
        """A row, by the line of the file that it ends in."""
        with csv_rows(self.path) as (rows, reader):
            next(islice(filter(None, rows), row + 1, None), None)
            return f"line {reader.line_num} of {self.path}"

    def numbers(self, columns: Sequence[str], rows: int) -> NDArray[Any]:
        """As of `Table`, in double precision."""
        self._features = list(columns)
        width = len(columns)
        with reading(self.path, "a table"):
            return collect(self.path, self._blocks(width), rows=rows, width=width, dtype=np.float64)

    def _blocks(self, width: int) -> Iterator[NDArray[Any]]:
        with csv_rows(self.path) as (lines, _):
            header = next(lines)
            places = [header.index(name) for name in self._features]
            count, rows = 0, filter(None, lines)
            while block := [
                [line[k] for k in places] for line in islice(rows, block_rows(8 * width))
            ]:
                yield np.array([self._row(count + k, cells) for k, cells in enumerate(block)])
                count += len(block)

    def _row(self, row: int, cells: Sequence[str]) -> list[float]:
        try:
            return list(map(float, cells))
        except ValueError:
            return [self._cell(row, k, cell) for k, cell in enumerate(cells)]

    def _cell(self, row: int, k: int, cell: str) -> float:
        if cell.strip().lower() in _EMPTY:
            return np.nan
        try:
            return float(cell)
        except ValueError:
            raise InputError(
                f"{self.where(row)}: {self.feature(k)} must be a number; found "
                f"'{one_line(cell)}'; correct it, or leave the column out: "
                f"leave_out=[{self._features[k]}]"
            ) from None
