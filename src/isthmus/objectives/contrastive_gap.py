"""Close the gap by filling the sphere: contrast, alignment, uniformity within and across."""

from __future__ import annotations

import torch
from torch import Tensor

from .align import AlignTruePairs
from .batch import Batch
from .engine import log_sum_exp
from .info_nce import InfoNCE
from .modality_uniformity import ModalityUniformity
from .objective import Objective, WeightedSum
from .rows import Rows
from .schedules import Schedule
from .terms import Terms

_KERNEL = 2.0  # t of the Gaussian potential exp(−t ‖·‖²)


class CrossUniformity(Objective):
    r"""Log of the mean Gaussian potential between rows of different modalities and items.

    L_XU = log mean exp(−2 ‖ x_i − y_j ‖²) over the pairs of items i, j of different groups,
    averaged over pairs of modalities. In [−8, 0]. With weights, a pair counts by the mean of its
    items' weights.

    Parameters
    ----------
    anchor:
        Modality that the others are paired with; all pairs of modalities if not given.

    Degenerate cases
    ----------------
    If no pair is left (one item, one group), the loss is 0 with zero gradient.

    References
    ----------
    Fahim et al., *It's Not a Modality Gap: Characterizing and Addressing the Contrastive Gap*
    (2024).

    Examples
    --------
    >>> round(CrossUniformity()({"image": torch.eye(2), "text": torch.eye(2)}).total.item(), 6)
    -4.0
    """

    def __init__(self, *, anchor: str | None = None) -> None:
        super().__init__()
        self.anchor = anchor

    def of(self, batch: Batch) -> Terms:
        """The loss of a batch."""
        losses = {
            f"{a}–{b}": _cross_potential(batch.rows(a), batch.rows(b))
            for a, b in batch.pairs(self.anchor)
        }
        return Terms.mean("cross_uniformity", losses)


def _cross_potential(x: Rows, y: Rows) -> Tensor:
    """On unit rows, −t ‖x − y‖² = 2t x·y − 2t."""
    sums = log_sum_exp(x.scaled(2 * _KERNEL), y.z, exclude=(x.codes, y.codes))
    parts, total = [], torch.zeros((), dtype=sums[0].dtype, device=sums[0].device)
    for found, own, other in zip(sums, (x, y), (y, x), strict=True):
        left_out = torch.bincount(other.codes, minlength=own.count)[own.codes]
        w = torch.ones_like(found) if own.weights is None else own.weights.to(found.dtype)
        total = total + (w * (len(other.codes) - left_out)).sum()
        parts.append(found + w.log())
    if not bool(total > 0):
        return (x.wide.sum() + y.wide.sum()) * 0
    return torch.cat(parts).logsumexp(dim=0) - total.log() - 2 * _KERNEL


class ContrastiveGap(Objective):
    r"""InfoNCE + alignment + uniformity within each modality + uniformity across modalities.

    L = w_c L_InfoNCE + w_a L_ATP + w_u L_U + w_x L_XU: the gap is taken for low uniformity, so
    rows are spread within their modality and against those of other modalities and items, while
    true pairs are pulled together. L_U is a mean over modalities.

    The paper sums potentials over items where these are means, which differ by the constant
    log(B − 1) and, within a modality, by the pairs of a row with itself: those add a constant to
    the sum, and so weaken the gradient as rows get far apart.

    Parameters
    ----------
    temperature, learnable:
        Of InfoNCE, as in `Temperature`.
    anchor:
        Modality that the others are pulled to; the first one if not given.
    contrastive_weight, align_weight, uniformity_weight, cross_uniformity_weight:
        w_c, w_a, w_u and w_x, numbers or schedules. All 1 is the paper's CUAXU; w_x = 0 is its
        CUA.

    Inputs
    ------
    As in `Objective`, one view of each modality.

    Returns
    -------
    Terms
        With `info_nce`, `align`, `uniformity` and `cross_uniformity`.

    References
    ----------
    Fahim et al., *It's Not a Modality Gap: Characterizing and Addressing the Contrastive Gap*
    (2024).

    Examples
    --------
    >>> x = torch.eye(3)
    >>> loss = ContrastiveGap()({"image": x, "text": x})
    >>> {name: round(value, 4) for name, value in loss.floats().items() if "/" not in name}
    {'loss': -8.0, 'info_nce': 0.0, 'align': 0.0, 'uniformity': -4.0, 'cross_uniformity': -4.0}
    """

    def __init__(
        self,
        *,
        temperature: float | Schedule = 0.07,
        learnable: bool = False,
        anchor: str | None = None,
        contrastive_weight: float | Schedule = 1.0,
        align_weight: float | Schedule = 1.0,
        uniformity_weight: float | Schedule = 1.0,
        cross_uniformity_weight: float | Schedule = 1.0,
    ) -> None:
        super().__init__()
        self.sum = WeightedSum(
            {
                "info_nce": InfoNCE(temperature=temperature, learnable=learnable),
                "align": AlignTruePairs(anchor=anchor),
                "uniformity": ModalityUniformity(),
                "cross_uniformity": CrossUniformity(),
            },
            {
                "info_nce": contrastive_weight,
                "align": align_weight,
                "uniformity": uniformity_weight,
                "cross_uniformity": cross_uniformity_weight,
            },
        )

    def of(self, batch: Batch) -> Terms:
        """The weighted sum over a batch, and its terms."""
        return self.sum.of(batch)
