"""Worlds of known information as recipes train on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...arguments import check_count, check_number, check_some
from ...datasets.information_world import InformationWorld
from ...datasets.known_information import KnownInformation as Rows
from ...datasets.known_information import known_information
from ...embeddings import Embeddings
from ...errors import InputError
from ..augment import Views
from ..batches import Items, TensorItems
from ..data import Data, ViewedItems
from ..embed import embed
from ..splits import Probed, ProbeRows, Split
from .labelled import LabelledItems


@dataclass(frozen=True)
class Redrawn:
    """Vectors whose symbols stay: other noise, and a share of the nuisance, the last columns, anew.

    With a share of 1, all that two views of an item have in common is what it tells of its symbols.
    """

    nuisance: int
    noise: float = 0.3
    share: float = 1.0

    def __post_init__(self) -> None:
        check_number("view_noise", self.noise, low=0, high=np.inf)
        check_number("redrawn", self.share, low=0, high=1)

    def __call__(self, rows: Tensor) -> Tensor:
        """Other vectors (B, D)."""
        told = rows.shape[1] - self.nuisance
        seen, beside = rows[:, :told], rows[:, told:]
        fresh = torch.randn_like(beside)
        anew = torch.where(torch.rand_like(beside) < self.share, fresh, beside)
        return torch.cat([seen + self.noise * torch.randn_like(seen), anew], dim=1)


class KnownInformation(Data, Probed):
    """Vectors of two modalities or more, `x1`, `x2`, …, that tell a known amount of bits.

    Stand-in data of which everything is known. See `isthmus.datasets.known_information` for the
    data, and `isthmus.datasets.InformationWorld` for what there is to know.

    Parameters
    ----------
    shared, unique, synergy, match, flip:
        The world, as in `InformationWorld`.
    biased:
        Train on items alone in which all that is known of synergy belongs together. Held-out items
        and those that probes learn from are unbiased.
    modalities:
        Those that are seen, in training and after; all if not given.
    part:
        What held-out items are classified by: shared, unique1, unique2, …, or synergy; the first
        of which there is anything to know if not given.
    rows:
        Items to train on.
    probe, held_out:
        Items that a probe learns from; and that it is tested on, and validated on other ones.
    dimension, nuisance, noise:
        As in `known_information`.
    views:
        Views of every modality, or of some by name, for objectives that compare augmented views.
        One is as it is; of two both are augmented, of three all but the first.
    view_noise, redrawn:
        Augmentation, which leaves all symbols: normal noise of this size on the columns that depend
        on symbols, and the share of nuisance columns that are drawn anew.
    labelled:
        Items to train on come with `part` of the label, for `Supervised`, `SupCon` and `FactorCL`.
    seed:
        Of the maps and all rows.
    """

    def __init__(
        self,
        *,
        shared: int = 4,
        unique: Sequence[int] = (4, 4),
        synergy: int = 2,
        match: bool = False,
        flip: float = 0.0,
        biased: bool = False,
        modalities: Sequence[str] | None = None,
        part: str | None = None,
        rows: int = 8000,
        probe: int = 4000,
        held_out: int = 2000,
        dimension: int = 48,
        nuisance: int = 16,
        noise: float = 0.3,
        views: int | Mapping[str, int] = 1,
        view_noise: float = 0.3,
        redrawn: float = 1.0,
        labelled: bool = False,
        seed: int = 0,
    ) -> None:
        self.world = InformationWorld(shared, tuple(unique), synergy, match, flip)
        self.part = self.world.parts[0] if part is None else part
        if self.part not in self.world.parts:
            raise InputError(
                f"part must be one of which there is anything to know, "
                f"{', '.join(self.world.parts)}; found {part!r}"
            )
        check_count("probe", probe)
        check_count("held_out", held_out)
        self._same: dict[str, Any] = {
            "dimension": dimension,
            "nuisance": nuisance,
            "noise": noise,
            "seed": seed,
        }
        self._counts: dict[Split, int] = {
            "train": probe,
            "validation": held_out,
            "test": held_out,
        }
        items = known_information("train", self.world, rows=rows, biased=biased, **self._same)
        every = self.world.modalities
        names = every if modalities is None else check_some("modalities", modalities, every)
        self._names = names
        change = Redrawn(nuisance, view_noise, redrawn)
        augment = Views.of(views, dict.fromkeys(names, change))
        train: Items = ViewedItems(TensorItems(self._tensors(items)), augment)
        if labelled:
            train = LabelledItems.of(train, self.told(items), self.kind)
        self.train = train
        self.encoders = dict.fromkeys(names, "MLP")
        self.shapes = {name: {"inputs": dimension + nuisance} for name in names}
        self.held_out = held_out
        known = ", ".join(f"{part} {self.world.bits[part]:.3g}" for part in self.world.parts)
        self.about = (
            f"A world of known information (bits: {known}): {rows:,} "
            f"{'biased ' if biased else ''}items to train on, {held_out:,} held out"
        )

    def rows(self, split: Split) -> Rows:
        """The unbiased items of a split, with their symbols and the labels of all parts."""
        return self._splits[split]

    @cached_property
    def _splits(self) -> dict[Split, Rows]:
        return {
            split: known_information(split, self.world, rows=count, **self._same)
            for split, count in self._counts.items()
        }

    def features(self, model: nn.Module, split: Split) -> ProbeRows:
        """All items of a split, and the part of the label that they are classified by."""
        found = self.rows(split)
        space = embed(model, self._tensors(found))
        return ProbeRows(space.arrays, self.told(found))

    def told(self, rows: Rows) -> NDArray[Any]:
        """What is to be told of items: the part of the label that they are classified by."""
        return rows.labels[self.part]

    def embed(self, towers: nn.Module) -> Embeddings:
        """The held-out items, with that part of the label."""
        found = self.rows("test")
        return embed(towers, self._tensors(found), labels=found.labels[self.part])

    def show(self, modality: str, row: int) -> NDArray[np.uint8] | str:
        """The symbols: there is nothing to look at."""
        shared, unique, share = self.rows("test").symbols[modality][row]
        return f"shared {shared}, unique {unique}, share {share}"

    def _tensors(self, rows: Rows) -> dict[str, Tensor]:
        return {name: torch.from_numpy(rows.views[name]) for name in self._names}
