"""Figures 2 and 6: the space before training, after CLIP, and after gap-closing."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from itertools import product

from ...embeddings import Embeddings
from ...report.figures import map_by_label, map_by_modality
from ...report.maps import pca_map
from ...report.page import Card, Section
from ...report.sphere import sphere_map
from ..artefact import Artefact, Outcome
from ..cell import Cell
from ..claims import Claim, Found
from ..setting import Needs, Setting
from ..trained import Trained
from ..values import Value, Values
from .methods import CLOSING, LEARNABLE, METHODS
from .shifts import mean_gap
from .table1 import PAPER
from .worlds import AV_MNIST, CIFAR_10, World

BEFORE = "before training"
STATES = (BEFORE, LEARNABLE, CLOSING)


def _judge(values: Values) -> Found:
    worlds = sorted({row.split(":")[0] for row in values.rows})
    gaps = {w: [values.mean(f"{w}: {state}", "gap") for state in STATES] for w in worlds}
    return Found(
        all(start > clip > ours for start, clip, ours in gaps.values()),
        "; ".join(f"{w} {', '.join(f'{gap:.2f}' for gap in found)}" for w, found in gaps.items()),
    )


class _Maps(Artefact):
    """One seed of CLIP and of gap-closing on some data sets."""

    paper = PAPER
    worlds: Sequence[World]
    columns = {"gap": "distance of the means, mean over pairs of modalities"}  # noqa: RUF012
    claims = (
        Claim(
            "maps",
            "modalities start apart, come closer under CLIP, and together under gap-closing",
            "the gap falls from each state to the next",
            _judge,
        ),
    )

    def cells(self, setting: Setting) -> Sequence[Cell]:
        """Those of the main table, at the first seed."""
        return [
            world.cell(setting, row, METHODS[row], setting.each_seed[0])
            for world, row in product(self.worlds, (LEARNABLE, CLOSING))
        ]

    def evaluate(self, setting: Setting, trained: Sequence[Trained]) -> Outcome:
        """Gaps and maps of the three states."""
        values, sections = Values(), []
        for k, world in enumerate(self.worlds):
            clip, ours = trained[2 * k : 2 * k + 2]
            spaces = dict(zip(STATES, (clip.start, clip.space, ours.space), strict=True))
            values += Values(
                Value(f"{world.name}: {state}", "gap", clip.cell.seed, mean_gap(space))
                for state, space in spaces.items()
            )
            cards = [card for state, space in spaces.items() for card in self.draw(state, space)]
            sections.append(Section(world.title, "", cards))
        return Outcome(values, sections, [t.about["data"] for t in trained[::2]])

    @abstractmethod
    def draw(self, state: str, space: Embeddings) -> list[Card]:
        """The figures of one state."""


class FigureTwo(_Maps):
    """Three modalities on the sphere."""

    name = "fig2"
    title = "The space of AV-MNIST on the sphere: before training, after CLIP, after gap-closing"
    needs = Needs(AV_MNIST.needs.data, {"quick": 0.2, "cpu": 2, "paper": 15})
    worlds = (AV_MNIST,)

    def draw(self, state: str, space: Embeddings) -> list[Card]:
        """Colours are classes, symbols modalities: drag to turn."""
        return [
            Card(
                state,
                "Three principal axes, scaled to unit length; one colour a digit, one symbol a "
                "modality. Drag to turn.",
                sphere_map(space),
            ),
            Card(f"{state}, by modality", "The same points.", sphere_map(space, by="modality")),
        ]


class FigureSix(_Maps):
    """Two and three modalities in the plane."""

    name = "fig6"
    title = "Principal axes of two and three modalities: before, after CLIP, after gap-closing"
    needs = Needs(
        (*AV_MNIST.needs.data, *CIFAR_10.needs.data), {"quick": 0.3, "cpu": 4, "paper": 30}
    )
    worlds = (CIFAR_10, AV_MNIST)

    def draw(self, state: str, space: Embeddings) -> list[Card]:
        """By modality and by class."""
        planar = pca_map(space)
        cards = [Card(state, "Grey lines join true pairs.", map_by_modality(planar))]
        if space.labels is not None:
            figure = map_by_label(planar, space.labels)
            cards.append(Card(f"{state}, by class", "The same points.", figure))
        return cards
