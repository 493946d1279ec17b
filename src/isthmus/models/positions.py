"""Fixed positions: sines and cosines of many wave lengths."""

from __future__ import annotations

import torch
from torch import Tensor

LONGEST = 10_000.0
"""Ratio of the longest wave length to the shortest, 2π positions."""


def positions(length: int, width: int, *, like: Tensor) -> Tensor:
    """Positions in a sequence, (length, width): sin(t ω_k) and cos(t ω_k), ω_k = 10⁴^(−2k/width).

    Source: Vaswani et al., *Attention Is All You Need* (2017).

    >>> positions(2, 4, like=torch.zeros(())).round(decimals=2)
    tensor([[0.0000, 0.0000, 1.0000, 1.0000],
            [0.8400, 0.0100, 0.5400, 1.0000]])
    """
    half = width // 2
    rates = LONGEST ** -(torch.arange(half, device=like.device) / half)
    angles = torch.arange(length, device=like.device)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1).to(like.dtype)


def grid_positions(rows: int, columns: int, width: int, *, like: Tensor) -> Tensor:
    """Positions on a grid, (rows · columns, width): half of the width tells the row, half the
    column.

    Source: Chen et al., *An Empirical Study of Training Self-Supervised Vision Transformers*
    (2021).

    >>> grid_positions(2, 3, 8, like=torch.zeros(())).shape
    torch.Size([6, 8])
    """
    down = positions(rows, width // 2, like=like)[:, None].expand(rows, columns, -1)
    across = positions(columns, width // 2, like=like)[None].expand(rows, columns, -1)
    return torch.cat([down, across], dim=2).flatten(0, 1)
