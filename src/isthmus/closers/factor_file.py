"""Sums by class, as named arrays and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..metrics.class_moments import ClassMoments
from ..metrics.moments import Moments
from .factor_sums import LABEL, FactorSums


def factor_arrays(factors: Mapping[str, FactorSums]) -> dict[str, NDArray[Any]]:
    """Counts and sums of each factor; its name and values as bytes of JSON."""
    found: dict[str, NDArray[Any]] = {}
    for k, (factor, sums) in enumerate(factors.items()):
        text = json.dumps([factor, sums.values]).encode()
        found[f"factor.{k}"] = np.frombuffer(text, np.uint8)
        for name, own in sums.moments.items():
            found[f"factor.{k}.counts.{name}"] = own.counts
            found[f"factor.{k}.totals.{name}"] = own.totals
    return found


def load_factors(
    state: Mapping[str, NDArray[Any]], calibration: Mapping[str, Moments]
) -> dict[str, FactorSums]:
    """What `factor_arrays` gave, checked."""
    factors: dict[str, FactorSums] = {}
    for k in count():
        at = f"factor.{k}"
        if at not in state:
            break
        factor, values = _read(state[at], at)
        moments = {}
        for name, rows in calibration.items():
            counts, totals = state.get(f"{at}.counts.{name}"), state.get(f"{at}.totals.{name}")
            if (
                counts is None
                or counts.shape != (len(values),)
                or counts.dtype != np.int64
                or (counts < 0).any()
                or counts.sum() != rows.count
            ):
                raise InputError(f"the counts of '{factor}' in modality '{name}' do not fit")
            shape = (len(values), len(rows.total))
            if totals is None or totals.shape != shape or totals.dtype != np.float64:
                raise InputError(f"the sums of '{factor}' in modality '{name}' do not fit")
            if not np.isfinite(totals).all():
                raise InputError(f"the sums of '{factor}' in modality '{name}' are not finite")
            moments[name] = ClassMoments(counts, totals)
        factors[factor] = FactorSums(values, moments)
    if factors and LABEL not in factors:
        raise InputError("sums by class are missing")
    return factors


def _read(array: NDArray[Any], at: str) -> tuple[str, tuple[bool | int | str, ...]]:
    try:
        factor, values = json.loads(array.tobytes().decode())
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"'{at}' holds no name and values of a factor") from error
    if not isinstance(factor, str) or not isinstance(values, list) or not values:
        raise InputError(f"'{at}' holds no name and values of a factor")
    kinds = {isinstance(value, str) for value in values}
    if len(kinds) != 1 or not all(isinstance(value, bool | int | str) for value in values):
        raise InputError(f"the values of factor '{factor}' are neither integers nor strings")
    if len(set(values)) != len(values):
        raise InputError(f"the values of factor '{factor}' are not distinct")
    return factor, tuple(values)
