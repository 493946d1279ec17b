"""Checks of what closers are given: names of modalities."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import InputError


def check_name(name: str, value: Any) -> str | None:
    """The value, if it is a name of a modality or None."""
    if value is not None and (not isinstance(value, str) or not value):
        raise InputError(f"{name} must be the name of a modality or None; found {value!r}")
    return value


def target(to: str | None, names: Iterable[str]) -> str:
    """The modality that others are mapped to: `to`, or the first.

    Raises
    ------
    InputError
        No modality of that name.
    """
    known = tuple(names)
    if to is None:
        return known[0]
    if to not in known:
        raise InputError(f"to='{to}' is no modality of the calibration set: {', '.join(known)}")
    return to
