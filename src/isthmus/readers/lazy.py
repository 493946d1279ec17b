"""Named arrays on disk, each described without reading it, and read when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Stored:
    """One array on disk: what is known without reading its values, and how to read them."""

    is_matrix: bool
    """Whether it is a 2-D array of real numbers, and so may be a modality."""
    summary: str
    """What it is, in words, for messages."""
    read: Callable[[], NDArray[Any]]

    @classmethod
    def of(
        cls, shape: tuple[int, ...], dtype: np.dtype[Any], read: Callable[[], NDArray[Any]]
    ) -> Stored:
        """The description of an array whose shape and dtype are known."""
        return cls(
            is_matrix=len(shape) == 2 and is_number(dtype),
            summary=f"shape {shape} of {dtype}",
            read=read,
        )


class Arrays(Mapping[str, NDArray[Any]]):
    """Names → arrays, each opened when asked for. What every `open_…` function returns."""

    def __init__(self, names: Iterable[str], describe: Callable[[str], Stored]) -> None:
        self._names = dict.fromkeys(names)
        self._describe = describe

    def stored(self, name: str) -> Stored:
        """What is known of an array without reading its values."""
        if name not in self._names:
            raise KeyError(name)
        return self._describe(name)

    def __getitem__(self, key: str) -> NDArray[Any]:
        return self.stored(key).read()

    def __contains__(self, key: object) -> bool:
        return key in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def is_number(dtype: np.dtype[Any]) -> bool:
    """Whether values of the dtype are real numbers that every backend can hold."""
    return dtype.kind in "iu" or (dtype.kind == "f" and dtype.itemsize <= 8)
