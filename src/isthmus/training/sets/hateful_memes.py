"""Hateful Memes as recipes train on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ...arguments import check_number
from ...datasets.hateful_memes import MemeSet, hateful_memes
from ...datasets.root import data_root
from ...errors import InputError
from ..splits import Split
from .captioned_splits import CaptionedSplits
from .pictures import Fit


class HatefulMemes(CaptionedSplits):
    """Memes with the text in them; see `isthmus.datasets.hateful_memes`.

    `image` (B, 3, side, side) uint8 is augmented as in SimCLR, mirrors included, of `text` (B, L)
    words are masked. Probes read whether both together are hateful; the measure is the area under
    the ROC curve.

    Parameters
    ----------
    root:
        Where the data lie.
    test:
        The split that is held out and scored: "test", or "dev", as the released code of CoMM has
        it, and as copies ask for whose test split comes without labels. With "dev" a share
        `validation` of the train split, drawn by `split_seed`, is the validation split.
    views, augment, mask, side, fit, tokens, words, length, rows, held_out, labelled:
        As of `MMIMDb`.
    limit, workers, device:
        As of `MMIMDb`.
    frozen:
        As of `MMIMDb`; tokens are kept in ROOT/hateful_memes/.
    """

    def __init__(
        self,
        *,
        root: str | None = None,
        test: Literal["test", "dev"] = "test",
        validation: float = 0.1,
        views: int | Mapping[str, int] = 1,
        augment: Mapping[str, Any] | None = None,
        mask: float = 0.15,
        frozen: Mapping[str, nn.Module] | None = None,
        side: int = 224,
        fit: Fit = "crop",
        tokens: str = "words",
        words: int = 20_000,
        length: int = 64,
        rows: int | None = None,
        held_out: int | None = None,
        labelled: bool = False,
        limit: int | None = None,
        workers: int | None = None,
        device: str = "cpu",
        split_seed: int = 0,
    ) -> None:
        parts = _parts(root, test, validation, limit, split_seed)
        super().__init__(
            {split: own for split, (own, _) in parts.items()},
            {split: targets for split, (_, targets) in parts.items()},
            folder=data_root(root) / "hateful_memes",
            views_of=views,
            augment=augment,
            mask=mask,
            frozen=frozen,
            side=side,
            fit=fit,
            tokens=tokens,
            words=words,
            length=length,
            rows=rows,
            held_out=held_out,
            labelled=labelled,
            workers=workers,
            device=device,
            about=f"Hateful Memes, scored on {test}",
        )


def _parts(
    root: str | None, test: str, validation: float, limit: int | None, seed: int
) -> dict[Split, tuple[MemeSet, NDArray[np.int64] | None]]:
    """The memes of each split, and their labels."""
    if test not in ("test", "dev"):
        raise InputError(f"test must be 'test' or 'dev'; found {test!r}")
    train, dev = (hateful_memes(split, root=root, limit=limit) for split in ("train", "validation"))
    assert train.hateful is not None
    if test == "test":
        held = hateful_memes("test", root=root, limit=limit)
        return {
            "train": (train, train.hateful),
            "validation": (dev, dev.hateful),
            "test": (held, held.hateful),
        }
    check_number("validation", validation, low=0, high=1, below=True)
    order = np.random.default_rng(seed).permutation(len(train))
    count = round(validation * len(train))
    if not 0 < count < len(train):
        raise InputError(f"validation: a share of {validation:g} of {len(train)} memes is too few")
    first, second = (np.sort(own) for own in (order[count:], order[:count]))
    return {
        "train": (train.select(first), train.hateful[first]),
        "validation": (train.select(second), train.hateful[second]),
        "test": (dev, dev.hateful),
    }
