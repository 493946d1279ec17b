"""Attention, as a pre-norm residual block, and a sequence encoder made of it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .inputs import SequenceEncoder
from .positions import positions
from .shapes import check_shape

_SLOPE = 1.702  # of the sigmoid that stands in for the normal distribution's in GELU


class Block(nn.Module):
    r"""Pre-norm residual attention, then a multilayer perceptron.

    x ← x + A(LN x, LN c), then x ← x + W₂ g(W₁ LN x), with multi-head attention A of x to a
    context c, which is x itself unless another is given, and g(h) = h σ(1.702 h).

    Parameters
    ----------
    width, heads:
        D, and among how many heads it is divided.
    depth:
        Blocks in a row, this one among them: the more there are, the smaller each begins.
    dropout:
        Of what both parts add.
    hidden:
        Width of the perceptron's hidden layer, four times D if not given.

    Source: Radford et al., *Learning Transferable Visual Models From Natural Language
    Supervision* (2021).

    Examples
    --------
    >>> Block(8, heads=2)(torch.ones(3, 5, 8)).shape
    torch.Size([3, 5, 8])
    """

    def __init__(
        self,
        width: int,
        *,
        heads: int,
        depth: int = 1,
        dropout: float = 0.0,
        hidden: int | None = None,
    ) -> None:
        super().__init__()
        hidden = 4 * width if hidden is None else hidden
        if heads < 1 or width % heads:
            raise ValueError(f"heads must divide the width, {width}; found {heads}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be in [0, 1); found {dropout}")
        if hidden < 1:
            raise ValueError(f"hidden must be at least 1; found {hidden}")
        self.heads = heads
        self.before_attention, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query = _linear(width, width, width**-0.5)
        self.key = _linear(width, width, width**-0.5, bias=False)  # softmax would not see it
        self.value = _linear(width, width, width**-0.5)
        self.merge = _linear(width, width, (width * 2 * depth) ** -0.5)
        self.rise = _linear(width, hidden, (2 * width) ** -0.5)
        self.fall = _linear(hidden, width, (hidden / 4 * 2 * depth) ** -0.5)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, context: Tensor | None = None, seen: Tensor | None = None
    ) -> Tensor:
        """(B, L, D), with a context (B, S, D) of which `seen`, (B, 1, 1, S), is looked at."""
        normed = self.before_attention(x)
        others = normed if context is None else self.before_attention(context)
        x = x + self.dropout(self.merge(self._attention(normed, others, seen)))
        hidden = functional.silu(_SLOPE * self.rise(self.before_mlp(x))) / _SLOPE
        found: Tensor = x + self.dropout(self.fall(hidden))
        return found

    def _attention(self, x: Tensor, context: Tensor, seen: Tensor | None) -> Tensor:
        (queries, width), rows = x.shape[1:], context.shape[1]
        if queries * (width + self.heads * rows) < rows * width:
            return self._absorbed(x, context, seen)
        given = self.query(x), self.key(context), self.value(context)
        q, k, v = map(self._split, given)  # (B, heads, L or S, D / heads)
        found = functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return found.transpose(1, 2).flatten(2)

    def _absorbed(self, x: Tensor, context: Tensor, seen: Tensor | None) -> Tensor:
        """The same of few queries to a long context, whose rows are not projected one by one.

        q·(K c) = (Kᵀq)·c, and Σ a V c = V Σ a c. A class token that looks at S rows costs
        (D² + heads · S · D) products rather than S · D².
        """
        shape = (self.heads, -1, x.shape[2])
        key, value = self.key.weight.view(shape), self.value.weight.view(shape)
        q = self._split(self.query(x)) * (x.shape[2] // self.heads) ** -0.5
        looks = torch.einsum("bhld,hdw->bhlw", q, key)
        scores = looks.flatten(1, 2) @ context.transpose(1, 2)
        scores = scores.view(*looks.shape[:3], context.shape[1])
        if seen is not None:
            scores = scores.masked_fill(~seen, torch.finfo(scores.dtype).min)
        weights = scores.softmax(dim=-1).to(context.dtype)
        means = (weights.flatten(1, 2) @ context).view_as(looks)
        return torch.einsum("bhlw,hdw->blhd", means, value).flatten(2) + self.value.bias

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, x.shape[2] // self.heads).transpose(1, 2)


class SequenceTransformer(SequenceEncoder):
    """Transformer over the time steps of a sequence. (B, L, inputs) → (B, L, dimension).

    Padding is never looked at. MultiBench encodes affect with a width of 40, 5 layers, 5 heads,
    2,048 hidden, dropout 0.1 and no positions, with which the order of the steps is unseen; the
    released code also looks at its padding.

    Parameters
    ----------
    inputs, dimension:
        Numbers of a step, and of its token.
    layers, heads, hidden, dropout:
        Of the blocks (`Block`).
    positions:
        Whether fixed positions are added, which tell the order.

    >>> net = SequenceTransformer(inputs=3, dimension=8, layers=1, heads=2)
    >>> net(torch.ones(2, 5, 3)).shape
    torch.Size([2, 5, 8])
    """

    adapter = "TokenAdapter"

    def __init__(
        self,
        *,
        inputs: int,
        dimension: int,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.0,
        hidden: int | None = None,
        positions: bool = True,
    ) -> None:
        super().__init__()
        self.inputs, self.ordered = inputs, positions
        self.project = nn.Linear(inputs, dimension)
        self.blocks = nn.ModuleList(
            Block(dimension, heads=heads, depth=layers, dropout=dropout, hidden=hidden)
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(dimension)

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """The encoded steps; those that are padding hold nothing of use."""
        check_shape(x, "(B, L, C)", type(self).__name__, C=self.inputs)
        tokens = self.project(x)
        if self.ordered:
            tokens = tokens + positions(tokens.shape[1], tokens.shape[2], like=tokens)
        seen = None if valid is None else valid[:, None, None, :]
        for block in self.blocks:
            tokens = block(tokens, seen=seen)
        found: Tensor = self.norm(tokens)
        return found


def _linear(inputs: int, outputs: int, deviation: float, *, bias: bool = True) -> nn.Linear:
    """A linear map that begins with normal weights and a bias of zeros."""
    layer = nn.Linear(inputs, outputs, bias=bias)
    nn.init.normal_(layer.weight, std=deviation)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


def class_token(width: int) -> nn.Parameter:
    """A learned token (1, 1, width) that reads from all others."""
    return nn.Parameter(torch.randn(1, 1, width))
