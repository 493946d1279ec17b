"""An encoder of a robot's own state."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from .shapes import check_shape


class ProprioEncoder(nn.Module):
    """Linear maps, leaky ReLU (slope 0.1) after each. (B, inputs) → (B, dimension).

    Parameters
    ----------
    inputs, dimension:
        Numbers of a state (8: position, direction and velocities of a robot's hand) and of its
        vector.
    widths:
        Of the hidden layers.

    Raises
    ------
    ValueError
        States of another shape.

    References
    ----------
    Lee et al., *Making Sense of Vision and Touch* (2019); widths as in Liang et al., *MultiBench*
    (2021).

    Examples
    --------
    >>> import torch
    >>> ProprioEncoder(dimension=4)(torch.zeros(2, 8)).shape
    torch.Size([2, 4])
    """

    def __init__(
        self, *, dimension: int, inputs: int = 8, widths: Sequence[int] = (32, 64, 128)
    ) -> None:
        super().__init__()
        self.inputs = inputs
        layers: list[nn.Module] = []
        for before, width in zip((inputs, *widths), (*widths, dimension), strict=True):
            layers += [nn.Linear(before, width), nn.LeakyReLU(0.1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """The vectors."""
        check_shape(x, "(B, C)", type(self).__name__, C=self.inputs)
        found: Tensor = self.layers(x.float())
        return found
