"""Which groups two sets of embeddings have in common: items that two models embedded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..embeddings import Embeddings
from ..errors import InputError
from ..matching import Codes, encode

LEAST_GROUPS = 6
"""Fewer groups can never tell: all of five differ the same way in one of 16 cases by chance."""

LEAST_SHARE = 0.5
"""Sets pair by the groups that they share if those are at least this part of each one's."""


@dataclass(frozen=True)
class Pairing:
    """The groups by which a pair of modalities is compared in two sets, item by item.

    Attributes
    ----------
    base, other:
        Group of each row of both modalities, integers 0 … G − 1 that both sets share.
    kept:
        (G,) whether the comparison is of that group: both sets have it, in the same modalities.
    sizes:
        How many groups each set has.
    counted:
        Whether ids only count the groups from 0, so that the order of rows makes the pairs.
    """

    base: tuple[Codes, Codes]
    other: tuple[Codes, Codes]
    kept: NDArray[np.bool_]
    sizes: tuple[int, int]
    counted: bool

    @property
    def groups(self) -> int:
        """Number of groups that are compared."""
        return int(self.kept.sum())

    @property
    def whole(self) -> bool:
        """Whether no group of either set is left out."""
        return self.sizes == (self.groups, self.groups)


def pair_sets(base: Embeddings, other: Embeddings, modalities: tuple[str, str]) -> Pairing:
    """Pair the groups of two sets whose ids are equal.

    Equal ids are taken to mean the same item. Where one set lacks groups of the other, or has
    them in one modality only, those that both have are compared, if they are at least half of
    each set's. Ids that only count the groups (0, 1, 2, …, as where none were given) say
    nothing about another set with another number of groups: such sets do not pair.

    Raises
    ------
    InputError
        Sets that do not pair, and why; a modality that one of them lacks.

    Examples
    --------
    >>> space = Embeddings({"image": np.eye(8), "text": np.eye(8) + 0.1})
    >>> pair_sets(space, space, ("image", "text")).groups
    8
    """
    for space in (base, other):
        for name in modalities:
            _ = space[name]  # an error if it is not there
    ids = {
        f"{which} {place}": space.groups[name]
        for which, space in (("base", base), ("other", other))
        for place, name in enumerate(modalities)
    }
    if len({values.dtype.kind == "U" for values in ids.values()}) > 1:
        raise InputError("not the same items: ids are numbers in one set and strings in the other")
    codes = encode(ids)
    count = 1 + max(int(own.max()) for own in codes.values())
    present = {key: np.bincount(own, minlength=count) > 0 for key, own in codes.items()}
    here = [present[f"{which} 0"] | present[f"{which} 1"] for which in ("base", "other")]
    alike = [present[f"base {place}"] == present[f"other {place}"] for place in (0, 1)]
    kept = here[0] & here[1] & alike[0] & alike[1]  # (G,)
    sizes = int(here[0].sum()), int(here[1].sum())
    counted = all(_count_up(ids[f"{which} 0"], ids[f"{which} 1"]) for which in ("base", "other"))
    if counted and sizes[0] != sizes[1]:
        raise InputError(
            f"not the same items: {sizes[0]:,} and {sizes[1]:,} groups, whose ids only count them"
        )
    common = int(kept.sum())
    if common < LEAST_SHARE * max(sizes):
        raise InputError(
            f"not the same items: {common:,} groups in common, of {sizes[0]:,} and {sizes[1]:,}"
        )
    matched = int((kept & present["base 0"] & present["base 1"]).sum())
    if matched < LEAST_GROUPS:
        raise InputError(
            f"too few items: {matched} groups with rows of both modalities; a paired comparison "
            f"needs {LEAST_GROUPS}"
        )
    return Pairing(
        base=(codes["base 0"], codes["base 1"]),
        other=(codes["other 0"], codes["other 1"]),
        kept=kept,
        sizes=sizes,
        counted=counted,
    )


def _count_up(first: NDArray[Any], second: NDArray[Any]) -> bool:
    """Whether the ids of a set are 0, 1, 2, … without a gap."""
    if first.dtype.kind == "U":
        return False
    ids = np.union1d(first, second)
    return bool(ids[0] == 0 and ids[-1] == len(ids) - 1)
