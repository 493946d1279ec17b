"""What a cell left behind: embeddings before and after, the course of training, numbers."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..embeddings import Embeddings
from ..errors import InputError
from ..files import atomic_write
from ..readers import read_embeddings, write_embeddings
from .cell import Cell

if TYPE_CHECKING:
    from torch import nn

    from ..training.recipe import Recipe

RUN, START, DONE = "run", "start.safetensors", "done.json"


@dataclass(frozen=True)
class Trained:
    """A cell that is trained, in its folder."""

    cell: Cell
    folder: Path

    @cached_property
    def space(self) -> Embeddings:
        """The held-out part after training."""
        from ..training.run_folder import EMBEDDINGS

        return read_embeddings(self.folder / RUN / EMBEDDINGS)

    @cached_property
    def start(self) -> Embeddings:
        """The held-out part before training."""
        if not (self.folder / START).exists():
            from ..training.run import untrained

            write_embeddings(self.folder / START, untrained(self.recipe))
        return read_embeddings(self.folder / START)

    @property
    def recipe(self) -> Recipe:
        """What it was trained by."""
        from ..training.recipe import Recipe
        from ..training.run_folder import WEIGHTS

        tree, start = self.cell.recipe, self.cell.start
        if start is not None:
            tree = {**tree, "start": str(self.folder.parent / start.key / RUN / WEIGHTS)}
        return Recipe.of(tree, name=self.cell.title)

    def data(self) -> Any:
        """The data that it was trained on, made again."""
        return self.recipe.data.make()

    def model(self, data: Any, step: int | None = None) -> nn.Module:
        """What was trained, on these data; of a step whose weights were kept, or at the end."""
        from ..training.checkpoint import load_weights
        from ..training.run_folder import WEIGHTS

        model: nn.Module = self.recipe.model.for_data(data).make()
        load_weights(model, self.folder / RUN / WEIGHTS if step is None else self.kept[step])
        return model

    @property
    def kept(self) -> dict[int, Path]:
        """Step → weights that were kept during training."""
        from ..training.checkpoint import kept_weights
        from ..training.run_folder import KEPT

        return kept_weights(self.folder / RUN / KEPT)

    @property
    def about(self) -> dict[str, Any]:
        """Of the training: seconds, machine, and what the data said of themselves."""
        return _read(self.folder / DONE)

    def course(self, column: str) -> list[tuple[int, float]]:
        """A column of `metrics.csv`: (step, value) wherever it has one."""
        from ..training.run_folder import METRICS

        with (self.folder / RUN / METRICS).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return [(int(row["step"]), float(row[column])) for row in rows if row.get(column)]

    def numbers(self, name: str) -> dict[str, Any]:
        """What the cell measures under this name: computed once, and kept."""
        path = self.folder / f"{name}.json"
        if not path.exists():
            found = dict(self.cell.measures[name](self))
            with atomic_write(path) as temporary:
                temporary.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
        return _read(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        found = error
    if not isinstance(found, dict):
        raise InputError(f"cannot read {path} ({found}): remove the file and run with --resume")
    return found
