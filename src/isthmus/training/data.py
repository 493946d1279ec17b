"""What recipes train on: captioned digits, or features that are computed already."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..checks import check_rows
from ..datasets.digits import SIDE, WORDS, CaptionedDigits, captioned_digits
from ..embeddings import Embeddings
from ..errors import InputError
from ..matching import Codes
from ..readers import read_raw
from .batches import Batches, Items, TensorItems
from .embed import embed, embed_batches
from .module import GROUP


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


class Features(Data):
    """Features of every modality, frozen, from any source that `isthmus measure` reads.

    Their widths may differ. Rows match where their group ids are equal; an item has one row of
    every modality: where a group has several rows of one (five captions of an image), it gives
    as many items, and the others' rows are repeated. Groups that lack a modality are left out.

    `held_out` is the share of the groups that is measured and not trained on.
    """

    def __init__(
        self,
        *,
        source: str | Sequence[str],
        modalities: Sequence[str] | None = None,
        groups: str | Sequence[str] = (),
        labels: str | Sequence[str] = (),
        held_out: float = 0.1,
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
        common = _common(self._space.codes)
        if not 0 <= held_out < 1:
            raise InputError(f"held_out is a share of the groups, in [0, 1); found {held_out}")
        count = max(2, round(held_out * len(common))) if held_out else 0
        if len(common) < count + 2:
            raise InputError(
                f"only {len(common)} groups have rows of every modality "
                f"({', '.join(self._rows)}): too few to train on and hold out {held_out:.0%} of"
            )
        shuffled = np.random.default_rng(seed).permutation(common)
        self._groups = np.sort(shuffled[:count])
        self.held_out = count
        self.train = PairedRows.of(self._rows, self._space.codes, np.sort(shuffled[count:]))
        self.shapes = {name: {"inputs": int(rows.shape[1])} for name, rows in self._rows.items()}
        self.encoders = dict.fromkeys(self._rows, "MLP")

    def embed(self, towers: nn.Module) -> Embeddings:
        """The held-out groups, every row once."""
        chosen = {
            name: np.flatnonzero(np.isin(codes, self._groups))
            for name, codes in self._space.codes.items()
        }
        labels = self._space.labels
        return Embeddings(
            {name: _embed(towers, name, self._rows[name], rows) for name, rows in chosen.items()},
            groups={name: self._space.groups[name][rows] for name, rows in chosen.items()},
            labels=None if labels is None else {n: labels[n][rows] for n, rows in chosen.items()},
        )


@dataclass(frozen=True)
class PairedRows:
    """Items that take one row of each modality. `index` (N,) per modality; `group` (N,) or None."""

    rows: Mapping[str, NDArray[Any]]
    index: Mapping[str, NDArray[np.int64]]
    group: NDArray[np.int64] | None

    @classmethod
    def of(
        cls, rows: Mapping[str, NDArray[Any]], codes: Mapping[str, Codes], kept: NDArray[Any]
    ) -> PairedRows:
        """The items of the groups in `kept`: as many of each as its largest modality has rows."""
        order = {name: np.argsort(c, kind="stable") for name, c in codes.items()}
        starts = {n: np.searchsorted(c[order[n]], kept, "left") for n, c in codes.items()}
        stops = {n: np.searchsorted(c[order[n]], kept, "right") for n, c in codes.items()}
        counts = {name: stops[name] - starts[name] for name in codes}
        size = np.max(list(counts.values()), axis=0)  # (groups,) items of each
        group = np.repeat(np.arange(len(kept)), size)
        within = np.arange(len(group)) - np.repeat(np.cumsum(size) - size, size)
        index = {
            name: order[name][starts[name][group] + within % counts[name][group]] for name in codes
        }
        return cls(rows, index, group if size.max() > 1 else None)

    def __len__(self) -> int:
        return len(next(iter(self.index.values())))

    def take(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        """The rows of these items in single precision, and their groups."""
        batch = {name: _tensor(self.rows[name][index[rows]]) for name, index in self.index.items()}
        if self.group is not None:
            batch[GROUP] = torch.from_numpy(self.group[rows])
        return batch


def _common(codes: Mapping[str, Codes]) -> NDArray[Any]:
    """The groups that have rows of every modality."""
    found = [np.unique(c) for c in codes.values()]
    common = found[0]
    for other in found[1:]:
        common = np.intersect1d(common, other, assume_unique=True)
    return common


def _embed(
    towers: nn.Module, name: str, features: NDArray[Any], rows: NDArray[Any], batch: int = 4096
) -> NDArray[Any]:
    starts = range(0, len(rows), batch)
    batches = ({name: _tensor(features[rows[k : k + batch]])} for k in starts)
    return embed_batches(towers, batches)[name]


def _tensor(rows: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.array(rows, dtype=np.float32))


def _several(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
