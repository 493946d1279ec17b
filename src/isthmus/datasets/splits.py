"""The three splits that sets have whose probes are chosen apart from what they are scored on."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from ..errors import InputError

Split: TypeAlias = Literal["train", "validation", "test"]

SPLITS: tuple[Split, ...] = get_args(Split)


def check_split(split: str) -> None:
    """An error unless it is one of the three."""
    if split not in SPLITS:
        raise InputError(f"split must be 'train', 'validation' or 'test'; found {split!r}")
