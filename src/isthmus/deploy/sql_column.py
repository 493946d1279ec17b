"""What SQL closes, and the functions that it makes: their names, quoted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .sql_names import identifier, literal

CLOSED = "closed by isthmus "
"""How the comment of a closed column begins, or goes on."""


@dataclass(frozen=True)
class Column:
    """What is closed; `table` and `modality` are quoted names.

    `modality` is the column that says a row's modality, or None where all rows are of one;
    `spoken` is modality → what that column calls it.
    """

    table: str
    open_name: str
    target_name: str
    modality: str | None
    spoken: Mapping[str, str]
    type: str
    closer: str

    @property
    def open(self) -> str:
        """The open column, quoted."""
        return identifier(self.open_name)

    @property
    def target(self) -> str:
        """The column for closed vectors, quoted."""
        return identifier(self.target_name)

    @property
    def in_place(self) -> bool:
        """Whether the open vectors are replaced."""
        return self.open_name == self.target_name

    @property
    def mark(self) -> str:
        """What the comment of the target says once it is filled."""
        return f"closed by {self.closer} from {self.open} as {self.type}"

    def choose(self, of: Mapping[str, str]) -> str:
        """The expression for a row's modality, of modality → expression."""
        if self.modality is None:
            return next(iter(of.values()))
        cases = "\n".join(f"    WHEN {literal(self.spoken[m])} THEN {of[m]}" for m in of)
        return f"CASE {self.modality}::text\n{cases}\n  END"


@dataclass(frozen=True)
class Functions:
    """What is made, by quoted names; `of` is modality → the function that closes its vectors."""

    closer: str
    of: Mapping[str, str]
    unit: str
    affine: str
    matrices: str

    def stored(self, modality: str) -> str:
        """The row of the table of matrices that holds a modality's map."""
        where = f"closer = {literal(self.closer)} AND modality = {literal(modality)}"
        return f"FROM {self.matrices} WHERE {where}"
