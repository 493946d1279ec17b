"""Parquet files: a column of lists of numbers per modality, and ids and labels beside them."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from .arrow_columns import Column, stored_column
from .guard import check_backed, check_file, reading
from .lazy import Arrays, Stored
from .parquet_footer import read_chunks

BATCH_BYTES = 16 * 2**20
"""A column is decoded in batches of about this size."""

_MOST_ROWS = 65_536


def open_parquet(path: Path) -> Arrays:
    """The columns of a parquet file by name.

    A column is decoded when it is asked for, batch by batch, straight into one array of its
    own dtype: memory is that array and `BATCH_BYTES`. Lists of floats or integers, of fixed
    or of any size, are matrices; uneven lists are refused with the row named.
    """
    check_file(path)
    with reading(path, "a parquet file"):
        read_chunks(path)
    with reading(path, "a parquet file"), _open(path) as file:
        schema = file.schema_arrow
        rows = file.metadata.num_rows
        fields = {field.name: field.type for field in schema}
    return Arrays(fields, lambda name: _stored(path, name, fields[name], rows))


def _stored(path: Path, name: str, type_: Any, rows: int) -> Stored:
    where = f"{path}[{name}]"
    size = path.stat().st_size
    batches = partial(_batches, path, name, type_)
    return stored_column(Column(where, type_, size, batches, rows))


def _batches(path: Path, name: str, type_: Any) -> Generator[Any, None, None]:
    chunks = [chunk for chunk in read_chunks(path) if chunk.column == name]
    rows = sum(chunk.rows for chunk in chunks)
    nbytes = sum(chunk.nbytes for chunk in chunks)
    check_backed(f"{path}[{name}]", nbytes, path.stat().st_size)
    size = min(_MOST_ROWS, max(1, BATCH_BYTES * max(1, rows) // max(1, nbytes)))
    is_text = pa.types.is_string(type_) or pa.types.is_large_string(type_)
    with _open(path, read_dictionary=[name] if is_text else None) as file:
        for batch in file.iter_batches(batch_size=size, columns=[name], use_threads=False):
            yield batch.column(name)


def _open(path: Path, **options: Any) -> Any:
    import pyarrow.parquet as pq

    return pq.ParquetFile(path, memory_map=True, pre_buffer=False, **options)
