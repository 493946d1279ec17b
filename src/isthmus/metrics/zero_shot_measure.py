"""Naming rows of one modality by the classes of another, in both directions."""

from __future__ import annotations

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from ..arrays import Array, like, take_rows, working_dtype
from ..matching import Codes
from .budget import draw_rows
from .class_moments import ClassMoments
from .estimate import Estimate
from .group_measurement import ZeroShot
from .zero_shot import zero_shot_accuracy

TOP = (1, 5)
"""The k of top-k accuracy; only those below the number of classes say anything."""


def measure_zero_shot(
    queries: Array, labels: Codes, classes: ClassMoments, *, sample: int | None, seed: int
) -> ZeroShot | None:
    """`zero_shot_accuracy` of rows among classes whose sums are known.

    Rows of a class that has no prototype (no rows, or rows that cancel) are left out. None where
    that leaves no rows, or fewer than two classes.

    Parameters
    ----------
    queries:
        (N, D), of which `sample` rows are asked at most.
    labels:
        (N,) class of each, 0 … C − 1.
    classes:
        Sums of the C classes in the other modality: their directions are `class_prototypes`.

    Examples
    --------
    >>> sums = ClassMoments.of(np.eye(2), np.array([0, 1]), 2)
    >>> measure_zero_shot(np.eye(2), np.array([0, 1]), sums, sample=None, seed=0)
    ZeroShot(accuracy={1: Estimate(value=1.0, error=0.0, rows=2)}, classes=2, rows_per_class=1.0)
    """
    directed = _directed(queries, classes)
    named = np.flatnonzero(directed[labels])
    count = int(directed.sum())
    tops = [k for k in TOP if k < count]
    if not tops or not len(named):
        return None
    drawn = named[draw_rows(len(named), sample, seed)]
    means = classes.totals[directed] / classes.counts[directed, None]  # (C', D)
    found = zero_shot_accuracy(
        take_rows(queries, drawn) if len(drawn) < len(labels) else queries,
        like(means, queries),
        labels[drawn],
        classes=np.flatnonzero(directed),
        k=tops,
    )
    return ZeroShot(
        accuracy={
            k: Estimate.of_share(share, len(drawn), len(named)) for k, share in found.items()
        },
        classes=count,
        rows_per_class=float(classes.counts[directed].mean()),
    )


def _directed(queries: Array, classes: ClassMoments) -> NDArray[np.bool_]:
    """Which classes have rows, and a mean that is more than rounding, (C,)."""
    rounding = 8 * float(array_namespace(queries).finfo(working_dtype(queries)).eps)
    return np.asarray(np.linalg.norm(classes.totals, axis=1) > rounding * classes.counts)
