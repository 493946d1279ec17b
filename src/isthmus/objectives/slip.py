"""SLIP: CLIP, and self-supervision of one modality on the side."""

from __future__ import annotations

from .batch import Batch
from .info_nce import InfoNCE
from .objective import Objective, WeightedSum
from .schedules import Schedule
from .sim_clr import SimCLR
from .terms import Terms


class SLIP(Objective):
    r"""InfoNCE of plain views plus SimCLR of two augmented views of the images.

    L = L_InfoNCE + w L_SimCLR. The augmented modality brings three views: the first one is
    contrasted with the other modalities, the second with the third.

    Parameters
    ----------
    temperature, learnable, bounds:
        Of InfoNCE, as in `Temperature`.
    self_temperature:
        Of SimCLR.
    weight:
        w, a number or a schedule.
    augmented:
        The modality with three views.
    anchor:
        Modality that the others are contrasted with; all pairs of modalities if not given.

    Inputs
    ------
    As in `Objective`: a triple of embeddings of the augmented modality, one of each other.

    Returns
    -------
    Terms
        With `info_nce` and `sim_clr`; "info_nce/a–b" per pair for more than two modalities.

    Raises
    ------
    ValueError
        If the augmented modality is not there or has fewer than three views.

    References
    ----------
    Mu et al., *SLIP: Self-supervision meets Language-Image Pre-training* (2021).

    Examples
    --------
    >>> import torch
    >>> x = torch.eye(3)
    >>> loss = SLIP(self_temperature=1.0)({"image": (x, x, x), "text": x})
    >>> {name: round(value, 4) for name, value in loss.floats().items()}
    {'loss': 0.9048, 'info_nce': 0.0, 'sim_clr': 0.9048}
    """

    def __init__(
        self,
        *,
        temperature: float | Schedule = 0.07,
        learnable: bool = False,
        bounds: tuple[float, float] = (0.01, 1.0),
        self_temperature: float | Schedule = 0.1,
        weight: float | Schedule = 1.0,
        augmented: str = "image",
        anchor: str | None = None,
    ) -> None:
        super().__init__()
        self.sum = WeightedSum(
            {
                "info_nce": InfoNCE(
                    temperature=temperature, learnable=learnable, bounds=bounds, anchor=anchor
                ),
                "sim_clr": SimCLR(temperature=self_temperature, modality=augmented, views=(1, 2)),
            },
            {"sim_clr": weight},
        )

    def of(self, batch: Batch) -> Terms:
        """The weighted sum over a batch, and its terms."""
        return self.sum.of(batch)
