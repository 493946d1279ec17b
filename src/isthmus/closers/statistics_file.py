"""Sums that closers learn from, as named arrays and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..metrics.moments import Moments
from ..metrics.second_moments import SecondMoments
from .factor_file import factor_arrays, load_factors
from .pair_products import PairProducts
from .statistics import Needs, Statistics

_SUMS = tuple(field.name for field in fields(PairProducts) if field.name != "count")


def statistics_arrays(statistics: Statistics) -> dict[str, NDArray[Any]]:
    """All sums but the counts and sums of rows, which are saved with every closer."""
    found: dict[str, NDArray[Any]] = factor_arrays(statistics.factors)
    for name, second in statistics.covariances.items():
        found[f"product.{name}"] = second.product
        found[f"rounding.{name}"] = np.array([second.rounding])
    names = list(statistics.means)
    for (a, b), pair in statistics.pairs.items():
        at = f"pair.{names.index(a)}.{names.index(b)}"
        found[f"{at}.count"] = np.array([pair.count])
        found |= {f"{at}.{key}": getattr(pair, key) for key in _SUMS}
    return found


def load_statistics(
    state: Mapping[str, NDArray[Any]], calibration: Mapping[str, Moments], needs: Needs
) -> Statistics | None:
    """What `statistics_arrays` gave, checked; None where the closer did not save its sums."""
    names = list(calibration)
    width = len(next(iter(calibration.values())).total)
    if needs is Needs.MEANS:
        return Statistics(dict(calibration))
    if needs is Needs.CLASSES:
        factors = load_factors(state, calibration)
        return Statistics(dict(calibration), factors=factors) if factors else None
    if not any(key.startswith("product.") for key in state):
        return None
    seconds = {}
    for name, moments in calibration.items():
        product = _floats(state, f"product.{name}", (width, width))
        rounding = float(_floats(state, f"rounding.{name}", (1,))[0])
        seconds[name] = SecondMoments(moments.count, moments.total, product, rounding)
    pairs = {}
    for i, j in combinations(range(len(names)), 2):
        at = f"pair.{i}.{j}"
        count = state.get(f"{at}.count")
        if count is None:
            continue
        if count.shape != (1,) or count.dtype.kind not in "iu" or count[0] < 1:
            raise InputError(f"'{at}.count' is not one positive integer")
        shapes = {key: (width,) if key.endswith("total") else (width, width) for key in _SUMS}
        sums = {key: _floats(state, f"{at}.{key}", shape) for key, shape in shapes.items()}
        pairs[names[i], names[j]] = PairProducts(int(count[0]), **sums)
    return Statistics(dict(calibration), seconds, pairs)


def _floats(
    state: Mapping[str, NDArray[Any]], key: str, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    array = state.get(key)
    if array is None or array.shape != shape or array.dtype != np.float64:
        raise InputError(f"'{key}' is missing or not float64 of shape {shape}")
    if not np.isfinite(array).all():
        raise InputError(f"'{key}' holds numbers that are not finite")
    return array
