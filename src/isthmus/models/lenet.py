"""A small convolutional encoder in the manner of LeNet, as AV-MNIST is encoded."""

from __future__ import annotations

from torch import nn

from .map_norm import MapNorm, map_norm
from .pixels import Pixels


class LeNet(nn.Sequential):
    """Convolution, normalisation, ReLU and pooling, `blocks` times, then one linear map.

    (B, C, H, W) uint8 or float in [0, 255] → (B, dimension). Every block halves the picture,
    rounded down, and doubles the channels, of which the first has `width`. `norm` is "batch", as
    published, or "group", see `map_norm`.

    References
    ----------
    Vielzeuf et al., *CentralNet: a Multilayer Approach for Multimodal Fusion* (2018); widths as
    in Liang et al., *MultiBench* (2021): 6, with 3 blocks for images and 5 for spectrograms.
    """

    def __init__(
        self,
        *,
        side: int,
        dimension: int,
        channels: int = 1,
        width: int = 6,
        blocks: int = 3,
        norm: MapNorm = "batch",
    ) -> None:
        if blocks < 1 or side >> blocks < 1:
            raise ValueError(f"{blocks} blocks leave nothing of a picture of side {side}")
        layers: list[nn.Module] = [Pixels()]
        for k in range(blocks):
            layers += [
                nn.Conv2d(channels, width, 5 if k == 0 else 3, padding=2 if k == 0 else 1),
                map_norm(norm, width),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
            channels, width = width, 2 * width
        last = channels * (side >> blocks) ** 2
        super().__init__(*layers, nn.Flatten(), nn.Linear(last, dimension))
