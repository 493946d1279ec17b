"""Figure 5: parts of CoMM's loss, over training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...report.figures import training_curve
from ...report.page import Card, Section
from ..artefact import Artefact, Outcome
from ..cell import Cell
from ..claims import Claim, Found
from ..setting import Needs, Setting
from ..trained import Trained
from ..values import Values, published
from .bench_table import PAPER
from .fig4 import BARS, COLUMNS, values_of
from .methods import ALONE_ONLY, COMM, FUSED_ONLY, METHODS, NOTES, Method, partly
from .pairs import COURSE, IMAGES, cell

PARTS: Mapping[str, Method] = {**partly(IMAGES), COMM: METHODS[COMM]}
"""Row → what is trained."""


def _order(values: Values) -> Found:
    s = {row: values.mean(row, "S") for row in PARTS}
    return Found(
        s[COMM] > s[FUSED_ONLY] > s[ALONE_ONLY],
        ", ".join(f"{row} {value:.1f}" for row, value in s.items()),
    )


def _average(values: Values) -> Found:
    found = {row: float(np.mean([values.mean(row, c) for c in BARS])) for row in PARTS}
    return Found(
        max(found, key=lambda row: found[row]) == COMM,
        ", ".join(f"{row} {value:.1f}" for row, value in found.items()),
    )


def _speed(values: Values) -> Found:
    early = {row: values.mean(row, "R, first") for row in PARTS}
    return Found(
        early[FUSED_ONLY] <= early[COMM] - 5,
        ", ".join(f"{row} {value:.1f}" for row, value in early.items()),
    )


class FigureFive(Artefact):
    """CoMM, and CoMM without parts of its loss."""

    paper = PAPER
    name = "fig5"
    title = "Trifeature: parts of CoMM's loss over training"
    needs = Needs((), {"quick": 0.4, "cpu": 150, "paper": 60})
    columns = {name: COLUMNS[name] for name in ("R", "U", "S", "U1", "U2", "S, as they are")} | {
        "R, first": "R at the first step whose weights were kept, from fewer pairs"
    }
    published = published(
        ["R", "U", "S, as they are"],
        {FUSED_ONLY: [95, 82, 54.5], ALONE_ONLY: [100, 86.5, 50], COMM: [100, 87.5, 72]},
        tag="F",
    )
    claims = (
        Claim(
            "P2-E2a",
            "both parts of the loss add to synergy",
            f"S: CoMM above {FUSED_ONLY} above {ALONE_ONLY}",
            _order,
        ),
        Claim("P2-E2b", "the whole is best on average", "highest mean of R, U and S", _average),
        Claim(
            "P2-E2c",
            "without terms of single modalities, what is shared is learnt later",
            "R at the first step kept at least 5 points below CoMM's",
            _speed,
        ),
    )

    def cells(self, setting: Setting) -> Sequence[Cell]:
        """Every part on all pairs, and on biased ones, at every seed."""
        return [
            cell(setting, row, method, seed, biased=biased, course=True)
            for row, method in PARTS.items()
            for biased in (False, True)
            for seed in setting.each_seed
        ]

    def evaluate(self, setting: Setting, trained: Sequence[Trained]) -> Outcome:
        """Numbers at the end, and their course at the first seed."""
        values = Values()
        history: dict[str, dict[str, list[dict[str, float]]]] = {task: {} for task in BARS}
        for found in trained:
            values += values_of(found)
            course = found.numbers(COURSE)
            row, seed = found.cell.row, found.cell.seed
            for task in ["S"] if found.cell.data["biased"] else ["R", "U"]:
                points = [{"step": k, task: course[f"{task} at {k}"]} for k in found.kept]
                if seed == setting.each_seed[0]:
                    history[task][row] = points
                if task == "R":
                    values += Values.of_cell(row, seed, {"R, first": points[0]["R"]})
        cards = [
            Card(
                COLUMNS[task].partition(",")[0],
                f"{task} over training, at the first seed, from fewer pairs.",
                training_curve(curves, task, f"{task}, × 100"),
            )
            for task, curves in history.items()
        ]
        notes = [trained[0].about["data"], *NOTES]
        return Outcome(values, [Section("Figure", "", cards)], notes)
