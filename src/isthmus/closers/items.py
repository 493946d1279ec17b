"""Matched groups as items to draw from: one row of each modality."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, forget, take_rows, to_numpy, unit_rows
from ..embeddings import Embeddings

Places = NDArray[np.int64]


class Items(NamedTuple):
    """The rows of each modality, in the order of their groups.

    Attributes
    ----------
    arrays:
        Modality → its rows, (N_m, D).
    order:
        Modality → indices of the rows, by group.
    first, counts:
        Modality → where each group begins in `order`, and how many rows it has there, (G,).
    """

    arrays: dict[str, Array]
    order: dict[str, Places]
    first: dict[str, Places]
    counts: dict[str, Places]

    @classmethod
    def of(cls, embeddings: Embeddings) -> Items:
        """All groups that have rows of two modalities or more.

        >>> space = Embeddings(
        ...     {"image": np.eye(3), "text": np.eye(3)[:2]},
        ...     groups={"image": [5, 7, 7], "text": [7, 9]},
        ... )
        >>> Items.of(space).counts
        {'image': array([2]), 'text': array([1])}
        """
        codes = embeddings.codes
        own = {name: np.unique(found) for name, found in codes.items()}
        groups, present = np.unique(np.concatenate(list(own.values())), return_counts=True)
        matched = groups[present > 1]
        order = {name: np.argsort(found, kind="stable") for name, found in codes.items()}
        first, counts = {}, {}
        for name, found in codes.items():
            sorted_codes = found[order[name]]
            first[name] = np.searchsorted(sorted_codes, matched, side="left")
            last = np.searchsorted(sorted_codes, matched, side="right")
            counts[name] = last - first[name]
        return cls(dict(embeddings.arrays), order, first, counts)

    def __len__(self) -> int:
        return len(next(iter(self.counts.values())))

    def draw(
        self, groups: Places, rng: np.random.Generator
    ) -> dict[str, tuple[NDArray[np.floating], NDArray[np.bool_]]]:
        """Modality → a unit row of each group, drawn at random, (g, D), and whether it has any.

        Where a group has none, the row is one of another.
        """
        drawn = {}
        for name, x in self.arrays.items():
            counts = self.counts[name][groups]
            has = counts > 0
            within = (rng.random(len(groups)) * counts).astype(np.int64)
            place = np.where(has, self.first[name][groups] + within, 0)
            rows = to_numpy(unit_rows(take_rows(x, self.order[name][place])))
            forget(x)
            drawn[name] = rows, has
        return drawn
