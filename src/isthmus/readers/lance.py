"""LanceDB tables (`NAME.lance` folders), read through the package `lancedb`."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import missing
from .arrow_columns import Column, Piece, stored_column
from .guard import reading
from .lazy import Arrays

_BATCH_ROWS = 2_048


def open_lance(path: Path) -> Arrays:
    """The columns of a LanceDB table by name, in the order of its rows.

    A column is copied batch by batch into one array of its own dtype when it is asked for.
    """
    with reading(path, "a LanceDB table"):
        table = _open(path)
        fields = {field.name: field.type for field in table.schema}
        rows = table.count_rows()
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())

    def column(name: str) -> Column:
        batches = partial(_batches, path, name)
        return Column(f"{path}[{name}]", fields[name], size, batches, lambda: rows)

    return Arrays(fields, lambda name: stored_column(column(name)))


def _batches(path: Path, name: str) -> Generator[Piece, None, None]:
    for batch in _open(path).search().select([name]).to_batches(batch_size=_BATCH_ROWS):
        yield Piece(batch.column(name))


def _open(path: Path) -> Any:
    try:
        import lancedb
    except ImportError as error:
        raise missing("lancedb", extra="data") from error
    return lancedb.connect(str(path.resolve().parent)).open_table(path.resolve().stem)
