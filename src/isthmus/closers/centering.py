"""Centering: remove each modality's mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from ..arrays import Array, like, unit_rows
from ..checks import check_values
from ..embeddings import Embeddings
from ..errors import InputError
from ..metrics.moments import Moments
from .base import Affine, Closer

_PREFIX = "mean."
_COUNT = "count."


class Centering(Closer):
    r"""Subtract from each modality its mean, then scale rows back to unit length.

    z = (x̂ − μ_m) / ‖x̂ − μ_m‖, with x̂ = x/‖x‖ and μ_m the mean of the unit rows of
    modality m in the calibration set. Both modalities end up around the origin, so the
    constant offset between them is gone; what sets their rows apart from one another stays.

    Needs no pairs: each modality may be calibrated on data of its own. One pass, O(N·D).

    Attributes
    ----------
    means_:
        Modality → μ_m, (D,) float64.
    counts_:
        Modality → number of calibration rows.

    References
    ----------
    Li et al., *Closing the Modality Gap for Mixed Modality Search* (2025, arXiv 2507.19054).

    Examples
    --------
    >>> right, left = [[1.0, 1.0], [1.0, -1.0]], [[-1.0, 1.0], [-1.0, -1.0]]
    >>> space = Embeddings({"image": right, "text": left})
    >>> closed = Centering().fit(space).close(space)
    >>> closed["image"].round(6).tolist() == closed["text"].round(6).tolist()
    True
    """

    kind: ClassVar[str] = "centering"

    means_: dict[str, NDArray[np.float64]]
    counts_: dict[str, int]

    def fit(self, embeddings: Embeddings) -> Self:
        """Learn the mean of every modality."""
        moments = {name: Moments.of(x) for name, x in embeddings.arrays.items()}
        self.means_ = {name: m.mean for name, m in moments.items()}
        self.counts_ = {name: m.count for name, m in moments.items()}
        return self

    def transform(self, x: Array, *, modality: str) -> Array:
        """Centred unit rows: (N, D) in, (N, D) out, in single precision (double for double).

        Raises
        ------
        InputError
            Not fitted; a modality or width that the closer was not fitted on; a row that
            lies exactly at the mean, so that nothing is left of it.
        """
        rows, mean = self._prepare(x, modality)
        xp = array_namespace(rows)
        centred = rows - mean
        empty = xp.max(xp.abs(centred), axis=1) <= 8 * float(xp.finfo(centred.dtype).eps)
        if bool(xp.any(empty)):
            row = int(xp.argmax(xp.astype(empty, xp.int32)))
            raise InputError(
                f"row {row} of modality '{modality}' equals the mean of the calibration set: "
                "no direction is left of it; fit on more varied rows"
            )
        return unit_rows(centred)

    def inverse_transform(self, z: Array, *, modality: str) -> Array:
        """Unit rows whose `transform` gives z's directions.

        x̂ = μ + r ẑ with the r > 0 for which ‖x̂‖ = 1; it is unique because ‖μ‖ < 1:
        r = −μ·ẑ + √((μ·ẑ)² + 1 − ‖μ‖²).
        """
        rows, mean = self._prepare(z, modality)
        xp = array_namespace(rows)
        along = xp.sum(rows * mean, axis=1, keepdims=True)  # μ·ẑ, (N, 1)
        length = xp.sqrt(along**2 + 1 - xp.sum(mean * mean)) - along
        return mean + length * rows

    def as_affine(self, modality: str) -> Affine:
        """Matrix I and bias −μ_m: to apply to unit rows, before they are compared by cosine."""
        mean = self._mean(modality)
        return Affine(np.eye(len(mean)), -mean)

    def state(self) -> dict[str, NDArray[Any]]:
        """`means_` and `counts_` as named arrays."""
        self._check_fitted()
        state: dict[str, NDArray[Any]] = {}
        for name, mean in self.means_.items():
            state[_PREFIX + name] = mean
            state[_COUNT + name] = np.array([self.counts_[name]])
        return state

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take back what `state` gave."""
        means = {k.removeprefix(_PREFIX): v for k, v in state.items() if k.startswith(_PREFIX)}
        if not means or len({mean.shape for mean in means.values()}) != 1:
            raise InputError("the means of its modalities are missing or of different widths")
        for name, mean in means.items():
            bounded = mean.ndim == 1 and bool((np.abs(mean) <= 1 + 1e-6).all())  # no NaN either
            if not bounded or np.linalg.norm(mean) > 1 + 1e-6:
                raise InputError(f"the mean of modality '{name}' is not a mean of unit vectors")
            count = state.get(_COUNT + name)
            if count is None or count.shape != (1,) or count.dtype.kind not in "iu":
                raise InputError(f"the number of rows of modality '{name}' is not one integer")
        self.means_ = {name: mean.astype(np.float64) for name, mean in means.items()}
        self.counts_ = {name: int(state[_COUNT + name][0]) for name in means}

    def _prepare(self, x: Array, modality: str) -> tuple[Array, Array]:
        """Unit rows, and the modality's mean in their library and precision; both checked."""
        mean = self._mean(modality)
        if x.ndim != 2 or x.shape[1] != len(mean):
            raise InputError(
                f"this closer was fitted on {len(mean)} dimensions; "
                f"found an array of shape {tuple(x.shape)}"
            )
        rows = unit_rows(check_values(x, modality))
        return rows, like(mean, rows)

    def _check_fitted(self) -> None:
        if not hasattr(self, "means_"):
            raise InputError("this closer is not fitted yet: call fit(embeddings) first")

    def _mean(self, modality: str) -> NDArray[np.float64]:
        self._check_fitted()
        if modality not in self.means_:
            raise InputError(
                f"this closer was not fitted on a modality '{modality}'; "
                f"it knows {', '.join(self.means_)}"
            )
        return self.means_[modality]
