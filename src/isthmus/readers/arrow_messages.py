"""What the messages of an Arrow IPC file announce, read before any of it is decoded.

A message's metadata is a FlatBuffer: a table finds its fields through a list of offsets (its
vtable). pyarrow allocates whatever a compressed buffer says it unfolds to, so that is looked at
here first.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .guard import check_backed

_MAGIC = b"ARROW1"
_HEAD = 8  # bytes before the first message of a file: the magic, padded
_CONTINUES = 0xFFFFFFFF
_DICTIONARIES, _BATCHES = 2, 3  # kinds of message; also the footer's fields that list them
_BLOCK = 24  # bytes of one entry of those lists
_EARLY_COMPRESSION = b"ARROW:experimental_compression"  # how files before format 1.0 say it


class _Table:
    """A table of a FlatBuffer, in bytes that may be damaged."""

    def __init__(self, content: Any, position: int) -> None:
        self.content, self.position = content, position
        self.fields = position - _number("<i", content, position)

    @classmethod
    def root(cls, content: Any) -> _Table:
        return cls(content, _number("<I", content, 0))

    def find(self, field: int) -> int | None:
        """Where the field lies; None if it is left out."""
        entry = 4 + 2 * field
        if entry + 2 > _number("<H", self.content, self.fields):
            return None
        offset = _number("<H", self.content, self.fields + entry)
        return self.position + offset if offset else None

    def number(self, field: int, kind: str) -> int:
        position = self.find(field)
        return 0 if position is None else _number(kind, self.content, position)

    def table(self, field: int) -> _Table | None:
        position = self.find(field)
        if position is None:
            return None
        return _Table(self.content, position + _number("<I", self.content, position))

    def pairs(self, field: int, size: int) -> Iterator[int]:
        """Positions of the items, of `size` bytes each, of a list of structs."""
        position = self.find(field)
        if position is None:
            return
        position += _number("<I", self.content, position)
        for item in range(_number("<I", self.content, position)):
            yield position + 4 + item * size


def _number(kind: str, content: Any, position: int) -> int:
    if not 0 <= position <= len(content) - struct.calcsize(kind):
        raise ValueError("its metadata points out of itself")
    return int(struct.unpack_from(kind, content, position)[0])


def check_batches(where: Path | str, content: Any) -> int:
    """The number of rows of an Arrow file or stream, if its buffers unfold to plausible sizes.

    `content` is all of it, as bytes or a memory map of bytes; only metadata is read, and the
    first bytes of compressed buffers, which say how long they are uncompressed.

    Raises
    ------
    InputError
        A batch that unfolds to many times the size of the file.
    ValueError
        Metadata that cannot be.
    """
    total = 0
    for kind, message, body in _messages(content):
        batch = message.table(2)
        if batch is not None and kind == _DICTIONARIES:
            batch = batch.table(1)
        if batch is None:
            continue
        early = _EARLY_COMPRESSION in bytes(message.content)
        if early or batch.table(3) is not None:
            check_backed(where, _unfolded(content, batch, body), len(content))
        if kind == _BATCHES:
            rows = batch.number(0, "<q")
            if rows < 0:
                raise ValueError(f"a batch announces {rows} rows")
            total += rows
    return total


def is_file(content: Any) -> bool:
    """Whether the bytes are in the file format; else they are a stream."""
    return bytes(content[: len(_MAGIC)]) == _MAGIC


def as_stream(content: Any) -> Any | None:
    """The part of a file that is a stream with the same batches, or None if there is none.

    pyarrow copies what it reads of a file, but lets the batches of a stream lie where they are.
    """
    try:
        footer = list(_of_file(content))
        stream = [(_HEAD + start, _HEAD + end) for start, end in _of_stream(content[_HEAD:])]
    except ValueError:
        return None
    return content[_HEAD:] if stream[1:] == footer else None


def _unfolded(content: Any, batch: _Table, body: int) -> int:
    """How many bytes the buffers of a batch take when they are decompressed."""
    total = 0
    for position in batch.pairs(2, 16):
        start = body + _number("<q", batch.content, position)
        length = _number("<q", batch.content, position + 8)
        if length >= 8:
            announced = _number("<q", content, start)
            if announced < -1:
                raise ValueError(f"a buffer announces {announced} bytes")
            total += length if announced == -1 else announced
    return total


def _messages(content: Any) -> Iterator[tuple[int, _Table, int]]:
    """(kind, message, where its body begins) of every message with values."""
    for start, end in _of_file(content) if is_file(content) else _of_stream(content):
        metadata = bytes(content[start:end])
        message = _Table.root(metadata)
        kind = message.number(1, "<B")
        if kind in (_DICTIONARIES, _BATCHES):
            yield kind, message, end


def _of_file(content: Any) -> Iterator[tuple[int, int]]:
    """(start, end) of the metadata of every message that the footer lists."""
    end = len(content) - len(_MAGIC) - 4
    length = _number("<i", content, end)
    if not 0 < length <= end:
        raise ValueError(f"a footer of {length} bytes does not fit")
    footer = _Table.root(bytes(content[end - length : end]))
    for field in (_DICTIONARIES, _BATCHES):
        for block in footer.pairs(field, _BLOCK):
            position = _number("<q", footer.content, block)
            yield (
                _metadata(content, position)[0],
                position + _number("<i", footer.content, block + 8),
            )


def _of_stream(content: Any) -> Iterator[tuple[int, int]]:
    """(start, end) of the metadata of every message, one after another."""
    position = 0
    while position < len(content):
        start, length = _metadata(content, position)
        if length == 0:
            return
        yield start, start + length
        body = _Table.root(bytes(content[start : start + length])).number(3, "<q")
        if length < 0 or body < 0:
            raise ValueError("a message has a negative length")
        position = start + length + body


def _metadata(content: Any, position: int) -> tuple[int, int]:
    """Where metadata starts behind its length, and that length."""
    if _number("<I", content, position) != _CONTINUES:
        return position + 4, _number("<i", content, position)
    return position + 8, _number("<i", content, position + 4)
