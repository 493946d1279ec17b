"""Cross+Self: contrast between modalities, and between two views of each."""

from __future__ import annotations

import torch

from .batch import Batch
from .blocks import Blocks
from .objective import Objective
from .schedules import Schedule, value_at
from .temperature import Temperature
from .terms import Terms


class CrossSelf(Objective):
    r"""NT-Xent across modalities plus NT-Xent of two augmented views of each.

    L = L_cross + w L_self. L_cross is the mean over pairs of modalities of NT-Xent between their
    first views, L_self the mean over modalities of NT-Xent between both views; see `CMC` and
    `SimCLR` for the formulas, and for `groups`. Blocks of scores that both need are computed once.

    Parameters
    ----------
    temperature, learnable, bounds:
        As in `Temperature`, one for all terms.
    weight:
        w, a number or a schedule.
    anchor:
        Modality that the others are paired with; all pairs of modalities if not given.

    Inputs
    ------
    As in `Objective`, two views (a pair of embeddings) of each modality.

    Returns
    -------
    Terms
        With `cross` and `self`.

    Degenerate cases
    ----------------
    One item: 0 with zero gradient. What no item has contributes 0.

    References
    ----------
    The baseline "Cross+Self" of Liang et al., *Factorized Contrastive Learning: Going Beyond
    Multi-view Redundancy* (2023), and Dufumier et al., *What to align in multimodal contrastive
    learning?* (2025).

    Examples
    --------
    >>> x = torch.eye(3)
    >>> loss = CrossSelf(temperature=1.0, weight=0.5)({"image": (x, x), "text": (x, x)})
    >>> {name: round(value, 4) for name, value in loss.floats().items()}
    {'loss': 1.3572, 'cross': 0.9048, 'self': 0.9048}
    """

    def __init__(
        self,
        *,
        temperature: float | Schedule = 0.1,
        learnable: bool = False,
        bounds: tuple[float, float] = (0.01, 1.0),
        weight: float | Schedule = 1.0,
        anchor: str | None = None,
    ) -> None:
        super().__init__()
        self.tau = Temperature(temperature, learnable=learnable, bounds=bounds)
        self.weight = weight
        self.anchor = anchor

    def of(self, batch: Batch) -> Terms:
        """The loss of a batch."""
        pairs = batch.pairs(self.anchor)
        first = {name: 2 * k for k, name in enumerate(batch.names)}
        sets = [rows for name in batch.names for rows in batch.two_views(name)]
        blocks = Blocks(sets, self.tau())
        cross = torch.stack([blocks.nt_xent((first[a], first[b])) for a, b in pairs]).mean()
        own = torch.stack([blocks.nt_xent((k, k + 1)) for k in first.values()]).mean()
        return Terms(
            cross + value_at(self.weight, self.progress) * own, {"cross": cross, "self": own}
        )
