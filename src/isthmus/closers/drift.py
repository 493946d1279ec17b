"""Whether new vectors come from where a closer was calibrated."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from ..metrics.moments import Moments

TOLERANCE = 0.1
"""A shift of the mean, beyond chance, that is worth a warning: as long as a small gap."""

_SIGMAS = 3.0  # a shift this many times what chance gives is no chance


class DriftWarning(UserWarning):
    """New vectors lie elsewhere than those that a closer was fitted on."""


@dataclass(frozen=True)
class Drift:
    """How far the mean of new unit rows lies from that of the calibration set.

    Attributes
    ----------
    modality, count:
        Of the new rows.
    shift:
        ‖m − μ‖, in [0, 2].
    chance:
        What it would be on average for independent rows from the calibration's distribution:
        √((1 − ‖μ‖²) (1/n + 1/N)), as 1 − ‖μ‖² is the mean squared distance of a unit row to
        the mean.
    """

    modality: str
    count: int
    shift: float
    chance: float

    @classmethod
    def between(cls, modality: str, calibration: Moments, new: Moments) -> Drift:
        """Drift of new rows, from the moments of both.

        >>> here, there = Moments.of(np.eye(3)[[0, 1] * 9]), Moments.of(np.eye(3)[[2, 2] * 9])
        >>> Drift.between("image", here, there)
        Drift(modality='image', count=18, shift=1.22..., chance=0.23...)
        """
        mean = calibration.mean
        spread = max(1 - float(mean @ mean), 0.0)
        chance = sqrt(spread * (1 / new.count + 1 / calibration.count))
        return cls(modality, new.count, float(np.linalg.norm(new.mean - mean)), chance)

    @property
    def excess(self) -> float:
        """The shift beyond chance, √(shift² − chance²), or 0."""
        return sqrt(max(self.shift**2 - self.chance**2, 0.0))

    @property
    def suspicious(self) -> bool:
        """Whether the shift is no chance, and large enough to matter."""
        return self.shift > _SIGMAS * self.chance and self.excess > TOLERANCE

    def __str__(self) -> str:
        facts = (
            f"the mean of {self.count:,} rows of modality '{self.modality}' lies "
            f"{self.shift:.3f} from that of the calibration set ({self.chance:.3f} by chance)"
        )
        if not self.suspicious:
            return facts
        return (
            f"{facts}: another model, another kind of data, rows that are closed already, or one "
            "narrow topic; if this is what will come, fit the closer on such rows"
        )
