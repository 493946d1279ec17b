"""An encoder of forces, as the touch of a robot's wrist is encoded."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from .shapes import check_shape


class ForceEncoder(nn.Module):
    """Causal convolutions of stride 2, down to one vector. (B, L, C) → (B, dimension).

    k + 1 convolutions of two steps each, leaky ReLU (slope 0.1) after each, with k widths: the
    vector is of the last 2^(k+1) readings, 32 unless other widths are given, every one of which
    has part in it. Fewer readings are led by zeros; of more, those before the last 32 do not
    count.

    The released code pads each convolution in front and cuts its last output: at stride 2, nothing
    but the first of the 32 readings reaches its vector. The weights are the same here, and fit.

    Parameters
    ----------
    dimension:
        Of the vector.
    inputs:
        C of a reading: 6, three forces and three torques.
    widths:
        Channels of all convolutions but the last.

    Raises
    ------
    ValueError
        Readings of another shape.

    References
    ----------
    Lee et al., *Making Sense of Vision and Touch* (2019); widths as in Liang et al., *MultiBench*
    (2021).

    Examples
    --------
    >>> import torch
    >>> ForceEncoder(dimension=4)(torch.zeros(2, 32, 6)).shape
    torch.Size([2, 4])
    """

    def __init__(
        self, *, dimension: int, inputs: int = 6, widths: Sequence[int] = (16, 32, 64, 128)
    ) -> None:
        super().__init__()
        self.inputs = inputs
        self.readings = 2 ** (len(widths) + 1)
        layers: list[nn.Module] = []
        for before, width in zip((inputs, *widths), (*widths, dimension), strict=True):
            layers += [nn.Conv1d(before, width, 2, stride=2), nn.LeakyReLU(0.1)]
        self.convolutions = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """The vectors."""
        check_shape(x, "(B, L, C)", type(self).__name__, C=self.inputs)
        last = x[:, -self.readings :].float().transpose(1, 2)
        found: Tensor = self.convolutions(functional.pad(last, (self.readings - last.shape[2], 0)))
        return found[:, :, 0]
