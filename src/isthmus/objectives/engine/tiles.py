"""The grid of tiles over all pairs of rows, and the matrix products inside it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .sharing import Share

CPU_TILE_BYTES = 4 * 2**20
"""A tile of scores on the CPU: it stays in the cache between its product and its reductions."""

GPU_TILE_BYTES = 256 * 2**20
"""A tile of scores on an accelerator, at most: enough to fill it."""

KEPT_BYTES = 16 * 2**20
"""Scores that take no more than this are kept for backward: no second product, little memory."""

NARROW = (torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class Tile:
    """A block of pairs: `rows` of x against `columns` of y."""

    rows: slice
    columns: slice
    diagonal: bool
    """Whether it is a block of x against itself."""


@dataclass(frozen=True)
class Grid:
    """All pairs of N rows with M, or every unordered pair of N rows if `symmetric`."""

    n: int
    m: int
    step: int
    symmetric: bool = False

    @classmethod
    def of(cls, x: Tensor, y: Tensor, *, symmetric: bool = False) -> Grid:
        """A grid over the rows of x and y, in square tiles that fit the device."""
        if x.shape[1] != y.shape[1]:
            raise ValueError(
                "rows that are compared must have one width; "
                f"found {tuple(x.shape)} and {tuple(y.shape)}"
            )
        element = torch.finfo(working_dtype(x)).bits // 8
        step = max(4, math.isqrt(_tile_bytes(x.device) // element))
        return cls(len(x), len(y), step, symmetric)

    def __iter__(self) -> Iterator[Tile]:
        for top in range(0, self.n, self.step):
            rows = slice(top, min(top + self.step, self.n))
            for left in range(top if self.symmetric else 0, self.m, self.step):
                columns = slice(left, min(left + self.step, self.m))
                yield Tile(rows, columns, self.symmetric and left == top)

    def of_share(self, share: Share) -> Iterator[Tile]:
        """The tiles that are this rank's."""
        return (tile for k, tile in enumerate(self) if share.mine(k))


def working_dtype(x: Tensor) -> torch.dtype:
    """Single precision for narrow input, else the input's own."""
    return torch.float32 if x.dtype in NARROW else x.dtype


def kept(x: Tensor, y: Tensor) -> bool:
    """Whether all scores of x and y are few enough to be kept for backward."""
    element = torch.finfo(working_dtype(x)).bits // 8
    return len(x) * len(y) * element <= KEPT_BYTES


def scores(x: Tensor, y: Tensor) -> Tensor:
    """x yᵀ, (n, D) and (m, D) to (n, m), added up and returned in the working dtype."""
    if x.dtype in NARROW and x.is_cuda:
        return torch.mm(x, y.T, out_dtype=torch.float32)
    dtype = working_dtype(x)
    return x.to(dtype) @ y.to(dtype).T


def add_product(total: Tensor, weights: Tensor, y: Tensor) -> None:
    """total += weights y, for (n, m) weights in the working dtype and (m, D) rows y."""
    if y.dtype is torch.bfloat16 and y.is_cuda:
        total += torch.mm(weights.to(y.dtype), y, out_dtype=torch.float32)
    else:
        total.addmm_(weights, y.to(weights.dtype))


def refuse_second_derivatives() -> None:
    """An error where backward itself is to be differentiated."""
    if torch.is_grad_enabled():
        raise RuntimeError(
            "second derivatives of a tiled loss are not available: its scores are not kept. "
            "Call backward() or torch.autograd.grad() without create_graph=True"
        )


def _tile_bytes(device: torch.device) -> int:
    if device.type != "cuda":
        return CPU_TILE_BYTES
    free, _ = torch.cuda.mem_get_info(device)
    return max(CPU_TILE_BYTES, min(GPU_TILE_BYTES, free // 16))
