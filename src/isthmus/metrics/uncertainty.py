"""How sure is a number? Intervals, nulls and fair comparisons, for any metric.

A metric is any function from `Embeddings` to a float. What is drawn is groups, never single
rows: captions of one image are not independent of one another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import to_numpy
from ..embeddings import Embeddings
from ..errors import InputError
from ..resampling import group_count, redraw, shuffle_pairing

Metric = Callable[[Embeddings], float]


@dataclass(frozen=True)
class Interval:
    """A value with its bootstrap interval: `low` and `high` hold `level` of the redraws."""

    value: float
    low: float
    high: float
    level: float
    resamples: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class Null:
    """A value beside what it would be if nothing belonged together.

    `p_value` is the share of shuffled pairings with a value at least as far from their mean
    as the true one, the true one counted in: never 0.
    """

    value: float
    mean: float
    standard_deviation: float
    p_value: float
    permutations: int


def bootstrap(
    embeddings: Embeddings,
    metric: Metric,
    *,
    resamples: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Bootstrap over groups: N groups drawn from N with replacement, many times.

    The interval is the value plus the quantiles of the redraws' deviations from their own
    mean. Many metrics are biased in redraws (noise lengthens L2M, a group drawn twice ties
    with itself in R@1), and that bias says nothing about the value's own uncertainty.

    Examples
    --------
    >>> from isthmus.metrics import l2m
    >>> space = Embeddings({"image": np.eye(8), "text": np.eye(8) + 1})
    >>> interval = bootstrap(space, lambda e: l2m(e["image"], e["text"]), resamples=50)
    >>> interval.low <= interval.value <= interval.high
    True
    """
    _check(resamples, level)
    rng = np.random.default_rng(seed)
    n = group_count(embeddings)
    values = [metric(redraw(embeddings, rng.integers(n, size=n))) for _ in range(resamples)]
    return interval_around(metric(embeddings), np.asarray(values), level)


def mean_interval(
    values: ArrayLike,
    groups: ArrayLike,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Interval of the mean of one number per row (a hit, a rank, a cosine), over groups.

    Each redraw weighs every group by how often it was drawn: Σ w_g s_g / Σ w_g n_g, with s_g
    and n_g the sum and number of the group's values. The candidates of a search stay as
    they are; only queries are redrawn.

    Examples
    --------
    >>> print(mean_interval([1, 1, 0, 1], [0, 1, 2, 3], resamples=200))
    0.750 [0.250, 1.000]
    """
    _check(resamples, level)
    numbers = to_numpy(values).astype(np.float64)
    _, codes = np.unique(to_numpy(groups), return_inverse=True)
    if numbers.shape != codes.shape or not numbers.size:
        raise InputError(
            f"need one value and one group per row; found shapes {numbers.shape} and {codes.shape}"
        )
    sums, sizes = np.bincount(codes, weights=numbers), np.bincount(codes)
    rng = np.random.default_rng(seed)
    n = len(sums)
    means = np.empty(resamples)
    for k in range(resamples):
        drawn = np.bincount(rng.integers(n, size=n), minlength=n)
        means[k] = (drawn @ sums) / (drawn @ sizes)
    return _interval(float(numbers.mean()), means, level)


def permutation_null(
    embeddings: Embeddings, metric: Metric, *, permutations: int = 200, seed: int = 0
) -> Null:
    """The metric under random pairings of the groups.

    Examples
    --------
    >>> from isthmus.metrics import pair_cosine
    >>> space = Embeddings({"image": np.eye(8), "text": np.eye(8)})
    >>> null = permutation_null(
    ...     space, lambda e: pair_cosine(e["image"], e["text"], groups=tuple(e.groups.values()))
    ... )
    >>> null.value, null.mean < 0.3, null.p_value < 0.01
    (1.0, True, True)
    """
    _check(permutations, 0.95)
    rng = np.random.default_rng(seed)
    values = np.array(
        [metric(shuffle_pairing(embeddings, rng)) for _ in range(permutations)], dtype=np.float64
    )
    value, mean = metric(embeddings), float(values.mean())
    as_far = np.abs(values - mean) >= abs(value - mean) - 1e-12
    return Null(
        value=value,
        mean=mean,
        standard_deviation=float(values.std()),
        p_value=float((1 + as_far.sum()) / (1 + permutations)),
        permutations=permutations,
    )


def difference(
    a: Embeddings,
    b: Embeddings,
    metric: Metric,
    *,
    resamples: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """metric(b) − metric(a) of two models on the same groups, with a paired interval.

    The same groups are drawn for both, so what is common to both cancels.

    Raises
    ------
    InputError
        If the two have different group ids.
    """
    _check(resamples, level)
    for name in a.names:
        if name not in b.names or not np.array_equal(
            np.sort(a.groups[name]), np.sort(b.groups[name])
        ):
            raise InputError(
                f"a paired comparison needs the same items in both; modality '{name}' differs"
            )
    rng = np.random.default_rng(seed)
    n = group_count(a)
    values = []
    for _ in range(resamples):
        chosen = rng.integers(n, size=n)
        values.append(metric(redraw(b, chosen)) - metric(redraw(a, chosen)))
    return interval_around(metric(b) - metric(a), np.asarray(values), level)


def matched_sizes(
    spaces: Sequence[Embeddings], *, groups: int | None = None, seed: int = 0
) -> list[Embeddings]:
    """Seeded samples of equally many groups of each set, for metrics that depend on N (RMG).

    Without `groups`, as many as the smallest set has.
    """
    counts = [group_count(space) for space in spaces]
    size = min(counts) if groups is None else groups
    if not 2 <= size <= min(counts):
        raise InputError(f"need between 2 and {min(counts)} groups, as all sets have; found {size}")
    return [
        redraw(space, np.sort(np.random.default_rng(seed).permutation(n)[:size]))
        for space, n in zip(spaces, counts, strict=True)
    ]


def _interval(value: float, values: NDArray[np.float64], level: float) -> Interval:
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), level, len(values))


def interval_around(value: float, redrawn: NDArray[np.float64], level: float) -> Interval:
    """The value plus the quantiles of the redraws' deviations from their own mean."""
    return _interval(value, redrawn + (value - redrawn.mean()), level)


def _check(draws: int, level: float) -> None:
    if draws < 1 or not 0 < level < 1:
        raise InputError(f"need at least one draw and 0 < level < 1; found {draws} and {level}")
