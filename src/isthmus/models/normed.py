"""Small convolutional encoders with normalisation, for pictures of about 64 pixels."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from .map_norm import MapNorm, map_norm
from .pixels import Pixels


class NormedMap(nn.Sequential):
    """Convolutions of stride 2, each normalised: a feature map, for a fusion model.

    (B, C, H, W) uint8 or float in [0, 255] → (B, dimension, H / 2ᵏ, W / 2ᵏ), rounded up, with
    k = len(widths) + 1: 4 × 4 at side 64. It is `ConvMap` with normalisation, "batch" or "group"
    (see `map_norm`); with that over the batch, textures are learnt in fewer steps.
    """

    adapter = "PatchAdapter"

    def __init__(
        self,
        *,
        dimension: int,
        channels: int = 3,
        widths: Sequence[int] = (16, 32, 64),
        norm: MapNorm = "batch",
    ) -> None:
        layers: list[nn.Module] = [Pixels(channels_last=True)]
        for before, width in zip((channels, *widths), (*widths, dimension), strict=True):
            layers += [
                nn.Conv2d(before, width, 3, stride=2, padding=1, bias=False),
                map_norm(norm, width),
                nn.ReLU(),
            ]
        super().__init__(*layers)


class NormedNet(nn.Sequential):
    """The mean of `NormedMap` over places, then one linear map. (B, C, H, W) → (B, dimension)."""

    def __init__(
        self,
        *,
        dimension: int,
        channels: int = 3,
        widths: Sequence[int] = (16, 32, 64),
        features: int = 128,
        norm: MapNorm = "batch",
    ) -> None:
        super().__init__(
            NormedMap(dimension=features, channels=channels, widths=widths, norm=norm),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(features, dimension, bias=False),
        )
