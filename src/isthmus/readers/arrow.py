"""Arrow IPC files (`.arrow`, `.feather`, `.ipc`), in the file or the stream format."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..errors import InputError
from .arrow_columns import Column, stored_column
from .guard import check_file, reading
from .lazy import Arrays, Stored

_FILE_MAGIC = b"ARROW1"


def open_arrow(path: Path) -> Arrays:
    """The columns of an Arrow or feather (version 2) file by name.

    The file is memory-mapped; a column is copied batch by batch into one array of its own
    dtype when it is asked for.
    """
    return open_arrow_files([path])


def open_arrow_files(paths: Sequence[Path]) -> Arrays:
    """The columns of several Arrow files of one schema, their rows one after another."""
    fields: dict[str, Any] = {}
    for path in paths:
        check_file(path)
        with reading(path, "an Arrow file"), _open(path, []) as (schema, _):
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
    return stored_column(Column(where, fields[name], size, batches))


def _batches(paths: Sequence[Path], name: str, index: int) -> Generator[Any, None, None]:
    for path in paths:
        with _open(path, [index]) as (_, batches):
            for batch in batches:
                yield batch.column(name)


@contextmanager
def _open(path: Path, fields: list[int]) -> Iterator[tuple[Any, Iterator[Any]]]:
    options = pa.ipc.IpcReadOptions(included_fields=fields, use_threads=False)
    with path.open("rb") as file:
        is_file = file.read(len(_FILE_MAGIC)) == _FILE_MAGIC
    with pa.memory_map(str(path)) as source:
        if is_file:
            with pa.ipc.open_file(source, options=options) as reader:
                yield reader.schema, map(reader.get_batch, range(reader.num_record_batches))
        else:
            with pa.ipc.open_stream(source, options=options) as reader:
                yield reader.schema, iter(reader)
