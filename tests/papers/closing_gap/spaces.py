"""Trained cells that were never trained: spaces made by hand, and data to show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from isthmus.embeddings import Embeddings
from isthmus.papers.cell import Cell
from isthmus.papers.closing_gap.columns import TEXT
from isthmus.training.sets.rows import RowData

CLASSES = 3


class Drawn(RowData):
    """Grey pictures, (8, 8), whose value tells the row, and a text."""

    def __init__(self, *names: str, rows: int = 24, words: bool = True) -> None:
        labels = np.arange(rows) % CLASSES
        grey = torch.arange(rows, dtype=torch.uint8)[:, None, None, None].expand(-1, 1, 8, 8)
        held_out = {TEXT: torch.from_numpy(labels)[:, None], **dict.fromkeys(names, grey)}
        super().__init__(held_out, held_out, labels, about="Drawn")
        self._words = words

    def show(self, modality: str, row: int) -> Any:
        if modality == TEXT:
            return f"class <{self.labels[row]}>" if self._words else f"thing {row}"
        return super().show(modality, row)


def space(*names: str, gap: float, rows: int = 24, words: bool = True, seed: int = 0) -> Embeddings:
    """Modalities of the same items, each with an offset of its own; a text tells the class."""
    draw = np.random.default_rng(seed)
    labels = np.arange(rows) % CLASSES
    columns = CLASSES + rows + len(names) + 1
    items = np.eye(columns)[labels] + np.eye(columns)[CLASSES + np.arange(rows)]
    classes = np.eye(columns)[labels]
    arrays = {
        name: (classes if name == TEXT and words else items)
        + gap * np.eye(columns)[CLASSES + rows + k]
        + 1e-3 * draw.normal(size=columns)
        for k, name in enumerate((*names, TEXT))
    }
    return Embeddings(arrays, labels=labels)


@dataclass(frozen=True)
class Kept:
    """What `Trained` gives, without a folder."""

    cell: Cell
    space: Embeddings
    start: Embeddings
    drawn: Any = None
    about: dict[str, Any] = field(default_factory=lambda: {"data": "Data: 1 item"})

    def data(self) -> Any:
        return self.drawn

    def numbers(self, name: str) -> Any:
        return self.cell.measures[name](self)  # type: ignore[arg-type]
