"""The augmentations of pictures as recipes write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ...errors import InputError
from ..augment_simclr import SimCLRViews
from ..hints import check_keys


def simclr(options: Mapping[str, Any] | None, at: str, **other: Any) -> SimCLRViews:
    """The paper's augmentations but for the options given; `at` is where they stand.

    `other` defaults take the place of the paper's.

    >>> simclr({"crop": [0.2, 1.0], "blur": None}, "augment").crop
    (0.2, 1.0)

    Raises
    ------
    InputError
        No such option, or a value out of range.
    """
    paper = asdict(SimCLRViews()) | other
    given = dict(options or {})
    check_keys(given, list(paper), at, "of SimCLRViews")
    plain = {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}
    try:
        return SimCLRViews(**(paper | plain))
    except (TypeError, ValueError, IndexError, InputError) as error:
        raise InputError(f"{at}: {error}") from error
