"""What a calibration looks at: some rows of each modality, by whole groups, in blocks of groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from array_api_compat import is_array_api_obj
from numpy.typing import NDArray

from ..arrays import Array, take_rows, to_numpy
from ..checks import check_rows, checked_unit_rows
from ..embeddings import Embeddings
from ..errors import InputError
from ..matching import Codes, count_matches

if TYPE_CHECKING:
    from ..closers import Closer

BLOCKS = 20
"""Blocks that groups are dealt into at most; each is held out once."""

LEAST = 10
"""Groups with a match that a type of pairs needs, for probabilities and a stated recall."""

PairType = tuple[str, str]
"""Modality of the query, modality of the candidate."""


@dataclass(frozen=True)
class Sample:
    """Unit rows of each modality with the group and the block of each.

    Attributes
    ----------
    rows:
        Name → (n, D) unit rows on the host.
    codes:
        Name → (n,) groups, equal across modalities where rows match.
    blocks:
        Name → (n,) block of each row's group, 0 … `count` − 1.
    count:
        Number of blocks.
    """

    rows: Mapping[str, NDArray[np.floating]]
    codes: Mapping[str, Codes]
    blocks: Mapping[str, Codes]
    count: int

    @classmethod
    def of(
        cls, embeddings: Embeddings, *, limit: int, seed: int, closer: Closer | None = None
    ) -> Sample:
        """Whole groups, at random, up to `limit` rows of each modality; matched groups first."""
        codes = embeddings.codes
        count = 1 + max(int(own.max()) for own in codes.values())
        sizes = np.stack([np.bincount(own, minlength=count) for own in codes.values()])
        rng = np.random.default_rng(seed)
        order = rng.permutation(count)
        order = order[np.argsort(sizes[:, order].sum(axis=0) < 2, kind="stable")]
        filled = np.cumsum(sizes[:, order], axis=1).max(axis=0)
        kept = max(int(np.searchsorted(filled, limit, side="right")), 2 * BLOCKS)
        block_of = np.full(count, -1)
        block_of[order[:kept]] = np.arange(min(kept, count)) % BLOCKS
        chosen = {}
        for name, own in codes.items():
            rows = np.flatnonzero(block_of[own] >= 0)
            if len(rows) > limit:  # few groups of many rows
                rows = np.sort(rng.choice(rows, limit, replace=False))
            chosen[name] = rows
        return cls(
            {name: unit(embeddings[name], name, rows, closer) for name, rows in chosen.items()},
            {name: codes[name][rows] for name, rows in chosen.items()},
            {name: block_of[codes[name][rows]] for name, rows in chosen.items()},
            min(BLOCKS, count),
        )

    @classmethod
    def unmatched(
        cls,
        modalities: Mapping[str, Array],
        *,
        limit: int,
        seed: int,
        closer: Closer | None = None,
    ) -> Sample:
        """Rows of each modality, at random up to `limit`, each a group of its own."""
        if not modalities:
            raise InputError("a calibration needs rows of at least one modality; found none")
        arrays = {name: check_rows(x, name) for name, x in modalities.items()}
        widths = {name: x.shape[1] for name, x in arrays.items()}
        if len(set(widths.values())) > 1:
            listed = ", ".join(f"{name} has {width}" for name, width in widths.items())
            raise InputError(f"modalities must share one space; found {listed} columns")
        rng = np.random.default_rng(seed)
        chosen, codes, start = {}, {}, 0
        for name, x in arrays.items():
            chosen[name] = np.sort(rng.permutation(x.shape[0])[:limit])
            codes[name] = start + np.arange(len(chosen[name]))
            start += len(chosen[name])
        return cls(
            {name: unit(x, name, chosen[name], closer) for name, x in arrays.items()},
            codes,
            {name: rng.permutation(len(rows)) % BLOCKS for name, rows in chosen.items()},
            BLOCKS,
        )

    @property
    def types(self) -> Iterator[PairType]:
        """Every pair of modalities, in order, and each modality with itself."""
        names = list(self.rows)
        for k, first in enumerate(names):
            for second in names[k + 1 :]:
                yield first, second
        for name in names:
            yield name, name

    def matched_groups(self, kind: PairType) -> int:
        """Groups that have a match of this type."""
        first, second = kind
        if first != second:
            return len(np.intersect1d(self.codes[first], self.codes[second]))
        return int((np.unique(self.codes[first], return_counts=True)[1] > 1).sum())


def match_share(embeddings: Embeddings, kind: PairType) -> float:
    """Share of matches among all pairs of rows of this type, of different rows."""
    first, second = (embeddings.codes[name] for name in kind)
    matches = int(count_matches(first, second).sum())
    if kind[0] == kind[1]:
        return (matches - len(first)) / (len(first) * (len(first) - 1))
    return matches / (len(first) * len(second))


def unit(
    x: Array, name: str, rows: NDArray[np.int64], closer: Closer | None
) -> NDArray[np.floating]:
    """Those rows of a modality, closed where there is a closer, as unit rows on the host."""
    taken = take_rows(x, rows)
    if closer is not None:
        taken = closer.transform(taken, modality=name)
    return np.asarray(to_numpy(checked_unit_rows(taken, name)))


def given_units(x: Array, name: str, dimension: int, first: int = 0) -> NDArray[np.floating]:
    """Rows (n, D) that a caller gives, n ≥ 1, as unit rows on the host; checked.

    `first` is the number of the first row in messages.
    """
    array = as_array(x)
    if array.ndim != 2 or array.shape[1] != dimension:
        raise InputError(
            f"this calibration was fitted on {dimension} dimensions; rows of modality '{name}' "
            f"must be of shape (n, {dimension}), found {tuple(array.shape)}"
        )
    return np.asarray(to_numpy(checked_unit_rows(array, name, first)))


def as_array(x: Array) -> Array:
    """The array, or numpy's of a list."""
    return x if is_array_api_obj(x) else np.asarray(x)
