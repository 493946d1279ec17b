"""Do the probabilities mean what they say? Predicted beside observed, on pairs held out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics.uncertainty import Interval
from .evidence import Evidence
from .log_odds import probability
from .shares import Tally, precision_interval

BINS = 10

_CLOSEST = 1e-15  # a probability so near 0 or 1 counts as that in the logarithm


@dataclass(frozen=True)
class Bin:
    """Pairs whose probability lies in one tenth.

    Attributes
    ----------
    predicted:
        Mean probability.
    observed:
        Share of matches among them, with its 95 % interval.
    matches, others:
        How many pairs there are; other pairs that touch two held-out blocks count twice.
    """

    predicted: float
    observed: Interval
    matches: int
    others: int


@dataclass(frozen=True)
class Reliability:
    """Probabilities of held-out pairs beside what came true, at one prior.

    Attributes
    ----------
    prior:
        Share of matches for which everything here holds: matches and others are weighted so.
    bins:
        The tenths of [0, 1] that hold pairs, in order.
    ece:
        Expected calibration error: Σ over bins of the weight of a bin times |predicted −
        observed|, in [0, 1].
    log_loss:
        Mean − log₂ of the probability that was given to what came true, in bits. At even odds,
        1 is what a coin gives (this is Brümmer's C_llr).
    brier:
        Mean squared difference of probability and truth; at even odds, 0.25 is a coin.
    """

    prior: float
    bins: tuple[Bin, ...]
    ece: float
    log_loss: float
    brier: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "prior": self.prior,
            "ece": self.ece,
            "log_loss": self.log_loss,
            "brier": self.brier,
            "bins": [
                {
                    "predicted": each.predicted,
                    "observed": [each.observed.value, each.observed.low, each.observed.high],
                    "matches": each.matches,
                    "others": each.others,
                }
                for each in self.bins
            ],
        }


def held_out_reliability(
    evidence: Evidence, log_ratios: NDArray[np.float64], *, prior: float
) -> Reliability:
    """Judge the pairs that touch each block by the map that was fitted without it.

    `log_ratios`, (B, K + 1), are `Learned.held_out`.
    """
    predicted = probability(log_ratios, prior)
    own = prior * evidence.matches / evidence.matches.sum()
    foreign = (1 - prior) * evidence.others / evidence.others.sum()
    bins = np.minimum((predicted * BINS).astype(np.int64), BINS - 1)
    found, error = [], 0.0
    for k in range(BINS):
        inside = bins == k
        weight = float((own + foreign)[inside].sum())
        if weight == 0:
            continue
        mean = float(((own + foreign) * predicted)[inside].sum() / weight)
        matches, others = (_tally(counts, inside) for counts in (evidence.matches, evidence.others))
        observed = precision_interval(matches, others, prior)
        assert observed is not None
        found.append(Bin(mean, observed, int(matches.passed), int(others.passed)))
        error += weight * abs(mean - observed.value)
    p = np.clip(predicted, _CLOSEST, 1 - _CLOSEST)
    loss = -(own * np.log(p) + foreign * np.log1p(-p)).sum() / math.log(2)
    brier = (own * (1 - predicted) ** 2 + foreign * predicted**2).sum()
    return Reliability(prior, tuple(found), error, float(loss), float(brier))


def _tally(counts: NDArray[np.int64], inside: NDArray[np.bool_]) -> Tally:
    held, of = (counts * inside).sum(axis=1), counts.sum(axis=1)
    passed, total = held.sum(), of.sum()
    return Tally(float(passed), float(total), passed - held, total - of)
