"""The one-pass part of a measurement as a state that shards add up to.

State of a shard, of any machine: the moments of every modality and of every pair. States
merge to that of the whole, so a cluster's jobs each measure a part of the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..embeddings import Embeddings
from ..errors import InputError
from ..files import load_arrays, save_arrays
from .gap import l2m_from, rmg_from
from .moments import Moments
from .one_pass import of_each, positional_moments
from .pair_moments import PairMoments

FORMAT = "isthmus-state"
_SEPARATOR = "\t"  # between the names of a pair; no file or column is called so


@dataclass(frozen=True)
class GapState:
    """Moments of modalities by name, and of their matched pairs by pair of names."""

    moments: Mapping[str, Moments]
    pairs: Mapping[tuple[str, str], PairMoments]

    @classmethod
    def of(cls, embeddings: Embeddings) -> GapState:
        """Moments of every modality and of every pair with a group in common.

        One pass over all rows where row i of every modality matches row i of the others alone;
        else one over every modality and one over every pair's matches.

        >>> GapState.of(Embeddings({"a": np.eye(3), "b": np.eye(3)})).rmg("a", "b")
        0.0
        """
        names = embeddings.names
        if same_rows(embeddings):
            found, matched = positional_moments(list(embeddings.arrays.values()))
            pairs = {(names[a], names[b]): sums for (a, b), sums in matched.items()}
            return cls(dict(zip(names, found, strict=True)), pairs)
        return cls(of_each(embeddings.arrays, Moments.of), matched_pair_moments(embeddings))

    def merge(self, other: GapState) -> GapState:
        """The state of both sets of rows together."""
        if set(self.moments) != set(other.moments):
            raise InputError(
                "states of different modalities cannot be merged: "
                f"found {', '.join(self.moments)} and {', '.join(other.moments)}"
            )
        pairs = dict(self.pairs)
        for key, found in other.pairs.items():
            pairs[key] = pairs[key].merge(found) if key in pairs else found
        return GapState(
            {name: m.merge(other.moments[name]) for name, m in self.moments.items()}, pairs
        )

    def l2m(self, a: str, b: str) -> float:
        """Distance of the centres of two modalities."""
        return l2m_from(self.moments[a], self.moments[b])

    def rmg(self, a: str, b: str) -> float:
        """Relative modality gap of two modalities."""
        return rmg_from(self.moments[a], self.moments[b], self.pairs[a, b])

    def save(self, path: Path | str) -> None:
        """Write the state as one safetensors file."""
        arrays: dict[str, NDArray[Any]] = {}
        for name, m in self.moments.items():
            arrays[f"total.{name}"] = m.total
            arrays[f"count.{name}"] = np.array([m.count])
        for (a, b), p in self.pairs.items():
            arrays[f"pair.{a}{_SEPARATOR}{b}"] = np.array(
                [p.count, p.distance_total, p.squared_total], dtype=np.float64
            )
        save_arrays(path, arrays, form=FORMAT)

    @classmethod
    def load(cls, path: Path | str) -> GapState:
        """Read a state that `save` wrote; an InputError if the file is anything else."""
        _, arrays = load_arrays(path, form=FORMAT, what="a state")
        try:
            return cls._from_arrays(arrays)
        except (KeyError, IndexError) as error:
            raise InputError(f"cannot read {path} as a state: {error}") from error

    @classmethod
    def _from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> GapState:
        moments, pairs = {}, {}
        for key, array in arrays.items():
            kind, _, name = key.partition(".")
            if kind == "total":
                moments[name] = Moments(int(arrays[f"count.{name}"][0]), array)
            elif kind == "pair":
                a, _, b = name.partition(_SEPARATOR)
                pairs[a, b] = PairMoments(int(array[0]), float(array[1]), float(array[2]))
        return cls(moments, pairs)


def same_rows(embeddings: Embeddings) -> bool:
    """Whether row i of every modality matches row i of the others, and no other row.

    >>> same_rows(Embeddings({"a": np.eye(3), "b": np.eye(3)}))
    True
    """
    first, *others = embeddings.codes.values()
    paired = all(np.array_equal(first, other) for other in others)
    return paired and len(np.unique(first)) == len(first)


def matched_pair_moments(embeddings: Embeddings) -> dict[tuple[str, str], PairMoments]:
    """Moments of the matches of every two modalities with a group in common.

    >>> list(matched_pair_moments(Embeddings({"a": np.eye(3), "b": np.eye(3)})))
    [('a', 'b')]
    """
    codes = embeddings.codes
    return {
        (a, b): PairMoments.of(embeddings[a], embeddings[b], (codes[a], codes[b]))
        for a, b in embeddings.pairs
        if np.isin(codes[a], codes[b]).any()
    }
