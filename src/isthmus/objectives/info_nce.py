"""InfoNCE, the symmetric contrastive loss of CLIP, for two to n modalities."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .terms import Modalities, Terms, modality_pairs, unit


class InfoNCE(nn.Module):
    r"""Symmetric InfoNCE with a fixed or learnable temperature.

    For modalities x and y with unit rows, L(x→y) = −(1/B) Σ_i log softmax_j(x_i·y_j / τ)_i,
    and the loss is ½ (L(x→y) + L(y→x)), averaged over all pairs of modalities.

    Rows with equal `groups` are positives of one another: the target is spread evenly over
    them (the outer form of supervised contrastive learning), so duplicates in a batch are
    never pushed apart.

    Parameters
    ----------
    temperature:
        τ at the start.
    learnable:
        Train log(1/τ). It is kept within `bounds`: whenever the loss is computed in training
        mode, a parameter that an optimiser step took outside is put back on the bound, where
        its gradient still acts (clamping the forward value would freeze it there).
    bounds:
        Smallest and largest τ.

    Inputs
    ------
    embeddings: name → (B, D), any scale; groups: (B,) integers, optional.

    Degenerate cases
    ----------------
    B = 1, or all rows in one group: the loss is 0 or log B, with zero gradient.

    References
    ----------
    Radford et al., *Learning Transferable Visual Models From Natural Language Supervision*
    (2021); multiple positives: Khosla et al., *Supervised Contrastive Learning* (2020).

    Examples
    --------
    >>> x = torch.eye(4)
    >>> loss = InfoNCE(temperature=0.1)({"image": x, "text": x})
    >>> round(loss.total.item(), 6)
    0.000136
    """

    log_scale: nn.Parameter | None
    """log(1/τ) if learnable, else None."""

    def __init__(
        self,
        *,
        temperature: float = 0.07,
        learnable: bool = False,
        bounds: tuple[float, float] = (0.01, 1.0),
    ) -> None:
        super().__init__()
        low, high = bounds
        if not 0 < low <= temperature <= high:
            raise ValueError(
                f"need 0 < {low} <= temperature <= {high} (the bounds); found {temperature}"
            )
        self.bounds = bounds
        self._fixed = temperature
        start = torch.tensor(math.log(1 / temperature))
        self.register_parameter("log_scale", nn.Parameter(start) if learnable else None)

    @property
    def temperature(self) -> float:
        """τ as it stands."""
        return self._fixed if self.log_scale is None else math.exp(-self.log_scale.item())

    def forward(self, embeddings: Modalities, *, groups: Tensor | None = None) -> Terms:
        """The loss, with the single term `info_nce`."""
        z = unit(embeddings)
        scale = self._scale()
        losses = [
            info_nce(z[a], z[b], scale=scale, groups=groups) for a, b in modality_pairs(embeddings)
        ]
        loss = torch.stack(losses).mean()
        return Terms(loss, {"info_nce": loss})

    def _scale(self) -> Tensor | float:
        if self.log_scale is None:
            return 1 / self._fixed
        if self.training:
            low, high = self.bounds
            with torch.no_grad():
                self.log_scale.clamp_(math.log(1 / high), math.log(1 / low))
        return self.log_scale.exp()


def info_nce(
    x: Tensor, y: Tensor, *, scale: Tensor | float, groups: Tensor | None = None
) -> Tensor:
    """½ (L(x→y) + L(y→x)) of rows x and y, (B, D) each, taken as they are; scale = 1/τ."""
    logits = scale * x @ y.T  # (B, B)
    if groups is None:
        targets = torch.arange(len(x), device=x.device)
        forward = nn.functional.cross_entropy(logits, targets)
        return (forward + nn.functional.cross_entropy(logits.T, targets)) / 2
    positive = (groups[:, None] == groups[None, :]).to(x.dtype)  # (B, B), symmetric
    share = positive / positive.sum(dim=1, keepdim=True)
    forward = nn.functional.cross_entropy(logits, share)
    return (forward + nn.functional.cross_entropy(logits.T, share)) / 2
