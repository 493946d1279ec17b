"""Hold the gap at a size that is chosen, for studies of what it does."""

from __future__ import annotations

import torch
from torch import Tensor

from .batch import Batch
from .engine.tiles import wide
from .objective import Objective
from .schedules import Schedule, value_at
from .terms import Terms

_SMOOTH = 1e-6  # the distance of means is rounded off below this, where it has no gradient


class GapTarget(Objective):
    r"""Squared difference between the gap and a target.

    L = (‖ x̄ − ȳ ‖ − t)², with x̄ and ȳ the means of the unit rows of two modalities over the
    items that have both, averaged over pairs of modalities. t = 0 closes the gap of means, t > 0
    keeps or opens one; a mean over unit rows is at most 1 long, so gaps are at most 2. It moves
    the means only: add a contrast.

    This is no published loss. It makes the gap a knob that is turned during training, where
    shifting rows afterwards turns it without the rest of the space adapting.

    Parameters
    ----------
    target:
        t in [0, 2], a number or a schedule.
    anchor:
        Modality that the others are paired with; all pairs of modalities if not given.

    Inputs
    ------
    As in `Objective`, one view of each modality. Groups do not matter.

    Returns
    -------
    Terms
        With `gap_target`, and `gap`, the mean distance of means.

    Degenerate cases
    ----------------
    Means that coincide: the gradient is 0 whatever the target, as no direction is better than
    another. A pair of modalities that no item has both of contributes 0.

    Examples
    --------
    >>> rows = {"image": torch.tensor([[1.0, 0.0]]), "text": torch.tensor([[0.0, 1.0]])}
    >>> round(GapTarget(target=0.4142)(rows).total.item(), 4)
    1.0
    """

    def __init__(self, *, target: float | Schedule = 0.0, anchor: str | None = None) -> None:
        super().__init__()
        start = value_at(target, 0.0)
        if not 0 <= start <= 2:
            raise ValueError(f"a gap between means of unit rows is in [0, 2]; found {start}")
        self.target = target
        self.anchor = anchor

    def of(self, batch: Batch) -> Terms:
        """The loss of a batch."""
        target = value_at(self.target, self.progress)
        gaps, losses = [], []
        for a, b in batch.pairs(self.anchor):
            weights = _weights(batch, a, b)
            shift = weights @ (wide(batch.views[a][0]) - wide(batch.views[b][0]))
            gap = (shift.square().sum() + _SMOOTH**2).sqrt() - _SMOOTH
            gaps.append(gap)
            losses.append((gap - target).square() * (weights.sum() > 0))
        loss = torch.stack(losses).mean()
        return Terms(loss, {"gap_target": loss, "gap": torch.stack(gaps).mean()})


def _weights(batch: Batch, a: str, b: str) -> Tensor:
    """Of the items in the means, adding up to 1; zeros if no item has both modalities."""
    z = wide(batch.views[a][0])
    weights = torch.ones_like(z[:, 0]) if batch.weights is None else batch.weights.to(z.dtype)
    both = batch.have((a, b))
    if both is not None:
        weights = weights * both
    return weights / weights.sum().clamp(min=torch.finfo(z.dtype).tiny)
