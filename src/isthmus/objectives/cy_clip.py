"""CyCLIP: contrast, and the same geometry in both modalities and across them."""

from __future__ import annotations

import torch
from torch import Tensor

from .batch import Batch
from .engine.tiles import wide
from .info_nce import InfoNCE
from .objective import Objective, WeightedSum
from .schedules import Schedule
from .terms import Terms


class CyCLIP(Objective):
    r"""InfoNCE plus cross-modal and in-modal consistency.

    L = L_InfoNCE + w_c L_cross + w_i L_in, over unit rows x and y of two modalities, with

    - L_cross = (1/B) Σ_i Σ_j (x_i·y_j − x_j·y_i)²: what item i's image is to item j's text, item
      j's image is to item i's text;
    - L_in = (1/B) Σ_i Σ_j (x_i·x_j − y_i·y_j)²: images are as near to each other as their texts.

    As in the paper, these are sums per row: they grow with the batch. Means over pairs of
    modalities are taken. `groups` concern InfoNCE alone: consistency knows no negatives.

    Parameters
    ----------
    temperature, learnable, bounds:
        Of InfoNCE, as in `Temperature`.
    cross_weight, in_weight:
        w_c and w_i, numbers or schedules.
    anchor:
        Modality that the others are paired with; all pairs of modalities if not given.

    Inputs
    ------
    As in `Objective`, one view of each modality.

    Returns
    -------
    Terms
        With `info_nce`, `cross_modal` and `in_modal`; "info_nce/a–b" per pair for more than two
        modalities.

    References
    ----------
    Goel et al., *CyCLIP: Cyclic Contrastive Language-Image Pretraining* (2022).

    Examples
    --------
    >>> x, y = torch.eye(2), torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    >>> loss = CyCLIP(temperature=1.0)({"image": x, "text": y})
    >>> {name: round(value, 4) for name, value in loss.floats().items()}
    {'loss': 1.2532, 'info_nce': 0.7532, 'cross_modal': 1.0, 'in_modal': 1.0}
    """

    def __init__(
        self,
        *,
        temperature: float | Schedule = 0.07,
        learnable: bool = False,
        bounds: tuple[float, float] = (0.01, 1.0),
        cross_weight: float | Schedule = 0.25,
        in_weight: float | Schedule = 0.25,
        anchor: str | None = None,
    ) -> None:
        super().__init__()
        self.sum = WeightedSum(
            {
                "info_nce": InfoNCE(
                    temperature=temperature, learnable=learnable, bounds=bounds, anchor=anchor
                ),
                "cross_modal": Consistency(across=True, anchor=anchor),
                "in_modal": Consistency(across=False, anchor=anchor),
            },
            {"cross_modal": cross_weight, "in_modal": in_weight},
        )

    def of(self, batch: Batch) -> Terms:
        """The weighted sum over a batch, and its terms."""
        return self.sum.of(batch)


class Consistency(Objective):
    r"""How far the scores of two modalities are from being the same both ways.

    L_cross or L_in of `CyCLIP`, for unit rows in O(B D²) time and O(B D) memory: with s = x + y
    and d = x − y, x_i·y_j − x_j·y_i = ½ (d_i·s_j − s_i·d_j) and x_i·x_j − y_i·y_j =
    ½ (d_i·s_j + s_i·d_j), so that sums of their squares are products of D × D matrices; and
    nothing large cancels where the modalities agree.

    `weights` belong to anchors: Σ_i w_i Σ_j (…)² / Σ_i w_i. Items that lack one of two modalities
    do not count for that pair. `groups` change nothing.

    Parameters
    ----------
    across:
        Cross-modal consistency, else in-modal.
    anchor:
        Modality that the others are paired with; all pairs of modalities if not given.

    Returns
    -------
    Terms
        With `cross_modal` or `in_modal`.

    Degenerate cases
    ----------------
    0 with zero gradient for one item, and where x = y.

    Examples
    --------
    >>> x, y = torch.eye(2), torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    >>> Consistency(across=False)({"image": x, "text": y}).total.item()
    1.0
    """

    def __init__(self, *, across: bool, anchor: str | None = None) -> None:
        super().__init__()
        self.across = across
        self.anchor = anchor

    def of(self, batch: Batch) -> Terms:
        """The loss of a batch."""
        losses = [self._one(batch, a, b) for a, b in batch.pairs(self.anchor)]
        loss = torch.stack(losses).mean()
        return Terms(loss, {"cross_modal" if self.across else "in_modal": loss})

    def _one(self, batch: Batch, a: str, b: str) -> Tensor:
        x, y = wide(batch.views[a][0]), wide(batch.views[b][0])
        w = torch.ones_like(x[:, 0]) if batch.weights is None else batch.weights.to(x.dtype)
        both = batch.have((a, b))
        if both is not None:
            x, y, w = x[both], y[both], w[both]
        s, d = x + y, x - y
        ws, wd = w[:, None] * s, w[:, None] * d
        squares = (ws.T @ s * (d.T @ d)).sum() + (wd.T @ d * (s.T @ s)).sum()
        product = (ws.T @ d * (d.T @ s)).sum()  # Σ_ij w_i (s_i·d_j) (d_i·s_j)
        sums = squares - 2 * product if self.across else squares + 2 * product
        return sums / (4 * w.sum().clamp(min=torch.finfo(w.dtype).tiny))
