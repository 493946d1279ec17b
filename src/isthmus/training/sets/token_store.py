"""Tokens of items in files: written whole, checked once, memory-mapped when they are read."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ...errors import InputError
from ...files import atomic_write, load_arrays, save_arrays
from ...readers.guard import one_line, reading

FORM = "isthmus-tokens"
WHAT = "tokens of an encoder"


@dataclass(frozen=True)
class StoredTokens:
    """Tokens of items, read from memory-mapped files when they are wanted.

    Attributes
    ----------
    chunk:
        Items of a file.
    lengths, starts:
        (N,) how many tokens each item has, and where in its file they begin.
    width:
        D.
    """

    paths: tuple[Path, ...]
    chunk: int
    lengths: NDArray[np.int64]
    starts: NDArray[np.int64]
    width: int
    _open: dict[int, Any] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor | None]:
        """(B, L, D) in single precision, and (B, L) which are no padding, or None if all are."""
        lengths = self.lengths[rows]
        longest = int(lengths.max(initial=0))
        found = torch.zeros(len(rows), longest, self.width)
        for k, (row, length) in enumerate(zip(rows, lengths, strict=True)):
            found[k, :length] = torch.from_numpy(self._item(int(row)))
        if (lengths == longest).all():
            return found, None
        return found, torch.arange(longest) < torch.from_numpy(lengths)[:, None]

    def _item(self, row: int) -> NDArray[np.float32]:
        k = row // self.chunk
        if k not in self._open:
            file = safe_open(self.paths[k], framework="numpy")
            self._open[k] = file.get_slice("tokens")  # type: ignore[no-untyped-call]
        start = int(self.starts[row])
        found = self._open[k][start : start + int(self.lengths[row])]
        return np.asarray(found, dtype=np.float32)


class TokenStore:
    """The files of a split: of each so many items, `sizes`.

    A file is known by its size and date once its values have been summed up and compared.
    """

    def __init__(self, folder: Path, key: str, sizes: Sequence[int]) -> None:
        self._folder, self._key, self._sizes = folder, key, sizes
        self.paths = tuple(folder / f"{k:05d}.safetensors" for k in range(len(sizes)))
        self._known = self._remembered()

    def missing(self) -> list[int]:
        """The files that are not there, or damaged."""
        return [k for k in range(len(self.paths)) if not self._is_whole(k)]

    def write(self, k: int, tokens: NDArray[Any], lengths: NDArray[np.int64]) -> None:
        """One file: (n, D) tokens of its items one after the other, and how many each has."""
        arrays = {"tokens": tokens, "lengths": lengths}
        try:
            save_arrays(self.paths[k], arrays, form=FORM, key=f"{self._key}-{k}", sum=_sum(tokens))
        except (OSError, SafetensorError) as error:
            raise InputError(
                f"cannot write {self.paths[k]}: {one_line(error)}; it and {len(self.paths) - 1} "
                f"others need {tokens.nbytes:,} bytes each: make room, and it goes on from here"
            ) from error
        self._know(k)

    def remember(self) -> None:
        """Note which files have been checked."""
        if self._known == self._remembered():
            return
        with suppress(InputError), atomic_write(self._notes) as temporary:  # it may be read-only
            temporary.write_text(json.dumps(self._known), encoding="utf-8")

    def opened(self) -> StoredTokens:
        """The tokens, all of which are there."""
        lengths, width = [], 0
        for path in self.paths:
            with reading(path, WHAT), safe_open(path, framework="numpy") as file:
                lengths.append(file.get_tensor("lengths"))
                width = int(file.get_slice("tokens").get_shape()[1])
        starts = [np.cumsum(own) - own for own in lengths]
        return StoredTokens(
            self.paths, self._sizes[0], np.concatenate(lengths), np.concatenate(starts), width
        )

    @property
    def _notes(self) -> Path:
        return self._folder / "checked.json"

    def _is_whole(self, k: int) -> bool:
        if not self.paths[k].is_file():
            return False
        if self._known.get(self.paths[k].name) == _identity(self.paths[k]):
            return True
        try:
            about, arrays = load_arrays(self.paths[k], form=FORM, what=WHAT)
        except InputError:
            return False
        tokens, lengths = arrays.get("tokens"), arrays.get("lengths")
        if tokens is None or lengths is None or tokens.ndim != 2:
            return False
        whole = about.get("key") == f"{self._key}-{k}" and lengths.shape == (self._sizes[k],)
        if not whole or lengths.sum() != len(tokens) or about.get("sum") != _sum(tokens):
            return False
        self._know(k)
        return True

    def _know(self, k: int) -> None:
        self._known[self.paths[k].name] = _identity(self.paths[k])

    def _remembered(self) -> dict[str, list[int]]:
        try:
            found = json.loads(self._notes.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _identity(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]


def _sum(tokens: NDArray[Any]) -> str:
    return f"{zlib.crc32(np.ascontiguousarray(tokens).data):08x}"
