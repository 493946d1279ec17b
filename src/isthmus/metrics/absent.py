"""Numbers that a space may not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..errors import InputError

Value = TypeVar("Value")


def or_none(work: Callable[[], Value]) -> Value | None:
    """What `work` gives; None where it refuses the space, say for too few groups.

    >>> or_none(lambda: 1)
    1
    """
    try:
        return work()
    except InputError:
        return None
