"""Crops, mirrors and blurs of pictures: for every picture a matrix for its rows and its columns.

All three are linear and separate into both directions, so that any of them in turn are one product
of matrices: out = D · picture · Aᵀ, with D (H, H) down and A (W, W) across.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

TRIES = 10
"""Rectangles that are drawn for a crop; where none fits, the whole picture is taken."""

_NOTHING = 50.0
"""Minus the logarithm of a weight that is taken for 0."""


def crops(
    count: int,
    shape: tuple[int, int],
    *,
    area: tuple[float, float],
    ratio: tuple[float, float],
    like: Tensor,
) -> tuple[Tensor, Tensor]:
    """Rectangles of pictures (H, W): (B, 2) their beginnings and (B, 2) ends, down and across.

    Of the picture's area each has a share drawn evenly from `area`, and a ratio of width to height
    drawn evenly on a logarithmic scale from `ratio`. Beginnings are even over all places.
    """
    height, width = shape
    drawn = torch.rand(4, count, TRIES, device=like.device)
    share = area[0] + (area[1] - area[0]) * drawn[0]
    low, high = math.log(ratio[0]), math.log(ratio[1])
    form = (low + (high - low) * drawn[1]).exp()
    side = (share * height * width).sqrt()
    size = torch.stack([side / form.sqrt(), side * form.sqrt()])
    whole = torch.tensor([height, width], dtype=size.dtype, device=size.device)[:, None]
    fits = (size <= whole[..., None]).all(dim=0)
    first = fits.int().argmax(dim=1, keepdim=True)  # of equal ones the first
    size = size.gather(2, first.expand(2, -1, -1))[..., 0]
    size = torch.where(fits.any(dim=1), size, whole)
    begin = (whole - size) * drawn[2:, :, 0]
    return begin.T, (begin + size).T


def taken(begin: Tensor, end: Tensor, size: int) -> Tensor:
    """(B, size, size): the part from `begin` to `end` (B,), enlarged to the whole, bilinear.

    Row i has the weights of the old pixels in new pixel i. A part that ends before it begins is
    mirrored. Beyond the border the last pixel goes on.
    """
    pixels = torch.arange(size, dtype=begin.dtype, device=begin.device)
    places = begin[:, None] + (end - begin)[:, None] * ((pixels + 0.5) / size) - 0.5
    places = places.clamp(0, size - 1)
    return (1 - (places[:, :, None] - pixels).abs()).clamp(min=0)


def blurred(sigma: Tensor, size: int) -> Tensor:
    """(B, size, size): Gaussian blur of a standard deviation in pixels (B,); 0: none.

    Weights sum to 1: beyond the border is nothing.
    """
    pixels = torch.arange(size, device=sigma.device)
    exponent = (pixels / sigma.clamp(min=1e-3)[:, None]).square() / 2
    bell = (-exponent).exp().masked_fill(exponent > _NOTHING, 0)  # numbers near 0 are slow
    # Row i is the bell around pixel i: a window on both of its sides, one further left for every i.
    weights = torch.cat([bell.flip(1), bell[:, 1:]], dim=1).unfold(1, size, 1).flip(1)
    return weights / weights.sum(dim=2, keepdim=True)


def changed(pictures: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """Pictures (B, C, H, W) with their columns mapped by (B, H, H) and their rows by (B, W, W)."""
    count, channels, height, width = pictures.shape
    rows = torch.bmm(pictures.reshape(count, channels * height, width), across.mT)
    beside = rows.view(count, channels, height, width).transpose(1, 2)
    found = torch.bmm(down, beside.reshape(count, height, channels * width))
    return found.view(count, height, channels, width).transpose(1, 2).contiguous()
