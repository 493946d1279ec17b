"""Closers that are one affine map per modality, between unit rows and unit rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from ..arrays import Array, column_sums, join_rows, row_chunks, unit_rows
from ..checks import checked_unit_rows
from ..embeddings import Embeddings
from ..errors import InputError
from ..metrics.moments import Moments
from .affine import LOST, Affine, AffineMap
from .base import Arrays, Closer, load_moments
from .statistics import Needs, Statistics
from .statistics_file import load_statistics, statistics_arrays


class AffineCloser(Closer):
    """z = unit(A_m x̂ + b_m), with x̂ the unit row and A_m, b_m learned for each modality m.

    A subclass says what it `needs` and turns those sums into maps (`solve`); fitting in one
    pass, shard by shard, merging, saving and the inverse follow.

    Attributes
    ----------
    maps_:
        Modality → its map.
    statistics_:
        The sums that the maps were solved from; absent in closers that do not learn from sums.
    """

    needs: ClassVar[Needs] = Needs.MEANS

    maps_: dict[str, AffineMap]
    statistics_: Statistics

    @abstractmethod
    def solve(self, statistics: Statistics) -> dict[str, AffineMap]:
        """The map of each modality, from sums over the calibration set."""

    def fit(self, embeddings: Embeddings) -> Self:
        """Learn from embeddings, forgetting what was learnt before."""
        return self.learn(Statistics.of(embeddings, self.needs))

    def partial_fit(self, embeddings: Embeddings) -> Self:
        """Learn from one more shard of the calibration set.

        Shards hold whole groups: rows that match lie in one shard. Shard by shard gives what
        `fit` gives on all rows, up to rounding.

        Raises
        ------
        InputError
            Modalities or a width other than those of earlier shards; a closer that cannot
            learn shard by shard.
        """
        found = Statistics.of(embeddings, self.needs)
        return self.learn(self._sums().merge(found) if hasattr(self, "maps_") else found)

    def merge(self, other: Self) -> Self:
        """A closer as if fitted on the calibration sets of both, which share no group.

        Raises
        ------
        InputError
            Another kind, other parameters, modalities or width; a closer that does not learn
            from sums.
        """
        self.check_fitted()
        other.check_fitted()
        if type(other) is not type(self) or other.parameters() != self.parameters():
            raise InputError(
                f"closers of one kind with the same parameters can be merged; found {self.kind} "
                f"{self.parameters()} and {other.kind} {other.parameters()}"
            )
        merged = type(self)(**self.parameters())
        return merged.learn(self._sums().merge(other._sums()))

    def move(self, x: Array, *, modality: str, first: int = 0) -> tuple[Array, Moments]:
        """`transform` without the guard, and the moments of the rows as they came."""
        self.check_rows(x, modality)
        found = self.maps_[modality]
        act, total = found.on(x), np.zeros(self.dimension)

        def chunk(rows: slice) -> Array:
            unit = checked_unit_rows(x[rows, :], modality, first + rows.start)
            np.add(total, column_sums(unit), out=total)
            return _unit_images(act, unit, found.size, modality, first + rows.start)

        moved = join_rows(map(chunk, row_chunks(x)), int(x.shape[0]))
        return moved, Moments(int(x.shape[0]), total)

    def inverse_transform(self, z: Array, *, modality: str) -> Array:
        """Unit rows (N, D) whose `transform` gives the directions of z (N, K).

        Raises
        ------
        InputError
            A map that is singular, or takes several unit rows to one direction.
        """
        self.check_modality(modality)
        found = self.maps_[modality]
        if z.ndim != 2 or z.shape[1] != len(found.bias):
            raise InputError(
                f"this closer gives {len(found.bias)} dimensions; "
                f"found an array of shape {tuple(z.shape)}"
            )
        return found.invert(checked_unit_rows(z, modality))

    def as_affine(self, modality: str) -> Affine:
        """Matrix (K, D) and bias (K,): z = unit(matrix · x̂ + bias), with unit rows x̂."""
        self.check_modality(modality)
        return self.maps_[modality].affine

    @property
    def dimension(self) -> int:
        """D, of the rows that it takes."""
        self.check_fitted()
        return next(iter(self.maps_.values())).width

    def state(self) -> dict[str, NDArray[Any]]:
        """Maps, calibration moments and sums as named arrays."""
        self.check_fitted()
        state: dict[str, NDArray[Any]] = {}
        for name, found in self.maps_.items():
            state[f"bias.{name}"] = found.bias
            if found.matrix is not None:
                state[f"matrix.{name}"] = found.matrix
            state[f"count.{name}"] = np.array([self.calibration_[name].count])
            state[f"total.{name}"] = self.calibration_[name].total
        if hasattr(self, "statistics_"):
            state |= statistics_arrays(self.statistics_)
        return state

    def load_state(self, state: Arrays, names: tuple[str, ...]) -> None:
        """Take back what `state` gave."""
        maps = {name: _load_map(state, name) for name in names}
        if len({(found.width, len(found.bias)) for found in maps.values()}) != 1:
            raise InputError("the maps of its modalities are of different widths")
        calibration = {name: load_moments(state, name) for name in names}
        for name, found in maps.items():
            if found.width != len(calibration[name].total):
                raise InputError(f"map and mean of modality '{name}' are of different widths")
        statistics = load_statistics(state, calibration, self.needs)
        self.maps_, self.calibration_ = maps, calibration
        if statistics is not None:
            self.statistics_ = statistics

    def learn(self, statistics: Statistics) -> Self:
        """What `fit` does, from sums that are there already."""
        self.maps_ = self.solve(statistics)
        self.calibration_ = dict(statistics.means)
        self.statistics_ = statistics
        return self

    def _sums(self) -> Statistics:
        if not hasattr(self, "statistics_"):
            raise InputError(
                f"a closer of kind '{self.kind}' does not learn from sums: "
                "fit it on the whole calibration set"
            )
        return self.statistics_


def _unit_images(
    act: Callable[[Array], Array], unit: Array, size: float, modality: str, first: int
) -> Array:
    """Images of unit rows (n, D), scaled to unit length; an error where one is lost."""
    xp = array_namespace(unit)
    moved = act(unit)
    least = LOST * float(xp.finfo(moved.dtype).eps) * size
    lost = xp.linalg.vecdot(moved, moved) <= least**2
    if bool(xp.any(lost)):
        row = first + int(xp.argmax(xp.astype(lost, xp.int32)))
        raise InputError(
            f"no direction is left of row {row} of modality '{modality}': the closer maps it to "
            "the origin, as it does with the calibration set's mean; drop the row, or fit on "
            "more varied rows"
        )
    return unit_rows(moved)


def _load_map(state: Arrays, name: str) -> AffineMap:
    bias, matrix = state.get(f"bias.{name}"), state.get(f"matrix.{name}")
    for what, array, shapes in (("bias", bias, (1,)), ("matrix", matrix, (1, 2))):
        if array is None and what == "matrix":
            continue
        if array is None or array.ndim not in shapes or array.dtype != np.float64:
            raise InputError(f"the {what} of modality '{name}' is missing or of another shape")
        if not array.size or not np.isfinite(array).all():
            raise InputError(f"the {what} of modality '{name}' holds no finite numbers")
    assert bias is not None
    if matrix is not None and matrix.shape[0] != len(bias):
        raise InputError(f"bias and matrix of modality '{name}' do not fit together")
    return AffineMap(bias, matrix)
