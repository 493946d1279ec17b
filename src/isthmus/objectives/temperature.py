"""The temperature of a contrastive loss: fixed, scheduled or learned within bounds."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .schedules import Schedule, value_at


class Temperature(nn.Module):
    r"""τ, and the scale 1/τ that multiplies cosines.

    Parameters
    ----------
    value:
        τ, at the start if it is learned; or a schedule of it, from `objectives.schedules`.
    learnable:
        Train log(1/τ), `log_scale`. It is kept within `bounds`: whenever the scale is asked for in
        training mode, a parameter that an optimiser step took outside is put back on the bound,
        where its gradient still acts (clamping the forward value would freeze it there).
    bounds:
        Smallest and largest τ.

    Raises
    ------
    ValueError
        A temperature outside the bounds; a schedule that is to be learned.

    Examples
    --------
    >>> float(Temperature(0.1)())
    10.0
    """

    log_scale: nn.Parameter | None
    """log(1/τ) if learnable, else None."""

    def __init__(
        self,
        value: float | Schedule = 0.07,
        *,
        learnable: bool = False,
        bounds: tuple[float, float] = (0.01, 1.0),
    ) -> None:
        super().__init__()
        low, high = bounds
        start = value_at(value, 0.0)
        if not 0 < low <= start <= high:
            raise ValueError(f"need 0 < {low} <= temperature <= {high} (the bounds); found {start}")
        if learnable and callable(value):
            raise ValueError("a temperature is scheduled or learned, not both")
        self.bounds = bounds
        self.progress = 0.0
        self._value = value
        log_scale = nn.Parameter(torch.tensor(math.log(1 / start))) if learnable else None
        self.register_parameter("log_scale", log_scale)

    @property
    def value(self) -> float:
        """τ as it stands."""
        if self.log_scale is not None:
            return math.exp(-self.log_scale.item())
        return value_at(self._value, self.progress)

    def forward(self) -> Tensor | float:
        """The scale 1/τ."""
        if self.log_scale is None:
            return 1 / value_at(self._value, self.progress)
        if self.training:
            low, high = self.bounds
            with torch.no_grad():
                self.log_scale.clamp_(math.log(1 / high), math.log(1 / low))
        return self.log_scale.exp()
