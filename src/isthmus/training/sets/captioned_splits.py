"""Captioned pictures in three splits, with views for CoMM and tokens of frozen encoders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...datasets.captions import CaptionSet
from ...datasets.images import View
from ...errors import InputError
from ...models.inputs import VALID
from ..augment import Change, Views
from ..batches import Items
from ..data import ViewedItems
from ..splits import Split
from .captioned import CaptionItems, Load
from .labelled import LabelledItems
from .pictures import IMAGE, Fit, check_side, threads, views
from .simclr_options import simclr
from .text_tokens import masked, text_tokens
from .three_splits import OnDevice, PlainSplit, SomeItems, ThreeSplits, spread
from .token_cache import TokenCache
from .token_store import StoredTokens
from .tokens import TEXT, Tokenizer


@dataclass(frozen=True)
class Loading:
    """How pictures become squares, and how many threads decode them."""

    side: int
    view: View
    workers: int

    def of(self, captions: CaptionSet) -> Load:
        """The pictures of rows of captions, (B, 3, side, side) uint8, without chance."""

        def load(rows: NDArray[np.int64], seed: int | None) -> dict[str, Tensor]:
            images = captions.take_images(
                rows, size=self.side, view=self.view, workers=self.workers
            )
            return {IMAGE: torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()}

        return load


class FirstItems:
    """Pictures, each with its first caption."""

    def __init__(self, captions: CaptionSet, tokens: Tokenizer, loading: Loading) -> None:
        self._captions, self._tokens, self._load = captions, tokens, loading.of(captions)
        _, self._first = np.unique(captions.items, return_index=True)

    def __len__(self) -> int:
        return len(self._first)

    def take(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        """These pictures and captions."""
        chosen = self._first[rows]
        return self._tokens(self._captions.captions[chosen]) | self._load(chosen, None)

    def identity(self) -> dict[str, Any]:
        """What tells them from other pictures and captions."""
        pictures = self._captions.items[self._first]
        read = [Path(self._captions.pictures.name(k)).stat() for k in pictures]
        return {
            "captions": [str(text) for text in self._captions.captions[self._first]],
            "pictures": np.array([(found.st_size, found.st_mtime_ns) for found in read]),
        }


@dataclass(frozen=True)
class EncodedItems:
    """Items of which some modalities are tokens of a frozen encoder."""

    items: Items
    tokens: Mapping[str, StoredTokens]

    def __len__(self) -> int:
        return len(self.items)

    def take(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        """These items. Nothing else is read where all modalities are tokens."""
        every = set(self.tokens) == {IMAGE, TEXT}
        batch = {} if every else dict(self.items.take(rows))
        for name, stored in self.tokens.items():
            batch[name], valid = stored.take(rows)
            batch.pop(name + VALID, None)
            if valid is not None:
                batch[name + VALID] = valid
        return batch


class CaptionedSplits(ThreeSplits):
    """Pictures with texts in three splits: `image` (B, 3, side, side) uint8, and `text` (B, L).

    A view that is changed has its picture augmented as in SimCLR, and words replaced by a mask. A
    picture of several texts comes with one of them, drawn anew whenever it is trained on, and with
    its first wherever it is measured or probed.
    """

    def __init__(
        self,
        parts: Mapping[Split, CaptionSet],
        targets: Mapping[Split, NDArray[Any] | None],
        *,
        folder: Path,
        views_of: int | Mapping[str, int],
        augment: Mapping[str, Any] | None,
        mask: float,
        frozen: Mapping[str, nn.Module] | None,
        side: int,
        fit: Fit,
        tokens: str,
        words: int,
        length: int,
        rows: int | None,
        held_out: int | None,
        labelled: bool,
        workers: int | None,
        device: str,
        about: str,
    ) -> None:
        check_side(side)
        known = text_tokens(tokens, parts["train"].captions, words=words, length=length)
        changes: dict[str, Change] = {IMAGE: simclr(augment, "augment")}
        shape = dict(known.shape)
        counts = Views.of(views_of, dict.fromkeys((IMAGE, TEXT), changes[IMAGE])).counts
        if counts.get(TEXT, 1) > 1:
            changes[TEXT], shape = masked(known, mask)
        self.encoders = {IMAGE: "SmallConvNet", TEXT: known.encoder}
        self.shapes = {IMAGE: {"side": side}, TEXT: shape}
        self.captions = parts
        self._loading = Loading(side, views(fit, None, flip=False)[1], threads(workers))
        plain = {split: FirstItems(own, known, self._loading) for split, own in parts.items()}
        items: dict[Split, Items] = dict(plain)
        train: Items = CaptionItems(parts["train"], known, self._loading.of(parts["train"]))
        if frozen:
            self._check(frozen, counts)
            told = {"side": side, "fit": fit, "tokens": tokens, "words": words, "length": length}
            kept = {
                name: TokenCache(folder, name, own, device=device) for name, own in frozen.items()
            }
            encoded = {split: _encoded(own, split, kept, told) for split, own in plain.items()}
            for name, found in encoded["train"].tokens.items():
                self.encoders[name] = "SequenceTransformer"
                self.shapes[name] = {"inputs": found.width}
            items |= encoded
            # A text whose tokens are kept is always the first.
            train = replace(encoded["train"], items=plain["train"] if TEXT in frozen else train)
        chosen = spread(len(train), rows, "rows")
        train = ViewedItems(OnDevice(SomeItems(train, chosen), device), Views(counts, changes))
        if labelled:
            told_of = targets["train"]
            assert told_of is not None  # no copy keeps back those of the train split
            train = LabelledItems.of(train, told_of[chosen], self.kind)
        super().__init__(
            train,
            {split: PlainSplit(own, targets[split]) for split, own in items.items()},
            held_out=held_out,
            about=about,
        )

    def show(self, modality: str, row: int) -> NDArray[np.uint8] | str:
        """A held-out text, or its picture (side, side, 3)."""
        captions = self.captions["test"]
        _, every = np.unique(captions.items, return_index=True)
        first = int(every[self.rows[row]])
        if modality == TEXT:
            return str(captions.captions[first])
        found = self._loading.of(captions)(np.array([first]), None)[IMAGE][0]
        return np.asarray(found.permute(1, 2, 0))

    def _check(self, frozen: Mapping[str, nn.Module], counts: Mapping[str, int]) -> None:
        if unknown := [name for name in frozen if name not in (IMAGE, TEXT)]:
            raise InputError(
                f"frozen: tokens of '{unknown[0]}', which is neither {IMAGE} nor {TEXT}"
            )
        if changed := [name for name in frozen if counts.get(name, 1) > 1]:
            raise InputError(
                f"frozen: tokens that are kept are those of one view that is not augmented, and "
                f"'{changed[0]}' has {counts[changed[0]]} views: make the encoder a part of the "
                "model instead"
            )


def _encoded(
    items: FirstItems, split: Split, caches: Mapping[str, TokenCache], told: Mapping[str, Any]
) -> EncodedItems:
    """A split with the tokens of frozen encoders."""
    data = {**told, **items.identity()}
    return EncodedItems(
        items, {name: cache.of(items, split=split, data=data) for name, cache in caches.items()}
    )
