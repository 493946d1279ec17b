"""What every objective takes and returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor

Modalities: TypeAlias = Mapping[str, Tensor | tuple[Tensor, ...]]
"""Modality → (B, D) embeddings, or several views of them; row i of all belongs to item i."""


@dataclass(frozen=True)
class Terms:
    """The named terms of a loss and their weighted sum.

    `total` is what to call `backward()` on; `values` are the unweighted terms, for logging.
    """

    total: Tensor
    values: Mapping[str, Tensor]

    def floats(self, prefix: str = "") -> dict[str, float]:
        """Total and terms as plain numbers."""
        named = {"loss": self.total, **self.values}
        return {prefix + name: float(value.detach()) for name, value in named.items()}
