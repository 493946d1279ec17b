"""What all closers share: scikit-learn's shape, and a guard against vectors from elsewhere."""

from __future__ import annotations

import inspect
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..embeddings import Embeddings
from ..errors import InputError
from ..metrics.moments import Moments
from .affine import Affine
from .drift import Drift, DriftWarning
from .file import write_closer

Arrays = Mapping[str, NDArray[Any]]


class Closer(ABC):
    """A transform, fitted on embeddings, that brings their modalities together.

    The constructor stores parameters: numbers, strings, booleans, None, or lists of them; `fit`
    learns attributes that end in `_`; `transform` applies them to new rows of a named modality.
    A modality is a role as much as a kind of data: texts that are queries and texts that are
    documents may be two.
    """

    kind: ClassVar[str]
    """Name of the method, as on the command line and in saved files."""

    pairs: ClassVar[bool] = False
    """Whether it learns from matched rows; else each modality may have data of its own."""

    labels: ClassVar[bool] = False
    """Whether it learns from class labels."""

    equivariant: ClassVar[bool] = True
    """Whether a rotated space closes to the rotated result; not so where dimensions are singled
    out."""

    calibration_: dict[str, Moments]
    """Modality → count and sum of the unit rows that it was fitted on."""

    @abstractmethod
    def fit(self, embeddings: Embeddings) -> Self:
        """Learn from embeddings, forgetting what was learnt before; returns the closer itself."""

    @abstractmethod
    def move(self, x: Array, *, modality: str, first: int = 0) -> tuple[Array, Moments]:
        """`transform` without the guard, and the moments of the rows as they came.

        `first` is the number that messages give to the first row.
        """

    @abstractmethod
    def state(self) -> dict[str, NDArray[Any]]:
        """The learned arrays, by name, for saving."""

    @abstractmethod
    def load_state(self, state: Arrays, names: tuple[str, ...]) -> None:
        """Take learned arrays of these modalities back; an InputError if they do not fit."""

    @property
    @abstractmethod
    def dimension(self) -> int:
        """D, of the rows that it takes."""

    @property
    def names(self) -> tuple[str, ...]:
        """The modalities that it was fitted on."""
        self.check_fitted()
        return tuple(self.calibration_)

    def parameters(self) -> dict[str, Any]:
        """What the constructor was given, by name."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def transform(self, x: Array, *, modality: str) -> Array:
        """Closed unit rows of one modality.

        Parameters
        ----------
        x:
            (N, D) rows of any length, of any array library.
        modality:
            One of `names`.

        Returns
        -------
        (N, K) unit rows in single precision (double for double); K is D for most closers.

        Raises
        ------
        InputError
            Not fitted; a modality or width that the closer was not fitted on; a row with NaN,
            infinity or only zeros; a row that the map takes to the origin, so that no direction
            is left of it.

        Warns
        -----
        DriftWarning
            The rows come from elsewhere than the calibration set: see `drift`.
        """
        moved, moments = self.move(x, modality=modality)
        drift = Drift.between(modality, self.calibration_[modality], moments)
        if drift.suspicious:
            warnings.warn(DriftWarning(str(drift)), stacklevel=2)
        return moved

    def drift(self, x: Array, *, modality: str) -> Drift:
        """How far the mean of rows (N, D) lies from that of the calibration set."""
        self.check_rows(x, modality)
        return Drift.between(modality, self.calibration_[modality], Moments.of(x))

    def inverse_transform(self, z: Array, *, modality: str) -> Array:
        """Unit rows (N, D) whose `transform` gives the directions of z (N, K).

        Raises
        ------
        InputError
            Where the closer has no inverse.
        """
        raise InputError(f"a closer of kind '{self.kind}' has no inverse")

    def as_affine(self, modality: str) -> Affine:
        """Matrix (K, D) and bias (K,): z = unit(matrix · x̂ + bias), with unit rows x̂.

        Raises
        ------
        InputError
            Where the closer is not affine.
        """
        raise InputError(f"a closer of kind '{self.kind}' is not one affine map per modality")

    def close(self, embeddings: Embeddings) -> Embeddings:
        """`transform` on every modality."""
        return embeddings.map(lambda name, x: self.transform(x, modality=name))

    def save(self, path: Path | str) -> None:
        """Write the fitted closer as one safetensors file, which `load_closer` reads.

        It holds the sums that the closer learned from, too, so that shards saved on several
        machines can be merged; `isthmus export` writes the maps alone.
        """
        write_closer(path, self)

    def check_fitted(self) -> None:
        """An InputError unless it is fitted."""
        if not hasattr(self, "calibration_"):
            raise InputError("this closer is not fitted yet: call fit(embeddings) first")

    def check_modality(self, modality: str) -> None:
        """An InputError unless it was fitted on the modality."""
        if modality not in self.names:
            raise InputError(
                f"this closer was not fitted on a modality '{modality}'; "
                f"it knows {', '.join(self.names)}"
            )

    def check_rows(self, x: Array, modality: str) -> None:
        """An InputError unless rows are of a modality and a width that it was fitted on."""
        self.check_modality(modality)
        if x.ndim != 2 or x.shape[1] != self.dimension:
            raise InputError(
                f"this closer was fitted on {self.dimension} dimensions; "
                f"found an array of shape {tuple(x.shape)}"
            )


def load_moments(state: Arrays, name: str) -> Moments:
    """The calibration moments of a modality, from a saved closer; checked."""
    count, total = state.get(f"count.{name}"), state.get(f"total.{name}")
    if count is None or count.shape != (1,) or count.dtype.kind not in "iu" or count[0] < 1:
        raise InputError(f"the number of rows of modality '{name}' is not one positive integer")
    if total is None or total.ndim != 1 or total.dtype != np.float64:
        raise InputError(f"the sum of the rows of modality '{name}' is no float64 vector")
    if not np.linalg.norm(total) <= int(count[0]) * (1 + 1e-6):  # no NaN either
        raise InputError(f"the mean of modality '{name}' is not a mean of unit vectors")
    return Moments(int(count[0]), total)
