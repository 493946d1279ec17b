"""The map from a score to the log-likelihood ratio of a match, and from there to a probability."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..metrics.probe import short_of_convergence
from .evidence import Counts

LOGISTIC, ISOTONIC = "logistic", "isotonic"

METHODS = (LOGISTIC, ISOTONIC)
"""A straight line in the score; any nondecreasing function."""

_COST = 100.0  # inverse strength of the penalty, in standardised scores

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LogOdds:
    """A nondecreasing function of the score, straight between knots and level outside them.

    Attributes
    ----------
    knots:
        (K,) ascending scores.
    values:
        (K,) log p(score | match) − log p(score | other pair).
    """

    knots: Floats
    values: Floats

    def __call__(self, scores: NDArray[np.floating]) -> Floats:
        """Log-likelihood ratios of scores, of any shape."""
        return np.asarray(np.interp(scores, self.knots, self.values))


def probability(log_ratio: Floats, prior: float) -> Floats:
    """P(match) = σ(log-likelihood ratio + log(π / (1 − π))).

    >>> probability(np.array([0.0, np.log(99)]), 0.01).round(3).tolist()
    [0.01, 0.5]
    """
    from scipy.special import expit

    return np.asarray(expit(log_ratio + math.log(prior) - math.log1p(-prior)))


def check_prior(prior: float) -> float:
    """The prior, if it is a probability strictly between 0 and 1."""
    if not 0 < prior < 1:
        raise InputError(
            "the prior is the share of matches among candidates, strictly between 0 and 1, such "
            f"as 1 / 1000; found {prior}"
        )
    return float(prior)


def fit_log_odds(
    centres: Floats, matches: Counts, others: Counts, *, method: str, prior: float
) -> LogOdds:
    """Learn the map from counts in cells of score.

    Matches weigh `prior` and other pairs 1 − `prior` together, or as they are where that is
    less for matches: a fit is closest where its weight is, so near the posterior odds at which
    it will decide. *logistic*: logistic regression on the score (Platt), with a slight penalty
    on the slope, for scores that separate; a slope below 0 becomes 0. *isotonic*: the
    nondecreasing function of largest likelihood (pool adjacent violators).

    Both stay within − log(n₁ + 1) … log(n₀ + 1), of n₁ matches and n₀ other pairs: no sample
    shows a likelihood ratio beyond its own size, and a line beyond the data is a guess.

    References
    ----------
    Platt, *Probabilistic Outputs for Support Vector Machines* (1999); Zadrozny and Elkan,
    *Transforming Classifier Scores into Accurate Multiclass Probability Estimates* (2002);
    Brümmer and du Preez, *Application-Independent Evaluation of Speaker Detection* (2006), for
    likelihood ratios that serve any prior; Vergeer et al., *Numerical likelihood ratios
    outputted by LR systems are often based on extrapolation: When to stop extrapolating?* (2016).
    """
    n_matches, n_others = int(matches.sum()), int(others.sum())
    bounds = -math.log(n_matches + 1), math.log(n_others + 1)
    used = max(prior, n_matches / (n_matches + n_others))
    odds = math.log(used) - math.log1p(-used)
    beside = n_matches / n_others * (1 - used) / used  # the weight of a pair, a match being 1
    weights = np.asarray(others * beside, dtype=np.float64)
    if method == ISOTONIC:
        return _isotonic(centres, matches, weights, odds, bounds)
    return _logistic(centres, matches, weights, odds, bounds)


def _logistic(
    centres: Floats, matches: Counts, others: Floats, odds: float, bounds: tuple[float, float]
) -> LogOdds:
    from sklearn.linear_model import LogisticRegression

    balanced = matches / matches.sum() + others / others.sum()
    middle = float(np.average(centres, weights=balanced))
    spread = math.sqrt(float(np.average((centres - middle) ** 2, weights=balanced)))
    if spread <= 1e-12 * max(abs(middle), 1e-12):
        return LogOdds(np.array([middle]), np.zeros(1))
    standard = (centres - middle) / spread
    own, foreign = matches > 0, others > 0
    with short_of_convergence():
        model = LogisticRegression(C=_COST, tol=1e-8, max_iter=1000).fit(
            np.concatenate([standard[own], standard[foreign]])[:, None],
            np.repeat([1, 0], [own.sum(), foreign.sum()]),
            sample_weight=np.concatenate([matches[own], others[foreign]]),
        )
    slope = float(model.coef_[0, 0]) / spread
    if slope * spread <= 1e-9:
        return LogOdds(np.array([middle]), np.zeros(1))
    intercept = float(model.intercept_[0]) - odds  # of the log ratio, at `middle`
    knots = [middle + (bound - intercept) / slope for bound in bounds]
    return LogOdds(np.array(knots), np.array(bounds))


def _isotonic(
    centres: Floats, matches: Counts, others: Floats, odds: float, bounds: tuple[float, float]
) -> LogOdds:
    from sklearn.isotonic import IsotonicRegression

    weights = matches + others
    held = weights > 0
    share = matches[held] / weights[held]
    fitted = IsotonicRegression().fit(centres[held], share, sample_weight=weights[held])
    with np.errstate(divide="ignore"):
        shares = np.clip(fitted.y_thresholds_, 0, 1)
        values = np.log(shares) - np.log1p(-shares) - odds
    clipped = np.maximum.accumulate(np.clip(values, *bounds))
    return LogOdds(np.asarray(fitted.X_thresholds_, dtype=np.float64), clipped)
