"""Shares of matches and of other pairs, the precision that follows, and how sure it all is."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..metrics.uncertainty import Interval

LEVEL = 0.95

Floats = NDArray[np.float64]


class Tally(NamedTuple):
    """Pairs that pass (or lie in a bin), of how many; and the same without each block.

    `passed` and `of` are of all pairs; `left_passed` and `left_of`, (B,), without those that
    touch a block.
    """

    passed: float
    of: float
    left_passed: NDArray[Any]
    left_of: NDArray[Any]

    @property
    def share(self) -> float:
        """Of all pairs, those that pass."""
        return self.passed / self.of


def precision_of(recall: float, passing: float, prior: float) -> float | None:
    """π r / (π r + (1 − π) f), r being the share of matches that pass and f that of others.

    None where nothing passes.

    >>> precision_of(0.9, 0.01, 0.01).__round__(3)
    0.476
    """
    passed = prior * recall + (1 - prior) * passing
    return float(prior * recall / passed) if passed > 0 else None


def share_interval(tally: Tally, value: float | None = None) -> Interval:
    """Interval of a share, around `value` where that is estimated otherwise."""
    centre = tally.share if value is None else value
    smooth = _smooth(centre * tally.of, tally.of)
    left = _smooth(tally.left_passed, tally.left_of)
    independent = float(1 / (smooth * tally.of) + 1 / ((1 - smooth) * tally.of))
    spread = math.sqrt(max(_jackknife(_logit(left)), independent))
    return _interval(centre, float(_logit(np.asarray(smooth))), spread, len(left))


def precision_interval(
    matches: Tally, others: Tally, prior: float, value: float | None = None
) -> Interval | None:
    """Interval of the share of matches among what passes, None where nothing does.

    The log odds of a precision are log π/(1 − π) + log r − log f.
    """
    centre = precision_of(matches.share, others.share, prior) if value is None else value
    if centre is None:
        return None
    odds = math.log(prior) - math.log1p(-prior)
    recall, passing = (_smooth(t.passed, t.of) for t in (matches, others))
    left = np.log(_smooth(matches.left_passed, matches.left_of))
    left = left - np.log(_smooth(others.left_passed, others.left_of))
    independent = float(1 / (recall * matches.of) + 1 / (passing * others.of))
    spread = math.sqrt(max(_jackknife(left), independent))
    return _interval(centre, odds + math.log(recall / passing), spread, len(left))


def _interval(value: float, middle: float, spread: float, blocks: int) -> Interval:
    """± t · spread in log odds; the value itself is always inside."""
    from scipy.special import expit
    from scipy.stats import t

    reach = float(t.ppf((1 + LEVEL) / 2, max(blocks - 1, 1))) * spread
    low, high = float(expit(middle - reach)), float(expit(middle + reach))
    return Interval(value, min(low, value), max(high, value), LEVEL, blocks)


def _jackknife(values: Floats) -> float:
    """Variance of a statistic, from its values without each block (Quenouille, Tukey)."""
    return float((len(values) - 1) / len(values) * ((values - values.mean()) ** 2).sum())


def _smooth(passed: NDArray[Any] | float, of: NDArray[Any] | float) -> Floats:
    """A share with half a pair on each side, so that its logarithm is finite."""
    return np.asarray((np.asarray(passed) + 0.5) / (np.asarray(of) + 1))


def _logit(share: Floats) -> Floats:
    return np.asarray(np.log(share) - np.log1p(-share))
