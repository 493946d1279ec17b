"""A folder with one `NAME.npy` for each modality, ids and labels beside."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from ..readers import GROUPS, LABELS
from .apply_content import Content
from .apply_partial import State, synchronise
from .apply_rows import Block
from .apply_sink import Moves, Sink, blocks

PIECE_BYTES = 2**20
"""Written at a time: for larger pieces some systems look for larger pages, which takes longer."""


class NpySink(Sink):
    """The files of `write_embeddings` for a folder, as `np.save` writes them."""

    def __init__(self, out: Path, folder: Path, content: Content) -> None:
        super().__init__(out, folder, content)
        self._files: dict[str, IO[bytes]] = {}

    def portions(self) -> list[list[Block]]:
        """Block by block, modality by modality."""
        return [[block] for name in self.content for block in blocks(self.content, name)]

    def open(self, state: State | None) -> bool:
        """Each file from the byte where the state left it."""
        for name, part in self.content.items():
            path = self.folder / f"{name}.npy"
            if state is None:
                file = path.open("wb", buffering=0)
                header = {
                    "descr": npy_format.dtype_to_descr(part.dtype),
                    "fortran_order": False,
                    "shape": (part.rows, part.width),
                }
                npy_format.write_array_header_1_0(file, header)
            else:
                if not path.is_file() or path.stat().st_size < state[name]:
                    return False
                file = path.open("r+b", buffering=0)
                file.truncate(state[name])
                file.seek(state[name])
            self._files[name] = file
        return True

    def write(self, portion: Sequence[Block], rows: Iterator[NDArray[Any]]) -> None:
        """Each block behind the one before."""
        for block, closed in zip(portion, rows, strict=True):
            write_all(self._files[block.name], closed)

    def state(self) -> State:
        """The length of each file."""
        return {name: file.tell() for name, file in self._files.items()}

    def synchronise(self) -> None:
        """All files."""
        for file in self._files.values():
            os.fsync(file.fileno())

    def finish(self) -> None:
        """Ids and labels, beside the rows."""
        self.synchronise()
        for name, values in self._columns().items():
            if values is not None:
                path = self.folder / f"{name}.npy"
                np.save(path, values, allow_pickle=False)
                synchronise(path)

    def moves(self) -> Moves:
        """Into the folder, without ids and labels of an earlier set."""
        found = {self.out / f"{n}.npy": self.folder / f"{n}.npy" for n in self.content}
        beside = {
            self.out / f"{name}.npy": None if values is None else self.folder / f"{name}.npy"
            for name, values in self._columns().items()
        }
        return {**found, **beside}

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()

    def _columns(self) -> dict[str, NDArray[Any] | None]:
        return {
            name + ending: values
            for name, part in self.content.items()
            for ending, values in ((GROUPS, part.groups), (LABELS, part.labels))
        }


def write_all(file: IO[bytes], rows: NDArray[Any]) -> None:
    """The bytes of an array, to an unbuffered file."""
    left = np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data
    while left:
        left = left[file.write(left[:PIECE_BYTES]) :]
