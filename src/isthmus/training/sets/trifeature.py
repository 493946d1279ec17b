"""Pairs of Trifeature pictures as recipes train on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...arguments import check_count
from ...datasets.bimodal_trifeature import (
    MAPPING_SEED,
    PAIRS,
    BimodalTrifeature,
    Task,
    bimodal_trifeature,
    check_task,
    paired,
)
from ...datasets.trifeature import PER_COMBINATION, SPLIT_SEED
from ...datasets.trifeature import Trifeature as Pictures
from ...datasets.trifeature_draw import period
from ...embeddings import Embeddings
from ...errors import InputError
from ..augment import Views
from ..augment_simclr import SimCLRViews
from ..data import Data, ViewedItems
from ..hints import check_keys
from ..splits import Probed, ProbeRows, Split
from .pair_embeddings import embed_pairs
from .simclr_options import simclr

NAMES = ("image1", "image2")
"""The two modalities."""

_PERIOD = 10  # pixels of a texture's period in the paper's pictures, which its blur is made for


@dataclass(frozen=True)
class PairItems:
    """Items that are pairs of pictures, each of which is held once."""

    pictures: Tensor
    pairs: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.pairs)

    def take(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        """The pictures of these pairs, (B, 3, side, side) uint8."""
        chosen = torch.from_numpy(self.pairs[rows].T.copy()).to(self.pictures.device)
        return {name: self.pictures[own] for name, own in zip(NAMES, chosen, strict=True)}


class Trifeature(Data, Probed):
    """Pairs of pictures that share their shape; see `isthmus.datasets.bimodal_trifeature`.

    `image1` and `image2` are (3, side, side) uint8, and augmented as in SimCLR. Held out are the
    unbiased pairs of the test split, as they are, with the labels of the task. A classifier learns
    the task from unbiased pairs of the train split, of which a fifth of the combinations of shape,
    texture and colour are for its validation. Pictures are drawn and kept once, whatever the number
    of pairs.

    Parameters
    ----------
    side:
        Of the pictures, in pixels; the paper's are 224.
    task:
        What held-out pairs are classified by: shared, unique1, unique2 or synergy.
    biased:
        Train on pairs whose texture and colour belong together, which is how synergy can be
        learnt; the paper judges shared and unique information after training without.
    pairs, probe, held_out:
        Pairs to train on, for a classifier to learn from, and held out; null: all. There are
        576,000 unbiased ones to train on.
    rows:
        Pictures of the train split, chosen at random; null: all.
    per_combination:
        Pictures of each combination of shape, texture and colour in the train split.
    balanced:
        Neither picture of a held-out pair alone tells anything of synergy.
    views:
        Views of both modalities, or of some by name. One is not augmented; of two both are
        augmented, of three all but the first.
    augment:
        Modality → options of `SimCLRViews` that differ from the paper's:
        `{image1: {crop: null}}` crops none of the first pictures. Blur is for textures as coarse
        as they are at this side.
    plain_crop:
        What views that are not augmented keep of the area, at least and at most; null: all of it.
    device:
        Where pictures are kept and augmented: "cuda" for training there.
    seed, split_seed, mapping_seed:
        As in `bimodal_trifeature`.
    """

    def __init__(
        self,
        *,
        side: int = 64,
        task: Task = "synergy",
        biased: bool = True,
        pairs: int | None = PAIRS,
        probe: int | None = PAIRS,
        held_out: int | None = PAIRS,
        rows: int | None = None,
        per_combination: int = PER_COMBINATION,
        balanced: bool = False,
        views: int | Mapping[str, int] = 1,
        augment: Mapping[str, Mapping[str, Any]] | None = None,
        plain_crop: tuple[float, float] | None = (0.5, 1.0),
        device: str = "cpu",
        seed: int = 0,
        split_seed: int = SPLIT_SEED,
        mapping_seed: int = MAPPING_SEED,
    ) -> None:
        check_task(task)
        self.task: Task = task
        self._pairing = {"seed": seed, "mapping_seed": mapping_seed}
        same: dict[str, Any] = {
            "side": side,
            "per_combination": per_combination,
            "balanced": balanced,
            "split_seed": split_seed,
            **self._pairing,
        }
        train = bimodal_trifeature("train", pairs=pairs, biased=biased, rows=rows, **same)
        self.held = bimodal_trifeature("test", pairs=held_out, biased=False, **same)
        self.labels = self.held.labels(task)
        self.held_out = len(self.held)
        self._most = None if probe is None else check_count("probe", probe)
        self._train = train
        self.encoders = dict.fromkeys(NAMES, "SmallConvNet")
        self.shapes = {name: {"side": side} for name in NAMES}
        plain: dict[str, SimCLRViews] = {}
        if plain_crop is not None:
            only = SimCLRViews(crop=plain_crop, flip=0, jitter=None, grey=0, blur=None)
            plain = dict.fromkeys(NAMES, only)
        changes = Views.of(views, _changes(augment or {}, side), plain=plain)
        self.train = ViewedItems(PairItems(_tensor(train.pictures, device), train.pairs), changes)
        self.about = (
            f"Trifeature, {side} pixels: {len(train):,} {'biased' if biased else 'unbiased'} pairs "
            f"to train on, {len(self.held):,} unbiased ones held out"
        )

    def pairs_of(self, split: Split) -> BimodalTrifeature:
        """The unbiased pairs that a classifier learns from, chooses by, or is scored on."""
        if split == "test":
            return self.held
        return self._divided[split == "validation"][: self._most]

    @cached_property
    def _divided(self) -> tuple[BimodalTrifeature, BimodalTrifeature]:
        """Pairs to learn from and to choose by, of other combinations."""
        pictures = self._train.pictures
        return paired(pictures, "train", pairs=None, biased=False, **self._pairing).divided()

    def embedded(self, model: nn.Module, pairs: BimodalTrifeature) -> dict[str, NDArray[Any]]:
        """Name of the embedding → (N, D), of any pairs. Pictures are as they are."""
        return embed_pairs(model, _tensor(pairs.pictures, "cpu"), pairs.pairs, names=NAMES)

    def embed(self, towers: nn.Module) -> Embeddings:
        """The held-out pairs, with the labels of the task."""
        return Embeddings(self.embedded(towers, self.held), labels=self.labels)

    def features(self, model: nn.Module, split: Split) -> ProbeRows:
        """The unbiased pairs of a split, with the labels of the task."""
        pairs = self.pairs_of(split)
        return ProbeRows(self.embedded(model, pairs), pairs.labels(self.task))

    def show(self, modality: str, row: int) -> NDArray[np.uint8]:
        """A held-out picture, (side, side, 3)."""
        return np.asarray(self.held.pictures.images[self.held.pairs[row, NAMES.index(modality)]])


def _tensor(pictures: Pictures, device: str) -> Tensor:
    try:
        return torch.from_numpy(pictures.images).permute(0, 3, 1, 2).contiguous().to(device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"device: cannot keep pictures on {device!r} ({reason})") from error


def _changes(augment: Mapping[str, Mapping[str, Any]], side: int) -> dict[str, SimCLRViews]:
    """How the pictures of each modality are augmented."""
    check_keys(augment, NAMES, "augment", "among the modalities")
    least, most = SimCLRViews.blur or (0.0, 0.0)
    scale = period(side) / _PERIOD
    blur = (scale * least, scale * most)
    return {name: simclr(augment.get(name), f"augment.{name}", blur=blur) for name in NAMES}
