"""Centering: remove each modality's mean."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .affine import AffineMap
from .affine_closer import AffineCloser
from .statistics import Statistics


class Centering(AffineCloser):
    r"""Subtract from each modality its mean, then scale rows back to unit length.

    z = (x̂ − μ_m) / ‖x̂ − μ_m‖, with x̂ = x/‖x‖ and μ_m the mean of the unit rows of
    modality m in the calibration set. Both modalities end up around the origin, so the
    constant offset between them is gone; what sets their rows apart from one another stays.

    Needs no pairs: each modality may be calibrated on data of its own. One pass, O(N·D). The
    inverse is exact for every row: x̂ = μ + r ẑ with the r > 0 for which ‖x̂‖ = 1, unique
    because ‖μ‖ < 1.

    References
    ----------
    Li et al., *Closing the Modality Gap for Mixed Modality Search* (2025, arXiv 2507.19054).

    Examples
    --------
    >>> from isthmus import Embeddings
    >>> right, left = [[1.0, 1.0], [1.0, -1.0]], [[-1.0, 1.0], [-1.0, -1.0]]
    >>> space = Embeddings({"image": right, "text": left})
    >>> closed = Centering().fit(space).close(space)
    >>> closed["image"].round(6).tolist() == closed["text"].round(6).tolist()
    True
    """

    kind: ClassVar[str] = "centering"

    def solve(self, statistics: Statistics) -> dict[str, AffineMap]:
        """The identity, less each modality's mean."""
        return {name: AffineMap(-moments.mean) for name, moments in statistics.means.items()}

    @property
    def means_(self) -> dict[str, NDArray[np.float64]]:
        """Modality → μ_m, (D,)."""
        self.check_fitted()
        return {name: moments.mean for name, moments in self.calibration_.items()}
