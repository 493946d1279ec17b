"""Checks of plain arguments: numbers, whole numbers, truths, names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, TypeVar

from .errors import InputError

Name = TypeVar("Name", bound=str)


def check_number(name: str, value: Any, *, low: float, high: float, below: bool = False) -> float:
    """The value, if it is a number in [low, high], or with `below` in [low, high).

    >>> check_number("strength", 1, low=0, high=1)
    1.0
    """
    real = isinstance(value, Real) and not isinstance(value, bool)
    if not (real and low <= value <= high) or abs(value) == math.inf or (below and value == high):
        bounds = (
            f"[{low:g}, ∞)" if high == math.inf else f"[{low:g}, {high:g}{')' if below else ']'}"
        )
        raise InputError(f"{name} must be a number in {bounds}; found {value!r}")
    try:
        return float(value)
    except OverflowError as error:
        raise InputError(f"{name} is too large a number") from error


def check_count(name: str, value: Any, *, low: int = 1) -> int:
    """The value, if it is a whole number of at least `low`.

    >>> check_count("k", 3)
    3
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or value < low:
        raise InputError(f"{name} must be a whole number of at least {low}; found {value!r}")
    return int(value)


def check_flag(name: str, value: Any) -> bool:
    """The value, if it is true or false."""
    if not isinstance(value, bool):
        raise InputError(f"{name} must be True or False; found {value!r}")
    return value


def check_some(name: str, given: Sequence[Name], known: Sequence[str]) -> tuple[Name, ...]:
    """The names given, if there is one or more, and each is known and stands there once.

    >>> check_some("modalities", ["text"], ["image", "text"])
    ('text',)
    """
    one = isinstance(given, str)
    if one or not given or len(set(given)) < len(given) or not set(given) <= set(known):
        found = repr(given) if one else ", ".join(map(str, given)) or "none"
        raise InputError(f"{name} must be some of {', '.join(known)}, each once; found {found}")
    return tuple(given)
