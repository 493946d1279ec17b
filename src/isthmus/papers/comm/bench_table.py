"""A table of one data set: its rows, their numbers, and a figure of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...report.figures import MODALITY_COLOURS
from ...report.page import Card, Section
from ..artefact import Artefact, Outcome
from ..cell import Cell
from ..setting import Setting
from ..trained import Trained
from ..values import Published, Values
from .probes import MEANINGS, NUMBERS, PROBED
from .task import Row, Task

if TYPE_CHECKING:
    import plotly.graph_objects as go

PAPER = "comm"


class BenchTable(Artefact):
    """The rows of a table that are about one data set.

    `notes` are what a reader must know of the rows.
    """

    paper = PAPER
    notes: Sequence[str] = ()

    def __init__(self, task: Task, rows: Mapping[str, Row]) -> None:
        self.task = task
        self.rows = rows
        self.title = task.title
        self.needs = task.needs
        self.columns = MEANINGS[task.kind]

    @property
    def main(self) -> str:
        """The column that is drawn and judged: the first."""
        return next(iter(self.columns))

    def cells(self, setting: Setting) -> Sequence[Cell]:
        """Every row at every seed."""
        return self.task.cells(setting, self.rows)

    def evaluate(self, setting: Setting, trained: Sequence[Trained]) -> Outcome:
        """What probes read of every cell."""
        values = sum((values_of(found) for found in trained), Values())
        notes = [trained[0].about["data"], PROBED, *self.notes]
        return Outcome(values, self.figure(values), notes)

    def figure(self, values: Values) -> Sequence[Section]:
        """The main column of every row."""
        card = Card(
            f"{self.main[0].upper()}{self.main[1:]}",
            "Mean over seeds, and the standard deviation; diamonds are published.",
            bars(values, self.main, self.published),
        )
        return [Section("Figure", "", [card])]


def values_of(found: Trained) -> Values:
    """The numbers of a cell."""
    return Values.of_cell(found.cell.row, found.cell.seed, found.numbers(NUMBERS))


def bars(values: Values, column: str, published: Sequence[Published] = ()) -> go.Figure:
    """A bar for each row, and what was published of it."""
    import plotly.graph_objects as go

    rows = [row for row in values.rows if len(values.of(row, column))]
    seen = [values.of(row, column) for row in rows]
    figure = go.Figure()
    figure.add_bar(
        x=rows,
        y=[round(float(np.mean(own)), 3) for own in seen],
        error_y={
            "array": [float(np.std(own, ddof=1)) if len(own) > 1 else 0 for own in seen],
            "visible": len(values.seeds) > 1,
        },
        name="obtained",
        marker={"color": MODALITY_COLOURS[0]},
    )
    known = {p.row: p.value for p in published if p.column == column}
    figure.add_scatter(
        x=[row for row in rows if row in known],
        y=[known[row] for row in rows if row in known],
        mode="markers",
        name="published",
        marker={"color": MODALITY_COLOURS[1], "symbol": "diamond", "size": 10},
    )
    figure.update_layout(yaxis={"title": column})
    return figure
