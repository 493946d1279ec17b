"""Tables 4 and 5: CoMM on Trifeature with another fuser, or without crops."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from ...report.page import Card, Section
from ..artefact import Artefact, Outcome
from ..cell import Cell
from ..claims import Claim, Found
from ..setting import Needs, Setting
from ..trained import Trained
from ..values import Values, published
from .bench_table import PAPER
from .fig4 import COLUMNS, bars, values_of
from .methods import COMM, METHODS, NOTES
from .pairs import IMAGES, cell

ATTENTION, MLP, LINEAR = "attention", "perceptron", "linear"

FUSERS: Mapping[str, Mapping[str, Any] | None] = {
    ATTENTION: None,
    MLP: {"class": "MLPFuser"},
    LINEAR: {"class": "LinearFuser"},
}
"""Row of table 4 → fuser; None is the scale's own."""

BOTH, SECOND, NONE = "crop in both", "crop in the second alone", "crop in none"

UNCROPPED: Mapping[str, Any] = {"crop": None}

CROPS: Mapping[str, Mapping[str, Mapping[str, Any]] | None] = {
    BOTH: None,
    SECOND: {IMAGES[0]: UNCROPPED},
    NONE: {name: UNCROPPED for name in IMAGES},  # noqa: C420
}
"""Row of table 5 → what is changed in the augmentation."""


class Variants(Artefact):
    """Rows that differ in one thing from CoMM."""

    paper = PAPER
    needs = Needs((), {"quick": 0.4, "cpu": 140, "paper": 60})
    columns = COLUMNS
    rows: Sequence[str]

    @abstractmethod
    def cell(self, setting: Setting, row: str, seed: int, *, biased: bool) -> Cell:
        """A training of a row."""

    def cells(self, setting: Setting) -> Sequence[Cell]:
        """Every row on all pairs, and on biased ones, at every seed."""
        return [
            self.cell(setting, row, seed, biased=biased)
            for row in self.rows
            for biased in (False, True)
            for seed in setting.each_seed
        ]

    def evaluate(self, setting: Setting, trained: Sequence[Trained]) -> Outcome:
        """R and U after training on all pairs, S after training on biased ones."""
        values = sum((values_of(found) for found in trained), Values())
        card = Card("What is kept", "Mean over seeds; the line is chance.", bars(values, self.rows))
        return Outcome(values, [Section("Figure", "", [card])], [trained[0].about["data"], *NOTES])


def _fusers_in_order(values: Values) -> Found:
    s = {row: values.mean(row, "S") for row in FUSERS}
    r = [values.mean(row, "R") for row in FUSERS]
    told = ", ".join(f"{row} {value:.1f}" for row, value in s.items())
    return Found(
        s[ATTENTION] >= s[MLP] - 1 and s[MLP] >= s[LINEAR] - 1 and max(r) - min(r) <= 3,
        f"S: {told}; R {min(r):.1f} to {max(r):.1f}",
    )


class TableFour(Variants):
    """CoMM with three ways to fuse."""

    name = "table4"
    title = "Trifeature: attention, perceptron and linear fusion"
    rows = tuple(FUSERS)
    published = published(["R", "U", "S, as they are"], {ATTENTION: [99.9, 87.8, 71.9]}, tag="F")
    claims = (
        Claim(
            "P2-E4",
            "attention keeps most synergy, linear fusion least, and all what is shared",
            "S: attention at most 1 below perceptron, this at most 1 below linear; R within 3",
            _fusers_in_order,
        ),
    )

    def cell(self, setting: Setting, row: str, seed: int, *, biased: bool) -> Cell:
        """CoMM with the fuser of the row."""
        return cell(setting, row, METHODS[COMM], seed, biased=biased, fuser=FUSERS[row])


def _crop_is_needed(values: Values) -> Found:
    s = {row: values.mean(row, "S") for row in CROPS}
    r = [values.mean(row, "R") for row in CROPS]
    told = ", ".join(f"{row} {value:.1f}" for row, value in s.items())
    return Found(
        all(s[row] <= 53 and s[row] <= s[BOTH] - 5 for row in (SECOND, NONE))
        and max(r) - min(r) <= 3,
        f"S: {told}; R {min(r):.1f} to {max(r):.1f}",
    )


class TableFive(Variants):
    """CoMM with and without crops."""

    name = "table5"
    title = "Trifeature: crops of both pictures, of one, of none"
    rows = tuple(CROPS)
    published = published(["R", "U", "S, as they are"], {BOTH: [99.9, 87.8, 71.9]}, tag="F")
    claims = (
        Claim(
            "P2-E3",
            "without crops, in one modality or both, synergy falls to chance",
            "S at most 53 and 5 points below that of crops in both; R within 3",
            _crop_is_needed,
        ),
    )

    def cell(self, setting: Setting, row: str, seed: int, *, biased: bool) -> Cell:
        """CoMM with the augmentation of the row."""
        return cell(setting, row, METHODS[COMM], seed, biased=biased, augment=CROPS[row])
