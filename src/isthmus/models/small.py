"""Small encoders that train in seconds on a laptop."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class SmallConvNet(nn.Sequential):
    """Convolutions of stride 2, each halving the picture, then one linear map.

    (B, C, H, W) uint8 or float in [0, 255] → (B, dimension).
    """

    def __init__(
        self,
        *,
        side: int,
        dimension: int,
        channels: int = 3,
        widths: Sequence[int] = (24, 48, 96),
    ) -> None:
        layers: list[nn.Module] = [_Pixels()]
        for before, width in zip((channels, *widths), widths, strict=False):
            layers += [nn.Conv2d(before, width, 3, stride=2, padding=1), nn.ReLU()]
            side = (side + 1) // 2
        super().__init__(*layers, nn.Flatten(), nn.Linear(widths[-1] * side * side, dimension))


class BagOfWords(nn.Sequential):
    """Mean of word embeddings, then two linear maps. (B, L) word indices → (B, dimension)."""

    def __init__(self, *, words: int, dimension: int, width: int = 128) -> None:
        super().__init__(
            nn.EmbeddingBag(words, width, mode="mean"),
            nn.Linear(width, 2 * width),
            nn.GELU(),
            nn.Linear(2 * width, dimension),
        )


class _Pixels(nn.Module):
    """Pixel values from [0, 255] to [−1, 1]."""

    def forward(self, images: Tensor) -> Tensor:
        return images.float() / 127.5 - 1
