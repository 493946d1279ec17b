"""Triangle area contrast: three modalities agree where their rows make no triangle."""

from __future__ import annotations

import torch
from torch import Tensor

from .batch import Batch
from .engine.tiles import wide
from .gram import complete, contrast_by, positive, soft_root
from .objective import Objective
from .schedules import Schedule
from .temperature import Temperature
from .terms import Terms


class TriangleArea(Objective):
    r"""Contrast of an anchor row with pairs of two other modalities' rows, by triangle area.

    A_ij = ½ √(‖u‖² ‖v‖² − (u·v)²), u = a_i − y_j and v = a_i − z_j: the area of the triangle
    whose corners are the unit rows a_i, y_j and z_j. The loss is ½ (L(a→yz) + L(yz→a)),
    cross-entropies of softmax over −A_ij / τ, as in `InfoNCE`.

    The root is softened as in `GramVolume`: A = ½ (√(Δ + ε²) − ε), at most ε/2 below the area,
    which moves the loss by at most ε/(2τ). On unit rows, Δ needs dot products alone:
    Δ = 4 (1 − a·y)(1 − a·z) − (1 − a·y − a·z + y·z)².

    Parameters
    ----------
    anchor:
        Modality whose rows are compared with the other two's pairs; the first one if not given.
    squared:
        Score by Δ/2, without the root, as the released code does; nothing is softened then.
    softening:
        ε.
    temperature, learnable, bounds:
        As in `Temperature`.

    Inputs
    ------
    As in `Objective`, one view of each of three modalities.

    Returns
    -------
    Terms
        With `triangle_area`.

    Degenerate cases
    ----------------
    An area is 0 as soon as any two of the three rows are equal, whatever the third does. Items
    that lack a modality are treated as in `GramVolume`.

    Raises
    ------
    ValueError
        Not three modalities.

    References
    ----------
    Cicchetti et al., *A TRIANGLE Enables Multimodal Alignment Beyond Cosine Similarity* (NeurIPS
    2025). The softening is ours.

    Examples
    --------
    >>> x = torch.eye(3)
    >>> loss = TriangleArea(temperature=0.1)({"text": x, "video": x, "audio": x.roll(1, 0)})
    >>> round(loss.total.item(), 4)  # two of the pairs make no triangle with a text
    0.6932
    """

    def __init__(
        self,
        *,
        anchor: str | None = None,
        squared: bool = False,
        softening: float = 1e-3,
        temperature: float | Schedule = 0.07,
        learnable: bool = False,
        bounds: tuple[float, float] = (0.01, 1.0),
    ) -> None:
        super().__init__()
        self.anchor = anchor
        self.squared = squared
        self.softening = positive(softening)
        self.tau = Temperature(temperature, learnable=learnable, bounds=bounds)

    def of(self, batch: Batch) -> Terms:
        """The loss of a batch."""
        if len(batch.names) != 3:
            raise ValueError(f"a triangle has three corners; found modalities {batch.names}")
        a = self.anchor or batch.names[0]
        tuples = complete(batch, [name for _, name in batch.pairs(a)])
        y, z = (wide(rows) for rows in tuples.views)
        squared, softening = self.squared, self.softening

        def form(a: Tensor, y: Tensor, z: Tensor, yz: Tensor, scale: Tensor) -> Tensor:
            ay, az = 1 - a @ y.T, 1 - a @ z.T
            doubled = 4 * ay * az - (ay + az - (1 - yz)).square()
            return -scale * (doubled if squared else soft_root(doubled, softening)) / 2

        columns = (*tuples.views, torch.linalg.vecdot(y, z))
        loss = contrast_by(form, complete(batch, [a]), tuples, columns, self.tau())
        return Terms(loss, {"triangle_area": loss})
