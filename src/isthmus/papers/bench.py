"""Trains cells, each once: what is finished is kept, what was interrupted goes on."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from ..errors import InputError
from ..files import alone, atomic_write
from .cell import Cell
from .machine import machine
from .trained import DONE, RUN, Trained

if TYPE_CHECKING:
    from ..training.build import Spec
    from ..training.once import Once

CELLS = "cells"


class Bench:
    """Where cells are trained: OUT/cells, a folder for each, named by the hash of its recipe."""

    def __init__(self, out: Path, console: Console | None = None) -> None:
        self._folder = out / CELLS
        self._console = console
        self._data: Once | None = None  # of the last cell: the next one's are mostly the same

    def train(self, cells: Iterable[Cell]) -> list[Trained]:
        """All cells trained, in their order."""
        return [self._trained(cell) for cell in cells]

    def finished(self, cell: Cell) -> bool:
        """Whether a cell is trained, and all that it measures is kept."""
        found = self._place(cell)
        kept = [DONE, *(f"{name}.json" for name in cell.measures)]
        return all((found.folder / name).exists() for name in kept)

    def _place(self, cell: Cell) -> Trained:
        return Trained(cell, self._folder / cell.key)

    def _trained(self, cell: Cell) -> Trained:
        found = self._place(cell)
        done = found.folder / DONE
        if cell.start is not None:
            self._trained(cell.start)
        if not done.exists():
            with alone(found.folder):  # or another process is training it
                if not done.exists():
                    self._train(found)
        return found

    def _train(self, found: Trained) -> None:
        from ..training.run import train
        from ..training.run_folder import CHECKPOINTS, RECIPE

        cell, run = found.cell, found.folder / RUN
        started = time.perf_counter()
        recipe = found.recipe
        recipe = replace(recipe, data=self._kept(recipe.data))
        resume = (run / RECIPE).exists()
        if not resume and run.exists():
            shutil.rmtree(run)  # nothing but the beginnings of a run
        if train(recipe, run, resume=resume, console=self._console) is None:
            raise InputError(f"{cell.row}: its data hold nothing out, so there is nothing to show")
        about = {
            "row": cell.row,
            "seed": cell.seed,
            "seconds": round(time.perf_counter() - started, 1),
            "machine": machine(),
            "data": str(getattr(recipe.data.make(), "about", cell.data["class"])),
        }
        with atomic_write(found.folder / DONE) as temporary:
            temporary.write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")
        shutil.rmtree(run / CHECKPOINTS, ignore_errors=True)  # weights and embeddings stay

    def _kept(self, spec: Spec) -> Once:
        """Data that the last cell had too are not made again."""
        from ..training.once import Once

        if self._data is None or self._data.plain() != spec.plain():
            self._data = Once.of(spec)
        return self._data
