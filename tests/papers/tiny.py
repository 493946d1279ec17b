"""A table of two rows whose cells train in a moment, and ways to interrupt it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from isthmus.errors import InputError
from isthmus.metrics import l2m
from isthmus.papers import Artefact, Claim, Found, Needs, Outcome, Published, Setting, Values
from isthmus.papers.cell import Cell
from isthmus.papers.trained import Trained
from isthmus.training.sets import LatentClasses

STEPS = 6
ROWS = ("CLIP", "closing")
DATA = {"class": "LatentClasses", "rows": 40, "held_out": 20, "classes": 3}


class Rooted(LatentClasses):
    """Data that lie somewhere."""

    def __init__(self, *, root: str = "", rows: int = 40) -> None:
        super().__init__(rows=rows, held_out=20, classes=3)


class AllForTraining(LatentClasses):
    """Data of which nothing is held out."""

    def __init__(self) -> None:
        super().__init__(rows=40, held_out=20, classes=3)
        self.held_out = 0


def cell(row: str = "CLIP", seed: int = 0, *, data: Any = DATA, **objective: Any) -> Cell:
    """A training of a moment, with a checkpoint at every other step."""
    closing = row == "closing"
    chosen = {"class": "CloseGap" if closing else "InfoNCE", "temperature": 0.1}
    return Cell(
        row,
        seed,
        {
            "data": data,
            "towers": {"dimension": 4},
            "objective": chosen | objective,
            "optimiser": {"lr": 1e-2},
            "trainer": {
                "steps": STEPS,
                "batch_size": 10,
                "seed": seed,
                "checkpoint_every": 2,
                "log_every": 2,
                "accelerator": "cpu",
            },
            "monitor": {"every": None},
        },
        {"gap-1": gap},
    )


def gap(found: Trained) -> Mapping[str, Any]:
    """What each cell measures."""
    space = found.space
    return {
        "gap": float(np.mean([l2m(space[a], space[b]) for a, b in space.pairs])),
        "items": len(space["text"]),
    }


def _falls(values: Values) -> Found:
    before, after = (values.mean(row, "gap") for row in ROWS)
    return Found(after < before, f"{before:.2f} to {after:.2f}")


class Tiny(Artefact):
    """Two objectives on nothing much."""

    paper = "tests"
    title = "<b>Gaps</b> | of [two] rows"
    needs = Needs((), {"quick": 0.1, "cpu": 0.1})
    columns = {"gap": "distance of <means>", "items": "", "τ": "temperature"}  # noqa: RUF012
    published = (Published("CLIP", "gap", 0.5), Published("theirs", "gap", 0.25, "F"))
    claims = (Claim("T-1", "a | b < c", "the gap falls", _falls),)

    def __init__(self, name: str = "tiny", refused: str | None = None) -> None:
        self.name = name
        self._refused = refused

    def cells(self, setting: Setting) -> Sequence[Cell]:
        return [cell(row, seed) for row in ROWS for seed in range(setting.seeds)]

    def evaluate(self, setting: Setting, trained: Sequence[Trained]) -> Outcome:
        if self._refused is not None:
            raise InputError(self._refused)
        values = Values()
        for found in trained:
            numbers = found.numbers("gap-1")
            course = found.course("temperature")
            values += Values.of_cell(
                found.cell.row, found.cell.seed, {**numbers, "τ": course[-1][1]}
            )
        return Outcome(values, notes=["A note | with a <bar>."])


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Title of every training that is begun, and whether it was resumed."""
    module = import_module("isthmus.training.run")
    train, begun = module.train, []

    def counted(recipe: Any, out: Any, *, resume: bool = False, console: Any = None) -> Any:
        begun.append((recipe.title, resume))
        return train(recipe, out, resume=resume, console=console)

    monkeypatch.setattr(module, "train", counted)
    return begun


@contextmanager
def stopped(error: BaseException, *, training: int, step: int) -> Iterator[list[int]]:
    """An error before a step of the k-th training (from 1); yields the steps that are begun."""
    fit = import_module("isthmus.training.fit")
    seed_step, begun, trained = fit.seed_step, [], 0

    def count(seed: int, rank: int, at: int, use: str) -> None:
        nonlocal trained
        trained += at == 0
        if (trained, at) == (training, step):
            raise error
        begun.append(at)
        seed_step(seed, rank, at, use)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "seed_step", count)
        yield begun
