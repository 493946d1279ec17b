"""A vote of the k nearest rows of other folds on the class of each row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from array_api_compat import array_namespace, device

from ..arrays import Array, to_numpy
from ..errors import InputError
from ..matching import Codes
from .nearest import SPARE, Nearest
from .stacked import Stacked
from .strips import NOTHING, SCORE_BYTES, STRIP_BYTES, Gallery, Strip, strips


@dataclass(frozen=True)
class Voters:
    """Rows, with the class and the fold of each, (N,) integers."""

    rows: Stacked
    codes: Codes
    folds: Codes


def vote(voters: Voters, asked: Voters, tested: Codes, k: int) -> float:
    """Share of the tested rows that the k nearest voters of other folds classify rightly."""
    in_fold = np.bincount(voters.folds, minlength=int(asked.folds.max()) + 1)
    smallest = int((len(voters.folds) - in_fold[asked.folds[tested]]).min())
    if smallest < k:
        raise InputError(f"k = {k} neighbours, but a fold leaves only {smallest} rows to vote")
    gallery = Gallery.of(voters.rows.arrays, asked.rows.arrays)
    hidden = partial(_own_fold, voters, asked)
    correct = 0
    for strip in strips(
        asked.rows, gallery, rows=tested, score_bytes=2 * SCORE_BYTES, hidden=hidden
    ):
        nearest = Nearest(min(k + SPARE, gallery.size))
        for block, scores in strip.blocks():
            nearest.add(block, scores)
        votes = voters.codes[_first(strip, nearest, k)]  # (q, k)
        correct += int((_most_common(votes) == asked.codes[strip.rows]).sum())
    return correct / len(tested)


def _own_fold(voters: Voters, asked: Voters, rows: Codes, block: slice) -> Array:
    """(q, m) where a block's voter is in the fold of the row that is tested."""
    first = voters.rows.arrays[0]
    xp, where = array_namespace(first), device(first)
    own, others = (xp.asarray(f, device=where) for f in (asked.folds[rows], voters.folds[block]))
    return own[:, None] == others[None, :]


def _first(strip: Strip, nearest: Nearest, k: int) -> Codes:
    """Places of the k nearest, (q, k), by cosines of double precision; of equals the first.

    Equal rows may score unequally within a tile, so that its order of equals is arbitrary.
    """
    places = nearest.places  # (q, K)
    units = strip.units
    exact = np.full(places.shape, NOTHING)
    step = max(1, STRIP_BYTES // (32 * units.shape[1] * places.shape[1]))
    for start in range(0, len(places), step):
        part = slice(start, min(start + step, len(places)))
        own = to_numpy(units[part, :]).astype(np.float64)
        rows = to_numpy(strip.gallery.at(places[part].reshape(-1))).astype(np.float64)
        rows = rows.reshape(*places[part].shape, -1)  # (q, K, D)
        exact[part] = np.einsum("qkd,qd->qk", rows, own)
    exact = np.where(nearest.scores > NOTHING, exact.round(12), NOTHING)
    order = np.lexsort((places, -exact), axis=1)[:, :k]
    return np.take_along_axis(places, order, axis=1)


def _most_common(votes: Codes) -> Codes:
    """The most frequent number of each row of (q, k), (q,); of equally frequent ones the least."""
    ordered = np.sort(votes, axis=1)
    nth = np.arange(votes.shape[1])
    begins = np.concatenate(
        [np.ones((len(votes), 1), dtype=bool), ordered[:, 1:] != ordered[:, :-1]], axis=1
    )
    length = nth - np.maximum.accumulate(np.where(begins, nth, 0), axis=1)
    return np.take_along_axis(ordered, length.argmax(axis=1)[:, None], axis=1)[:, 0]
