"""Items that take one row of each modality, and lack some."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..matching import Codes
from ..models.inputs import PRESENT
from .augment import Views
from .batch_keys import GROUP


class RowsByIndex(Protocol):
    """(N, D) rows, any of which can be had."""

    def __getitem__(self, index: Any) -> NDArray[Any]: ...


@dataclass(frozen=True)
class PairedRows:
    """Items that take one row of each modality.

    `index` holds (N,) rows per modality, −1 where an item lacks it; `group` is (N,), or None where
    every item is a group of its own.
    """

    rows: Mapping[str, RowsByIndex]
    index: Mapping[str, NDArray[np.int64]]
    group: NDArray[np.int64] | None
    augment: Views = field(default_factory=Views)

    @classmethod
    def of(
        cls,
        rows: Mapping[str, RowsByIndex],
        codes: Mapping[str, Codes],
        kept: NDArray[Any],
        augment: Views | None = None,
    ) -> PairedRows:
        """The items of the groups in `kept`: as many of each as its largest modality has rows."""
        order = {name: np.argsort(c, kind="stable") for name, c in codes.items()}
        starts = {n: np.searchsorted(c[order[n]], kept, "left") for n, c in codes.items()}
        stops = {n: np.searchsorted(c[order[n]], kept, "right") for n, c in codes.items()}
        counts = {name: stops[name] - starts[name] for name in codes}
        size = np.max(list(counts.values()), axis=0)  # (groups,) items of each
        group = np.repeat(np.arange(len(kept)), size)
        within = np.arange(len(group)) - np.repeat(np.cumsum(size) - size, size)
        index = {}
        for name, own in counts.items():
            place = starts[name][group] + within % np.maximum(own[group], 1)
            nearest = np.minimum(place, len(order[name]) - 1)
            index[name] = np.where(own[group] > 0, order[name][nearest], -1)
        return cls(rows, index, group if size.max() > 1 else None, augment or Views())

    def __len__(self) -> int:
        return len(next(iter(self.index.values())))

    def take(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        """The rows of these items in single precision, their groups, and which rows there are."""
        batch: dict[str, Tensor] = {}
        for name, index in self.index.items():
            chosen = index[rows]
            batch |= self.augment(name, single(self.rows[name][np.maximum(chosen, 0)]))
            if index.min() < 0:
                batch[name + PRESENT] = torch.from_numpy(chosen >= 0)
        if self.group is not None:
            batch[GROUP] = torch.from_numpy(self.group[rows])
        return batch


def single(rows: NDArray[Any]) -> Tensor:
    """Rows in single precision, of which nobody else has the memory."""
    return torch.from_numpy(np.array(rows, dtype=np.float32))
