"""Figure 4: what comes first in one gallery of all modalities, under both models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays import to_numpy, unit_rows
from ...embeddings import Embeddings
from ...report.gallery import Gallery, Item, picture
from ...report.page import Section
from ..artefact import Artefact, Outcome
from ..cell import Cell
from ..setting import Needs, Setting
from ..trained import Trained
from ..values import Values
from .columns import KEPT, MEANINGS, TEXT
from .judged import MIXED_GALLERY
from .methods import CLOSING, LEARNABLE, METHODS
from .table1 import PAPER
from .worlds import World

SHOWN, QUERIES = 8, 3
CROSS, SEARCH = "cross", "MM R@1"


class FigureFour(Artefact):
    """Queries and their first results on one data set, as pictures."""

    paper = PAPER
    columns = {name: MEANINGS[name] for name in (CROSS, SEARCH)}  # noqa: RUF012
    claims = (MIXED_GALLERY,)

    def __init__(self, world: World) -> None:
        self.world = world
        self.name = f"fig4-{world.name}"
        self.title = f"First results in one gallery of all modalities, {world.title}"
        self.needs = Needs(
            world.needs.data, {s: round(max(m / 6, 0.1), 1) for s, m in world.needs.minutes.items()}
        )

    def cells(self, setting: Setting) -> Sequence[Cell]:
        """Those of the main table, at the first seed."""
        return [
            self.world.cell(setting, row, METHODS[row], setting.each_seed[0])
            for row in (LEARNABLE, CLOSING)
        ]

    def evaluate(self, setting: Setting, trained: Sequence[Trained]) -> Outcome:
        """Shares, and the first results of some queries."""
        values, galleries = Values(), []
        data = trained[0].data()
        for found in trained:
            numbers = found.numbers(KEPT)
            shares = {name: numbers[name] for name in (CROSS, SEARCH)}
            values += Values.of_cell(found.cell.row, found.cell.seed, shares)
            galleries.append(_gallery(found.cell.row, self.world, found.space, data))
        section = Section("Figure", "", [], galleries=galleries)
        return Outcome(values, [section], [trained[0].about["data"]])


def _gallery(title: str, world: World, space: Embeddings, data: Any) -> Gallery:
    """The first results of the same queries of every modality, under one model."""
    rng = np.random.default_rng(0)
    rows = np.sort(rng.permutation(len(data.labels))[:QUERIES])
    gallery = {name: _distinct(world, name, data) for name in space.names}
    vectors = {name: to_numpy(unit_rows(space[name])) for name in space.names}
    shown = [
        (_item(data, name, row), _first(world, vectors, gallery, name, row, data))
        for name in space.names
        for row in rows[: QUERIES if name != TEXT else 1]
    ]
    return Gallery(
        title,
        "Query, then its first results among all modalities with their cosines; shaded: a match. "
        "Texts that are equal stand in the gallery once.",
        shown,
    )


def _first(
    world: World,
    vectors: dict[str, NDArray[Any]],
    gallery: dict[str, NDArray[np.int64]],
    name: str,
    row: int,
    data: Any,
) -> list[Item]:
    query = vectors[name][row]
    found = [
        (float(score), other, int(k))
        for other, rows in gallery.items()
        for k, score in zip(rows, vectors[other][rows] @ query, strict=True)
        if (other, k) != (name, row)
        and not (world.match == "label" and name == other == TEXT and score > 1 - 1e-6)
    ]
    found.sort(key=lambda hit: -hit[0])
    labels = data.labels
    return [
        _item(
            data,
            other,
            k,
            score,
            match=bool(labels[k] == labels[row] if world.match == "label" else k == row),
        )
        for score, other, k in found[:SHOWN]
    ]


def _distinct(world: World, name: str, data: Any) -> NDArray[np.int64]:
    """Rows that stand in the gallery: of texts that name the class alone, one of each."""
    if name == TEXT and world.match == "label":
        return np.asarray(np.unique(data.labels, return_index=True)[1])
    return np.arange(len(data.labels))


def _item(
    data: Any, name: str, row: int, score: float | None = None, *, match: bool = False
) -> Item:
    seen = data.show(name, int(row))
    if isinstance(seen, str):
        return Item(name, text=seen, score=score, match=match)
    told = str(data.labels[row])
    return Item(name, text=told, picture=picture(seen), score=score, match=match)
