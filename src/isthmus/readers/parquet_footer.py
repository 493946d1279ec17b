"""What a parquet file announces, read before any of it is decoded.

The footer and the page headers are structs of Thrift's compact protocol. pyarrow ends the
process on some damaged footers and decodes pages of any announced size, so both are checked
here first.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Struct = dict[int, Any]
"""Field number → value, for the fields that are present."""

_MAGIC = b"PAR1"
_DEEPEST = 16
_PAGES = (5, 7, 8)  # the fields of a page header that tell data, dictionary and data version 2
_DICTIONARY = 7


@dataclass(frozen=True)
class Chunk:
    """A column within one row group, and what its pages hold by their headers."""

    column: str
    """The name of the column of the table; what is nested in it has the same."""
    rows: int
    values: int
    nbytes: int
    """Decoded size of its pages, the dictionary counted once for each value that may use it."""


class _Reader:
    """Thrift's compact protocol, over bytes that may be damaged."""

    def __init__(self, content: Any, position: int, end: int) -> None:
        self.content, self.position, self.end = content, position, end

    def byte(self) -> int:
        if not 0 <= self.position < self.end:
            raise ValueError("its metadata ends in the middle")
        self.position += 1
        return int(self.content[self.position - 1])

    def unsigned(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise ValueError("its metadata holds a number of more than 64 bits")

    def signed(self) -> int:
        value = self.unsigned()
        return (value >> 1) ^ -(value & 1)

    def binary(self) -> bytes:
        length = self.unsigned()
        if length > self.end - self.position:
            raise ValueError("its metadata ends in the middle")
        self.position += length
        return bytes(self.content[self.position - length : self.position])

    def struct(self, depth: int = 0) -> Struct:
        fields: Struct = {}
        number = 0
        while header := self.byte():
            number = number + (header >> 4) if header >> 4 else self.signed()
            fields[number] = self.value(header & 15, depth)
        return fields

    def value(self, kind: int, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError("its metadata is nested too deeply")
        if kind in (1, 2):
            return kind == 1
        if kind in (3, 4, 5, 6):
            return self.byte() if kind == 3 else self.signed()
        if kind == 7:
            return [self.byte() for _ in range(8)]
        if kind == 8:
            return self.binary()
        if kind in (9, 10):
            return self.sequence(depth)
        if kind == 12:
            return self.struct(depth + 1)
        raise ValueError(f"its metadata has a field of unknown kind {kind}")

    def sequence(self, depth: int) -> list[Any]:
        header = self.byte()
        count = self.unsigned() if header >> 4 == 15 else header >> 4
        if count > self.end - self.position:
            raise ValueError("its metadata ends in the middle")
        kind = header & 15
        if kind in (1, 2):
            return [self.byte() == 1 for _ in range(count)]
        return [self.value(kind, depth + 1) for _ in range(count)]


def read_chunks(path: Path) -> list[Chunk]:
    """Every column chunk of the file, from its footer and its page headers.

    Raises
    ------
    ValueError
        A footer or a page that cannot be, or that contradict each other.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        size = len(content)
        if size < 12 or content[:4] != _MAGIC or content[-4:] != _MAGIC:
            raise ValueError("it does not begin and end as parquet files do")
        length = int.from_bytes(content[-8:-4], "little")
        if length > size - 12:
            raise ValueError(f"a footer of {length} bytes does not fit")
        footer = _Reader(content, size - 8 - length, size - 8).struct()
        return list(_chunks(content, footer, size - 8 - length))


def _chunks(content: Any, footer: Struct, end: int) -> Iterator[Chunk]:
    leaves = sum(5 not in element or not element[5] for element in footer[2][1:])
    rows = 0
    for group in footer.get(4, []):
        if len(group[1]) != leaves or group[3] < 0:
            raise ValueError(f"a row group has {len(group[1])} columns, the schema {leaves}")
        rows += group[3]
        for column in group[1]:
            yield _chunk(content, column[3], group[3], end)
    if rows != footer[3]:
        raise ValueError(f"its row groups hold {rows} rows, and it announces {footer[3]}")


def _chunk(content: Any, meta: Struct, rows: int, end: int) -> Chunk:
    start = min(meta[9], meta.get(11) or meta[9])
    stop = start + meta[7]
    if not 4 <= start <= stop <= end:
        raise ValueError("a column lies outside of the file")
    values = nbytes = largest = 0
    reader = _Reader(content, start, stop)
    while reader.position < stop and values < meta[5]:
        page = reader.struct()
        sizes = (page[2], page[3])
        kind = next((number for number in _PAGES if number in page), None)
        count = page[kind][1] if kind else 0
        if min(*sizes, count) < 0 or sizes[1] > stop - reader.position:
            raise ValueError("a page lies outside of its column")
        reader.position += sizes[1]
        nbytes += sizes[0]
        if kind == _DICTIONARY:
            largest = sizes[0] // max(count, 1)
        elif kind:
            values += count
    if values != meta[5]:
        raise ValueError(f"its pages hold {values} values, and it announces {meta[5]}")
    name = meta[3][0].decode("utf-8")
    return Chunk(name, rows, values, nbytes + values * max(largest, 8))
