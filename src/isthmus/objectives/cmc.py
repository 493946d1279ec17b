"""CMC: NT-Xent between modalities, with negatives from both of a pair."""

from __future__ import annotations

from .batch import Batch
from .blocks import Blocks
from .objective import Objective
from .schedules import Schedule
from .temperature import Temperature
from .terms import Terms


class CMC(Objective):
    r"""Contrastive multiview coding: the mean of NT-Xent over pairs of modalities.

    For a pair of modalities, the 2B unit rows z of both are told apart from all others, also from
    those of their own modality: L = (1/2B) Σ_i [log Σ_{j≠i} exp(z_i·z_j / τ) − z_i·z_p(i) / τ],
    with p(i) the row of i's item in the other modality. This is the form that multimodal
    baselines use. `InfoNCE` has negatives from the other modality alone.

    With equal `groups`, the target is spread evenly over all other rows of the group, in both
    modalities.

    Parameters
    ----------
    temperature, learnable, bounds:
        As in `Temperature`.
    anchor:
        Modality that the others are paired with; all pairs of modalities if not given.

    Inputs
    ------
    As in `Objective`, one view of each modality.

    Returns
    -------
    Terms
        With `cmc`, and per pair "a–b" for more than two modalities.

    Degenerate cases
    ----------------
    One item, or a pair of modalities that no item has both of: 0 with zero gradient.

    References
    ----------
    Tian et al., *Contrastive Multiview Coding* (2020), for the pairs of modalities; Chen et al.,
    *A Simple Framework for Contrastive Learning of Visual Representations* (2020), for NT-Xent.

    Examples
    --------
    >>> import torch
    >>> x = torch.eye(3)
    >>> loss = CMC(temperature=1.0)({"image": x, "text": x, "audio": x})
    >>> round(loss.total.item(), 4)  # log(1 + 4/e)
    0.9048
    """

    def __init__(
        self,
        *,
        temperature: float | Schedule = 0.1,
        learnable: bool = False,
        bounds: tuple[float, float] = (0.01, 1.0),
        anchor: str | None = None,
    ) -> None:
        super().__init__()
        self.tau = Temperature(temperature, learnable=learnable, bounds=bounds)
        self.anchor = anchor

    def of(self, batch: Batch) -> Terms:
        """The loss of a batch."""
        pairs = batch.pairs(self.anchor)
        place = {name: k for k, name in enumerate(batch.names)}
        blocks = Blocks([batch.rows(name) for name in batch.names], self.tau())
        losses = {f"{a}–{b}": blocks.nt_xent((place[a], place[b])) for a, b in pairs}
        return Terms.mean("cmc", losses)
