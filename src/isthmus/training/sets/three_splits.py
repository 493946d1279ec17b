"""Data of three splits, in memory or read when they are wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...embeddings import Embeddings
from ...errors import InputError
from ..batches import Items
from ..data import Data
from ..embed import embed_batches
from ..splits import Probed, ProbeRows, Split


@dataclass(frozen=True)
class PlainSplit:
    """A split as it is, without chance.

    Attributes
    ----------
    items:
        The items.
    targets:
        What is to be read from them, as in `ProbeRows`; None where the data keep it back.
    size:
        Items that are read and embedded at a time.
    labels:
        (N,) their classes, where the targets are something else.
    """

    items: Items
    targets: NDArray[Any] | None
    size: int = 64
    labels: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.items)

    def batches(self, rows: NDArray[np.int64] | None = None) -> Iterator[dict[str, Tensor]]:
        """All items, or some, in order."""
        chosen = np.arange(len(self)) if rows is None else rows
        for start in range(0, len(chosen), self.size):
            yield self.items.take(chosen[start : start + self.size])


class ThreeSplits(Data, Probed):
    """Data of three splits, of which the test split, or some of it, is held out.

    Attributes
    ----------
    splits:
        The items as they are.
    rows:
        (M,) the items of the test split that are measured in training, evenly spread.
    about:
        What there is to say of the data, for whoever reads the results.
    """

    def __init__(
        self,
        train: Items,
        splits: Mapping[Split, PlainSplit],
        *,
        held_out: int | None = None,
        about: str,
    ) -> None:
        self.train, self.splits = train, splits
        self.rows = spread(len(splits["test"]), held_out, "held_out")
        self.held_out = len(self.rows)
        self.about = (
            f"{about}: {len(train):,} items to train on, {len(splits['validation']):,} to "
            f"validate, {len(splits['test']):,} held out"
        )

    def embed(self, towers: nn.Module) -> Embeddings:
        """The items that are measured, with their classes where they have one each."""
        split = self.splits["test"]
        labels = split.targets if self.kind == "classes" else split.labels
        return Embeddings(
            embed_batches(towers, split.batches(self.rows)),
            labels=None if labels is None else labels[self.rows],
        )

    def features(self, model: nn.Module, split: Split) -> ProbeRows:
        """All items of a split as they are, and what is to be read from them.

        Raises
        ------
        InputError
            The data keep the targets of this split back.
        """
        own = self.splits[split]
        if own.targets is None:
            raise InputError(f"the {split} split of this copy comes without labels: {self.about}")
        return ProbeRows(embed_batches(model, own.batches()), own.targets)


@dataclass(frozen=True)
class OnDevice:
    """Items whose batches are taken to a device, where they are augmented."""

    items: Items
    device: str

    def __post_init__(self) -> None:
        try:
            torch.empty(0, device=self.device)
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"device: no '{self.device}' is at hand ({reason})") from error

    def __len__(self) -> int:
        return len(self.items)

    def take(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        """The items there."""
        return {name: x.to(self.device) for name, x in self.items.take(rows).items()}


@dataclass(frozen=True)
class SomeItems:
    """Some of the items, `rows` being their places."""

    items: Items
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        """These of them."""
        return self.items.take(self.rows[rows])


def spread(count: int, most: int | None, name: str) -> NDArray[np.int64]:
    """At most so many of `count` places, evenly spread.

    >>> spread(10, 3, "rows").tolist()
    [0, 3, 6]
    """
    if most is None or most >= count:
        return np.arange(count)
    if most < 2:
        raise InputError(f"{name} must be at least 2; found {most}")
    return np.arange(most) * count // most
