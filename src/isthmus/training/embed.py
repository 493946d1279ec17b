"""From a model and data to `Embeddings`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from ..arrays import to_numpy
from ..embeddings import Embeddings


def embed(
    towers: nn.Module,
    tensors: Mapping[str, Tensor],
    *,
    groups: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    batch_size: int = 1024,
) -> Embeddings:
    """Embed all rows of every modality, in evaluation mode, as numpy arrays.

    Of a model with a projector, `Fusion`, these are the features before it, of each modality
    alone and of all of them "fused". `tensors` stay where they are; batches go to the towers'
    device.
    """
    rows = len(next(iter(tensors.values())))
    batches = (
        {name: t[start : start + batch_size] for name, t in tensors.items()}
        for start in range(0, rows, batch_size)
    )
    return Embeddings(embed_batches(towers, batches), groups=groups, labels=labels)


def embed_batches(
    towers: nn.Module, batches: Iterable[Mapping[str, Tensor]]
) -> dict[str, NDArray[Any]]:
    """The embeddings of batches one after the other: modality → (N, D), on the host."""
    place = next((parameter.device for parameter in towers.parameters()), None)
    model = getattr(towers, "features", towers)
    with looking_on(towers):
        parts = [
            {name: to_numpy(z) for name, z in model(_on(place, batch)).items()} for batch in batches
        ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@contextmanager
def looking_on(module: nn.Module) -> Iterator[None]:
    """In evaluation mode and without gradient; each submodule has its own mode again after."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, mode in modes:
            part.training = mode


def _on(place: torch.device | None, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.to(place) for name, tensor in batch.items()}
