"""Towers for features that are computed already."""

from __future__ import annotations

from torch import nn


class Linear(nn.Linear):
    """One linear map. (B, inputs) → (B, dimension)."""

    def __init__(self, *, inputs: int, dimension: int, bias: bool = True) -> None:
        super().__init__(inputs, dimension, bias=bias)


class MLP(nn.Sequential):
    """Linear maps with layer norm, GELU and dropout between them. (B, inputs) → (B, dimension).

    `width` is that of the hidden layers, the width of the input if not given.
    """

    def __init__(
        self,
        *,
        inputs: int,
        dimension: int,
        width: int | None = None,
        hidden: int = 1,
        dropout: float = 0.0,
    ) -> None:
        if hidden < 1 or not 0 <= dropout < 1:
            raise ValueError(
                f"need at least one hidden layer and a dropout in [0, 1); found {hidden}, {dropout}"
            )
        width = width or inputs
        layers: list[nn.Module] = []
        for k in range(hidden):
            layers += [
                nn.Linear(width if k else inputs, width),
                nn.LayerNorm(width),
                nn.GELU(),
                nn.Dropout(dropout),
            ]
        super().__init__(*layers, nn.Linear(width, dimension))
