"""Sentences as items: sequences of several modalities that share their steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...models.inputs import VALID
from ..augment_sequence import AlignedViews


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
