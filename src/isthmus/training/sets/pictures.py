"""Captioned pictures as recipes train on them: decoded when they are taken, whole or in part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...datasets.captions import CaptionSet
from ...datasets.images import RandomCrop, View, centre_crop, squash
from ...errors import InputError
from ...processors import processors
from .captioned import CaptionData, CaptionItems, HeldOut, Load, Which
from .tokens import TEXT, tokenizer

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGE = "image"
MOST_WORKERS = 16
LARGEST = 4096

Fit = Literal["crop", "squash"]
"""How a picture becomes a square where nothing is random: the middle of it, or all of it."""


class PictureData(CaptionData):
    """Captioned pictures, decoded when they are taken."""

    def __init__(
        self,
        train: CaptionSet,
        held: CaptionSet | None,
        *,
        side: int,
        fit: Fit,
        crop: float | None,
        flip: bool,
        tokens: str,
        words: int,
        length: int,
        captions: Which,
        workers: int | None,
        about: str,
    ) -> None:
        check_side(side)
        known = tokenizer(tokens, train.captions, words=words, length=length)
        self._views = views(fit, crop, flip=flip)
        self._workers = threads(workers)
        self._side, self._captions = side, captions
        self.encoders = {TEXT: known.encoder, IMAGE: "SmallConvNet"}
        self.shapes = {TEXT: dict(known.shape), IMAGE: {"side": side}}
        super().__init__(
            CaptionItems(train, known, self._load(train)),
            None if held is None else HeldOut(held, known, self._load(held), captions),
            about=about,
        )

    def part(self, captions: CaptionSet) -> HeldOut:
        """Other captions and pictures, to be measured like the held-out ones."""
        return HeldOut(captions, self.tokens, self._load(captions), self._captions)

    def _load(self, captions: CaptionSet) -> Load:
        changed, plain = self._views

        def load(rows: NDArray[np.int64], seed: int | None) -> dict[str, Tensor]:
            images = captions.take_images(
                rows,
                size=self._side,
                view=plain if seed is None else changed,
                seed=seed or 0,
                workers=self._workers,
            )
            return {IMAGE: torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()}

        return load


def check_side(side: int) -> None:
    """An error unless pictures of this side can be had."""
    if not 1 <= side <= LARGEST:
        raise InputError(f"side must be from 1 to {LARGEST} pixels; found {side}")


def views(fit: Fit, crop: float | None, *, flip: bool) -> tuple[View, View]:
    """How a picture is seen in training, and when it is measured."""
    plain = squash if fit == "squash" else centre_crop
    if crop is not None:
        return RandomCrop(area=(crop, 1.0), flip=0.5 if flip else 0.0), plain

    def mirrored(image: Image, size: int, rng: np.random.Generator) -> Image:
        from PIL import ImageOps

        view = plain(image, size, rng)
        return ImageOps.mirror(view) if rng.random() < 0.5 else view

    return mirrored if flip else plain, plain


def threads(workers: int | None) -> int:
    """As many as asked for, or as there are processors, within bounds."""
    if workers is not None and workers < 1:
        raise InputError(f"workers must be at least 1; found {workers}")
    if workers is not None:
        return workers
    return min(MOST_WORKERS, processors())
