"""Augmentations of sequences: steps set to zero, and noise, each in a share of the items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..arguments import check_number
from ..models.inputs import view_key
from .augment import Change


@dataclass(frozen=True)
class StepDrop:
    """Sequences (B, L, …) in a share of which a part of the steps is zero.

    In each of those ⌊u n⌋ of its n steps are, at random places, with u drawn evenly from
    [0, `most`). Padding is no step.

    Examples
    --------
    >>> changed = StepDrop(most=0.8, share=1.0)(torch.ones(100, 10, 3))
    >>> (changed[:, :, 0] == 0).sum(dim=1).unique()
    tensor([0, 1, 2, 3, 4, 5, 6, 7])
    """

    most: float = 0.8
    share: float = 0.5

    def __post_init__(self) -> None:
        check_number("the largest part of steps that are dropped", self.most, low=0, high=1)
        check_number("the share of sequences that lose steps", self.share, low=0, high=1)

    def __call__(self, rows: Tensor, valid: Tensor | None = None) -> Tensor:
        """Other sequences; `valid` (B, L) says which steps are no padding."""
        if valid is None:
            valid = torch.ones(rows.shape[:2], dtype=torch.bool, device=rows.device)
        return without(rows, self.dropped(valid))

    def dropped(self, valid: Tensor) -> Tensor:
        """(B, L) which steps are dropped."""
        part, chosen = torch.rand(2, len(valid), device=valid.device)
        count = (self.most * part * valid.sum(dim=1)).long() * (chosen < self.share)
        drawn = torch.rand(valid.shape, device=valid.device).masked_fill(~valid, 2)
        rank = drawn.argsort(dim=1).argsort(dim=1)
        lost: Tensor = rank < count[:, None]
        return lost


@dataclass(frozen=True)
class GaussianNoise:
    """Items (B, …) to a share of which normal noise of this standard deviation is added."""

    deviation: float = 0.1
    share: float = 0.5

    def __post_init__(self) -> None:
        check_number("the standard deviation of noise", self.deviation, low=0, high=float("inf"))
        check_number("the share of items that get noise", self.share, low=0, high=1)

    def __call__(self, rows: Tensor) -> Tensor:
        """Other items."""
        chosen = torch.rand(len(rows), *[1] * (rows.ndim - 1), device=rows.device) < self.share
        return rows + self.deviation * torch.randn_like(rows) * chosen


@dataclass(frozen=True)
class InTurn:
    """Changes one after the other."""

    changes: tuple[Change, ...]

    def __call__(self, rows: Tensor) -> Tensor:
        """Changed by the first, then by the second, and so on."""
        for change in self.changes:
            rows = change(rows)
        return rows


@dataclass(frozen=True)
class AlignedViews:
    """Views of sequences that share their steps, such as the words of a sentence.

    Where a view is changed, steps are dropped, then noise is added. Of how many views which are
    changed, `Views` says.

    Attributes
    ----------
    counts:
        Modality → views.
    drop, noise:
        What is done.
    joint:
        Drop the same steps in all modalities, instead of drawing them for each.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    drop: StepDrop = field(default_factory=StepDrop)
    noise: GaussianNoise = field(default_factory=GaussianNoise)
    joint: bool = True

    def __call__(self, rows: Mapping[str, Tensor], valid: Tensor) -> dict[str, Tensor]:
        """Every view of a batch by its key, of modalities (B, L, …); `valid` (B, L)."""
        found: dict[str, Tensor] = {}
        for k in range(max((self.counts.get(name, 1) for name in rows), default=0)):
            dropped = self.drop.dropped(valid)
            for name, x in rows.items():
                count = self.counts.get(name, 1)
                if k < count:
                    own = dropped if self.joint else self.drop.dropped(valid)
                    plain = k == 0 and count != 2
                    found[view_key(name, k)] = x if plain else self.noise(without(x, own))
        return found


def without(rows: Tensor, dropped: Tensor) -> Tensor:
    """Sequences (B, L, …) with zeros in these steps, (B, L)."""
    return rows.masked_fill(dropped.reshape(*dropped.shape, *[1] * (rows.ndim - 2)), 0)
