"""Affine maps of unit rows, and back to unit rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from ..arrays import Array, like
from ..errors import InputError

LOST = 16.0
"""A row whose image is shorter than so many units of rounding has no direction left."""

_CONDITION = 1e10  # beyond this ratio of singular values a matrix has no inverse worth the name


class Affine(NamedTuple):
    """z = unit(matrix · x̂ + bias) on column vectors; rows as `unit(x @ matrix.T + bias)`.

    `matrix` is (K, D) and `bias` (K,), in double precision; x̂ is a unit vector.
    """

    matrix: NDArray[np.float64]
    bias: NDArray[np.float64]


@dataclass(frozen=True)
class AffineMap:
    """x̂ ↦ A x̂ + b, with A in the lightest form that holds it.

    Attributes
    ----------
    bias:
        b, (K,).
    matrix:
        None for the identity, (D,) for a diagonal, (K, D) for any other.
    """

    bias: NDArray[np.float64]
    matrix: NDArray[np.float64] | None = None

    @property
    def width(self) -> int:
        """D, of the rows that it takes."""
        return len(self.bias) if self.matrix is None else int(self.matrix.shape[-1])

    @property
    def affine(self) -> Affine:
        """With the whole matrix."""
        if self.matrix is None:
            return Affine(np.eye(self.width), self.bias)
        return Affine(np.diag(self.matrix) if self.matrix.ndim == 1 else self.matrix, self.bias)

    def on(self, x: Array) -> Callable[[Array], Array]:
        """A x̂ + b as a function of unit rows, (n, D) → (n, K), in x's library and precision."""
        bias = like(self.bias, x)
        if self.matrix is None:
            return lambda rows: rows + bias
        matrix = like(self.matrix, x)
        if self.matrix.ndim == 1:
            return lambda rows: rows * matrix + bias
        return lambda rows: rows @ matrix.T + bias

    @cached_property
    def size(self) -> float:
        """An upper bound of ‖A x̂ + b‖: what rounding errors of an image are relative to."""
        if self.matrix is None:
            stretch = 1.0
        elif self.matrix.ndim == 1:
            stretch = float(np.abs(self.matrix).max())
        else:
            stretch = float(np.linalg.norm(self.matrix, 2))
        return stretch + float(np.linalg.norm(self.bias))

    def invert(self, unit: Array) -> Array:
        """The unit rows x̂ whose image A x̂ + b has the direction of unit rows ẑ, (N, K) → (N, D).

        x̂ = r u − v with u = A⁻¹ ẑ, v = A⁻¹ b and the r > 0 for which ‖x̂‖ = 1:
        r = (u·v + √((u·v)² + ‖u‖² (1 − ‖v‖²))) / ‖u‖². It is unique where ‖v‖ < 1: no unit
        row is then mapped to the origin, nor are two rows to one direction.

        Raises
        ------
        InputError
            A that is not square, or (nearly) singular; ‖v‖ ≥ 1.
        """
        xp = array_namespace(unit)
        u, v = like(self._solve(unit), unit), self._origin
        if np.linalg.norm(v) >= 1:
            raise InputError(
                "this map has no inverse: several unit rows are mapped to one direction "
                f"(‖A⁻¹b‖ is {np.linalg.norm(v):.3g}, and must be below 1)"
            )
        shift = like(v, unit)
        along = xp.sum(u * shift, axis=1, keepdims=True)  # u·v, (N, 1)
        squared = xp.sum(u * u, axis=1, keepdims=True)
        length = (along + xp.sqrt(along**2 + squared * (1 - float(v @ v)))) / squared
        return length * u - shift

    def _solve(self, unit: Array) -> Array:
        """A⁻¹ ẑ of rows."""
        if self.matrix is None:
            return unit
        return unit @ like(self._inverse, unit).T

    @cached_property
    def _origin(self) -> NDArray[np.float64]:
        return self.bias if self.matrix is None else self._inverse @ self.bias

    @cached_property
    def _inverse(self) -> NDArray[np.float64]:
        matrix = self.affine.matrix
        if matrix.shape[0] != matrix.shape[1]:
            raise InputError(
                f"this map has no inverse: it takes {matrix.shape[1]} dimensions to "
                f"{matrix.shape[0]}"
            )
        if not np.linalg.cond(matrix) < _CONDITION:
            raise InputError("this map has no inverse: it removes directions of the space")
        return np.asarray(np.linalg.inv(matrix))
