"""Ways to fuse: from the tokens of any of the modalities to one vector for each item."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from .features import MLP
from .tokens import Tokens
from .transformer import Block, class_token


class Fuser(nn.Module, ABC):
    """From tokens by modality to one vector (B, width) for each item.

    Any of the modalities may be given: what is left out, and tokens that are not `valid`, have
    no part in the vector.

    Parameters
    ----------
    width:
        D of tokens and vector.
    """

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.width = width

    @abstractmethod
    def forward(self, tokens: Mapping[str, Tokens]) -> Tensor:
        """The vectors: what a new fuser defines."""


class AttentionFuser(Fuser):
    """Self-attention over all tokens of an item and a learned class token, which is the vector.

    Pre-norm blocks (`Block`), then layer norm. In the last, the class token alone looks: nothing
    else of it is used.

    Parameters
    ----------
    width, heads, layers, dropout:
        D, heads among which it is divided, blocks, and dropout inside of them.

    References
    ----------
    Dufumier et al., *What to align in multimodal contrastive learning?* (2025).

    Examples
    --------
    >>> fuser = AttentionFuser(width=8, heads=2)
    >>> fuser({"image": Tokens(torch.ones(3, 4, 8)), "text": Tokens(torch.ones(3, 1, 8))}).shape
    torch.Size([3, 8])
    """

    def __init__(
        self, *, width: int, heads: int = 8, layers: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__(width=width)
        _check_layers(layers)
        self.token = class_token(width)
        self.blocks = nn.ModuleList(
            Block(width, heads=heads, depth=layers, dropout=dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width, bias=False)  # an offset of all items tells none apart

    def forward(self, tokens: Mapping[str, Tokens]) -> Tensor:
        """The class token after it has looked at all others."""
        found = Tokens.joined([_for_all(self.token, tokens), *tokens.values()])
        x, *last = found.z, self.blocks[-1]
        for block in self.blocks[:-1]:
            x = block(x, seen=found.seen)
        vector: Tensor = self.norm(last[0](x[:, :1], x, found.seen))
        return vector[:, 0]


class CrossAttentionFuser(Fuser):
    """Cross-attention: the tokens of each modality look at those of the others, then a class
    token at all.

    They see the class token too, which is all there is where a modality is alone.

    Parameters
    ----------
    width, heads, layers, dropout:
        As in `AttentionFuser`; `layers` of cross-attention come before the class token looks.

    References
    ----------
    Lu et al., *ViLBERT: Pretraining Task-Agnostic Visiolinguistic Representations* (2019).

    Examples
    --------
    >>> fuser = CrossAttentionFuser(width=8, heads=2)
    >>> fuser({"image": Tokens(torch.ones(3, 4, 8)), "text": Tokens(torch.ones(3, 1, 8))}).shape
    torch.Size([3, 8])
    """

    def __init__(
        self, *, width: int, heads: int = 8, layers: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__(width=width)
        _check_layers(layers)
        self.token = class_token(width)
        self.blocks = nn.ModuleList(
            Block(width, heads=heads, depth=layers + 1, dropout=dropout) for _ in range(layers + 1)
        )
        self.norm = nn.LayerNorm(width, bias=False)  # an offset of all items tells none apart

    def forward(self, tokens: Mapping[str, Tokens]) -> Tensor:
        """The class token after it has looked at all others."""
        first = _for_all(self.token, tokens)
        for block in self.blocks[:-1]:
            now = tokens
            tokens = {
                name: Tokens(block(own.z, others.z, others.seen), own.valid)
                for name, own in now.items()
                for others in [
                    Tokens.joined([first, *(t for other, t in now.items() if other != name)])
                ]
            }
        found = Tokens.joined([first, *tokens.values()])
        vector: Tensor = self.norm(self.blocks[-1](first.z, found.z, found.seen))
        return vector[:, 0]


class MLPFuser(Fuser):
    """A multilayer perceptron on the mean tokens of all modalities, one beside the other.

    A modality that is left out is zeros.

    Parameters
    ----------
    width, modalities:
        D, and the names of all modalities.
    hidden, dropout:
        Hidden layers, four times as wide as the tokens, and dropout inside of them.

    Examples
    --------
    >>> fuser = MLPFuser(width=8, modalities=["image", "text"])
    >>> fuser({"text": Tokens(torch.ones(3, 5, 8))}).shape
    torch.Size([3, 8])
    """

    def __init__(
        self, *, width: int, modalities: Sequence[str], hidden: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__(width=width)
        self.modalities = list(modalities)
        self.mlp = MLP(
            inputs=width * len(self.modalities),
            dimension=width,
            width=4 * width,
            hidden=hidden,
            dropout=dropout,
        )

    def forward(self, tokens: Mapping[str, Tokens]) -> Tensor:
        """The perceptron's output."""
        vector: Tensor = self.mlp(_beside(tokens, self.modalities))
        return vector


class LinearFuser(Fuser):
    """One linear map on the mean tokens of all modalities: a sum of one map for each.

    Parameters
    ----------
    width, modalities:
        As in `MLPFuser`.

    Examples
    --------
    >>> fuser = LinearFuser(width=8, modalities=["image", "text"])
    >>> fuser({"text": Tokens(torch.ones(3, 5, 8))}).shape
    torch.Size([3, 8])
    """

    def __init__(self, *, width: int, modalities: Sequence[str]) -> None:
        super().__init__(width=width)
        self.modalities = list(modalities)
        self.linear = nn.Linear(width * len(self.modalities), width)

    def forward(self, tokens: Mapping[str, Tokens]) -> Tensor:
        """The sum."""
        vector: Tensor = self.linear(_beside(tokens, self.modalities))
        return vector


def _for_all(token: Tensor, tokens: Mapping[str, Tokens]) -> Tokens:
    """The class token of every item; it is always there."""
    like = next(iter(tokens.values())).z
    return Tokens(token.to(like.dtype).expand(len(like), -1, -1))


def _beside(tokens: Mapping[str, Tokens], modalities: Sequence[str]) -> Tensor:
    """Mean tokens one beside the other, (B, n · D), zeros for what is left out."""
    means = {name: own.mean() for name, own in tokens.items()}
    nothing = torch.zeros_like(next(iter(means.values())))
    return torch.cat([means.get(name, nothing) for name in modalities], dim=1)


def _check_layers(layers: int) -> None:
    if layers < 1:
        raise ValueError(f"a fuser has at least one layer; found {layers}")
