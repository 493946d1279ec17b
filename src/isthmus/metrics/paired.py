"""Two sets of embeddings of the same items: how much they differ, by paired bootstrap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, take_rows
from ..embeddings import Embeddings
from ..matching import Codes
from ..progress import steps
from .intervals import BLOCKS, GapSums, draw
from .pairing import Pairing, pair_sets
from .recall import ranks
from .uncertainty import Interval, interval_around

QUERIES = 20_000
"""Queries of each direction whose hits are compared, at most about so many."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class PairedDifference:
    """A pair of modalities in two sets of the same items.

    Attributes
    ----------
    modalities:
        Their names.
    pairing:
        The groups that are compared; all numbers here are of them alone.
    rows:
        Modality → number of rows of those groups in the base, and in the other set.
    base, other:
        "l2m", "rmg", "pair_cosine" and "recall@1 a→b" of each set.
    differences:
        The same, other less base, with paired intervals.
    """

    modalities: tuple[str, str]
    pairing: Pairing
    rows: Mapping[str, tuple[int, int]]
    base: Mapping[str, float]
    other: Mapping[str, float]
    differences: Mapping[str, Interval]


def paired_difference(
    base: Embeddings,
    other: Embeddings,
    modalities: tuple[str, str],
    *,
    resamples: int = 1000,
    level: float = 0.95,
    max_queries: int = QUERIES,
    seed: int = 0,
) -> PairedDifference:
    """What another model changes: L2M, RMG, pair cosine and R@1, other less base.

    The same groups are drawn for both sets, so what is common to both cancels, and the
    interval is of the difference itself. The widths of the sets may differ.

    Parameters
    ----------
    base, other:
        Sets whose group ids name the same items (`pair_sets` says when).
    modalities:
        Two modalities that both have.
    resamples, level, seed:
        Of the bootstrap over groups.
    max_queries:
        R@1 is of all queries of the groups, or of those of a seeded sample of groups that has
        about so many.

    Raises
    ------
    InputError
        Sets that do not pair, or a modality that one of them lacks.

    Notes
    -----
    Each set is measured once. Groups are dealt into at most `intervals.BLOCKS` blocks, whose
    sums give the gap of any redraw, and whose hits its R@1: Σ w_b h_b / Σ w_b n_b. Candidates
    of a search stay as they are; only queries are redrawn, as in `mean_interval`. Intervals are
    the difference plus the quantiles of the redraws' deviations from their own mean.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> image, text = rng.normal(size=(2, 50, 8))
    >>> found = paired_difference(
    ...     Embeddings({"image": image, "text": text + 2}),
    ...     Embeddings({"image": image, "text": text}),
    ...     ("image", "text"),
    ... )
    >>> found.differences["l2m"].high < 0
    True
    """
    spaces = base, other
    pairing = pair_sets(base, other, modalities)
    codes = pairing.base, pairing.other
    rng = np.random.default_rng(seed)
    kept = np.flatnonzero(pairing.kept)
    blocks = min(len(kept), BLOCKS)
    block_of = np.full(len(pairing.kept), blocks)
    block_of[kept] = rng.permutation(len(kept)) % blocks
    asked = _asked(pairing, max_queries, rng)
    sets = []
    with steps(dict.fromkeys(("base", "other"), 1.0)) as step:
        for which, space, own in zip(("base", "other"), spaces, codes, strict=True):
            arrays = space[modalities[0]], space[modalities[1]]
            with step(which):
                sets.append(_Sums.of(arrays, own, pairing.kept, asked, block_of, blocks))
    values = [each.numbers(np.ones(blocks)) for each in sets]
    redrawn = []
    for _ in range(resamples):
        weights = draw(rng, blocks)
        if all(each.enough(weights) for each in sets):
            redrawn.append(sets[1].numbers(weights) - sets[0].numbers(weights))
    a, b = modalities
    names = "l2m", "rmg", "pair_cosine", f"recall@1 {a}→{b}", f"recall@1 {b}→{a}"
    deviations = np.asarray(redrawn)  # (resamples, 5)
    return PairedDifference(
        modalities=modalities,
        pairing=pairing,
        rows={
            name: (int(pairing.kept[codes[0][k]].sum()), int(pairing.kept[codes[1][k]].sum()))
            for k, name in enumerate(modalities)
        },
        base=dict(zip(names, values[0].tolist(), strict=True)),
        other=dict(zip(names, values[1].tolist(), strict=True)),
        differences={
            name: interval_around(float(value), deviations[:, k], level)
            for k, (name, value) in enumerate(zip(names, values[1] - values[0], strict=True))
        },
    )


@dataclass(frozen=True)
class _Sums:
    """What a redraw of one set follows from: its gap's sums, and its hits by block."""

    gap: GapSums
    hits: tuple[Values, Values]
    queries: tuple[Values, Values]

    @classmethod
    def of(
        cls,
        arrays: tuple[Array, Array],
        codes: tuple[Codes, Codes],
        kept: NDArray[np.bool_],
        asked: NDArray[np.bool_],
        block_of: Codes,
        blocks: int,
    ) -> _Sums:
        ways = []
        with steps({"gap": 1, "first as queries": 4, "second as queries": 4}) as step:
            with step("gap"):
                gap = GapSums.of(*arrays, codes, block_of, blocks)
            for k, which in enumerate(("first as queries", "second as queries")):
                with step(which):
                    pair = arrays[k], arrays[1 - k]
                    ways.append(_hits(*pair, (codes[k], codes[1 - k]), kept, asked))
        hits = [np.bincount(block_of[own], hit, blocks).astype(float) for own, hit in ways]
        queries = [np.bincount(block_of[own], minlength=blocks).astype(float) for own, _ in ways]
        return cls(gap, (hits[0], hits[1]), (queries[0], queries[1]))

    def enough(self, weights: Values) -> bool:
        return self.gap.enough(weights) and min(float(weights @ own) for own in self.queries) > 0

    def numbers(self, weights: Values) -> Values:
        """L2M, RMG, pair cosine, and R@1 of both ways, (5,)."""
        found = (
            float(weights @ hits) / float(weights @ queries)
            for hits, queries in zip(self.hits, self.queries, strict=True)
        )
        return np.array([*self.gap.numbers(weights), *found])


def _asked(pairing: Pairing, max_queries: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(G,) whether a group's rows are queries: as many groups as have `max_queries` rows."""
    matched = pairing.kept.copy()
    sizes = np.zeros(len(matched), dtype=np.int64)
    for codes in (*pairing.base, *pairing.other):
        own = np.bincount(codes, minlength=len(matched))
        matched &= own > 0
        sizes = np.maximum(sizes, own)
    order = rng.permutation(np.flatnonzero(matched))
    asked = np.zeros_like(matched)
    asked[order[: 1 + int(np.searchsorted(np.cumsum(sizes[order]), max_queries))]] = True
    return asked


def _hits(
    x: Array,
    y: Array,
    codes: tuple[Codes, Codes],
    kept: NDArray[np.bool_],
    asked: NDArray[np.bool_],
) -> tuple[Codes, NDArray[np.bool_]]:
    """Group of each query among the rows of x, and whether its first match has rank one."""
    rows, candidates = np.flatnonzero(asked[codes[0]]), np.flatnonzero(kept[codes[1]])
    queries = x if len(rows) == x.shape[0] else take_rows(x, rows)
    gallery = y if len(candidates) == y.shape[0] else take_rows(y, candidates)
    groups = codes[0][rows]
    return groups, ranks(queries, gallery, (groups, codes[1][candidates])).mean <= 1
