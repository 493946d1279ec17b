"""Strips of scores with each query's matches picked out, and counts of what lies above them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import NDArray

from ..arrays import Array, check_widths, to_numpy
from ..errors import InputError
from ..matching import Codes, count_matches, given_or_positional
from .strips import SCORE_BYTES, Gallery, strip_rows

NOTHING = -2.0
"""Score in the place of a match or candidate that is not there: below any cosine."""

MATCH_BYTES = 64
"""Memory per match of a query in a strip: its place, its score, its ranks."""

FEW_MATCHES = 16
"""Up to so many thresholds, comparing all scores with each beats sorting the scores."""

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class MatchedStrip:
    """Scores of a few queries, and those of their matches.

    Attributes
    ----------
    rows:
        (q,) the queries, as rows of all queries.
    counts:
        (q,) number of matches of each, at least 1.
    scores:
        (q, M) cosines with all candidates.
    matches:
        (q, P) cosines with its matches, P being the largest count; `NOTHING` after the last.
    rounding:
        Scores that differ by no more are tied.
    """

    rows: NDArray[np.int64]
    counts: Counts
    scores: Array
    matches: Array
    rounding: float

    def wrong(self, thresholds: Array) -> tuple[Counts, Counts]:
        """Candidates that do not match: how many score above, and how many level with, each.

        (q, T) scores of matches in, two (q, T) counts on the host out.
        """
        low, high = thresholds - self.rounding, thresholds + self.rounding
        above_all, reach_all = _count(self.scores, low, high)
        above_own, reach_own = _count(self.matches, low, high)
        above = above_all - above_own
        return above, reach_all - reach_own - above

    def ranks(self) -> tuple[Counts, Counts]:
        """Optimistic and pessimistic rank of every match, best match first, (q, P) each.

        The t-th best match of a query ranks t, plus one for every candidate that does not
        match and scores above it (optimistic), or above it or level (pessimistic). Places
        beyond a query's count hold no match.
        """
        xp = array_namespace(self.matches)
        ordered = xp.sort(self.matches, axis=1, descending=True, stable=False)
        above, level = self.wrong(ordered)
        optimistic = above + np.arange(1, above.shape[1] + 1)
        return optimistic, optimistic + level


def matched_strips(
    queries: Array,
    gallery: Gallery,
    query_codes: Codes,
    candidate_codes: Codes,
    *,
    rows: NDArray[np.int64] | None = None,
    own_place: int | None = None,
) -> Iterator[MatchedStrip]:
    """Strips of all queries that have a match, those with fewest matches first.

    Queries of equal counts share a strip, so that a query with thousands of matches does not
    widen the others' strips: memory stays near `STRIP_BYTES` for any groups.

    Parameters
    ----------
    queries:
        (N, D).
    query_codes, candidate_codes:
        (N,) and (M,) integers, equal where a query matches a candidate.
    rows:
        Queries to visit; all of them if not given. Those without a match are left out.
    own_place:
        Where the queries are candidates too: the place of the first of them in the gallery.
        No query finds itself.
    """
    counts = count_matches(query_codes, candidate_codes)
    chosen = np.arange(len(query_codes)) if rows is None else rows
    chosen = chosen[counts[chosen] > 0]
    chosen = chosen[np.argsort(counts[chosen], kind="stable")]
    places = np.argsort(candidate_codes, kind="stable")
    first = np.searchsorted(candidate_codes[places], query_codes)
    xp, where = array_namespace(gallery.units), device(gallery.units)
    columns = xp.arange(gallery.size, device=where)
    for strip in strip_rows(chosen, SCORE_BYTES * gallery.size + MATCH_BYTES * counts[chosen]):
        scores = gallery.scores(queries, strip)  # (q, M)
        if own_place is not None:
            own = xp.asarray(own_place + strip, device=where)
            scores = xp.where(columns[None, :] == own[:, None], NOTHING, scores)
        nth = np.arange(counts[strip].max())
        present = nth < counts[strip, None]
        found = places[np.where(present, first[strip, None] + nth, 0)]  # (q, P)
        matches = xp.take_along_axis(scores, xp.asarray(found, device=where), axis=1)
        if not present.all():
            matches = xp.where(xp.asarray(present, device=where), matches, NOTHING)
        yield MatchedStrip(strip, counts[strip], scores, matches, gallery.rounding)


def checked_codes(
    queries: Array, candidates: Array, codes: tuple[Codes, Codes] | None
) -> tuple[Codes, Codes]:
    """Codes of queries and candidates, by position where none are given; an error if none match."""
    codes = given_or_positional(codes, queries.shape[0], candidates.shape[0])
    check_widths(queries, candidates)
    if not np.isin(*codes).any():
        raise InputError("no query matches a candidate")
    return codes


def _count(values: Array, low: Array, high: Array) -> tuple[Counts, Counts]:
    """For each threshold, values of its row above `high` and values of at least `low`."""
    xp = array_namespace(values)
    wide = range(low.shape[1])
    if len(wide) <= FEW_MATCHES:
        above = [xp.count_nonzero(values > high[:, t, None], axis=1) for t in wide]
        reach = [xp.count_nonzero(values >= low[:, t, None], axis=1) for t in wide]
        return _host(xp.stack(above, axis=1)), _host(xp.stack(reach, axis=1))
    ordered = xp.sort(values, axis=1, stable=False)
    span = range(values.shape[0])
    beneath = [xp.searchsorted(ordered[i, :], high[i, :], side="right") for i in span]
    short = [xp.searchsorted(ordered[i, :], low[i, :], side="left") for i in span]
    m = values.shape[1]
    return m - _host(xp.stack(beneath, axis=0)), m - _host(xp.stack(short, axis=0))


def _host(counts: Array) -> Counts:
    return np.asarray(to_numpy(counts), dtype=np.int64)
