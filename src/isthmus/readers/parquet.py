"""Parquet files: a column of lists of numbers per modality, and ids and labels beside them."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from .arrow_columns import Column, Piece, stored_column
from .guard import check_backed, check_file, reading
from .lazy import Arrays, Stored
from .mapping import Bytes, map_file
from .parquet_footer import read_chunks
from .spool import block_rows

_MOST_ROWS = 65_536


def open_parquet(path: Path) -> Arrays:
    """The columns of a parquet file by name.

    A column is decoded when it is asked for, batch by batch, into one array of its own dtype,
    as `spool.collect` keeps it. Lists of floats or integers, of fixed or of any size, are
    matrices; uneven lists are refused with the row named.
    """
    check_file(path)
    with reading(path, "a parquet file"):
        read_chunks(path)
    with reading(path, "a parquet file"), _open(map_file(path)) as file:
        schema = file.schema_arrow
        rows = file.metadata.num_rows
        fields = {field.name: field.type for field in schema}
    return Arrays(fields, lambda name: _stored(path, name, fields[name], rows))


def _stored(path: Path, name: str, type_: Any, rows: int) -> Stored:
    where = f"{path}[{name}]"
    size = path.stat().st_size
    batches = partial(_batches, path, name, type_)
    return stored_column(Column(where, type_, size, batches, lambda: rows))


def _batches(path: Path, name: str, type_: Any) -> Generator[Piece, None, None]:
    chunks = [chunk for chunk in read_chunks(path) if chunk.column == name]
    rows = sum(chunk.rows for chunk in chunks)
    nbytes = sum(chunk.nbytes for chunk in chunks)
    check_backed(f"{path}[{name}]", nbytes, path.stat().st_size)
    size = min(_MOST_ROWS, block_rows(nbytes // max(1, rows)))
    is_text = pa.types.is_string(type_) or pa.types.is_large_string(type_)
    content = map_file(path)
    with _open(content, read_dictionary=[name] if is_text else None) as file:
        for batch in file.iter_batches(batch_size=size, columns=[name], use_threads=False):
            yield Piece(batch.column(name), content)
            del batch  # before the next takes memory


def _open(content: Bytes, **options: Any) -> Any:
    import pyarrow.parquet as pq

    return pq.ParquetFile(pa.BufferReader(pa.py_buffer(content)), pre_buffer=False, **options)
