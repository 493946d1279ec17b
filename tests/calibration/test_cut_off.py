"""Cut-offs: chosen as stated, judged on what they were not chosen on, honest about their error."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus import InputError
from isthmus.calibration import Evidence, Target
from isthmus.calibration.cut_off import find_cut_off
from isthmus.calibration.shares import precision_of
from tests.calibration.made import block_scores, gaussian_evidence, gaussian_scores
from tests.strategies import seeds

KIND = ("text", "image")


def cut(evidence, prior=0.01, **target):
    return find_cut_off(evidence, KIND, "cosine", Target.of(**target), prior)


def tail(threshold: float, mean: float, deviation: float) -> float:
    """Share of a normal density above a threshold."""
    return 0.5 * math.erfc((threshold - mean) / (deviation * math.sqrt(2)))


@settings(max_examples=15)
@given(seeds, st.integers(20, 150), st.floats(0.5, 0.94))
def test_a_recall_leaves_out_as_many_as_the_conformal_quantile(seed, n, recall):
    scores = gaussian_scores(n, seed)
    codes = np.arange(n)
    evidence = Evidence.of(block_scores(scores, (codes, codes), 10), 10)
    lowest = np.sort(np.diag(scores))
    j = math.floor((n + 1) * (1 - recall) + 1e-9)
    found = cut(evidence, recall=recall).threshold
    assert lowest[j - 2] < found if j > 1 else True
    assert found <= lowest[j - 1]


@settings(max_examples=15)
@given(seeds, st.sampled_from([0.2, 0.02]))
def test_false_positives_are_the_lowest_edge_that_lets_few_pass(seed, rate):
    scores = gaussian_scores(60, seed)
    others = scores[~np.eye(60, dtype=bool)]
    evidence = gaussian_evidence(60, seed)
    found = cut(evidence, false_positives=rate).threshold
    assert ((others >= found).sum() + 1) / (len(others) + 1) <= rate
    below = evidence.edges[np.searchsorted(evidence.edges, found) - 1]
    assert ((others >= below).sum() + 1) / (len(others) + 1) > rate


@pytest.mark.parametrize("prior", [0.5, 0.05, 0.002])
@pytest.mark.parametrize("precision", [0.5, 0.9])
def test_a_precision_holds_on_fresh_pairs_at_its_prior(prior, precision):
    found = cut(gaussian_evidence(400, 0), prior=prior, precision=precision)
    fresh = gaussian_scores(1200, 1)
    own = np.diag(fresh)
    recall = (own >= found.threshold).mean()
    passing = (fresh[~np.eye(1200, dtype=bool)] >= found.threshold).mean()
    assert precision_of(recall, passing, prior) == pytest.approx(precision, abs=0.1)
    assert found.recall.low - 0.02 < recall < found.recall.high + 0.02


def test_a_recall_holds_for_new_pairs_on_average():
    """The true recall of a threshold, by the planted density: 1 − j / (n + 1) on average."""
    hits = [
        tail(cut(gaussian_evidence(60, seed), recall=0.9).threshold, 0.4, 0.08)
        for seed in range(80)
    ]
    assert np.mean(hits) == pytest.approx(1 - 6 / 61, abs=0.01)


@pytest.mark.parametrize("seed", range(6))
def test_what_passes_is_counted_on_pairs_that_the_threshold_was_not_chosen_on(seed):
    n, blocks = 40, 5
    scores = gaussian_scores(n, seed)
    codes = np.arange(n)
    evidence = Evidence.of(block_scores(scores, (codes, codes), blocks), blocks)
    passed, wrong = 0, 0
    same = np.eye(n, dtype=bool)
    for block in range(blocks):
        inside = codes % blocks == block
        free = ~(inside[:, None] | inside)
        left = Evidence.of(
            block_scores(scores[free].reshape(32, 32), (codes[~inside], codes[~inside]), blocks),
            blocks,
        )
        lowest = np.sort(scores[free & same])
        threshold = lowest[math.floor(33 * 0.2 + 1e-9) - 1]
        assert left.n_matches == 32
        threshold = evidence.edges[evidence.edges <= threshold][-1]
        passed += (scores[~free & same] >= threshold).sum()
        wrong += (scores[~free & ~same] >= threshold).sum()
    found = cut(evidence, recall=0.8)
    assert found.recall.value == pytest.approx(passed / n)
    assert found.passing.value == pytest.approx(wrong / evidence.others.sum())
    expected = precision_of(found.recall.value, found.passing.value, 0.01)
    assert found.precision.value == pytest.approx(expected)


def test_intervals_hold_what_they_say_where_queries_and_candidates_differ_in_level():
    """Hubs make pairs dependent: an interval of independent pairs would miss most of the time."""
    inside = {"passing": 0, "recall": 0}
    rng = np.random.default_rng(0)
    codes = np.arange(60)
    threshold = 0.3
    sizes = 0.06, 0.05
    deviation = math.sqrt(2 * sizes[0] ** 2 + sizes[1] ** 2)

    for _ in range(60):
        scores = rng.normal(0.1, sizes[1], (60, 60))
        scores += rng.normal(0, sizes[0], (60, 1)) + rng.normal(0, sizes[0], 60)
        np.fill_diagonal(scores, np.diag(scores) + 0.25)
        evidence = Evidence.of(block_scores(scores, (codes, codes), 20), 20)
        evidence.edges.setflags(write=True)
        place = np.searchsorted(evidence.edges, threshold)
        evidence.edges[place] = threshold  # the nearest edge stands in for it
        found = _fixed(evidence, place)
        inside["passing"] += found[0].low <= tail(threshold, 0.1, deviation) <= found[0].high
        inside["recall"] += found[1].low <= tail(threshold, 0.35, deviation) <= found[1].high
    assert min(inside.values()) >= 53  # of 60; 57 is 95 %


def _fixed(evidence, place):
    from isthmus.calibration.cut_off import _padded, _tally
    from isthmus.calibration.shares import share_interval

    totals = (
        (evidence.all_others, evidence.others, evidence.n_others),
        (
            evidence.all_matches,
            evidence.matches,
            evidence.n_matches,
        ),
    )
    return [
        share_interval(_tally(_padded(total), _padded(parts), place, n))
        for total, parts, n in totals
    ]


def test_where_no_threshold_is_good_enough_nothing_passes():
    found = cut(gaussian_evidence(60, 0, match=0.12), prior=1e-5, precision=0.9)
    assert found.threshold == math.inf
    assert not found.reachable
    assert found.precision is None
    assert found.recall.value == found.passing.value == 0
    assert found.to_dict()["threshold"] is None


def test_few_pairs_promise_no_precision_that_they_cannot_show():
    """Perfectly separable, but 90 other pairs cannot show a false-positive rate of 1e-6."""
    evidence = gaussian_evidence(10, 0, blocks=10, match=0.9, spread=0.01)
    assert cut(evidence, prior=0.1, precision=0.8).reachable
    assert not cut(evidence, prior=1e-6, precision=0.8).reachable


def test_a_recall_of_more_nines_than_matches_is_refused():
    with pytest.raises(InputError, match=r"0\.99 needs 99 matches .* found 60"):
        cut(gaussian_evidence(60, 0), recall=0.99)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({}, "found none"),
        ({"recall": 0.9, "precision": 0.9}, "found precision, recall"),
        ({"recall": 1.0}, "recall must lie strictly between 0 and 1; found 1.0"),
        ({"precision": 0.0}, "precision must lie"),
        ({"false_positives": -0.1}, "false positives must lie"),
        ({"recall": math.nan}, "recall must lie"),
    ],
)
def test_targets_that_are_none_are_refused(target, message):
    with pytest.raises(InputError, match=message):
        Target.of(**target)
