"""Supervised contrast over the rows of all modalities and views at once."""

from __future__ import annotations

from collections.abc import Sequence

from .batch import Batch
from .blocks import Blocks
from .objective import Objective
from .schedules import Schedule
from .temperature import Temperature
from .terms import Terms


class SupCon(Objective):
    r"""Supervised contrastive learning, its outer form, across modalities.

    All rows of all views of all modalities are one set of unit rows z, with the groups of their
    items as labels: L = mean_i (1/|P(i)|) Σ_{p∈P(i)} −log [exp(z_i·z_p / τ) / Σ_{j≠i} exp(z_i·z_j
    / τ)], with P(i) all other rows with i's label, in whatever modality. Without `groups`, every
    item is a label of its own: for two modalities or views, this is NT-Xent.

    Parameters
    ----------
    temperature, learnable, bounds:
        As in `Temperature`.
    modalities:
        Whose rows are compared, ["fused"] of a fusion model for one; all that are given if None.

    Inputs
    ------
    As in `Objective`: one modality or more, any number of views each. Labels are `groups`.

    Returns
    -------
    Terms
        With `sup_con`.

    Raises
    ------
    ValueError
        A modality that is not given.

    Degenerate cases
    ----------------
    Rows that are alone with their label are no anchors, but candidates of all others; if all are
    alone, the loss is 0 with zero gradient.

    References
    ----------
    Khosla et al., *Supervised Contrastive Learning* (2020).

    Examples
    --------
    >>> import torch
    >>> labels = torch.tensor([0, 0, 1])
    >>> loss = SupCon(temperature=1.0)({"image": torch.ones(3, 2)}, groups=labels)
    >>> round(loss.total.item(), 4)  # log 2: two candidates, equally near
    0.6931
    """

    def __init__(
        self,
        *,
        temperature: float | Schedule = 0.07,
        learnable: bool = False,
        bounds: tuple[float, float] = (0.01, 1.0),
        modalities: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        self.modalities = None if modalities is None else list(modalities)
        self.tau = Temperature(temperature, learnable=learnable, bounds=bounds)

    def of(self, batch: Batch) -> Terms:
        """The loss of a batch."""
        names = batch.names if self.modalities is None else self.modalities
        if missing := [name for name in names if name not in batch.views]:
            raise ValueError(f"no modality '{missing[0]}' to compare; found {batch.names}")
        sets = [batch.rows(name, k) for name in names for k in range(len(batch.views[name]))]
        loss = Blocks(sets, self.tau()).nt_xent(range(len(sets)))
        return Terms(loss, {"sup_con": loss})
