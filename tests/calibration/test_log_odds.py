"""The map from scores to log-likelihood ratios: planted ones are recovered, priors shift them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus import InputError
from isthmus.calibration import METHODS, LogOdds
from isthmus.calibration.log_odds import check_prior, fit_log_odds, probability
from tests.calibration.made import gaussian_evidence
from tests.strategies import seeds

MATCH, OTHER, SPREAD = 0.4, 0.1, 0.08


def fit(evidence, method="logistic", prior=0.5):
    return fit_log_odds(
        evidence.centres, evidence.all_matches, evidence.all_others, method=method, prior=prior
    )


def planted(scores):
    """Of two normal densities of one deviation: a line."""
    return (MATCH - OTHER) / SPREAD**2 * (scores - (MATCH + OTHER) / 2)


@pytest.mark.parametrize("prior", [0.5, 0.01, 1 / 900])
def test_a_planted_line_is_recovered_whatever_the_prior(prior):
    evidence = gaussian_evidence(900, 0)
    found = fit(evidence, prior=prior)
    at = np.linspace(0.2, 0.32, 7)
    np.testing.assert_allclose(found(at), planted(at), atol=0.45)


def test_isotonic_follows_a_planted_line():
    evidence = gaussian_evidence(900, 1)
    at = np.linspace(0.2, 0.32, 7)
    np.testing.assert_allclose(fit(evidence, "isotonic")(at), planted(at), atol=0.8)


def test_isotonic_follows_what_is_no_line():
    """Matches 0.5 or 0.9, others 0.1 or 0.5: three levels of evidence."""
    matches, others = np.array([0, 30, 70]), np.array([900, 100, 0])
    found = fit_log_odds(np.array([0.1, 0.5, 0.9]), matches, others, method="isotonic", prior=0.3)
    np.testing.assert_allclose(
        found(np.array([0.1, 0.5, 0.9])), [-math.log(101), math.log(0.3 / 0.1), math.log(1001)]
    )


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=15)
@given(
    seed=seeds,
    n=st.integers(8, 60),
    match=st.floats(-0.5, 0.9),
    spread=st.floats(0.001, 0.5),
    prior=st.floats(1e-6, 0.9),
)
def test_maps_never_fall_and_stay_within_what_the_sample_can_show(
    method, seed, n, match, spread, prior
):
    evidence = gaussian_evidence(n, seed, blocks=4, match=match, spread=spread)
    found = fit(evidence, method, prior)
    at = np.linspace(-3, 3, 301)
    values = found(at)
    assert np.isfinite(values).all()
    assert (np.diff(values) >= 0).all()
    assert values.min() >= -math.log(evidence.n_matches + 1) - 1e-9
    assert values.max() <= math.log(evidence.n_others + 1) + 1e-9
    p = probability(values, prior)
    assert ((p > 0) & (p < 1)).all()
    assert (np.diff(p) >= 0).all()


@settings(max_examples=15)
@given(seeds, st.floats(-5, 5), st.floats(0.01, 100))
def test_scores_in_other_units_give_the_same_map(seed, shift, scale):
    evidence = gaussian_evidence(40, seed, blocks=4)
    at = np.linspace(0, 0.6, 13)
    moved = fit_log_odds(
        evidence.centres * scale + shift,
        evidence.all_matches,
        evidence.all_others,
        method="logistic",
        prior=0.5,
    )
    np.testing.assert_allclose(moved(at * scale + shift), fit(evidence)(at), atol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_scores_that_say_nothing_or_the_contrary_leave_the_prior(method):
    inverse = gaussian_evidence(60, 0, match=-0.5)
    at = np.linspace(-1, 1, 5)
    np.testing.assert_allclose(probability(fit(inverse, method)(at), 0.2), 0.2, atol=0.02)
    constant = fit_log_odds(
        np.array([0.3, 0.3]), np.array([0, 30]), np.array([0, 900]), method=method, prior=0.5
    )
    np.testing.assert_allclose(constant(at), 0, atol=1e-6)


def test_a_prior_shifts_the_odds():
    ratio = np.array([-2.0, 0.0, 3.0])
    odds = np.exp(ratio) * 0.01 / 0.99
    np.testing.assert_allclose(probability(ratio, 0.01), odds / (1 + odds))


@pytest.mark.parametrize("prior", [0.0, 1.0, -0.1, 2.0, math.nan])
def test_a_prior_that_is_none_is_refused(prior):
    with pytest.raises(InputError, match="strictly between 0 and 1"):
        check_prior(prior)


def test_a_map_is_level_outside_its_knots():
    line = LogOdds(np.array([0.0, 1.0]), np.array([-2.0, 2.0]))
    assert line(np.array([-9.0, 0.25, 9.0])).tolist() == [-2, -1, 2]
