"""SimCLR: contrast of two augmented views of each item, within one modality."""

from __future__ import annotations

from torch import Tensor

from .batch import Batch
from .blocks import Blocks
from .objective import Objective
from .schedules import Schedule
from .temperature import Temperature
from .terms import Terms


class SimCLR(Objective):
    r"""NT-Xent of two augmented views of every modality, or of one.

    The 2B unit rows z of both views are told apart from all others, those of their own view among
    them: L = (1/2B) Σ_i [log Σ_{j≠i} exp(z_i·z_j / τ) − z_i·z_p(i) / τ], with p(i) the other view
    of i's item, and 2B − 2 negatives. The mean over modalities is taken.

    With equal `groups`, the target is spread evenly over all other rows of the group.

    Parameters
    ----------
    temperature, learnable, bounds:
        As in `Temperature`.
    modality:
        The only one to look at; all if not given.
    views:
        Which two views of it, if there are more.

    Inputs
    ------
    As in `Objective`, with two views (a pair of embeddings) of each modality that is looked at.

    Returns
    -------
    Terms
        With `sim_clr`, and per modality if several are looked at.

    Raises
    ------
    ValueError
        A modality that is not there or has too few views.

    Degenerate cases
    ----------------
    One item, or a modality that no item has: 0 with zero gradient.

    References
    ----------
    Chen et al., *A Simple Framework for Contrastive Learning of Visual Representations* (2020).

    Examples
    --------
    >>> import torch
    >>> x = torch.eye(3)
    >>> round(SimCLR(temperature=1.0)({"image": (x, x)}).total.item(), 4)  # log(1 + 4/e)
    0.9048
    """

    def __init__(
        self,
        *,
        temperature: float | Schedule = 0.1,
        learnable: bool = False,
        bounds: tuple[float, float] = (0.01, 1.0),
        modality: str | None = None,
        views: tuple[int, int] = (0, 1),
    ) -> None:
        super().__init__()
        if views[0] == views[1] or min(views) < 0:
            raise ValueError(f"two different views, counted from 0, are compared; found {views}")
        self.tau = Temperature(temperature, learnable=learnable, bounds=bounds)
        self.modality = modality
        self.views = views

    def of(self, batch: Batch) -> Terms:
        """The loss of a batch."""
        scale = self.tau()
        names = batch.names if self.modality is None else [self.modality]
        losses = {name: self._one(batch, name, scale) for name in names}
        return Terms.mean("sim_clr", losses)

    def _one(self, batch: Batch, name: str, scale: Tensor | float) -> Tensor:
        found = len(batch.views.get(name, ()))
        if found <= max(self.views):
            given = f"found {found}" if name in batch.views else f"found only {batch.names}"
            raise ValueError(
                f"this objective compares views {self.views[0]} and {self.views[1]} of '{name}': "
                f"give at least {max(self.views) + 1} (B, D) embeddings of it; {given}"
            )
        return Blocks([batch.rows(name, view) for view in self.views], scale).nt_xent((0, 1))
