"""One training of a table: a recipe, and a place that follows from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .trained import Trained

FORM = 1
"""Raised when the same recipe trains something else than before."""


@dataclass(frozen=True)
class Cell:
    """A row of a table at one seed.

    Attributes
    ----------
    row, seed:
        Where its numbers go.
    recipe:
        What is trained, as the tree of a recipe.
    start:
        A cell from whose weights training begins; fresh ones if None.
    measures:
        Name → what is measured once it is trained, and kept under that name. The name must change
        when what is computed does. Functions of a module, so that another process can find them.
    """

    row: str
    seed: int
    recipe: Mapping[str, Any]
    measures: Mapping[str, Callable[[Trained], Mapping[str, Any]]] = field(default_factory=dict)
    start: Cell | None = None

    @property
    def title(self) -> str:
        """Row and seed, for messages and beside the progress bar."""
        return f"{self.row}, seed {self.seed}"

    @property
    def data(self) -> Mapping[str, Any]:
        """The section `data`, as a mapping."""
        given = self.recipe["data"]
        return {"class": given} if isinstance(given, str) else given

    @property
    def key(self) -> str:
        """A hash of the recipe, but for where its data lie: equal recipes are trained once."""
        data = {k: v for k, v in self.data.items() if k not in ("root", "download")}
        recipe = {**self.recipe, "data": data}
        if self.start is not None:
            recipe["start"] = self.start.key
        text = json.dumps([FORM, recipe], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
