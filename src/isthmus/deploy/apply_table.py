"""Closed rows as the columns of a table: a row for every item, or one for all modalities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..readers import GROUPS, LABELS
from ..readers.long_table import ID, LABEL, MODALITY, VECTOR
from .apply_content import Content, ids, of_one_kind
from .apply_rows import Block


class LongTable:
    """Columns `modality`, `id`, `label` (where there are any) and `vector`; a row per item."""

    def __init__(self, content: Content) -> None:
        self._ids = ids(content)
        labelled = any(part.labels is not None for part in content.values())
        self._labels = (
            of_one_kind("labels", {name: part.labels for name, part in content.items()})
            if labelled
            else None
        )
        widths = {part.width for part in content.values()}
        assert len(widths) == 1, "closers give all modalities one width"
        dtype = np.result_type(*(part.dtype for part in content.values()))
        self._vectors = vectors(dtype, widths.pop())
        fields = [(MODALITY, pa.string()), (ID, _type(self._ids))]
        if self._labels is not None:
            fields.append((LABEL, _type(self._labels)))
        self.schema = pa.schema([*fields, (VECTOR, self._vectors)])

    def table(self, portion: Sequence[Block], rows: Iterator[NDArray[Any]]) -> Any:
        """The rows of a portion."""
        batches = [self.batch(b, r) for b, r in zip(portion, rows, strict=True)]
        return pa.Table.from_batches(batches)

    def batch(self, block: Block, rows: NDArray[Any]) -> Any:
        """A record batch of a block's closed rows."""
        part = slice(block.start, block.stop)
        columns = [pa.repeat(block.name, len(rows)), pa.array(self._ids[block.name][part])]
        if self._labels is not None:
            columns.append(pa.array(self._labels[block.name][part]))
        columns.append(lists(rows, self._vectors))
        return pa.record_batch(columns, schema=self.schema)


class WideTable:
    """A column of vectors per modality, ids and labels in columns of their own, as
    `write_embeddings` has them; row i of all modalities lies in one row."""

    def __init__(self, content: Content) -> None:
        self._types = {name: vectors(part.dtype, part.width) for name, part in content.items()}
        self._beside = {
            name + ending: values
            for name, part in content.items()
            for ending, values in ((GROUPS, part.groups), (LABELS, part.labels))
            if values is not None
        }
        beside = [(name, pa.array(values[:1]).type) for name, values in self._beside.items()]
        self.schema = pa.schema([*self._types.items(), *beside])

    def table(self, portion: Sequence[Block], rows: Iterator[NDArray[Any]]) -> Any:
        """The rows of a portion, which has the same blocks of each modality."""
        parts: dict[str, list[Any]] = {name: [] for name in self._types}
        for block, closed in zip(portion, rows, strict=True):
            parts[block.name].append(lists(closed, self._types[block.name]))
        span = slice(portion[0].start, portion[-1].stop)
        columns = [pa.chunked_array(part) for part in parts.values()]
        columns += [pa.chunked_array([pa.array(v[span])]) for v in self._beside.values()]
        return pa.Table.from_arrays(columns, schema=self.schema)


def vectors(dtype: np.dtype[Any], width: int) -> Any:
    """The type of a column of rows."""
    return pa.list_(pa.from_numpy_dtype(dtype), width)


def lists(rows: NDArray[Any], type_: Any) -> Any:
    """Rows (n, K) as an Arrow array of lists, where they lie if they have its type."""
    values = np.ascontiguousarray(rows, dtype=type_.value_type.to_pandas_dtype())
    return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), type=type_)


def _type(columns: dict[str, NDArray[Any]]) -> Any:
    return pa.string() if next(iter(columns.values())).dtype.kind == "U" else pa.int64()
