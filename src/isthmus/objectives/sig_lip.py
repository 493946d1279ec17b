"""SigLIP: every pair of rows is a binary question, match or no match."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .batch import Batch
from .engine import softplus_sum
from .objective import Objective
from .rows import Rows
from .schedules import Schedule
from .temperature import Temperature
from .terms import Terms


class SigLIP(Objective):
    r"""Sigmoid loss with a learnable scale and bias, for two to n modalities.

    With scores u_ij = s x_i·y_j + b of unit rows, and z_ij = 1 where i and j match, −1 elsewhere,
    L = (1/B) Σ_i Σ_j log(1 + exp(−z_ij u_ij)), averaged over pairs of modalities: a sum over all
    pairs per anchor row. It is the same whichever modality is the anchor.

    All pairs of equal `groups` match. `weights` belong to anchors, and both rows of a pair are
    one: the pair (i, j) weighs (w_i + w_j)/2, so that L is the mean over both directions of
    Σ_i w_i Σ_j log(1 + exp(−z_ij u_ij)) / Σ_i w_i. Equal weights give the formula above. With a
    `mask`, rows without a match weigh nothing as anchors, and remain candidates.

    Parameters
    ----------
    temperature, bounds:
        1/s as in `Temperature`; trained models go below τ = 0.01.
    bias:
        b, at the start if it is learned. About −log of the number of candidates would make the
        untrained loss small: nearly all pairs are no match.
    learnable:
        Train scale and bias.
    anchor:
        Modality that the others are paired with; all pairs of modalities if not given.

    Inputs
    ------
    As in `Objective`, one view of each modality.

    Returns
    -------
    Terms
        With `sig_lip`, and per pair "a–b" for more than two modalities.

    Degenerate cases
    ----------------
    One row: log(1 + exp(−u)). A pair of modalities that no item has both of contributes 0.

    References
    ----------
    Zhai et al., *Sigmoid Loss for Language Image Pre-Training* (2023).

    Examples
    --------
    >>> loss = SigLIP()({"image": torch.eye(2), "text": torch.eye(2)})
    >>> round(loss.total.item(), 4)  # log 2, and one pair at −10
    0.6932
    """

    bias: Tensor
    """b, a parameter if learnable."""

    def __init__(
        self,
        *,
        temperature: float | Schedule = 0.1,
        bias: float = -10.0,
        learnable: bool = True,
        bounds: tuple[float, float] = (0.001, 1.0),
        anchor: str | None = None,
    ) -> None:
        super().__init__()
        self.tau = Temperature(temperature, learnable=learnable, bounds=bounds)
        if learnable:
            self.bias = nn.Parameter(torch.tensor(bias))
        else:
            self.register_buffer("bias", torch.tensor(bias))
        self.anchor = anchor

    def of(self, batch: Batch) -> Terms:
        """The loss of a batch."""
        scale = self.tau()
        losses = {
            f"{a}–{b}": sig_lip(batch.rows(a), batch.rows(b), scale, self.bias)
            for a, b in batch.pairs(self.anchor)
        }
        return Terms.mean("sig_lip", losses)


def sig_lip(x: Rows, y: Rows, scale: Tensor | float, bias: Tensor) -> Tensor:
    """The sigmoid loss of two sets of rows: the mean over both directions."""
    forward = _direction(x, y, scale, bias)
    if x.weights is None and len(x.z) == len(y.z) == x.count:
        return forward  # every row is an anchor: the other direction adds up the same pairs
    return (forward + _direction(y, x, scale, bias)) / 2


def _direction(anchors: Rows, candidates: Rows, scale: Tensor | float, bias: Tensor) -> Tensor:
    """−log σ(−u) = softplus(u) for all pairs, less u for those that match."""
    totals, counts = candidates.sums()
    totals, counts = totals[anchors.codes], counts[anchors.codes]
    w = (counts > 0).to(counts.dtype)
    if anchors.weights is not None:
        w = w * anchors.weights
    matching = scale * (anchors.wide * totals).sum(dim=1) + bias * counts
    everything = softplus_sum(anchors.scaled(scale), candidates.z, bias, w)
    return (everything - (w * matching).sum()) / w.sum().clamp(min=torch.finfo(w.dtype).tiny)
