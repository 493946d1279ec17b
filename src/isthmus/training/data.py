"""What recipes train on: what data sets are, and captioned digits."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from ..datasets.digits import SIDE, WORDS, CaptionedDigits, captioned_digits
from ..embeddings import Embeddings
from ..errors import InputError
from .batch_keys import GROUP
from .batches import Batches, Items, TensorItems
from .embed import embed


class Data(ABC):
    """Items to train on, and held-out rows to measure on. Subclass it for data of your own.

    Attributes
    ----------
    train:
        The items, as `Items`.
    shapes:
        Modality → what its encoder must know, by the name of the argument: inputs, side, words.
    encoders:
        Modality → class of its encoder, where a recipe names none.
    held_out:
        How many items are held out; where none are, nothing is measured.
    """

    train: Items
    shapes: Mapping[str, Mapping[str, int]]
    encoders: Mapping[str, str]
    held_out: int = 0

    def embed(self, towers: nn.Module) -> Embeddings:
        """The held-out part in the shared space."""
        raise NotImplementedError


@dataclass(frozen=True)
class DigitsSplit:
    """Captioned digits of one split, with the same as tensors."""

    digits: CaptionedDigits
    tensors: Mapping[str, Tensor]

    @classmethod
    def draw(
        cls,
        name: Literal["train", "test"],
        *,
        variants: int,
        limit: int | None,
        seed: int,
        facts: int = 3,
    ) -> DigitsSplit:
        """Draw a split: `image` (N, 3, 28, 28) uint8 and `text` (N, L) word indices."""
        digits = captioned_digits(name, variants=variants, facts=facts, limit=limit, seed=seed)
        index = {word: k for k, word in enumerate(WORDS)}
        words = [[index[word] for word in caption.split("-")] for caption in digits.captions]
        images = torch.from_numpy(digits.images).permute(0, 3, 1, 2).contiguous()
        return cls(digits, {"image": images, "text": torch.tensor(words)})

    def items(self) -> TensorItems:
        """For training: equal captions in a batch are positives of one another."""
        _, groups = np.unique(self.digits.captions, return_inverse=True)
        return TensorItems({**self.tensors, GROUP: torch.from_numpy(groups)})

    def batches(self, *, batch_size: int, seed: int) -> Batches:
        """Shuffled batches."""
        return Batches(self.items(), batch_size=batch_size, seed=seed)

    def embed(self, towers: nn.Module) -> Embeddings:
        """Embed the split. Rows match where their captions are equal."""
        return embed(towers, self.tensors, groups=self.digits.captions, labels=self.digits.digits)


class Digits(Data):
    """scikit-learn's scanned digits as pictures with captions; see `captioned_digits`.

    `variants` pictures are drawn of each scan, of at most `scans` scans in both splits together.
    """

    def __init__(
        self, *, variants: int = 4, facts: int = 3, scans: int | None = None, seed: int = 0
    ) -> None:
        if variants < 1 or (scans is not None and scans < 10):
            raise InputError(
                f"needs at least 1 variant of at least 10 scans; found {variants} and {scans}"
            )

        def draw(name: Literal["train", "test"], share: float) -> DigitsSplit:
            limit = None if scans is None else round(share * scans)
            return DigitsSplit.draw(name, variants=variants, limit=limit, seed=seed, facts=facts)

        self.encoders = {"image": "SmallConvNet", "text": "BagOfWords"}
        self.shapes = {"image": {"side": SIDE}, "text": {"words": len(WORDS)}}
        self.train = draw("train", 0.8).items()
        self._split = draw("test", 0.2)
        self.held_out = len(self._split.digits)

    def embed(self, towers: nn.Module) -> Embeddings:
        """The held-out scans."""
        return self._split.embed(towers)
