"""What the sets of MultiBench share in recipes: three splits in memory, two of them held out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...embeddings import Embeddings
from ...models.inputs import VALID
from ..augment_sequence import AlignedViews
from ..batches import Items
from ..data import Data
from ..embed import embed_batches
from ..splits import Probed, ProbeRows, Split

_SIZE = 256  # items of a split that are embedded at once


@dataclass(frozen=True)
class SequenceItems:
    """Sentences in memory: sequences (N, L, D) that share their steps, and (N,) their lengths.

    A batch ends at its longest sentence. With `augment`, modalities come in its views.
    """

    sequences: Mapping[str, Tensor]
    lengths: Tensor
    augment: AlignedViews | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        """The sentences, every view of theirs, and which of their steps are no padding."""
        chosen = torch.from_numpy(rows)
        lengths = self.lengths[chosen]
        longest = int(lengths.max()) if len(rows) else 0
        valid = torch.arange(longest) < lengths[:, None]
        batch = {name: x[chosen, :longest] for name, x in self.sequences.items()}
        padding = {name + VALID: valid for name in batch}
        return {**(batch if self.augment is None else self.augment(batch, valid)), **padding}


@dataclass(frozen=True)
class SplitRows:
    """A split as it is: its items, what probes are to tell of them, and (N,) their classes."""

    items: Items
    targets: NDArray[Any]
    labels: NDArray[np.int64]

    def batches(self) -> Iterator[dict[str, Tensor]]:
        """All items in order."""
        for start in range(0, len(self.items), _SIZE):
            yield self.items.take(np.arange(start, min(start + _SIZE, len(self.items))))


class SplitData(Data, Probed):
    """Data with three splits in memory. `embed` gives the test split with its classes."""

    splits: Mapping[Split, SplitRows]
    about: str

    def __init__(self, train: Items, splits: Mapping[Split, SplitRows], *, about: str) -> None:
        self.train = train
        self.splits = splits
        self.held_out = len(splits["test"].items)
        self.about = (
            f"{about}: {len(train):,} items to train on, {len(splits['validation'].items):,} to "
            f"validate, {self.held_out:,} held out"
        )

    def embed(self, towers: nn.Module) -> Embeddings:
        """The test split."""
        rows = self.splits["test"]
        return Embeddings(embed_batches(towers, rows.batches()), labels=rows.labels)

    def features(self, model: nn.Module, split: Split) -> ProbeRows:
        """All items of a split as they are, and what is to be told of them."""
        rows = self.splits[split]
        return ProbeRows(embed_batches(model, rows.batches()), rows.targets)
