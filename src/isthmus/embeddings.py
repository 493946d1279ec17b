"""The one data model: named modalities of row vectors, matched by group ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import ArrayLike, NDArray

from .arrays import Array, to_numpy
from .checks import check_rows
from .errors import InputError
from .matching import Codes, encode

RowValues: TypeAlias = "ArrayLike | Mapping[str, ArrayLike]"


class Embeddings:
    """Embeddings of two or more modalities in one space.

    Rows match exactly when their group ids are equal. That one rule covers one-to-one pairs, five
    captions per image, one class prompt for many images, and modalities with items missing.

    Parameters
    ----------
    modalities:
        Name → (N_m, D) array of real numbers (numpy, torch, CuPy or JAX; memory maps too).
        Rows need not have unit length: all that counts is their directions.
    groups:
        Group ids, integers or strings: one array for all modalities, or name → (N_m,) array.
        Without them, all modalities have equally many rows and row i matches row i.
    labels:
        Optional class of each row, integers or strings: given in the same two ways.
    attributes:
        Optional attribute → whether each row has it: given in the same two ways.
    unpaired:
        No row matches any other. For closers that need no pairs: what compares pairs refuses.

    Raises
    ------
    InputError
        Fewer than two modalities; another shape than (N, D); widths, array libraries or
        devices that differ; fewer than two rows; a dtype that is not real numbers; a row with
        NaN, infinity or only zeros (named by index); ids or labels that do not fit the rows; no
        group in common.

    Examples
    --------
    >>> space = Embeddings(
    ...     {"image": np.eye(3), "text": np.eye(3)[[0, 0, 1, 2]]},
    ...     groups={"image": ["a", "b", "c"], "text": ["a", "a", "b", "c"]},
    ... )
    >>> space
    Embeddings(image: 3 x 3, text: 4 x 3, 3 groups)
    """

    def __init__(
        self,
        modalities: Mapping[str, Array],
        *,
        groups: RowValues | None = None,
        labels: RowValues | None = None,
        attributes: Mapping[str, RowValues] | None = None,
        unpaired: bool = False,
    ) -> None:
        if len(modalities) < 2:
            found = ", ".join(modalities) or "none"
            raise InputError(f"a modality gap needs at least two modalities; found {found}")
        arrays = {name: check_rows(array, name) for name, array in modalities.items()}
        widths = {name: array.shape[1] for name, array in arrays.items()}
        if len(set(widths.values())) > 1:
            listed = ", ".join(f"{name} has {width}" for name, width in widths.items())
            raise InputError(
                f"modalities must share one space, but their widths differ: {listed} columns"
            )
        for what, of in (("of one library", _library), ("on one device", _device)):
            if len(others := {of(array) for array in arrays.values()}) > 1:
                raise InputError(
                    f"modalities must be arrays {what}; found {', '.join(sorted(others))}"
                )
        rows = {name: array.shape[0] for name, array in arrays.items()}
        self._arrays = MappingProxyType(arrays)
        self.unpaired = unpaired
        self._groups = MappingProxyType(_group_ids(groups, rows, unpaired=unpaired))
        self._labels = (
            None if labels is None else MappingProxyType(_row_values(labels, rows, "labels"))
        )
        self._attributes = MappingProxyType(
            {name: _truths(values, rows, name) for name, values in (attributes or {}).items()}
        )
        if not unpaired:
            self._check_common_groups()

    @property
    def arrays(self) -> Mapping[str, Array]:
        """Name → (N_m, D) array."""
        return self._arrays

    @property
    def groups(self) -> Mapping[str, NDArray[Any]]:
        """Name → (N_m,) group ids."""
        return self._groups

    @property
    def labels(self) -> Mapping[str, NDArray[Any]] | None:
        """Name → (N_m,) classes, or None."""
        return self._labels

    @property
    def attributes(self) -> Mapping[str, Mapping[str, NDArray[np.bool_]]]:
        """Attribute → modality → (N_m,) whether each row has it; empty if none were given."""
        return self._attributes

    @property
    def names(self) -> tuple[str, ...]:
        """The modalities, in the order given."""
        return tuple(self._arrays)

    @property
    def dimension(self) -> int:
        """D, the width of the space."""
        return int(self._arrays[self.names[0]].shape[1])

    @cached_property
    def codes(self) -> Mapping[str, Codes]:
        """Name → (N_m,) integers, equal across modalities exactly where group ids are."""
        return MappingProxyType(encode(dict(self._groups)))

    @property
    def pairs(self) -> Iterator[tuple[str, str]]:
        """Every unordered pair of modalities, in order."""
        names = self.names
        return ((a, b) for k, a in enumerate(names) for b in names[k + 1 :])

    def __getitem__(self, name: str) -> Array:
        if name not in self._arrays:
            raise InputError(f"no modality '{name}'; there are {', '.join(self.names)}")
        return self._arrays[name]

    def select(self, names: tuple[str, ...] | list[str]) -> Embeddings:
        """The same rows, of the named modalities alone."""
        return Embeddings(
            {name: self[name] for name in names},
            groups={name: self._groups[name] for name in names},
            labels=None if self._labels is None else {n: self._labels[n] for n in names},
            attributes={a: {n: v[n] for n in names} for a, v in self._attributes.items()},
            unpaired=self.unpaired,
        )

    def map(self, transform: Callable[[str, Array], Array]) -> Embeddings:
        """New embeddings with `transform(name, array)` in place of each array."""
        return Embeddings(
            {name: transform(name, array) for name, array in self._arrays.items()},
            groups=self._groups,
            labels=self._labels,
            attributes=self._attributes,
            unpaired=self.unpaired,
        )

    def __repr__(self) -> str:
        shapes = (f"{name}: {x.shape[0]} x {x.shape[1]}" for name, x in self._arrays.items())
        groups = len(np.unique(np.concatenate(list(self.codes.values()))))
        matched = "unpaired" if self.unpaired else f"{groups} groups"
        return f"Embeddings({', '.join(shapes)}, {matched})"

    def _check_common_groups(self) -> None:
        for name, codes in self.codes.items():
            others = np.concatenate([c for other, c in self.codes.items() if other != name])
            if not np.isin(codes, others).any():
                raise InputError(
                    f"modality '{name}' has no group id in common with any other: its first "
                    f"is {self._groups[name][0]!s}, the others' first are "
                    f"{', '.join(str(g[0]) for n, g in self._groups.items() if n != name)}; "
                    "rows match where their ids are equal"
                )


def _library(array: Array) -> str:
    return str(array_namespace(array).__name__).removeprefix("array_api_compat.")


def _device(array: Array) -> str:
    return str(device(array))


def _group_ids(
    groups: RowValues | None, rows: Mapping[str, int], *, unpaired: bool
) -> dict[str, NDArray[Any]]:
    if unpaired:
        ends = np.cumsum(list(rows.values()))
        return {
            name: np.arange(end - rows[name], end) for name, end in zip(rows, ends, strict=True)
        }
    if groups is not None:
        return _row_values(groups, rows, "groups")
    if len(set(rows.values())) > 1:
        listed = ", ".join(f"{name} has {n}" for name, n in rows.items())
        raise InputError(
            f"modalities have different numbers of rows ({listed}) and no group ids say "
            "which rows belong together: give groups, one id per row"
        )
    return {name: np.arange(n) for name, n in rows.items()}


def _row_values(values: RowValues, rows: Mapping[str, int], what: str) -> dict[str, NDArray[Any]]:
    """Ids or labels per modality, checked: one per row, and of one kind throughout."""
    given = values if isinstance(values, Mapping) else dict.fromkeys(rows, values)
    if absent := [name for name in rows if name not in given]:
        raise InputError(f"{what} are missing for modality '{absent[0]}'")
    checked: dict[str, NDArray[Any]] = {}
    for name, n in rows.items():
        column = to_numpy(given[name])
        if column.shape != (n,):
            raise InputError(
                f"{what} of modality '{name}' must be one per row, shape ({n},); "
                f"found shape {column.shape}"
            )
        if column.dtype.kind == "O" and all(isinstance(v, str) for v in column):
            column = column.astype(np.str_)
        if column.dtype.kind not in "iuUb":
            raise InputError(
                f"{what} of modality '{name}' must be integers or strings; "
                f"found dtype {column.dtype}"
            )
        checked[name] = column
    kinds = {name: "strings" if c.dtype.kind == "U" else "integers" for name, c in checked.items()}
    if len(set(kinds.values())) > 1:
        listed = ", ".join(f"{name} has {kind}" for name, kind in kinds.items())
        raise InputError(f"{what} must be of one kind in all modalities; found: {listed}")
    return checked


def _truths(
    values: RowValues, rows: Mapping[str, int], attribute: str
) -> dict[str, NDArray[np.bool_]]:
    """An attribute's values per modality: true or false (or 1 or 0) for each row."""
    found = _row_values(values, rows, f"values of attribute '{attribute}'")
    for name, column in found.items():
        if column.dtype.kind == "U" or not np.isin(column, (0, 1)).all():
            raise InputError(
                f"attribute '{attribute}' must be true or false for each row of modality '{name}'"
            )
    return {name: column.astype(bool) for name, column in found.items()}
