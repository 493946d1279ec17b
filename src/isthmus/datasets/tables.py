"""Some columns of a csv, tsv or parquet file, read row by row."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from ..errors import InputError
from ..readers.guard import check_file, reading

ENDINGS = (".csv", ".tsv", ".parquet")


def column_names(path: Path) -> list[str]:
    """The names of a table's columns.

    Raises
    ------
    InputError
        No such file, another ending, not a table, or two columns of one name.
    """
    check_file(path)
    if path.suffix not in ENDINGS:
        raise InputError(f"{path} must end in {', '.join(ENDINGS)} to be read as a table")
    with reading(path, f"a {path.suffix[1:]} file"):
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            names = list(pq.read_schema(path).names)
        else:
            with csv_rows(path) as (rows, _):
                names = next(rows, [])
        if not names:
            raise ValueError("it is empty; its first line must name the columns")
        if len(set(names)) < len(names):
            raise ValueError("two of its columns have one name")
    return names


def read_columns(path: Path, names: Sequence[str]) -> Mapping[str, list[Any]]:
    """Columns by name: of a csv `str`, of a parquet file what it holds (lists too, or None)."""
    columns: dict[str, list[Any]] = {name: [] for name in names}
    with reading(path, f"a {path.suffix[1:]} file"):
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(columns=list(columns)):
                    for name, column in columns.items():
                        column.extend(batch.column(name).to_pylist())
            return columns
        with csv_rows(path) as (rows, reader):
            header = next(rows)
            places = [(column, header.index(name)) for name, column in columns.items()]
            for row in rows:
                if not row:
                    continue
                if len(row) != len(header):
                    raise ValueError(
                        f"line {reader.line_num} has {len(row)} columns, the first has "
                        f"{len(header)}; quote values that hold the separator"
                    )
                for column, place in places:
                    column.append(row[place])
    return columns


@contextmanager
def csv_rows(path: Path) -> Iterator[tuple[Iterator[list[str]], Any]]:
    """Rows of a csv file, the names of its columns first, and their reader, which knows the line.

    Tabs separate where the first line has no comma.
    """
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=_separator(path, file), strict=True)
        yield reader, reader


def _separator(path: Path, file: TextIO) -> str:
    first = file.readline()
    file.seek(0)
    return "\t" if path.suffix == ".tsv" or ("\t" in first and "," not in first) else ","
