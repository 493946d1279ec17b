"""Frozen features of any source as something to train small towers on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..checks import check_rows
from ..embeddings import Embeddings
from ..errors import InputError
from ..matching import Codes
from ..models import FUSED, Fusion
from ..models.inputs import PRESENT
from ..readers import read_raw
from .augment import Noise, Views
from .batch_keys import GROUP
from .data import Data
from .embed import embed_batches


class Features(Data):
    """Features of every modality, frozen, from any source that `isthmus measure` reads.

    Their widths may differ. Rows match where their group ids are equal; an item has one row of
    every modality: where a group has several rows of one (five captions of an image), it gives
    as many items, and the others' rows are repeated.

    Parameters
    ----------
    source, modalities, groups, labels:
        As in `isthmus measure`.
    held_out:
        The share of the groups that is measured and not trained on, of those that have all
        modalities.
    incomplete:
        Train on groups that lack a modality too: objectives are told, and leave the gaps out.
    views:
        Views of every modality, or of some by name, for objectives that compare augmented views.
        One is the features as they are; of two both are augmented, of three all but the first.
    noise:
        Augmentation: normal noise of this size, relative to the features of the row.
    drop:
        Augmentation: this share of a row's features is set to zero.
    seed:
        Of the choice of held-out groups.
    """

    def __init__(
        self,
        *,
        source: str | Sequence[str],
        modalities: Sequence[str] | None = None,
        groups: str | Sequence[str] = (),
        labels: str | Sequence[str] = (),
        held_out: float = 0.1,
        incomplete: bool = False,
        views: int | Mapping[str, int] = 1,
        noise: float = 0.1,
        drop: float = 0.1,
        seed: int = 0,
    ) -> None:
        raw = read_raw(
            *_several(source),
            modalities=modalities,
            groups=_several(groups),
            labels=_several(labels),
        )
        self._rows = {name: check_rows(rows, name) for name, rows in raw.arrays.items()}
        places = {n: np.arange(1.0, len(rows) + 1)[:, None] for n, rows in self._rows.items()}
        self._space = Embeddings(places, groups=raw.groups, labels=raw.labels)
        if not 0 <= held_out < 1:
            raise InputError(f"held_out is a share of the groups, in [0, 1); found {held_out}")
        augment = Views.of(views, dict.fromkeys(self._rows, Noise(noise, drop)))
        self.held_out, kept = self._split(held_out, incomplete, seed)
        self.train = PairedRows.of(self._rows, self._space.codes, kept, augment)
        self.shapes = {name: {"inputs": int(rows.shape[1])} for name, rows in self._rows.items()}
        self.encoders = dict.fromkeys(self._rows, "MLP")

    def _split(self, held_out: float, incomplete: bool, seed: int) -> tuple[int, NDArray[Any]]:
        """How many groups are held out, and those that are trained on."""
        found = [np.unique(codes) for codes in self._space.codes.values()]
        every, lacking = np.unique(np.concatenate(found), return_counts=True)
        common = every[lacking == len(found)]
        count = max(2, round(held_out * len(common))) if held_out else 0
        if len(common) < count + 2:
            raise InputError(
                f"only {len(common)} groups have rows of every modality "
                f"({', '.join(self._rows)}): too few to train on and hold out {held_out:.0%} of"
            )
        shuffled = np.random.default_rng(seed).permutation(common)
        self._groups = np.sort(shuffled[:count])
        return count, np.setdiff1d(every if incomplete else common, self._groups)

    def embed(self, towers: nn.Module) -> Embeddings:
        """The held-out groups, every row once, and of a fusion model every item "fused"."""
        space, labels = self._space, self._space.labels
        chosen = {n: np.flatnonzero(np.isin(c, self._groups)) for n, c in space.codes.items()}
        found = {name: self._embed(towers, {name: rows})[name] for name, rows in chosen.items()}
        groups = {name: space.groups[name][rows] for name, rows in chosen.items()}
        classes = None if labels is None else {n: labels[n][rows] for n, rows in chosen.items()}
        if isinstance(towers, Fusion):
            items = PairedRows.of(self._rows, space.codes, self._groups).index
            found[FUSED] = self._embed(towers, items)[FUSED]
            first, rows = next(iter(items.items()))
            groups[FUSED] = space.groups[first][rows]
            if labels is not None and classes is not None:
                classes[FUSED] = labels[first][rows]
        return Embeddings(found, groups=groups, labels=classes)

    def _embed(
        self, towers: nn.Module, rows: Mapping[str, NDArray[Any]], size: int = 4096
    ) -> dict[str, NDArray[Any]]:
        count = len(next(iter(rows.values())))
        batches = (
            {name: _tensor(self._rows[name][own[k : k + size]]) for name, own in rows.items()}
            for k in range(0, count, size)
        )
        return embed_batches(towers, batches)


@dataclass(frozen=True)
class PairedRows:
    """Items that take one row of each modality.

    `index` holds (N,) rows per modality, −1 where an item lacks it; `group` is (N,), or None where
    every item is a group of its own.
    """

    rows: Mapping[str, NDArray[Any]]
    index: Mapping[str, NDArray[np.int64]]
    group: NDArray[np.int64] | None
    augment: Views = field(default_factory=Views)

    @classmethod
    def of(
        cls,
        rows: Mapping[str, NDArray[Any]],
        codes: Mapping[str, Codes],
        kept: NDArray[Any],
        augment: Views | None = None,
    ) -> PairedRows:
        """The items of the groups in `kept`: as many of each as its largest modality has rows."""
        order = {name: np.argsort(c, kind="stable") for name, c in codes.items()}
        starts = {n: np.searchsorted(c[order[n]], kept, "left") for n, c in codes.items()}
        stops = {n: np.searchsorted(c[order[n]], kept, "right") for n, c in codes.items()}
        counts = {name: stops[name] - starts[name] for name in codes}
        size = np.max(list(counts.values()), axis=0)  # (groups,) items of each
        group = np.repeat(np.arange(len(kept)), size)
        within = np.arange(len(group)) - np.repeat(np.cumsum(size) - size, size)
        index = {}
        for name, own in counts.items():
            place = starts[name][group] + within % np.maximum(own[group], 1)
            nearest = np.minimum(place, len(order[name]) - 1)
            index[name] = np.where(own[group] > 0, order[name][nearest], -1)
        return cls(rows, index, group if size.max() > 1 else None, augment or Views())

    def __len__(self) -> int:
        return len(next(iter(self.index.values())))

    def take(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        """The rows of these items in single precision, their groups, and which rows there are."""
        batch: dict[str, Tensor] = {}
        for name, index in self.index.items():
            chosen = index[rows]
            batch |= self.augment(name, _tensor(self.rows[name][np.maximum(chosen, 0)]))
            if index.min() < 0:
                batch[name + PRESENT] = torch.from_numpy(chosen >= 0)
        if self.group is not None:
            batch[GROUP] = torch.from_numpy(self.group[rows])
        return batch


def _tensor(rows: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.array(rows, dtype=np.float32))


def _several(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
