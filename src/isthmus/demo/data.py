"""The demonstration's data: captioned digits as tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from ..datasets.digits import WORDS, CaptionedDigits, captioned_digits
from ..embeddings import Embeddings
from ..training import Batches, embed


@dataclass(frozen=True)
class Split:
    """Captioned digits of one split, with the same as tensors."""

    digits: CaptionedDigits
    tensors: Mapping[str, Tensor]

    @classmethod
    def draw(
        cls, name: Literal["train", "test"], *, variants: int, limit: int | None, seed: int
    ) -> Split:
        """Draw a split: `image` (N, 3, 28, 28) uint8 and `text` (N, 4) word indices."""
        digits = captioned_digits(name, variants=variants, limit=limit, seed=seed)
        index = {word: k for k, word in enumerate(WORDS)}
        words = [[index[word] for word in caption.split("-")] for caption in digits.captions]
        images = torch.from_numpy(digits.images).permute(0, 3, 1, 2).contiguous()
        return cls(digits, {"image": images, "text": torch.tensor(words)})

    def batches(self, *, batch_size: int, seed: int) -> Batches:
        """Shuffled batches; equal captions in a batch are positives of one another."""
        _, groups = np.unique(self.digits.captions, return_inverse=True)
        tensors = {**self.tensors, "group": torch.from_numpy(groups)}
        return Batches(tensors, batch_size=batch_size, seed=seed)

    def embed(self, towers: nn.Module) -> Embeddings:
        """Embed the split. Rows match where their captions are equal."""
        return embed(towers, self.tensors, groups=self.digits.captions, labels=self.digits.digits)
