"""Tables in parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...readers.guard import one_line, reading
from ...readers.spool import block_rows, collect
from .table import Table


class ParquetTable(Table):
    """A parquet file: columns of numbers or truths, and of lists of numbers of one length."""

    def numbers(self, columns: Sequence[str], rows: int) -> NDArray[Any]:
        """As of `Table`, in single precision where nothing needs more."""
        with reading(self.path, "a parquet file"):
            widths = {name: self._width(name) for name in columns}
            self._features = [
                name if widths[name] is None else f"{name}[{k}]"
                for name in columns
                for k in range(widths[name] or 1)
            ]
            wide = any(_item(self._type(name)) not in _narrow() for name in columns)
            dtype = np.dtype(np.float64 if wide else np.float32)
            width = len(self._features)
            blocks = (
                self._block(start, batch, widths, dtype)
                for start, batch in self._batches(columns, block_rows(width * dtype.itemsize))
            )
            return collect(self.path, blocks, rows=rows, width=width, dtype=dtype)

    def _batches(self, columns: Sequence[str], size: int = 4096) -> Iterator[tuple[int, Any]]:
        import pyarrow.parquet as pq

        start = 0
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(batch_size=size, columns=list(columns)):
                yield start, batch
                start += len(batch)

    def _type(self, column: str) -> Any:
        import pyarrow.parquet as pq

        return pq.read_schema(self.path).field(column).type

    def _width(self, column: str) -> int | None:
        """How many numbers its lists hold; None of a column with one number in a row."""
        import pyarrow as pa

        type_ = self._type(column)
        item = _item(type_)
        if not (pa.types.is_integer(item) or pa.types.is_floating(item) or item == pa.bool_()):
            raise InputError(
                f"{self.path}: '{column}' holds {one_line(type_)}, and no numbers or lists of "
                f"numbers; leave it out: leave_out=[{column}]"
            )
        if item == type_:
            return None
        for _, batch in self._batches([column]):
            _, lengths = _lists(batch.column(column))
            if lengths.any():
                return int(lengths[lengths > 0][0])
        raise InputError(f"{self.path}: '{column}' is empty in every row")

    def _block(
        self, start: int, batch: Any, widths: dict[str, int | None], dtype: np.dtype[Any]
    ) -> NDArray[Any]:
        parts = []
        for name, width in widths.items():
            column = batch.column(name)
            if width is None:
                parts.append(_floats(column)[:, None])
                continue
            lists, lengths = _lists(column)
            if (uneven := (lengths > 0) & (lengths != width)).any():
                row = int(uneven.argmax())
                raise InputError(
                    f"{self.where(start + row)}: the lists of '{name}' hold {width} numbers, here "
                    f"are {lengths[row]}; all must have equally many"
                )
            rows = np.full((len(batch), width), np.nan)
            rows[lengths > 0] = _floats(lists.flatten()).reshape(-1, width)
            parts.append(rows)
        return np.concatenate(parts, axis=1).astype(dtype, copy=False)


def _narrow() -> tuple[Any, ...]:
    """Arrow types that single precision holds exactly."""
    import pyarrow as pa

    small = (pa.int8(), pa.int16(), pa.uint8(), pa.uint16())
    return (pa.float16(), pa.float32(), pa.bool_(), *small)


def _item(type_: Any) -> Any:
    """The Arrow type of the numbers in a column of numbers or of lists."""
    import pyarrow as pa

    if isinstance(type_, pa.BaseExtensionType):
        type_ = type_.storage_type
    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return type_.value_type if any(is_one(type_) for is_one in lists) else type_


def _lists(column: Any) -> tuple[Any, NDArray[Any]]:
    """A column of lists, and the length of each: 0 where there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    lists = column.storage if isinstance(column, pa.ExtensionArray) else column
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    return lists, np.asarray(lengths.to_numpy(zero_copy_only=False))


def _floats(column: Any) -> NDArray[Any]:
    """Numbers or truths in double precision, NaN where there is none."""
    import pyarrow as pa

    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False))
