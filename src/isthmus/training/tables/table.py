"""What a table of features is: rows of numbers, each with an id."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ...datasets.tables import column_names, read_columns
from ...errors import InputError
from ..hints import suggest


class Table(ABC):
    """One table: rows of numbers, and a column of ids and perhaps of classes.

    Attributes
    ----------
    path:
        Its file.
    names:
        Its columns; none where they have no names.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names: Sequence[str] = column_names(path)
        self._features: list[str] = []

    def ids(self, column: str) -> list[str]:
        """The ids as texts, "" where there is none."""
        if column not in self.names:
            raise InputError(
                f"{self.path} has no column '{column}', which says whose its rows are; "
                f"{suggest(column, list(self.names))}"
            )
        return self._texts(column)

    def has_label(self, column: str) -> bool:
        """Whether it holds classes."""
        return column in self.names

    def labels(self, column: str) -> list[str]:
        """The classes as texts, "" where there is none."""
        return self.ids(column)

    def where(self, row: int) -> str:
        """A row, as messages name it."""
        return f"row {row} of {self.path}"

    def feature(self, k: int) -> str:
        """The k-th number of a row, as messages name it."""
        return f"'{self._features[k]}'" if self._features else f"number {k}"

    @abstractmethod
    def numbers(self, columns: Sequence[str], rows: int) -> NDArray[Any]:
        """These columns, one beside the other, of all its rows: (N, D), NaN where it is empty."""

    def _texts(self, column: str) -> list[str]:
        return list(map(text, read_columns(self.path, [column])[column]))


def text(value: Any) -> str:
    """A value as csv files have it: a whole number without a point, nothing for nothing.

    >>> text(7.0), text(" a"), text(None), text(float("nan"))
    ('7', 'a', '', '')
    """
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()
