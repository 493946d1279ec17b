"""Arrow IPC files (`.arrow`, `.feather`, `.ipc`), in the file or the stream format."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..errors import InputError
from .arrow_columns import Column, Piece, stored_column
from .arrow_messages import as_stream, check_batches, is_file
from .guard import check_file, reading
from .lazy import Arrays, Stored
from .mapping import Bytes, map_file


def open_arrow(path: Path) -> Arrays:
    """The columns of an Arrow or feather (version 2) file by name.

    The file is memory-mapped. A column of one uncompressed batch is a part of that map;
    other columns are copied batch by batch, when asked for, into one array of their own dtype.
    """
    return open_arrow_files([path])


def open_arrow_files(paths: Sequence[Path]) -> Arrays:
    """The columns of several Arrow files of one schema, their rows one after another."""
    fields: dict[str, Any] = {}
    for path in paths:
        check_file(path)
        with reading(path, "an Arrow file"), _open(map_file(path), []) as (schema, _):
            if len(set(schema.names)) < len(schema.names):
                raise ValueError("two of its columns have one name")
            found = {field.name: field.type for field in schema}
        if fields and found != fields:
            raise InputError(f"{path} has other columns than {paths[0]}")
        fields = found
    return Arrays(fields, lambda name: _stored(paths, name, fields))


def _stored(paths: Sequence[Path], name: str, fields: dict[str, Any]) -> Stored:
    where = f"{paths[0]}{' …' if len(paths) > 1 else ''}[{name}]"
    size = sum(path.stat().st_size for path in paths)
    batches = partial(_batches, paths, name, list(fields).index(name))
    rows = partial(_rows, where, paths)
    return stored_column(Column(where, fields[name], size, batches, rows))


def _rows(where: str, paths: Sequence[Path]) -> int:
    return sum(check_batches(where, map_file(path)) for path in paths)


def _batches(paths: Sequence[Path], name: str, index: int) -> Generator[Piece, None, None]:
    for path in paths:
        content = map_file(path)
        with _open(content, [index]) as (_, batches):
            for batch in batches:
                yield Piece(batch.column(name), content)
                del batch  # before the next takes memory


@contextmanager
def _open(content: Bytes, fields: list[int]) -> Iterator[tuple[Any, Iterator[Any]]]:
    options = pa.ipc.IpcReadOptions(included_fields=fields, use_threads=False)
    stream = as_stream(content) if is_file(content) else content
    if stream is None:
        with pa.ipc.open_file(_source(content), options=options) as reader:
            yield reader.schema, map(reader.get_batch, range(reader.num_record_batches))
    else:
        with pa.ipc.open_stream(_source(stream), options=options) as reader:
            yield reader.schema, iter(reader)


def _source(content: Bytes) -> Any:
    return pa.BufferReader(pa.py_buffer(content))
