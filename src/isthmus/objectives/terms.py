"""What every objective takes and returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from torch import Tensor
from torch.nn import functional

Modalities = Mapping[str, Tensor]
"""Modality → (B, D) embeddings; row i of all modalities belongs to the same item."""


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


def unit(embeddings: Modalities) -> dict[str, Tensor]:
    """Embeddings scaled to unit length, after a check that they form one batch."""
    if len(embeddings) < 2:
        raise ValueError(
            f"a contrastive objective needs at least two modalities; found {list(embeddings)}"
        )
    shapes = {name: tuple(z.shape) for name, z in embeddings.items()}
    if len(set(shapes.values())) > 1 or any(z.ndim != 2 for z in embeddings.values()):
        raise ValueError(f"modalities must all have one shape (B, D); found {shapes}")
    return {name: functional.normalize(z, dim=1) for name, z in embeddings.items()}


def modality_pairs(embeddings: Modalities) -> list[tuple[str, str]]:
    """Every unordered pair of modalities."""
    return list(combinations(embeddings, 2))
