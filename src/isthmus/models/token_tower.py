"""A network of another package as a tower of tokens: frozen or not, with a map behind it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..errors import InputError
from .frozen import FrozenTokens

_UNFIT = (
    *(AssertionError, AttributeError, IndexError, KeyError),
    *(NotImplementedError, TypeError, ValueError),
)
"""What a network raises that was not made for this."""


def token_tower(
    encoder: nn.Module, example: Tensor, *, dimension: int, frozen: bool, unfit: str
) -> tuple[nn.Module, nn.Module]:
    """A tower, and the map from its tokens to those of this dimension: none if they are that wide.

    It is tried on one example. What has no part in its tokens, such as the head of what it was
    trained for, does not learn: several processes would wait for its gradient.

    Raises
    ------
    InputError
        It gives no tokens: `unfit`.
    """
    encoder.eval()
    try:
        with torch.enable_grad():
            tokens = encoder(example)
    except _UNFIT as error:
        raise InputError(unfit) from error
    if not isinstance(tokens, Tensor) or tokens.ndim != 3:
        raise InputError(unfit)
    width = tokens.shape[2]
    head = nn.Identity() if width == dimension else nn.Linear(width, dimension)
    if frozen:
        return FrozenTokens(encoder=encoder, dimension=width), head
    if learning := [p for p in encoder.parameters() if p.requires_grad]:
        gradients = torch.autograd.grad(tokens.sum(), learning, allow_unused=True)
        for parameter, gradient in zip(learning, gradients, strict=True):
            parameter.requires_grad_(gradient is not None)
    return encoder.train(), head
