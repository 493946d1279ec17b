"""Figure 4: what each method keeps of shared, unique and synergistic information."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...report.figures import MODALITY_COLOURS, pick
from ...report.page import Card, Section
from ..artefact import Artefact, Outcome
from ..cell import Cell
from ..claims import Claim, Found
from ..setting import Needs, Setting
from ..trained import Trained
from ..values import Values, published
from .bench_table import PAPER
from .methods import COMM, CROSS, CROSS_SELF, FACTOR_CL, METHODS, NOTES
from .pairs import END, cell

COLUMNS = {
    "R": "shape, which both pictures share, × 100 (chance 10)",
    "U": "texture of either picture, mean of both, × 100 (chance 10)",
    "U1": "texture of the first picture",
    "U2": "texture of the second picture",
    "S": "whether the texture of the first and the colour of the second belong together, × 100 "
    "(chance 50), after training on pairs where they do; the probe weighs classes equally",
    "S, as they are": "S by a probe that weighs all pairs equally, as the paper has it",
    "S, unbiased": "S after training on all pairs: the control",
}

BARS = {"R": 10, "U": 10, "S": 50}
"""Columns of the figure, and chance."""


def _redundancy(values: Values) -> Found:
    found = {row: values.mean(row, "R") for row in METHODS}
    return Found(min(found.values()) >= 95, _told(found))


def _uniqueness(values: Values) -> Found:
    found = {row: values.mean(row, "U") for row in (CROSS, CROSS_SELF, COMM)}
    return Found(
        found[COMM] - found[CROSS] >= 20 and abs(found[COMM] - found[CROSS_SELF]) <= 10,
        _told(found),
    )


def _synergy(values: Values) -> Found:
    found = {row: values.mean(row, "S") for row in (CROSS, CROSS_SELF, COMM)}
    return Found(
        found[COMM] >= 58 and all(abs(found[row] - 50) <= 1.5 for row in (CROSS, CROSS_SELF)),
        _told(found),
    )


def _control(values: Values) -> Found:
    found = values.mean(COMM, "S, unbiased")
    return Found(found <= 56, f"{found:.1f}, against {values.mean(COMM, 'S'):.1f} after biased")


def _told(found: dict[str, float]) -> str:
    return ", ".join(f"{row} {value:.1f}" for row, value in found.items())


CLAIMS = (
    Claim("P2-E1a", "all methods keep what is shared", "R at least 95 for all", _redundancy),
    Claim(
        "P2-E1b",
        "CoMM keeps what is unique, as Cross+Self does and Cross does not",
        "U of CoMM at least 20 points above Cross's, and within 10 of Cross+Self's",
        _uniqueness,
    ),
    Claim(
        "P2-E1c",
        "CoMM alone keeps synergy",
        "S of CoMM at least 58; of Cross and Cross+Self 50 ± 1.5",
        _synergy,
    ),
    Claim(
        "P2-E1d",
        "synergy is not seen where training had nothing to learn it from",
        "S of CoMM after unbiased training at most 56",
        _control,
    ),
)


class FigureFour(Artefact):
    """Four methods on Trifeature."""

    paper = PAPER
    name = "fig4"
    title = "Trifeature: what Cross, FactorCL, Cross+Self and CoMM keep"
    needs = Needs((), {"quick": 0.5, "cpu": 120, "paper": 60})
    columns = COLUMNS
    published = published(
        ["R", "U", "S, as they are"],
        {
            CROSS: [100.0, 11.6, 50.0],
            FACTOR_CL: [99.8, 62.5, 46.5],
            CROSS_SELF: [99.7, 86.9, 50.0],
            COMM: [99.9, 87.8, 71.9],
        },
        tag="F",
    )
    claims = CLAIMS

    def cells(self, setting: Setting) -> Sequence[Cell]:
        """Every method on all pairs, and on biased ones, at every seed."""
        return [
            cell(setting, row, method, seed, biased=biased, course=row == COMM)
            for row, method in METHODS.items()
            for biased in (False, True)
            for seed in setting.each_seed
        ]

    def evaluate(self, setting: Setting, trained: Sequence[Trained]) -> Outcome:
        """R and U after training on all pairs, S after training on biased ones."""
        values = sum((values_of(found) for found in trained), Values())
        card = Card(
            "What is kept",
            "Mean over seeds; the line is chance.",
            bars(values, list(METHODS)),
        )
        return Outcome(values, [Section("Figure", "", [card])], [trained[0].about["data"], *NOTES])


def values_of(found: Trained) -> Values:
    """What probes read of a cell, under the columns of the figure."""
    numbers = found.numbers(END)
    if not found.cell.data["biased"]:
        told = ("R", "U", "U1", "U2")
        numbers = {name: numbers[name] for name in told} | {"S, unbiased": numbers["S"]}
    return Values.of_cell(found.cell.row, found.cell.seed, numbers)


def bars(values: Values, rows: Sequence[str]):  # type: ignore[no-untyped-def]
    """A group of bars for each kind of information, a bar for each row."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for k, row in enumerate(rows):
        seen = [values.of(row, name) for name in BARS]
        figure.add_bar(
            x=list(BARS),
            y=[float(np.mean(own)) if len(own) else None for own in seen],
            error_y={"array": [float(np.std(own)) if len(own) > 1 else 0 for own in seen]},
            name=row,
            marker={"color": pick(MODALITY_COLOURS, k)},
        )
    for k, chance in enumerate(BARS.values()):
        figure.add_shape(
            type="line", x0=k - 0.45, x1=k + 0.45, y0=chance, y1=chance, line={"dash": "dot"}
        )
    figure.update_layout(
        yaxis={"title": "balanced accuracy, × 100", "range": [0, 102]}, barmode="group"
    )
    return figure
