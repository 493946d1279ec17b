"""Pixel values as encoders want them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Pixels(nn.Module):
    """From [0, 255] to [−1, 1].

    With `channels_last`, a pixel's channels lie side by side in memory, as normalised maps of
    several channels are convolved fastest, in mixed precision above all.
    """

    def __init__(self, *, channels_last: bool = False) -> None:
        super().__init__()
        self.layout = torch.channels_last if channels_last else torch.contiguous_format

    def forward(self, images: Tensor) -> Tensor:
        """The same pictures, in single precision."""
        return (images.float() / 127.5 - 1).contiguous(memory_format=self.layout)
