"""Probabilities of held-out pairs beside what came true."""

import numpy as np
import pytest

from isthmus.calibration import METHODS, Evidence, Learned, Reliability
from isthmus.calibration.reliability import held_out_reliability
from tests.calibration.made import gaussian_evidence

SEPARATE = gaussian_evidence(400, 0)


def reliability(evidence: Evidence, method: str = "logistic", prior: float = 0.5) -> Reliability:
    held_out = Learned(evidence, None, prior, method).held_out
    return held_out_reliability(evidence, held_out, prior=prior)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("prior", [0.5, 0.01])
def test_planted_scores_are_calibrated(method, prior):
    found = reliability(SEPARATE, method, prior)
    assert found.ece < 0.02
    inside = [
        each.observed.low - 0.02 <= each.predicted <= each.observed.high + 0.02
        for each in found.bins
    ]
    assert sum(inside) >= len(inside) - 1
    assert all(np.diff([each.predicted for each in found.bins]) > 0)


def test_losses_at_even_odds_are_those_of_the_true_densities():
    """Two normal densities 3.75 deviations apart; C_llr by numerical integration."""
    found = reliability(SEPARATE)
    at = np.linspace(-0.4, 0.9, 4001)
    match, other = (np.exp(-(((at - m) / 0.08) ** 2) / 2) for m in (0.4, 0.1))
    match, other = match / match.sum(), other / other.sum()
    p = match / (match + other)
    loss = -0.5 * (match @ np.log2(p) + other @ np.log2(1 - p))
    brier = 0.5 * (match @ (1 - p) ** 2 + other @ p**2)
    assert found.log_loss == pytest.approx(loss, abs=0.03)
    assert found.brier == pytest.approx(brier, abs=0.008)


def test_scores_that_say_nothing_cost_a_bit():
    found = reliability(gaussian_evidence(200, 0, match=0.1))
    assert found.log_loss == pytest.approx(1, abs=0.02)
    assert found.brier == pytest.approx(0.25, abs=0.005)


def test_a_map_that_saw_the_pairs_would_look_better_than_it_is():
    """Isotonic on ten matches fits anything: held out, it must show."""
    evidence = gaussian_evidence(12, 3, blocks=12, match=0.15)
    found = reliability(evidence, "isotonic")
    assert found.log_loss > 0.9
    assert found.ece > 0.02


def test_values_are_plain():
    import json

    found = reliability(SEPARATE)
    content = json.loads(json.dumps(found.to_dict()))
    assert len(content["bins"]) == len(found.bins)
    assert sum(each["matches"] for each in content["bins"]) == SEPARATE.n_matches


def test_each_block_is_judged_by_a_map_that_did_not_see_it():
    from isthmus.calibration.log_odds import fit_log_odds

    found = Learned(SEPARATE, None, 0.5, "logistic").held_out
    without = SEPARATE.without(3)
    own = fit_log_odds(SEPARATE.centres, *without, method="logistic", prior=0.5)
    np.testing.assert_array_equal(found[3], own(SEPARATE.centres))
    assert not np.array_equal(found[3], found[4])
