"""Latent converters: from what an encoder gives to tokens of one width."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from .positions import grid_positions


class Adapter(nn.Module, ABC):
    """From an encoder's output to tokens (B, L, width).

    Parameters
    ----------
    inputs:
        Channels of the encoder's output.
    width:
        D of the tokens.

    Raises
    ------
    ValueError
        An output of another shape.
    """

    takes: str
    """The shape of the encoder's output."""

    channels: int
    """The axis of it that has the channels."""

    def __init__(self, *, inputs: int, width: int) -> None:
        super().__init__()
        if inputs < 1 or width < 1:
            raise ValueError(f"inputs and width must be at least 1; found {inputs} and {width}")
        self.inputs = inputs
        self.width = width

    def forward(self, features: Tensor) -> Tensor:
        """The tokens."""
        shape = tuple(features.shape)
        if len(shape) != self.takes.count(",") + 1 or shape[self.channels] != self.inputs:
            raise ValueError(
                f"{type(self).__name__} takes {self.takes} with C = {self.inputs} from its "
                f"encoder; found {shape}"
            )
        return self.convert(features)

    @abstractmethod
    def convert(self, features: Tensor) -> Tensor:
        """The tokens of features of the right shape: what a new adapter defines."""


class PatchAdapter(Adapter):
    """A feature map (B, C, H, W) to one token for each place, (B, H·W, width).

    A 1 × 1 convolution, and fixed positions of sines and cosines added, for any H and W. Without
    them, a set of patches would not know where they are.

    >>> PatchAdapter(inputs=3, width=8)(torch.ones(2, 3, 5, 4)).shape
    torch.Size([2, 20, 8])
    """

    takes = "(B, C, H, W)"
    channels = 1

    def __init__(self, *, inputs: int, width: int) -> None:
        super().__init__(inputs=inputs, width=width)
        if width % 4:
            raise ValueError(f"positions on a grid need a width divisible by 4; found {width}")
        self.project = nn.Linear(inputs, width)

    def convert(self, features: Tensor) -> Tensor:
        """The patches of a map."""
        rows, columns = features.shape[2:]
        tokens: Tensor = self.project(features.flatten(2).transpose(1, 2))
        return tokens + grid_positions(rows, columns, self.width, like=tokens)


class TokenAdapter(Adapter):
    """Tokens (B, L, C) as they are if C is the width, else through one linear map.

    >>> TokenAdapter(inputs=3, width=8)(torch.ones(2, 5, 3)).shape
    torch.Size([2, 5, 8])
    """

    takes = "(B, L, C)"
    channels = 2

    def __init__(self, *, inputs: int, width: int) -> None:
        super().__init__(inputs=inputs, width=width)
        self.project = nn.Identity() if inputs == width else nn.Linear(inputs, width)

    def convert(self, features: Tensor) -> Tensor:
        """The tokens in this width."""
        tokens: Tensor = self.project(features)
        return tokens


class VectorAdapter(Adapter):
    """A vector (B, C) to one token, (B, 1, width), through one linear map.

    >>> VectorAdapter(inputs=3, width=8)(torch.ones(2, 3)).shape
    torch.Size([2, 1, 8])
    """

    takes = "(B, C)"
    channels = 1

    def __init__(self, *, inputs: int, width: int) -> None:
        super().__init__(inputs=inputs, width=width)
        self.project = nn.Linear(inputs, width)

    def convert(self, features: Tensor) -> Tensor:
        """The one token."""
        token: Tensor = self.project(features)
        return token[:, None]


class FeatureAdapter(Adapter):
    r"""Scalar features (B, C) to one token each, (B, C, width): x_k w_k + b_k.

    Source: Gorishniy et al., *Revisiting Deep Learning Models for Tabular Data* (2021).

    >>> FeatureAdapter(inputs=3, width=8)(torch.ones(2, 3)).shape
    torch.Size([2, 3, 8])
    """

    takes = "(B, C)"
    channels = 1

    def __init__(self, *, inputs: int, width: int) -> None:
        super().__init__(inputs=inputs, width=width)
        bound = width**-0.5
        self.weight = nn.Parameter(torch.empty(inputs, width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(inputs, width).uniform_(-bound, bound))

    def convert(self, features: Tensor) -> Tensor:
        """The tokens of all scalars."""
        return features[:, :, None] * self.weight + self.bias
