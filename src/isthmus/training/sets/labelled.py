"""Data whose items come with their class, for objectives that compare by it."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..batch_keys import GROUP
from ..batches import Items
from ..data import Data
from .multibench import MIMIC, Affect
from .multibench_rows import SplitData


@dataclass(frozen=True)
class LabelledItems:
    """Items that are a group with all others of their class; `labels` is (N,)."""

    items: Items
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.items)

    def take(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        """The items, and their classes as groups."""
        return {**self.items.take(rows), GROUP: torch.from_numpy(self.labels[rows])}


class Labelled(Data):
    """Data whose items to train on tell their class, as `SupCon` and `FactorCL` ask for."""

    _items: Items

    @abstractmethod
    def train_labels(self) -> NDArray[np.int64]:
        """(N,) classes of the items to train on."""

    @property
    def train(self) -> Items:
        """The items, with their classes as groups."""
        return LabelledItems(self._items, self.train_labels())

    @train.setter
    def train(self, items: Items) -> None:
        self._items = items


class _LabelledSplits(Labelled, SplitData):
    def train_labels(self) -> NDArray[np.int64]:
        return self.splits["train"].labels[: len(self._items)]


class LabelledMIMIC(_LabelledSplits, MIMIC):
    """`MIMIC` with all items of a diagnosis in one group."""


class LabelledAffect(_LabelledSplits, Affect):
    """`Affect` with all sentences of a class in one group."""
