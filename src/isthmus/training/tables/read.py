"""Tables of features, a file for each modality, whose rows belong together by an id."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...arrays import row_chunks
from ...datasets.tables import ENDINGS
from ...errors import InputError
from ...readers.guard import check_file, one_line
from ...readers.read import Raw
from ...readers.side import find_column
from ...readers.spool import collect
from ..hints import suggest
from .csv_table import CsvTable
from .npy_table import NPY, NpyTable
from .parquet_table import ParquetTable
from .table import Table

ID = "id"
"""The column of ids, where none is named."""

Empty = Literal["refuse", "mean"]
"""What becomes of an empty cell in a row that is not empty."""

_ROW_NUMBERS = re.compile(r"|__index_level_\d+__")
"""What pandas calls its row numbers: nothing in a csv."""

_MOST_NAMED = 3  # ids in a message


@dataclass(frozen=True)
class Tables:
    """How tables are read: the same for those of training and for others afterwards.

    Attributes
    ----------
    id:
        The column of ids.
    label:
        The column of classes in one table or more, or FILE:COLUMN; None if there are none.
    leave_out:
        Columns that are no features.
    empty:
        What becomes of empty cells in a row that holds numbers too.
    columns:
        Modality → its features by name, where that is known already; all that there are if not.
    """

    id: str = ID
    label: str | None = None
    leave_out: Sequence[str] = ()
    empty: Empty = "refuse"
    columns: Mapping[str, Sequence[str]] | None = None

    def read(self, source: Mapping[str, Path | str]) -> Raw:
        """The rows of every table with their ids and classes, "" where there is none.

        Rows without any number are left out: the item lacks the modality. Empty cells are NaN.

        Raises
        ------
        InputError
            In one line that names file and row: a file that is no table; no column of ids; an id
            that is empty or comes twice; a cell that is no number; lists of uneven length; empty
            cells, if they are refused; an item without a number in any table; classes that
            contradict each other.
        """
        opened = {name: open_table(Path(path)) for name, path in source.items()}
        if not opened:
            raise InputError("a table for each modality, NAME: FILE; found none")
        self._check_names(opened)
        ids = {name: self._ids(table) for name, table in opened.items()}
        classes = self._classes(opened, ids)
        arrays, kept = {}, {}
        for name, table in opened.items():
            rows = table.numbers(self.features(name, table), len(ids[name]))
            there = self._there(table, rows)
            arrays[name] = _only(table, rows, there)
            kept[name] = np.array(ids[name], dtype=np.str_)[there]
        self._check_items(opened, ids, kept)
        labels = None
        if classes is not None:
            labels = {n: np.array([classes.get(i, "") for i in own]) for n, own in kept.items()}
        return Raw(arrays, kept, labels)

    def fixed(self, source: Mapping[str, Path | str]) -> Tables:
        """How other tables with the columns of these are read: their classes do not matter."""
        columns = {name: self.features(name, open_table(Path(p))) for name, p in source.items()}
        return replace(self, label=None, leave_out=(), columns=columns)

    def features(self, name: str, table: Table) -> list[str]:
        """The columns of a table that are features."""
        wanted = None if self.columns is None else self.columns[name]
        if wanted is not None:
            if absent := [column for column in wanted if column not in table.names]:
                raise InputError(
                    f"{table.path} has no column '{absent[0]}', which the model was trained on; "
                    f"{suggest(absent[0], list(table.names))}"
                )
            return list(wanted)
        others = {self.id, self._label_column(), *self.leave_out}
        found = [c for c in table.names if c not in others and not _ROW_NUMBERS.fullmatch(c)]
        if not found and table.names:
            raise InputError(
                f"{table.path} has no column of numbers beside {', '.join(table.names)}"
            )
        return found

    def _check_names(self, opened: Mapping[str, Table]) -> None:
        every = list(dict.fromkeys(column for t in opened.values() for column in t.names))
        if unknown := [column for column in self.leave_out if column not in every]:
            raise InputError(
                f"leave_out: no table has a column '{unknown[0]}'; {suggest(unknown[0], every)}"
            )

    def _ids(self, table: Table) -> list[str]:
        ids = table.ids(self.id)
        first: dict[str, int] = {}
        for row, found in enumerate(ids):
            if not found:
                raise InputError(f"{table.where(row)} has no {self.id}; every row needs one")
            if found in first:
                raise InputError(
                    f"{table.where(row)}: the {self.id} '{one_line(found)}' is there already, in "
                    f"{table.where(first[found])}; a table has one row for each"
                )
            first[found] = row
        if not ids:
            raise InputError(f"{table.path} has no rows")
        return ids

    def _classes(
        self, opened: Mapping[str, Table], ids: Mapping[str, Sequence[str]]
    ) -> dict[str, str] | None:
        """Id → class, of the items that have one."""
        if self.label is None:
            return None
        path, column = find_column(self.label)
        if path is not None and column is not None:
            table = open_table(path)
            return dict(self._labelled(table, column, self._ids(table)))
        found: dict[str, str] = {}
        with_label = [name for name, table in opened.items() if table.has_label(self.label)]
        if not with_label:
            every = list(dict.fromkeys(c for t in opened.values() for c in t.names))
            raise InputError(
                f"labels: no table has a column '{self.label}'; {suggest(self.label, every)}"
            )
        for name in with_label:
            for item, label in self._labelled(opened[name], self.label, ids[name]):
                if found.setdefault(item, label) != label:
                    raise InputError(
                        f"the {self.label} of {self.id} '{one_line(item)}' is '{one_line(label)}' "
                        f"in {opened[name].path} and '{one_line(found[item])}' in another table"
                    )
        return found

    def _label_column(self) -> str | None:
        """Its name, in whatever file."""
        return None if self.label is None else find_column(self.label)[1] or self.label

    def _labelled(self, table: Table, column: str, ids: Sequence[str]) -> Iterator[tuple[str, str]]:
        pairs = zip(ids, table.labels(column), strict=True)
        return ((item, label) for item, label in pairs if label)

    def _there(self, table: Table, rows: NDArray[Any]) -> NDArray[np.bool_]:
        """(N,) which rows hold a number."""
        there = np.ones(len(rows), dtype=bool)
        if rows.dtype.kind != "f":
            return there
        for part in row_chunks(rows):
            if (beyond := np.isinf(rows[part])).any():
                row, k = np.argwhere(beyond)[0].tolist()
                raise InputError(
                    f"{table.where(part.start + row)}: {table.feature(k)} is infinite or too large"
                )
            absent = np.isnan(rows[part])
            there[part] = ~absent.all(axis=1)
            some = absent.any(axis=1) & there[part]
            if self.empty == "refuse" and some.any():
                row, k = np.argwhere(absent & some[:, None])[0].tolist()
                raise InputError(
                    f"{table.where(part.start + row)}: {table.feature(k)} is empty, and others of "
                    "the row are not; fill it in, empty the whole row, or take the column's mean: "
                    "empty=mean"
                )
        return there

    def _check_items(
        self,
        opened: Mapping[str, Table],
        ids: Mapping[str, Sequence[str]],
        kept: Mapping[str, NDArray[np.str_]],
    ) -> None:
        """Every item has a modality."""
        whole = {item for own in kept.values() for item in own.tolist()}
        for name, own in ids.items():
            if len(kept[name]) < len(own):
                for row, item in enumerate(own):
                    if item not in whole:
                        raise InputError(
                            f"{opened[name].where(row)}: the {self.id} '{one_line(item)}' has no "
                            "number in any table; leave it out"
                        )


def open_table(path: Path) -> Table:
    """The table in a file, by its ending."""
    check_file(path)
    if path.suffix not in (*ENDINGS, NPY):
        raise InputError(f"{path} must end in {', '.join((*ENDINGS, NPY))} to be read as a table")
    if path.suffix == NPY:
        return NpyTable(path)
    return ParquetTable(path) if path.suffix == ".parquet" else CsvTable(path)


def check_joined(source: Mapping[str, Path | str], groups: Mapping[str, NDArray[Any]]) -> None:
    """Refuse a table that has no id in common with any other."""
    for name, own in groups.items():
        others = [ids for other, ids in groups.items() if other != name]
        if others and not np.isin(own, np.concatenate(others)).any():
            theirs = ", ".join(f"'{one_line(ids[0])}'" for ids in others[:_MOST_NAMED] if len(ids))
            raise InputError(
                f"{source[name]} has no id in common with the other tables: its first is "
                f"'{one_line(own[0]) if len(own) else ''}', theirs {theirs}; rows belong together "
                "where their ids are the same text"
            )


def _only(table: Table, rows: NDArray[Any], there: NDArray[np.bool_]) -> NDArray[Any]:
    if there.all():
        return rows
    if not there.any():
        raise InputError(f"{table.path} has no number in any row")
    blocks = (rows[part][there[part]] for part in row_chunks(rows))
    return collect(table.path, blocks, rows=int(there.sum()), width=rows.shape[1], dtype=rows.dtype)
