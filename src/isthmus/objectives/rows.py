"""Unit rows of one view of a modality, and the sums over rows of the same item."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .engine.tiles import wide


@dataclass(frozen=True)
class Rows:
    """Rows that a loss compares: of the items that have this modality.

    Attributes
    ----------
    z:
        (n, D) rows.
    codes:
        (n,) integers from 0 to `count` − 1, equal for rows of the same item or group.
    count:
        Codes in use in the batch, at most.
    weights:
        (n,) weights of the rows as anchors, or None for equal ones.
    distinct:
        Whether row i has code i, for all of them: every item is here once, in order.
    """

    z: Tensor
    codes: Tensor
    count: int
    weights: Tensor | None = None
    distinct: bool = False

    @classmethod
    def of(cls, z: Tensor, groups: Tensor | None = None) -> Rows:
        """Rows as they are, (n, D); row i is item i, or of group groups_i."""
        if groups is None:
            return cls(z, torch.arange(len(z), device=z.device), len(z), distinct=True)
        return cls(z, codes_of(groups), len(z))

    @property
    def wide(self) -> Tensor:
        """The rows in the precision that sums are taken in."""
        return wide(self.z)

    def scaled(self, scale: Tensor | float) -> Tensor:
        """scale · z, in z's dtype."""
        return (scale * self.wide).to(self.z.dtype)

    def sums(self) -> tuple[Tensor, Tensor]:
        """Sum and number of the rows of every code, (count, D) and (count,)."""
        z = self.wide
        totals = z.new_zeros(self.count, z.shape[1]).index_add(0, self.codes, z)
        ones = torch.ones_like(self.codes, dtype=z.dtype)
        return totals, z.new_zeros(self.count).index_add(0, self.codes, ones)

    def matches(self, other: Rows) -> tuple[Tensor, Tensor | None]:
        """The mean of the other's rows with each row's code, (n, D), and whether there is any.

        The second is None where all rows have one.
        """
        if self.distinct and other.distinct:
            return other.wide, None
        totals, counts = other.sums()
        counts = counts[self.codes]
        return totals[self.codes] / counts.clamp(min=1)[:, None], counts > 0


def codes_of(groups: Tensor) -> Tensor:
    """Integers from 0, equal where group ids are."""
    codes: Tensor = torch.unique(groups, return_inverse=True)[1]
    return codes


def weighted_mean(values: Tensor, weights: Tensor | None, counted: Tensor | None = None) -> Tensor:
    """Σ w_i v_i / Σ w_i over the rows that are `counted`; 0 with zero gradient if there is none.

    >>> weighted_mean(torch.tensor([1.0, 3.0]), torch.tensor([3.0, 1.0])).item()
    1.5
    """
    if weights is None and counted is None and len(values):
        return values.mean()
    w = torch.ones_like(values) if weights is None else weights.to(values.dtype)
    if counted is not None:
        w = w * counted
    values = torch.where(w > 0, values, torch.zeros_like(values))  # what is left out may be −∞
    return (w * values).sum() / w.sum().clamp(min=torch.finfo(values.dtype).tiny)
