"""Items that come with what is to be told of them, for objectives that learn from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..batch_keys import GROUP, TARGETS
from ..batches import Items
from ..splits import Kind


@dataclass(frozen=True)
class LabelledItems:
    """Items with their targets: (N,) classes, or (N, K) labels or numbers.

    Items of a class are a group, too, as `SupCon` and `FactorCL` ask for.
    """

    items: Items
    targets: NDArray[Any]

    @classmethod
    def of(cls, items: Items, targets: NDArray[Any], kind: Kind) -> Self:
        """Items with targets as `Supervised` learns them: numbers of mean 0 and deviation 1."""
        if kind == "classes":
            return cls(items, targets.astype(np.int64))
        found = targets.astype(np.float32)
        if kind == "regression":
            spread = found.std(axis=0)
            found = (found - found.mean(axis=0)) / np.where(spread > 0, spread, 1)
        return cls(items, found)

    def __len__(self) -> int:
        return len(self.items)

    def take(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        """The items, and what is to be told of them."""
        targets = torch.from_numpy(self.targets[rows])
        groups = {GROUP: targets} if targets.ndim == 1 else {}
        return {**self.items.take(rows), **groups, TARGETS: targets}
