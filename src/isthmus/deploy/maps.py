"""A closer as one affine map per modality: what every export starts from, and is checked by."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..arrays import unit_rows
from ..closers.affine import LOST, AffineMap
from ..closers.base import Closer
from ..errors import InputError
from ..files import check_stem

Rows: TypeAlias = NDArray[Any]

FORMULA = "z = unit(matrix @ unit(x) + bias)"
"""What matrix and bias mean, as exported files say it."""

_LARGEST = 1e15  # squares of such numbers, and sums of them, stay in range
_PROBES = 64
_SEED = 507_019  # of rows that nobody's closer was fitted on
_TOLERANCE = 1e-5  # of a unit row, in single precision


def affine_map(closer: Closer, modality: str) -> AffineMap:
    """The map of one modality, its matrix None or (D,) where it is the identity or diagonal.

    Raises
    ------
    InputError
        A modality that the closer was not fitted on; a closer that is not one affine map;
        numbers that single precision does not hold.
    """
    closer.check_modality(modality)
    try:
        matrix, bias = closer.as_affine(modality)
    except InputError as error:
        raise InputError(
            f"modality '{modality}' cannot be exported as one matrix and bias: {error}; "
            "close its vectors with `isthmus apply` instead"
        ) from error
    for what, values in (("matrix", matrix), ("bias", bias)):
        if not (np.abs(values) <= _LARGEST).all():  # no NaN either
            raise InputError(
                f"the {what} of modality '{modality}' holds numbers too large for single "
                f"precision (above {_LARGEST:g}): fit the closer on more varied rows"
            )
    return AffineMap(bias, _lightest(matrix))


def floor(found: AffineMap) -> float:
    """The length in single precision below which no direction is left of an image A x̂ + b."""
    return LOST * float(np.finfo(np.float32).eps) * found.size


def check_same(
    closer: Closer,
    modality: str,
    apply: Callable[[Rows], Rows],
    what: str,
    *,
    dtype: str = "float32",
) -> None:
    """`check_equal` on 64 seeded random rows of a dtype, and what `apply` gives for them."""
    rng = np.random.default_rng(_SEED)
    rows = rng.standard_normal((_PROBES, closer.dimension)).astype(dtype)
    check_equal(closer, modality, rows, apply(rows), what)


def check_equal(closer: Closer, modality: str, rows: Rows, closed: Rows, what: str) -> None:
    """An error unless `closed` is what the closer gives for rows (N, D).

    They may differ by 1e-5; by more in proportion where A x̂ + b nearly cancels, as rounding
    errors then grow.

    Raises
    ------
    InputError
        They differ. Nothing that the user did: a defect, to be reported.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # random rows do come from elsewhere
        expected = np.asarray(closer.transform(rows, modality=modality))
    if closed.shape != expected.shape:
        raise InputError(
            f"{what} gives rows of shape {closed.shape[1:]}, the closer {expected.shape[1:]}; "
            "nothing was written: please report this"
        )
    found = affine_map(closer, modality)
    matrix, bias = found.affine
    length = np.linalg.norm(unit_rows(rows.astype(np.float64)) @ matrix.T + bias, axis=1)
    error = np.abs(closed - expected).max(axis=1) / np.maximum(found.size / length, 1)
    if not (worst := float(error.max())) <= _TOLERANCE:
        raise InputError(
            f"{what} differs from the closer by {worst:.2g} on rows of modality '{modality}'; "
            "nothing was written: please report this"
        )


def exported(closer: Closer, modality: str | None) -> tuple[str, ...]:
    """The modalities to export, whose names can name files.

    Raises
    ------
    InputError
        An unknown modality; one that cannot name a file.
    """
    if modality is not None:
        closer.check_modality(modality)
    names = closer.names if modality is None else (modality,)
    for name in names:
        check_stem(name, "fit the closer with a name")
    return names


def places(closer: Closer, out: Path, modality: str | None, ending: str) -> dict[str, Path]:
    """Modality → its file: NAME + ending in the folder `out`, or, of one modality, `out` itself.

    `out` is that file if it ends in the last suffix of `ending`.

    Raises
    ------
    InputError
        A file for several modalities; an unknown modality; one that cannot name a file.
    """
    names = exported(closer, modality)
    if out.suffix != Path(f"name{ending}").suffix:
        return {name: out / f"{name}{ending}" for name in names}
    if len(names) > 1:
        raise InputError(
            f"{out} would be one file for the modalities {', '.join(names)}: name one "
            "(--modality), or give a folder"
        )
    return {names[0]: out}


def metadata(closer: Closer, **more: str) -> Mapping[str, str]:
    """What exported files say about themselves."""
    from .. import __version__

    return {"producer": f"isthmus {__version__}", "closer": closer.kind, "formula": FORMULA, **more}


def _lightest(matrix: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """None for the identity, the diagonal of a diagonal matrix, else the matrix."""
    if matrix.shape[0] != matrix.shape[1]:
        return matrix
    diagonal = np.diagonal(matrix)
    if np.count_nonzero(matrix) != np.count_nonzero(diagonal):
        return matrix
    return None if (diagonal == 1).all() else diagonal.copy()
