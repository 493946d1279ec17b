"""Residual networks of 18 and 50 layers, for pictures of any side."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from .map_norm import MapNorm, map_norm
from .pixels import Pixels
from .shapes import check_shape

BLOCKS = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}
"""Blocks in each of the four stages, by the number of layers."""

SPREAD = {18: 1, 50: 4}
"""How much wider a block ends than its 3 × 3 convolution is."""


class ResNetMap(nn.Module):
    """A residual network without its classifier: a feature map, for a fusion model.

    (B, C, H, W) uint8 or float in [0, 255] → (B, dimension, H / 32, W / 32), rounded up: 7 × 7 at
    side 224. With `stem` 3 it is four times larger, (…, H / 8, W / 8): 8 × 8 at side 64.

    Parameters
    ----------
    dimension:
        Channels of the map. If they are not those of the last stage, 8 times `width` or, of 50
        layers, 32 times, a 1 × 1 convolution leads to them.
    depth:
        Layers: 18, of two 3 × 3 convolutions a block; or 50, of 1 × 1, 3 × 3 (which has the
        stride) and 1 × 1.
    width:
        Channels of the first convolution, 64 in the original, which has 11.18 million weights
        with 18 layers and 23.51 with 50.
    stem:
        Side of the first convolution: 7, of stride 2, and a pooling after it, as published for
        side 224; or 3, of stride 1 and nothing after it, for pictures below 100 pixels.
    norm:
        "batch" or "group", see `map_norm`.

    Raises
    ------
    ValueError
        Another depth, stem or norm; a picture of other channels.

    References
    ----------
    He et al., *Deep Residual Learning for Image Recognition* (2016), whose section 4.2 has the
    small stem.

    Examples
    --------
    >>> import torch
    >>> ResNetMap(dimension=8, width=4, stem=3)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 8, 4, 4])
    """

    adapter = "PatchAdapter"

    def __init__(
        self,
        *,
        dimension: int,
        depth: Literal[18, 50] = 18,
        channels: int = 3,
        width: int = 64,
        stem: Literal[7, 3] = 7,
        norm: MapNorm = "batch",
    ) -> None:
        if depth not in BLOCKS or stem not in (7, 3):
            raise ValueError(
                f"need a depth of 18 or 50 and a stem of 7 or 3; found {depth}, {stem}"
            )
        super().__init__()
        self.channels = channels
        self.stem = nn.Sequential(
            Pixels(),
            nn.Conv2d(channels, width, stem, stride=stem // 3, padding=stem // 2, bias=False),
            map_norm(norm, width),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1) if stem == 7 else nn.Identity(),
        )
        ends = [width, *(SPREAD[depth] * width * 2**k for k in range(4))]
        self.stages = nn.Sequential(
            *(
                nn.Sequential(
                    _Block(before, after, depth=depth, stride=2 if k else 1, norm=norm),
                    *(_Block(after, after, depth=depth, norm=norm) for _ in range(1, blocks)),
                )
                for k, ((before, after), blocks) in enumerate(
                    zip(pairwise(ends), BLOCKS[depth], strict=True)
                )
            )
        )
        same = ends[-1] == dimension
        self.head = nn.Identity() if same else nn.Conv2d(ends[-1], dimension, 1)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """The feature map."""
        check_shape(images, "(B, C, H, W)", type(self).__name__, C=self.channels)
        found: Tensor = self.head(self.stages(self.stem(images)))
        return found


class ResNet(nn.Sequential):
    """The mean of a `ResNetMap` over places, then one linear map. (B, C, H, W) → (B, dimension).

    All arguments but `dimension` are as of `ResNetMap`.
    """

    def __init__(
        self,
        *,
        dimension: int,
        depth: Literal[18, 50] = 18,
        channels: int = 3,
        width: int = 64,
        stem: Literal[7, 3] = 7,
        norm: MapNorm = "batch",
    ) -> None:
        last = 8 * SPREAD.get(depth, 1) * width
        super().__init__(
            ResNetMap(
                dimension=last, depth=depth, channels=channels, width=width, stem=stem, norm=norm
            ),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(last, dimension, bias=False),
        )


class _Block(nn.Module):
    """Convolutions, each normalised, and a shortcut past them."""

    def __init__(
        self, before: int, after: int, *, depth: int, norm: MapNorm, stride: int = 1
    ) -> None:
        super().__init__()
        inner = after // SPREAD[depth]
        plan = {18: [(3, stride), (3, 1)], 50: [(1, 1), (3, stride), (1, 1)]}[depth]
        widths = [before, *([inner] * (len(plan) - 1)), after]
        layers: list[nn.Module] = []
        for (side, step), (entering, leaving) in zip(plan, pairwise(widths), strict=True):
            conv = nn.Conv2d(entering, leaving, side, stride=step, padding=side // 2, bias=False)
            layers += [conv, map_norm(norm, leaving), nn.ReLU()]
        self.path = nn.Sequential(*layers[:-1])
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or before != after:
            conv = nn.Conv2d(before, after, 1, stride=stride, bias=False)
            self.shortcut = nn.Sequential(conv, map_norm(norm, after))

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.shortcut(x) + self.path(x))
