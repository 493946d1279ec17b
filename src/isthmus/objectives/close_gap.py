"""The gap-closing objective: contrast, align true pairs, spread their centroids."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from .info_nce import InfoNCE
from .terms import Modalities, Terms, unit

_KERNEL = 2.0  # t of the Gaussian potential exp(−t ‖·‖²)


class CloseGap(nn.Module):
    r"""InfoNCE + align-true-pairs + centroid-uniformity.

    L = w_c L_InfoNCE + w_a L_ATP + w_u L_CU. Alignment pulls the rows of one item together,
    closing the gap; uniformity keeps their centroids apart, so that the space does not
    collapse; InfoNCE tells items apart.

    Parameters
    ----------
    temperature:
        Fixed temperature of InfoNCE.
    anchor:
        Modality that the others are pulled to; the first one if not given.
    contrastive_weight, align_weight, uniformity_weight:
        w_c, w_a and w_u, all 1 in the paper.

    Inputs
    ------
    embeddings: name → (B, D), any scale; groups: (B,) integers, optional, as in `InfoNCE`.
    Centroids of rows with equal groups are not pushed apart.

    Returns
    -------
    Terms
        With `info_nce`, `align` and `centroid_uniformity`.

    Raises
    ------
    ValueError
        Fewer than two modalities, shapes that differ, an unknown anchor.

    References
    ----------
    Grassucci et al., *Closing the Modality Gap Aligns Group-Wise Semantics* (ICLR 2026).

    Examples
    --------
    >>> x = torch.eye(3)
    >>> loss = CloseGap()({"image": x, "text": x})
    >>> {name: round(value, 4) for name, value in loss.floats().items()}
    {'loss': -3.9999, 'info_nce': 0.0001, 'align': 0.0, 'centroid_uniformity': -4.0}
    """

    def __init__(
        self,
        *,
        temperature: float = 0.1,
        anchor: str | None = None,
        contrastive_weight: float = 1.0,
        align_weight: float = 1.0,
        uniformity_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.contrast = InfoNCE(temperature=temperature)
        self.anchor = anchor
        self.weights: Mapping[str, float] = {
            "info_nce": contrastive_weight,
            "align": align_weight,
            "centroid_uniformity": uniformity_weight,
        }

    @property
    def temperature(self) -> float:
        """τ of the contrastive term."""
        return self.contrast.temperature

    def forward(self, embeddings: Modalities, *, groups: Tensor | None = None) -> Terms:
        """The weighted sum and its three terms."""
        z = unit(embeddings)
        values = {
            "info_nce": self.contrast(embeddings, groups=groups).total,
            "align": align_true_pairs(z, anchor=self.anchor),
            "centroid_uniformity": centroid_uniformity(z, groups=groups),
        }
        total = torch.stack([self.weights[name] * values[name] for name in values]).sum()
        return Terms(total, values)


def align_true_pairs(embeddings: Modalities, *, anchor: str | None = None) -> Tensor:
    """L_ATP = (1/(M−1)) Σ_{m≠a} (1/B) Σ_i ‖ z_i^m − z_i^a ‖²: 0 where all items coincide.

    Rows (B, D) are taken as they are; `CloseGap` scales them to unit length first.

    >>> align_true_pairs({"image": torch.eye(2), "text": -torch.eye(2)}).item()
    4.0
    """
    a = next(iter(embeddings)) if anchor is None else anchor
    if a not in embeddings:
        raise ValueError(f"no modality '{a}' to anchor on; found {list(embeddings)}")
    others = [z for name, z in embeddings.items() if name != a]
    distances = [(z - embeddings[a]).square().sum(dim=1).mean() for z in others]
    return torch.stack(distances).mean()


def centroid_uniformity(
    embeddings: Modalities, *, groups: Tensor | None = None, renormalise: bool = True
) -> Tensor:
    r"""Log of the mean Gaussian potential between the items' centroids.

    L_CU = log mean_{i≠j} exp(−2 ‖ μ_i − μ_j ‖²), with μ_i the mean over modalities of item
    i's unit rows, put back on the sphere unless `renormalise` is False. In (−8, 0] on the
    sphere; 0 when all centroids coincide.

    Rows (B, D) are taken as they are; `CloseGap` scales them to unit length first. The paper
    writes (1/B) Σ_i Σ_{j≠i}: larger by the constant log(B−1), with the same
    gradient. The mean does not depend on the batch size. Pairs in the same group are left out; if
    no pair is left, the loss is 0 with zero gradient.

    >>> centroid_uniformity({"image": torch.eye(2), "text": torch.eye(2)}).item()
    -4.0
    """
    centroids = torch.stack(list(embeddings.values())).mean(dim=0)  # (B, D)
    if renormalise:
        centroids = functional.normalize(centroids, dim=1)
    squared = centroids.square().sum(dim=1)  # (B,)
    distances = squared[:, None] + squared[None, :] - 2 * centroids @ centroids.T
    ids = torch.arange(len(squared), device=squared.device) if groups is None else groups
    apart = ids[:, None] != ids[None, :]  # (B, B)
    count = int(apart.sum())
    if not count:
        return centroids.sum() * 0
    # Rounding may leave a distance just below zero; the clamp keeps its gradient out too.
    return (-_KERNEL * distances[apart].clamp(min=0)).logsumexp(dim=0) - math.log(count)
