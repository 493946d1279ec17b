"""Parts and redraws of a set of embeddings, by group: what belongs together stays together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .arrays import take_rows
from .embeddings import Embeddings
from .errors import InputError

Rows = Mapping[str, NDArray[np.int64]]


def group_count(embeddings: Embeddings) -> int:
    """Number of distinct groups over all modalities."""
    return 1 + int(max(codes.max() for codes in embeddings.codes.values()))


def take(embeddings: Embeddings, rows: Rows, *, groups: Rows | None = None) -> Embeddings:
    """The given rows of each modality, with their ids and labels, or with new ids."""
    return Embeddings(
        {name: take_rows(embeddings[name], index) for name, index in rows.items()},
        groups=groups or {name: embeddings.groups[name][index] for name, index in rows.items()},
        labels=embeddings.labels
        and {name: embeddings.labels[name][index] for name, index in rows.items()},
        attributes={
            attribute: {name: values[name][index] for name, index in rows.items()}
            for attribute, values in embeddings.attributes.items()
        },
        unpaired=embeddings.unpaired,
    )


def shard(embeddings: Embeddings, index: int, count: int) -> Embeddings:
    """Part `index` of `count` (from 0): whole groups, so that no match crosses a border.

    Raises
    ------
    InputError
        An index outside 0 … count − 1, or more shards than some modality has groups.
    """
    if not 0 <= index < count:
        raise InputError(f"shard {index}/{count} does not exist: count from 0 to {count - 1}")
    groups = group_count(embeddings)
    low, high = (groups * k // count for k in (index, index + 1))
    rows = {
        name: np.flatnonzero((codes >= low) & (codes < high))
        for name, codes in embeddings.codes.items()
    }
    if empty := [name for name, chosen in rows.items() if len(chosen) < 2]:
        raise InputError(
            f"shard {index}/{count} leaves fewer than two rows of modality '{empty[0]}': "
            "use fewer shards"
        )
    return take(embeddings, rows)


def redraw(embeddings: Embeddings, chosen: NDArray[np.int64]) -> Embeddings:
    """The groups with the given codes, each as often as it is chosen, as groups of their own."""
    order = {name: np.argsort(codes, kind="stable") for name, codes in embeddings.codes.items()}
    rows: dict[str, NDArray[np.int64]] = {}
    groups: dict[str, NDArray[np.int64]] = {}
    for name, codes in embeddings.codes.items():
        ordered = codes[order[name]]
        first = np.searchsorted(ordered, chosen, side="left")
        size = np.searchsorted(ordered, chosen, side="right") - first
        within = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        rows[name] = order[name][np.repeat(first, size) + within]
        groups[name] = np.repeat(np.arange(len(chosen)), size)
    return take(embeddings, rows, groups=groups)


def shuffle_pairing(embeddings: Embeddings, rng: np.random.Generator) -> Embeddings:
    """The same rows, the groups of each modality but the first matched to others at random.

    Groups keep their sizes: what is shuffled is which group of one modality belongs to which
    of another.
    """
    groups = group_count(embeddings)
    names = embeddings.names
    codes = {name: np.asarray(embeddings.codes[name]) for name in names}
    for name in names[1:]:
        codes[name] = rng.permutation(groups)[codes[name]]
    return Embeddings(
        embeddings.arrays,
        groups=codes,
        labels=embeddings.labels,
        attributes=embeddings.attributes,
    )
