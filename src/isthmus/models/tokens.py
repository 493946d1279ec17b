"""What fusion works on: tokens of a modality, and which of them there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Tokens:
    """Tokens of one modality, or of several one after the other.

    Attributes
    ----------
    z:
        (B, L, D).
    valid:
        (B, L) which of them there are: no padding, and of an item that has the modality. None
        if all are.
    """

    z: Tensor
    valid: Tensor | None = None

    @classmethod
    def joined(cls, parts: Sequence[Tokens]) -> Tokens:
        """All tokens of an item in one sequence."""
        z = torch.cat([part.z for part in parts], dim=1)
        if all(part.valid is None for part in parts):
            return cls(z)
        valid = [
            z.new_ones(p.z.shape[:2], dtype=torch.bool) if p.valid is None else p.valid
            for p in parts
        ]
        return cls(z, torch.cat(valid, dim=1))

    @property
    def items(self) -> Tensor | None:
        """(B,) which items have any token; None if all have."""
        return None if self.valid is None else self.valid.any(dim=1)

    @property
    def seen(self) -> Tensor | None:
        """The mask of attention to these tokens, (B, 1, 1, L)."""
        return None if self.valid is None else self.valid[:, None, None, :]

    def mean(self) -> Tensor:
        """Of the tokens that there are, (B, D); zeros where there are none.

        >>> tokens = Tokens(torch.tensor([[[1.0], [5.0]]]), torch.tensor([[True, False]]))
        >>> tokens.mean().item()
        1.0
        """
        if self.valid is None:
            return self.z.mean(dim=1)
        kept = self.z.masked_fill(~self.valid[:, :, None], 0)
        return kept.sum(dim=1) / self.valid.sum(dim=1, keepdim=True).clamp(min=1)
