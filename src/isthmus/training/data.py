"""What recipes train on: what data sets are, and captioned digits."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..datasets.digits import FACTORS, SIDE, WORDS, CaptionedDigits, captioned_digits
from ..embeddings import Embeddings
from ..errors import InputError
from .augment import Crop, Masked, Views
from .batch_keys import GROUP
from .batches import Batches, Items, TensorItems
from .embed import embed

Label = Literal["digit", "thickness", "swelling", "fracture", "size", "colour"]
"""A class that held-out rows are told by."""


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
    label: Label = "digit"

    @classmethod
    def draw(
        cls,
        name: Literal["train", "test"],
        *,
        variants: int,
        limit: int | None,
        seed: int,
        facts: int = 3,
        label: Label = "digit",
    ) -> DigitsSplit:
        """Draw a split: `image` (N, 3, 28, 28) uint8 and `text` (N, L) word indices."""
        digits = captioned_digits(name, variants=variants, facts=facts, limit=limit, seed=seed)
        index = {word: k for k, word in enumerate(WORDS)}
        words = [[index[word] for word in caption.split("-")] for caption in digits.captions]
        images = torch.from_numpy(digits.images).permute(0, 3, 1, 2).contiguous()
        return cls(digits, {"image": images, "text": torch.tensor(words)}, label)

    def items(self, *, grouped: bool = True) -> TensorItems:
        """For training: if `grouped`, equal captions in a batch are positives of one another."""
        if not grouped:
            return TensorItems(self.tensors)
        _, groups = np.unique(self.digits.captions, return_inverse=True)
        return TensorItems({**self.tensors, GROUP: torch.from_numpy(groups)})

    def batches(self, *, batch_size: int, seed: int) -> Batches:
        """Shuffled batches."""
        return Batches(self.items(), batch_size=batch_size, seed=seed)

    def embed(self, towers: nn.Module) -> Embeddings:
        """Embed the split. Rows match where their captions are equal."""
        classes = self.digits.digits
        if self.label != "digit":
            classes = self.digits.factors[:, list(FACTORS).index(self.label)]
        return embed(towers, self.tensors, groups=self.digits.captions, labels=classes)


@dataclass(frozen=True)
class ViewedItems:
    """Items of which some modalities come in several views."""

    items: Items
    views: Views

    def __len__(self) -> int:
        return len(self.items)

    def take(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        """The items, and the other views of those modalities."""
        batch = dict(self.items.take(rows))
        for name in self.views.counts:
            batch |= self.views(name, batch[name])
        return batch


class Digits(Data):
    """scikit-learn's scanned digits as pictures with captions; see `captioned_digits`.

    Parameters
    ----------
    variants:
        Pictures that are drawn of each scan.
    facts:
        Factors that a caption names beside the digit.
    scans:
        At most so many, in both splits together.
    label:
        What held-out pictures and captions are classified by: the digit, or one of the factors,
        which a caption may not name.
    grouped:
        Take items of equal captions for positives of one another, never for negatives. Not what
        an objective wants that tells pictures of one caption apart, such as `CoMM`.
    views:
        Views of both modalities, or of some by name, for objectives that compare augmented views.
        One is as it is; of two both are augmented, of three all but the first.
    crop, light:
        Augmentation of pictures: the least share of the area that is kept, and by how much
        brightness changes.
    mask:
        Augmentation of captions: the share of words that is masked.
    seed:
        Of the drawing.
    """

    def __init__(
        self,
        *,
        variants: int = 4,
        facts: int = 3,
        scans: int | None = None,
        label: Label = "digit",
        grouped: bool = True,
        views: int | Mapping[str, int] = 1,
        crop: float = 0.5,
        light: float = 0.4,
        mask: float = 0.15,
        seed: int = 0,
    ) -> None:
        if variants < 1 or (scans is not None and scans < 10):
            raise InputError(
                f"needs at least 1 variant of at least 10 scans; found {variants} and {scans}"
            )

        def draw(name: Literal["train", "test"], share: float) -> DigitsSplit:
            limit = None if scans is None else round(share * scans)
            return DigitsSplit.draw(
                name, variants=variants, limit=limit, seed=seed, facts=facts, label=label
            )

        augment = Views.of(views, {"image": Crop(crop, light), "text": Masked(len(WORDS), mask)})
        words = len(WORDS) + (augment.counts.get("text", 1) > 1)  # the mask is a word
        self.encoders = {"image": "SmallConvNet", "text": "BagOfWords"}
        self.shapes = {"image": {"side": SIDE}, "text": {"words": words}}
        self.train = ViewedItems(draw("train", 0.8).items(grouped=grouped), augment)
        self._split = draw("test", 0.2)
        self.held_out = len(self._split.digits)

    def embed(self, towers: nn.Module) -> Embeddings:
        """The held-out scans."""
        return self._split.embed(towers)
