"""Strips of queries with their matches' scores, and counts of what lies above those."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import NDArray

from ..arrays import Array, check_widths, take_rows, to_numpy
from ..errors import InputError
from ..matching import Codes, count_matches, given_or_positional
from .strips import NOTHING, SCORE_BYTES, STRIP_BYTES, Gallery, Hidden, Strip, strips

MATCH_BYTES = 96
"""Memory per match of a query in a strip: its place, its score, its ranks."""

FEW_MATCHES = 16
"""Up to so many thresholds, comparing all scores with each beats sorting the scores."""

GATHERED = 64
"""A match's score costs about so many times as much by itself as within a product of tiles."""

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class MatchedStrip:
    """A few queries and their matches among the candidates.

    Attributes
    ----------
    strip:
        The queries, and their cosines with all candidates.
    counts:
        (q,) number of matches of each, at least 1.
    places:
        (q, P) the matches' places in ascending order, P being the largest count; M after the
        last.
    """

    strip: Strip
    counts: Counts
    places: NDArray[np.int64]

    @property
    def rows(self) -> NDArray[np.int64]:
        """(q,) the queries, as rows of all queries."""
        return self.strip.rows

    @property
    def rounding(self) -> float:
        """Scores that differ by no more are tied."""
        return self.strip.gallery.rounding

    @cached_property
    def matches(self) -> Array:
        """(q, ≥ P) cosines with the matches, in any order; `NOTHING` where there are fewer.

        Known before any other score is: gathered rows give them, or, where that would take
        longer, a pass over the candidates of its own. A gallery of one block is multiplied
        out once and remembered.
        """
        gallery = self.strip.gallery
        if gallery.block_rows >= gallery.size:
            return self._own(slice(0, gallery.size), self.strip.whole)
        if GATHERED * self.places.shape[1] <= gallery.size:
            return self._gathered()
        quiet = self.strip.part(np.arange(len(self.rows)))
        xp = array_namespace(quiet.units)
        return xp.concat([self._own(*block) for block in quiet.blocks()], axis=1)

    def wrong(
        self, thresholds: Array, *, also: Callable[[slice, Array], None] | None = None
    ) -> tuple[Counts, Counts]:
        """Candidates that do not match: how many score above, and how many level with, each.

        (q, T) scores of matches in, two (q, T) counts on the host out. `also` is called with
        every block that is visited: its places, and the cosines (q, m).
        """
        low, high = thresholds - self.rounding, thresholds + self.rounding
        above: Array = 0
        reach: Array = 0
        for block, scores in self.strip.blocks():
            if also is not None:
                also(block, scores)
            own = self._own(block, scores)  # scored alike, so that it cancels exactly
            above_all, reach_all = _count(scores, low, high)
            above_own, reach_own = _count(own, low, high)
            above = above + (above_all - above_own)
            reach = reach + (reach_all - reach_own)
        return _host(above), _host(reach - above)

    def ranks(self, *, also: Callable[[slice, Array], None] | None = None) -> tuple[Counts, Counts]:
        """Optimistic and pessimistic rank of every match, best match first, (q, P) each.

        The t-th best match of a query ranks t, plus one for every candidate that does not
        match and scores above it (optimistic), or above it or level (pessimistic). Places
        beyond a query's count hold no match. `also` as in `wrong`.
        """
        xp = array_namespace(self.matches)
        ordered = xp.sort(self.matches, axis=1, descending=True, stable=False)
        above, level = self.wrong(ordered[:, : self.places.shape[1]], also=also)
        optimistic = above + np.arange(1, above.shape[1] + 1)
        return optimistic, optimistic + level

    def _own(self, block: slice, scores: Array) -> Array:
        """Those of a block's scores that are matches', (q, at most P), then `NOTHING`."""
        xp, where = array_namespace(scores), device(scores)
        step = self.strip.gallery.size + 1
        begin = np.arange(len(self.rows))
        first, last = (
            np.searchsorted(self._keys, begin * step + place) for place in (block.start, block.stop)
        )
        nth = first[:, None] + np.arange((last - first).max())
        present = nth < last[:, None]
        flat = self.places.reshape(-1)
        columns = np.where(present, flat[np.where(present, nth, 0)] - block.start, 0)
        own = xp.take_along_axis(scores, xp.asarray(columns, device=where), axis=1)
        return own if present.all() else xp.where(xp.asarray(present, device=where), own, NOTHING)

    @cached_property
    def _keys(self) -> NDArray[np.int64]:
        """(q · P,) query and place of every match as one ascending number."""
        step = self.strip.gallery.size + 1
        keys: NDArray[np.int64] = np.arange(len(self.rows))[:, None] * step + self.places
        return keys.reshape(-1)

    def _gathered(self) -> Array:
        """(q, P) cosines with the matches from their rows alone, nearest places together."""
        units, gallery = self.strip.units, self.strip.gallery
        xp = array_namespace(units)
        found = np.full(self.places.shape, NOTHING)
        i, nth = np.nonzero(self.places < gallery.size)
        order = np.argsort(self.places[i, nth], kind="stable")
        i, nth = i[order], nth[order]
        step = max(1, STRIP_BYTES // (16 * units.shape[1]))
        for start in range(0, len(i), step):
            query, match = i[start : start + step], nth[start : start + step]
            rows = gallery.at(self.places[query, match])  # (p, D)
            found[query, match] = to_numpy(xp.linalg.vecdot(take_rows(units, query), rows))
        return xp.asarray(found, dtype=units.dtype, device=device(units))


def matched_strips(
    queries: Array,
    gallery: Gallery,
    query_codes: Codes,
    candidate_codes: Codes,
    *,
    rows: NDArray[np.int64] | None = None,
    score_bytes: int = SCORE_BYTES,
    hidden: Hidden | None = None,
) -> Iterator[MatchedStrip]:
    """Strips of all queries that have a match, those with fewest matches first.

    Queries of equal counts share a strip, so that a query with thousands of matches does not
    widen the others' strips: memory stays bounded for any groups.

    Parameters
    ----------
    queries:
        (N, D).
    query_codes, candidate_codes:
        (N,) and (M,) integers, equal where a query matches a candidate.
    rows:
        Queries to visit; all of them if not given. Those without a match are left out.
    score_bytes, hidden:
        As in `strips`; no match may be hidden.
    """
    counts = count_matches(query_codes, candidate_codes)
    chosen = np.arange(len(query_codes)) if rows is None else rows
    chosen = chosen[counts[chosen] > 0]
    chosen = chosen[np.argsort(counts[chosen], kind="stable")]
    places = np.argsort(candidate_codes, kind="stable")
    first = np.searchsorted(candidate_codes[places], query_codes)
    for strip in strips(
        queries,
        gallery,
        rows=chosen,
        costs=MATCH_BYTES * counts[chosen],
        score_bytes=score_bytes,
        hidden=hidden,
    ):
        own = counts[strip.rows]
        nth = np.arange(own.max())
        present = nth < own[:, None]
        found = places[np.where(present, first[strip.rows, None] + nth, 0)]  # (q, P)
        yield MatchedStrip(strip, own, np.where(present, found, gallery.size))


def checked_codes(
    queries: Array, candidates: Array, codes: tuple[Codes, Codes] | None
) -> tuple[Codes, Codes]:
    """Codes of queries and candidates, by position where none are given; an error if none match."""
    codes = given_or_positional(codes, queries.shape[0], candidates.shape[0])
    check_widths(queries, candidates)
    if not np.isin(*codes).any():
        raise InputError("no query matches a candidate")
    return codes


def _count(values: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """For each threshold, values of its row above `high` and values of at least `low`."""
    xp = array_namespace(values)
    wide = range(low.shape[1])
    if len(wide) <= FEW_MATCHES:
        above = [xp.count_nonzero(values > high[:, t, None], axis=1) for t in wide]
        reach = [xp.count_nonzero(values >= low[:, t, None], axis=1) for t in wide]
        return xp.stack(above, axis=1), xp.stack(reach, axis=1)
    ordered = xp.sort(values, axis=1, stable=False)
    span = range(values.shape[0])
    beneath = [xp.searchsorted(ordered[i, :], high[i, :], side="right") for i in span]
    short = [xp.searchsorted(ordered[i, :], low[i, :], side="left") for i in span]
    m = values.shape[1]
    return m - xp.stack(beneath, axis=0), m - xp.stack(short, axis=0)


def _host(counts: Array) -> Counts:
    return np.asarray(to_numpy(counts), dtype=np.int64)
