"""The head between a model's features and what the loss compares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from .batch_norm import BatchNorm


class Projector(nn.Module):
    """Linear maps with normalisation and ReLU between them. (B, inputs) → (B, dimension).

    The loss sees its output; what the model is used for afterwards are the features before it,
    which keep what the loss makes invariant.

    Parameters
    ----------
    inputs, dimension:
        Widths of features and of what the loss compares.
    widths:
        Of the hidden layers.
    norm:
        "layer", by which no row depends on another, so that a batch may be embedded in chunks;
        or "batch", as published, over the rows of all ranks, of every subset of modalities apart.

    References
    ----------
    Chen et al., *A Simple Framework for Contrastive Learning of Visual Representations* (2020);
    widths of Dufumier et al., *What to align in multimodal contrastive learning?* (2025).

    Examples
    --------
    >>> import torch
    >>> Projector(inputs=8)(torch.ones(3, 8)).shape
    torch.Size([3, 256])
    """

    def __init__(
        self,
        *,
        inputs: int,
        dimension: int = 256,
        widths: Sequence[int] = (512, 512),
        norm: Literal["layer", "batch"] = "layer",
    ) -> None:
        super().__init__()
        if norm not in ("layer", "batch"):
            raise ValueError(f"norm must be 'layer' or 'batch'; found '{norm}'")
        ends = [inputs, *widths]
        steps = zip(ends, widths, strict=False)
        biased = norm == "layer"  # the mean of a batch takes a bias away
        self.linears = nn.ModuleList(nn.Linear(*step, bias=biased) for step in steps)
        self.norms = nn.ModuleList(
            BatchNorm(width) if norm == "batch" else nn.LayerNorm(width) for width in widths
        )
        self.last = nn.Linear(ends[-1], dimension)

    def forward(self, x: Tensor, counted: Tensor | None = None) -> Tensor:
        """What the loss compares, of rows of which those `counted`, (B,), are any item's."""
        for linear, norm in zip(self.linears, self.norms, strict=True):
            x = linear(x)
            x = functional.relu(norm(x, counted) if isinstance(norm, BatchNorm) else norm(x))
        found: Tensor = self.last(x)
        return found
