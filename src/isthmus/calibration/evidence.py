"""Scores of matches and of other pairs, counted in cells of score by block of groups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .scores import BlockScores

_MATCH_LEVELS = 400
_OTHER_LEVELS = 200
_TAIL_LEVELS = 400

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Evidence:
    """How many matches and other pairs score how much: everything else follows from it.

    Cell 0 lies below the first edge, cell k from edge k − 1 on, the last from the last edge
    on. Edges are scores that occur: all of few matches, quantiles of many, and the highest
    scores of other pairs one by one, so that the counts at edges are exact.

    Attributes
    ----------
    edges:
        (K,) ascending.
    centres:
        (K + 1,) mean score of the pairs in each cell.
    matches:
        (B, K + 1) matches of each block's groups.
    others:
        (B, K + 1) other pairs with a row in the block; a pair across two blocks is in both.
    all_others:
        (K + 1,) other pairs, each once.
    """

    edges: NDArray[np.float64]
    centres: NDArray[np.float64]
    matches: Counts
    others: Counts
    all_others: Counts

    @classmethod
    def of(cls, scores: Iterable[BlockScores], blocks: int) -> Evidence:
        """Count scores that come by pairs of blocks."""
        parts = list(scores)
        edges = _edges(
            np.concatenate([part.matches for part in parts]),
            np.concatenate([part.others for part in parts]),
        )
        cells = len(edges) + 1
        matches, others = np.zeros((2, blocks, cells), dtype=np.int64)
        all_others, sums = np.zeros(cells, dtype=np.int64), np.zeros(cells)
        for first, second, own, foreign in parts:
            for values, touched in ((own, matches), (foreign, others)):
                cell = np.searchsorted(edges, values, side="right")
                counts = np.bincount(cell, minlength=cells)
                sums += np.bincount(cell, weights=values, minlength=cells)
                touched[first] += counts
                if values is foreign:
                    all_others += counts
                    if first != second:
                        touched[second] += counts
        total = matches.sum(axis=0) + all_others
        middle = np.concatenate([edges[:1], edges])
        centres = np.where(total > 0, sums / np.maximum(total, 1), middle)
        return cls(edges, centres, matches, others, all_others)

    @property
    def blocks(self) -> int:
        """B."""
        return len(self.matches)

    @cached_property
    def all_matches(self) -> Counts:
        """(K + 1,) matches in each cell."""
        return np.asarray(self.matches.sum(axis=0))

    @property
    def n_matches(self) -> int:
        """How many matches were scored."""
        return int(self.all_matches.sum())

    @property
    def n_others(self) -> int:
        """How many other pairs were scored."""
        return int(self.all_others.sum())

    @property
    def means(self) -> tuple[float | None, float]:
        """Mean score of matches, where there are any, and of other pairs."""
        others = float(self.all_others @ self.centres / self.n_others)
        if not self.n_matches:
            return None, others
        return float(self.all_matches @ self.centres / self.n_matches), others

    @property
    def auc(self) -> float:
        """Share of (match, other pair) in which the match scores higher; a shared cell is ½."""
        others = self.all_others
        below = np.cumsum(others) - others
        wins = self.all_matches @ (below + others / 2)
        return float(wins / (self.n_matches * self.n_others))

    def passing(self, threshold: float) -> float:
        """Share of other pairs that score at least so much, straight between edges."""
        return float(self._share_from(self.all_others, np.asarray(threshold)))

    def p_values(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """(k + 1) / (n + 1), with k of the n other pairs scoring at least as high.

        Of scores between edges, those from the edge below: never too small.
        """
        above = np.concatenate([[self.n_others], from_edges(self.all_others)])
        k = above[np.searchsorted(self.edges, scores, side="right")]
        return np.asarray((k + 1) / (self.n_others + 1))

    def _share_from(self, counts: Counts, at: NDArray[np.float64]) -> NDArray[np.float64]:
        share = from_edges(counts) / counts.sum()
        return np.asarray(np.interp(at, self.edges, share, left=1.0, right=0.0))

    def density(self, bounds: NDArray[np.float64], *, matches: bool) -> NDArray[np.float64]:
        """Density of scores between successive bounds, for a histogram."""
        counts = self.all_matches if matches else self.all_others
        share = self._share_from(counts, bounds)
        return np.asarray(-np.diff(share) / np.diff(bounds))

    def without(self, block: int) -> tuple[Counts, Counts]:
        """Matches and other pairs in each cell that have no row in the block."""
        return self.all_matches - self.matches[block], self.all_others - self.others[block]


def from_edges(counts: Counts) -> Counts:
    """(…, K + 1) counts in cells → (…, K) how many lie at each edge or above."""
    return np.asarray(np.cumsum(counts[..., :0:-1], axis=-1)[..., ::-1])


def _edges(matches: NDArray[np.floating], others: NDArray[np.floating]) -> NDArray[np.float64]:
    high = np.sort(others)
    ranks = np.geomspace(1, len(high), min(_TAIL_LEVELS, len(high))).round().astype(np.int64)
    even = np.linspace(0, len(high) - 1, min(_OTHER_LEVELS, len(high))).round().astype(np.int64)
    low = np.sort(matches)
    own = np.linspace(0, len(low) - 1, min(_MATCH_LEVELS, len(low))).round().astype(np.int64)
    parts = [high[-ranks], high[ranks[ranks <= len(high) // 2] - 1], high[even], low[own]]
    return np.unique(np.concatenate(parts).astype(np.float64))
