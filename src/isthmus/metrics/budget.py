"""How many rows the expensive parts of a measurement look at, unless it is exact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLE = 4000
"""Rows of an all-pairs estimate, of kNN accuracy, and of zero-shot queries; twice as many as
the queries of each modality in mixed search."""

QUERIES = 20_000
"""Queries of each direction of retrieval."""

ABLATED = 2000
"""Groups that dimensions are removed from."""

CLUSTERED = 50
"""Rows for each cluster of one modality by itself, and for the starts of joint clusters, if that
is more than `SAMPLE`."""

STARTS = 10, 200
"""Fewest and most starts of k-means. A space with a gap has many local optima of nearly the same
objective and very different clusters: the more starts, the less the outcome is chance."""

START_WORK = 4e8
"""Products of rows, clusters and width that all starts together may take, beyond the fewest."""

PROBED = 2000
"""Rows of each modality, or matched pairs, that a probe is trained, chosen and tested on."""

CLASSES = 1000
"""Classes whose orders are compared."""


@dataclass(frozen=True)
class Budget:
    """The limits of one measurement; None means no limit."""

    sample: int | None
    mixed: int | None
    queries: int | None
    ablated: int | None
    clustered: int | None
    probed: int | None
    classes: int | None

    @classmethod
    def of(cls, *, exact: bool) -> Budget:
        """The module's constants, or no limits at all.

        >>> Budget.of(exact=False).queries, Budget.of(exact=True).queries
        (20000, None)
        """
        if exact:
            return cls(None, None, None, None, None, None, None)
        return cls(SAMPLE, SAMPLE // 2, QUERIES, ABLATED, CLUSTERED, PROBED, CLASSES)

    def cluster_rows(self, k: int) -> int | None:
        """Rows that k clusters of one modality, or the starts of joint ones, are formed of.

        >>> Budget.of(exact=False).cluster_rows(20)
        4000
        """
        if self.sample is None or self.clustered is None:
            return None
        return max(self.sample, self.clustered * k)


def cluster_starts(rows: int, k: int, width: int) -> int:
    """Starts of k-means on so many rows: the more, the cheaper each is.

    >>> cluster_starts(3000, 10, 64), cluster_starts(5000, 100, 512)
    (200, 10)
    """
    fewest, most = STARTS
    return int(min(most, max(fewest, START_WORK // max(1, rows * k * width))))


def draw_rows(n: int, limit: int | None, seed: int) -> NDArray[np.int64]:
    """All of n indices, or as many random ones as the limit allows, ascending.

    >>> draw_rows(3, None, 0), len(draw_rows(9, 4, 0))
    (array([0, 1, 2]), 4)
    """
    if limit is None or limit >= n:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, limit, replace=False))
