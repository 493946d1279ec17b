"""The gap-closing objective: contrast, align true pairs, spread their centroids."""

from __future__ import annotations

from typing import Self

from .align import AlignTruePairs
from .batch import Batch
from .info_nce import InfoNCE
from .objective import Objective, WeightedSum
from .schedules import Piecewise, Schedule
from .terms import Terms
from .uniformity import CentroidUniformity

FADING_UNIFORMITY = Piecewise((0.2, 1.0), (0.7, 0.0))
"""w_u of the released code: 1 for a fifth of the run, none from seven tenths on."""

RISING_ALIGNMENT = Piecewise((0.5, 1.0), (1.0, 2.0))
"""w_a of the released code: 1 for half of the run, then rising to 2."""


class CloseGap(Objective):
    r"""InfoNCE + align-true-pairs + centroid-uniformity.

    L = w_c L_InfoNCE + w_a L_ATP + w_u L_CU. Alignment pulls the rows of one item together,
    closing the gap; uniformity keeps their centroids apart, so that the space does not
    collapse; InfoNCE tells items apart. For n modalities each term is a mean over pairs, over
    modalities and over items.

    Parameters
    ----------
    temperature, learnable:
        Of InfoNCE, as in `Temperature`.
    anchor:
        Modality that the others are pulled to; the first one if not given.
    to_centroid:
        Pull all modalities to their mean instead.
    contrast_anchor:
        Modality that the others are contrasted with; all pairs of modalities if not given.
    contrastive_weight, align_weight, uniformity_weight:
        w_c, w_a and w_u, all 1 in the paper: numbers or schedules.

    Inputs
    ------
    As in `Objective`, one view of each modality. Centroids of items in one group are not pushed
    apart.

    Returns
    -------
    Terms
        With `info_nce`, `align` and `centroid_uniformity`.

    References
    ----------
    Grassucci et al., *Closing the Modality Gap Aligns Group-Wise Semantics* (ICLR 2026).

    Examples
    --------
    >>> import torch
    >>> x = torch.eye(3)
    >>> loss = CloseGap()({"image": x, "text": x})
    >>> {name: round(value, 4) for name, value in loss.floats().items()}
    {'loss': -3.9999, 'info_nce': 0.0001, 'align': 0.0, 'centroid_uniformity': -4.0}
    """

    def __init__(
        self,
        *,
        temperature: float | Schedule = 0.1,
        learnable: bool = False,
        anchor: str | None = None,
        to_centroid: bool = False,
        contrast_anchor: str | None = None,
        contrastive_weight: float | Schedule = 1.0,
        align_weight: float | Schedule = 1.0,
        uniformity_weight: float | Schedule = 1.0,
    ) -> None:
        super().__init__()
        self.sum = WeightedSum(
            {
                "info_nce": InfoNCE(
                    temperature=temperature, learnable=learnable, anchor=contrast_anchor
                ),
                "align": AlignTruePairs(anchor=anchor, to_centroid=to_centroid),
                "centroid_uniformity": CentroidUniformity(),
            },
            {
                "info_nce": contrastive_weight,
                "align": align_weight,
                "centroid_uniformity": uniformity_weight,
            },
        )

    @classmethod
    def scheduled(cls, *, temperature: float = 0.1, anchor: str | None = None) -> Self:
        """With the schedules of the released code; the paper's formula has constant weights."""
        return cls(
            temperature=temperature,
            anchor=anchor,
            align_weight=RISING_ALIGNMENT,
            uniformity_weight=FADING_UNIFORMITY,
        )

    def of(self, batch: Batch) -> Terms:
        """The weighted sum over a batch, and its three terms."""
        return self.sum.of(batch)
