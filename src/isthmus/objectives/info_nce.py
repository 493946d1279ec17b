"""InfoNCE, the symmetric contrastive loss of CLIP, for two to n modalities."""

from __future__ import annotations

from torch import Tensor

from .batch import Batch
from .contrast import contrast
from .objective import Objective
from .rows import Rows
from .schedules import Schedule
from .temperature import Temperature
from .terms import Terms


class InfoNCE(Objective):
    r"""Symmetric InfoNCE with a fixed, scheduled or learnable temperature.

    For modalities x and y with unit rows, L(x→y) = −(1/B) Σ_i log softmax_j(x_i·y_j / τ)_i,
    and the loss is ½ (L(x→y) + L(y→x)), averaged over pairs of modalities.

    Rows with equal `groups` are positives of one another: the target is spread evenly over
    them (the outer form of supervised contrastive learning), so duplicates in a batch are
    never pushed apart.

    Parameters
    ----------
    temperature, learnable, bounds:
        As in `Temperature`.
    anchor:
        Modality that the others are paired with; all pairs of modalities if not given.
    smoothing:
        Label smoothing ε: this share of the target is spread over all candidates.

    Inputs
    ------
    As in `Objective`, one view of each modality.

    Returns
    -------
    Terms
        With `info_nce`, and per pair "a–b" for more than two modalities.

    Degenerate cases
    ----------------
    B = 1, or all rows in one group: the loss is 0 or log B, with zero gradient. A pair of
    modalities that no item has both of contributes 0.

    References
    ----------
    Radford et al., *Learning Transferable Visual Models From Natural Language Supervision*
    (2021); multiple positives: Khosla et al., *Supervised Contrastive Learning* (2020).

    Examples
    --------
    >>> import torch
    >>> x = torch.eye(4)
    >>> loss = InfoNCE(temperature=0.1)({"image": x, "text": x})
    >>> round(loss.total.item(), 6)
    0.000136
    """

    def __init__(
        self,
        *,
        temperature: float | Schedule = 0.07,
        learnable: bool = False,
        bounds: tuple[float, float] = (0.01, 1.0),
        anchor: str | None = None,
        smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= smoothing < 1:
            raise ValueError(f"label smoothing must be in [0, 1); found {smoothing}")
        self.tau = Temperature(temperature, learnable=learnable, bounds=bounds)
        self.anchor = anchor
        self.smoothing = smoothing

    def of(self, batch: Batch) -> Terms:
        """The loss of a batch."""
        scale = self.tau()
        losses = {
            f"{a}–{b}": contrast(batch.rows(a), batch.rows(b), scale, smoothing=self.smoothing)
            for a, b in batch.pairs(self.anchor)
        }
        return Terms.mean("info_nce", losses)


def info_nce(
    x: Tensor, y: Tensor, *, scale: Tensor | float, groups: Tensor | None = None
) -> Tensor:
    """½ (L(x→y) + L(y→x)) of rows x and y, (B, D) each, taken as they are; scale = 1/τ."""
    return contrast(Rows.of(x, groups), Rows.of(y, groups), scale)
