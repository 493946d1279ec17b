"""A LanceDB table, `NAME.lance`: a row for every item of all modalities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from numpy.typing import NDArray

from ..errors import InputError, missing
from ..readers.guard import one_line
from .apply_content import Content
from .apply_partial import State
from .apply_rows import Block
from .apply_sink import Moves, Sink, blocks, grouped
from .apply_table import LongTable

_COMMIT_BLOCKS = 256  # in one fragment, which is one version of the table


class LanceSink(Sink):
    """One index for all modalities.

    Every portion is one version of the table; the state is the number of the last. Whatever a
    killed process left beyond it is no part of the table.
    """

    _open: Any

    def __init__(self, out: Path, folder: Path, content: Content) -> None:
        super().__init__(out, folder, content)
        self._path = folder / out.name
        self._table = LongTable(content)

    def portions(self) -> list[list[Block]]:
        """A fragment of the table each."""
        return [
            portion
            for name in self.content
            for portion in grouped(blocks(self.content, name), _COMMIT_BLOCKS)
        ]

    def open(self, state: State | None) -> bool:
        """A table without rows, or as it was at the state's version."""
        try:
            import lancedb
        except ImportError as error:
            raise missing("lancedb", extra="data") from error
        database = lancedb.connect(str(self.folder.resolve()))
        if state is None:
            self._open = database.create_table(self._path.stem, schema=self._table.schema)
            return True
        if not self._path.is_dir():
            return False
        self._open = database.open_table(self._path.stem)
        if self._open.version != state["version"]:
            self._open.restore(state["version"])
        return True

    def write(self, portion: Sequence[Block], rows: Iterator[NDArray[Any]]) -> None:
        """One fragment."""
        failures: list[BaseException] = []

        def batches() -> Iterator[Any]:
            try:
                for block, closed in zip(portion, rows, strict=True):
                    yield self._table.batch(block, closed)
            except BaseException as error:
                failures.append(error)
                raise

        try:
            self._open.add(pa.RecordBatchReader.from_batches(self._table.schema, batches()))
        except Exception as error:  # of what the iterator raised, the text alone comes back
            if failures:
                raise failures[0] from None
            raise InputError(f"cannot write {self.out}: {one_line(error)}") from error

    def state(self) -> State:
        """The version."""
        return {"version": self._open.version}

    def synchronise(self) -> None:
        """Lance has its own ways."""

    def finish(self) -> None:
        """Nothing is left to do."""

    def moves(self) -> Moves:
        """The folder of the table."""
        return {self.out: self._path}
