"""Recurrent encoders of sequences, as CoMM encodes the measurements of MIMIC."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .inputs import SequenceEncoder
from .shapes import check_shape


class GRUTokens(SequenceEncoder):
    """Gated recurrent units over the steps of a sequence. (B, L, inputs) → (B, L, dimension).

    A token for each step, which knows the steps before it. A step that is padding is passed over,
    wherever it stands: the state stays, and its token is zeros.

    Parameters
    ----------
    inputs, dimension:
        Numbers of a step, and of its token.
    layers:
        Of units, one on the other.

    Raises
    ------
    ValueError
        No layer; a sequence of another shape.

    References
    ----------
    Cho et al., *Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine
    Translation* (2014).

    Examples
    --------
    >>> GRUTokens(inputs=3, dimension=8)(torch.ones(2, 5, 3)).shape
    torch.Size([2, 5, 8])
    """

    adapter = "TokenAdapter"

    def __init__(self, *, inputs: int, dimension: int, layers: int = 1) -> None:
        if layers < 1:
            raise ValueError(f"layers must be at least 1; found {layers}")
        super().__init__()
        self.inputs = inputs
        self.gru = nn.GRU(inputs, dimension, num_layers=layers, batch_first=True)

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """The states after all steps."""
        check_shape(x, "(B, L, C)", type(self).__name__, C=self.inputs)
        if not x.numel():
            return x.new_zeros(*x.shape[:2], self.gru.hidden_size)
        if valid is None:
            states: Tensor = self.gru(x)[0]
            return states
        order = (~valid).to(torch.uint8).argsort(dim=1, stable=True)  # padding goes last
        states = self.gru(_rows(x, order))[0]
        back = _rows(states, order.argsort(dim=1))
        return back.masked_fill(~valid[:, :, None], 0)


class GRU(SequenceEncoder):
    """The state after the last step, then one linear map. (B, L, inputs) → (B, dimension).

    Padding has no part in it. Of a sequence of padding alone the state is zeros.

    Parameters
    ----------
    inputs, dimension:
        Numbers of a step, and of the embedding.
    width:
        Of the state; that of the embedding if not given.
    layers:
        As of `GRUTokens`.

    Examples
    --------
    >>> GRU(inputs=3, dimension=8)(torch.ones(2, 5, 3)).shape
    torch.Size([2, 8])
    """

    def __init__(
        self, *, inputs: int, dimension: int, width: int | None = None, layers: int = 1
    ) -> None:
        super().__init__()
        self.steps = GRUTokens(inputs=inputs, dimension=width or dimension, layers=layers)
        self.project = nn.Linear(width or dimension, dimension)

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """The embeddings of sequences."""
        states = self.steps(x, valid)
        if not x.shape[1]:
            last = states.new_zeros(len(x), states.shape[2])
        elif valid is None:
            last = states[:, -1]
        else:
            where = (valid * torch.arange(x.shape[1], device=x.device)).argmax(dim=1)
            last = _rows(states, where[:, None])[:, 0]
        found: Tensor = self.project(last)
        return found


def _rows(x: Tensor, order: Tensor) -> Tensor:
    """(B, L, D) in another order of the steps, (B, L') of them."""
    return x.gather(1, order[:, :, None].expand(-1, -1, x.shape[2]))
