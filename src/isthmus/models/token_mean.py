"""Towers of encoders that give tokens: their mean, and one linear map."""

from __future__ import annotations

from torch import Tensor, nn

from .inputs import SequenceEncoder
from .tokens import Tokens
from .transformer import SequenceTransformer


class TokenMean(SequenceEncoder):
    """The mean of an encoder's tokens, then one linear map. What it takes → (B, dimension).

    Padding has no part in the mean; of nothing but padding it is zeros.

    Parameters
    ----------
    encoder:
        From a batch to tokens (B, L, width); a `SequenceEncoder` is told of padding.
    width, dimension:
        Of the tokens, and of the embedding.

    Raises
    ------
    ValueError
        The encoder gives something else, or as many tokens as there are no positions.

    Examples
    --------
    >>> import torch
    >>> TokenMean(encoder=nn.Linear(3, 8), width=8, dimension=4)(torch.ones(2, 5, 3)).shape
    torch.Size([2, 4])
    """

    def __init__(self, *, encoder: nn.Module, width: int, dimension: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.project = nn.Linear(width, dimension, bias=False)

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """The embeddings."""
        given = (x, valid) if isinstance(self.encoder, SequenceEncoder) else (x,)
        tokens: Tensor = self.encoder(*given)
        width = self.project.in_features
        if tokens.ndim != 3 or tokens.shape[2] != width:
            raise ValueError(
                f"a mean of tokens takes (B, L, C) with C = {width}, its width; found "
                f"{tuple(tokens.shape)} from {type(self.encoder).__name__}"
            )
        if valid is not None and valid.shape != tokens.shape[:2]:
            raise ValueError(
                f"the padding is told for {valid.shape[1]} positions, and "
                f"{type(self.encoder).__name__} gives {tokens.shape[1]} tokens"
            )
        found: Tensor = self.project(Tokens(tokens, valid).mean())
        return found


class SequenceMean(TokenMean):
    """The mean of `SequenceTransformer` over steps, then one linear map. → (B, dimension).

    `width` is D of the tokens; all other arguments but `dimension` are as of
    `SequenceTransformer`.

    Examples
    --------
    >>> import torch
    >>> net = SequenceMean(inputs=3, dimension=4, width=8, layers=1, heads=2)
    >>> net(torch.ones(2, 5, 3)).shape
    torch.Size([2, 4])
    """

    def __init__(
        self,
        *,
        inputs: int,
        dimension: int,
        width: int = 64,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.0,
        hidden: int | None = None,
        positions: bool = True,
    ) -> None:
        super().__init__(
            encoder=SequenceTransformer(
                inputs=inputs,
                dimension=width,
                layers=layers,
                heads=heads,
                dropout=dropout,
                hidden=hidden,
                positions=positions,
            ),
            width=width,
            dimension=dimension,
        )
