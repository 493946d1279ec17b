"""k-means on unit rows: Lloyd's where all rows can be held, in mini-batches where they cannot."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import NDArray

from ..arrays import to_numpy
from ..progress import steps, tracked
from .budget import draw_rows
from .stacked import Stacked
from .strips import STRIP_BYTES

LLOYD = "Lloyd, k-means++ seeding (scikit-learn)"
FROM_SAMPLE = "Lloyd from the best of several on {rows:,} rows, k-means++ seeding (scikit-learn)"
MINI_BATCH = "mini-batch from Lloyd on one batch, k-means++ seeding (scikit-learn)"

HELD_BYTES = 2**30
"""Rows whose unit rows take more memory than this are clustered in mini-batches."""

BATCH_ROWS = 8192
"""Rows of a mini-batch; sixteen to each cluster if that is more."""

RUN = 16
"""So many rows in a row are drawn together: a file is read in pieces of some length."""

PASSES = 2
"""Every row is in so many mini-batches."""


@dataclass(frozen=True)
class Clusters:
    """(N,) cluster of each row, the summed squared distance to centres, and how it was found."""

    labels: NDArray[np.int64]
    inertia: float
    algorithm: str


def k_means(
    rows: Stacked, k: int, *, n_init: int = 10, start_rows: int | None = None, seed: int = 0
) -> Clusters:
    """k clusters of unit rows, by Lloyd's algorithm or beyond `HELD_BYTES` by mini-batches.

    With `start_rows`, the `n_init` runs are on so many random rows, and one run over all rows goes
    on from the best of them.

    Mini-batches (Sculley, *Web-Scale K-Means Clustering*, 2010) move each centre towards the
    mean of the rows that it was nearest to so far. They start from the centres of the first
    batch, the best of `n_init` runs of Lloyd's algorithm; every row is drawn `PASSES` times, in
    a seeded order. One step of Lloyd's algorithm over all rows ends it.
    """
    if rows.nbytes() > HELD_BYTES:
        return _mini_batches(rows, k, n_init, seed)
    units = rows.host()
    if start_rows is None or start_rows >= len(units):
        found = _lloyd(units, k, n_init, seed)
        return Clusters(found.labels_, float(found.inertia_), LLOYD)
    drawn = draw_rows(len(units), start_rows, seed)
    start = _lloyd(units[drawn], k, n_init, seed).cluster_centers_
    found = _lloyd(units, k, 1, seed, start)
    return Clusters(found.labels_, float(found.inertia_), FROM_SAMPLE.format(rows=start_rows))


def _lloyd(
    rows: NDArray[Any], k: int, n_init: int, seed: int, start: NDArray[Any] | None = None
) -> Any:
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # Fewer distinct rows than clusters is a finding, not a fault: fewer clusters form.
        warnings.simplefilter("ignore", ConvergenceWarning)
        init = "k-means++" if start is None else start
        return KMeans(k, init=init, n_init=n_init, random_state=seed).fit(rows)


def _mini_batches(rows: Stacked, k: int, n_init: int, seed: int) -> Clusters:
    from sklearn.cluster import MiniBatchKMeans

    n = rows.shape[0]
    with steps({"batches": PASSES, "means": 1, "assignment": 1}) as step:
        with step("batches"):
            batches = tracked(_batches(rows, max(BATCH_ROWS, 16 * k), seed), PASSES * n, len)
            first = next(batches)
            start = _lloyd(first, k, n_init, seed).cluster_centers_
            # Centres of small clusters are not thrown away.
            model = MiniBatchKMeans(k, init=start, n_init=1, reassignment_ratio=0)
            model.partial_fit(first)
            for batch in batches:
                model.partial_fit(batch)
        with step("means"):
            centres = _means(rows, model.cluster_centers_)
        labels = np.empty(n, dtype=np.int64)
        inertia = 0.0
        with step("assignment"):
            for part, units, nearest in _assigned(rows, centres):
                labels[part] = nearest
                inertia += float(((units - centres[nearest]) ** 2).sum(dtype=np.float64))
    return Clusters(labels, inertia, MINI_BATCH)


def _batches(rows: Stacked, size: int, seed: int) -> Iterator[NDArray[Any]]:
    """Unit rows in a random order of runs, `PASSES` times over, `size` or fewer at a time."""
    n = rows.shape[0]
    draw = np.random.default_rng(seed)
    each = -(-size // RUN)
    for _ in range(PASSES):
        runs = draw.permutation(-(-n // RUN))
        for start in range(0, len(runs), each):
            own = np.sort(runs[start : start + each])
            places = (own[:, None] * RUN + np.arange(RUN)).reshape(-1)
            yield to_numpy(rows.at(places[places < n]))


def _means(rows: Stacked, centres: NDArray[Any]) -> NDArray[np.float64]:
    """The mean of the rows that are nearest to each centre, (k, D); a centre alone stays."""
    totals, counts = np.zeros(centres.shape), np.zeros(len(centres))
    for _, units, nearest in _assigned(rows, centres):
        order = np.argsort(nearest, kind="stable")
        present, first = np.unique(nearest[order], return_index=True)
        totals[present] += np.add.reduceat(units[order], first, axis=0)
        counts += np.bincount(nearest, minlength=len(centres))
    return np.where(counts[:, None] > 0, totals / np.maximum(counts, 1)[:, None], centres)


def _assigned(
    rows: Stacked, centres: NDArray[Any]
) -> Iterator[tuple[slice, NDArray[Any], NDArray[np.int64]]]:
    """Chunks of rows, on the host, with argmin_c ‖x̂ − c‖² = argmax_c (x̂·c − ‖c‖²/2) of each."""
    n, width = rows.shape
    step = max(1, STRIP_BYTES // (16 * (width + len(centres))))
    starts = range(0, n, step)
    for start in tracked(starts, len(starts)):
        part = slice(start, min(start + step, n))
        units = rows.units(part)  # (n, D)
        xp = array_namespace(units)
        own = xp.asarray(centres, dtype=units.dtype, device=device(units))  # (k, D)
        scores = units @ own.T - xp.sum(own * own, axis=1)[None, :] / 2  # (n, k)
        yield part, to_numpy(units), to_numpy(xp.argmax(scores, axis=1)).astype(np.int64)
