"""The main table: four objectives on one data set."""

from __future__ import annotations

from collections.abc import Sequence

from ...report.figures import training_curve
from ...report.page import Card, Section
from ..artefact import Artefact, Outcome
from ..cell import Cell
from ..setting import Setting
from ..trained import Trained
from ..values import Values
from .columns import KEPT, meanings
from .judged import main_claims
from .methods import METHODS, NOTES
from .worlds import World

PAPER = "closing-gap"


class TableOne(Artefact):
    """The rows of the main table that are about one data set."""

    paper = PAPER

    def __init__(self, world: World) -> None:
        self.world = world
        self.name = f"table1-{world.name}"
        self.title = world.title
        self.needs = world.needs
        self.columns = meanings(world.modalities)
        self.published = world.published
        self.claims = main_claims(world.modalities)

    def cells(self, setting: Setting) -> Sequence[Cell]:
        """Every method at every seed."""
        return [
            self.world.cell(setting, row, objective, seed)
            for row, objective in METHODS.items()
            for seed in setting.each_seed
        ]

    def evaluate(self, setting: Setting, trained: Sequence[Trained]) -> Outcome:
        """The columns of every cell."""
        values = Values()
        for found in trained:
            values += values_of(found)
        first = setting.each_seed[0]
        course = {t.cell.row: t.course("temperature") for t in trained if t.cell.seed == first}
        history = {
            row: [{"step": step, "temperature": value} for step, value in points]
            for row, points in course.items()
        }
        card = Card(
            "Temperature",
            "Where a learnable temperature goes, at the first seed. The lower, the less the loss "
            "asks of the modalities to come together.",
            training_curve(history, "temperature", "τ"),
        )
        notes = [trained[0].about["data"], *NOTES]
        return Outcome(values, [Section("During training", "", [card])], notes)


def values_of(found: Trained) -> Values:
    """The columns of a cell, and its temperature."""
    numbers = found.numbers(KEPT)
    course = found.course("temperature")
    start = found.cell.recipe["objective"].get("temperature")
    ends = {"τ": course[-1][1], "τ at the start": start} if course else {}
    return Values.of_cell(found.cell.row, found.cell.seed, numbers | ends)
