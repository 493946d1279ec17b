"""Encoders that give tokens and do not learn."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn

from .inputs import SequenceEncoder


class FrozenTokens(SequenceEncoder):
    """An encoder of tokens as it is: in evaluation mode always, and without gradient.

    What it takes → (B, L, dimension). Its weights and running numbers stay, no dropout is drawn,
    and nothing of its pass is kept for the gradient. Padding is told to a `SequenceEncoder`.

    Parameters
    ----------
    encoder:
        A module that gives tokens.
    dimension:
        Their width.

    Raises
    ------
    ValueError
        It gives something else.

    Examples
    --------
    >>> frozen = FrozenTokens(encoder=nn.Dropout(0.5), dimension=3)
    >>> torch.equal(frozen.train()(torch.ones(2, 4, 3)), torch.ones(2, 4, 3))
    True
    """

    adapter = "TokenAdapter"

    def __init__(self, *, encoder: nn.Module, dimension: int) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(requires_grad=False).eval()
        self.dimension = dimension

    def train(self, mode: bool = True) -> Self:
        """Into training mode; the encoder stays in evaluation mode."""
        super().train(mode)
        self.encoder.eval()
        return self

    @torch.no_grad()
    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """The tokens."""
        given = (x, valid) if isinstance(self.encoder, SequenceEncoder) else (x,)
        tokens = self.encoder(*given)
        if not isinstance(tokens, Tensor) or tokens.ndim != 3 or tokens.shape[2] != self.dimension:
            found = tuple(tokens.shape) if isinstance(tokens, Tensor) else type(tokens).__name__
            raise ValueError(
                f"a frozen encoder must give tokens (B, L, C) with C = {self.dimension}, its "
                f"dimension here; found {found} from {type(self.encoder).__name__}"
            )
        return tokens
