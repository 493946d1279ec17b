"""From towers and data to `Embeddings`."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from ..embeddings import Embeddings


@torch.inference_mode()
def embed(
    towers: nn.Module,
    tensors: Mapping[str, Tensor],
    *,
    groups: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    batch_size: int = 1024,
) -> Embeddings:
    """Embed all rows of every modality, in evaluation mode, as numpy arrays."""
    training = towers.training
    towers.eval()
    try:
        rows = len(next(iter(tensors.values())))
        parts = [
            towers({name: t[start : start + batch_size] for name, t in tensors.items()})
            for start in range(0, rows, batch_size)
        ]
    finally:
        towers.train(training)
    return Embeddings(
        {name: torch.cat([part[name] for part in parts]).cpu().numpy() for name in parts[0]},
        groups=groups,
        labels=labels,
    )
