"""Counts in cells say what a look at all scores says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.calibration import Evidence
from isthmus.calibration.evidence import from_edges
from isthmus.metrics.separability import roc_auc
from tests.calibration.made import block_scores, gaussian_scores
from tests.strategies import seeds

N, BLOCKS = 60, 6
CODES = np.arange(N) // 2  # two rows of each group


def scored(seed: int = 0) -> tuple[np.ndarray, np.ndarray, Evidence]:
    scores = gaussian_scores(N, seed).round(3)  # with ties
    same = CODES[:, None] == CODES
    return scores, same, Evidence.of(block_scores(scores, (CODES, CODES), BLOCKS), BLOCKS)


@settings(max_examples=15)
@given(seeds)
def test_shares_at_every_edge_are_those_of_all_scores(seed):
    scores, same, evidence = scored(seed)
    for counts, values in (
        (evidence.all_matches, scores[same]),
        (evidence.all_others, scores[~same]),
    ):
        np.testing.assert_array_equal(
            from_edges(counts), [(values >= edge).sum() for edge in evidence.edges]
        )
    assert (evidence.n_matches, evidence.n_others) == (same.sum(), (~same).sum())
    assert evidence.means == pytest.approx((scores[same].mean(), scores[~same].mean()), abs=1e-3)


@settings(max_examples=15)
@given(seeds, st.integers(0, BLOCKS - 1))
def test_without_a_block_no_pair_touches_it(seed, block):
    scores, same, evidence = scored(seed)
    inside = block == CODES % BLOCKS
    free = ~(inside[:, None] | inside)
    for counts, kind in zip(evidence.without(block), (same, ~same), strict=True):
        values = scores[free & kind]
        np.testing.assert_array_equal(
            from_edges(counts), [(values >= edge).sum() for edge in evidence.edges]
        )


def test_auc_is_that_of_all_scores():
    scores, same, evidence = scored()
    assert evidence.auc == pytest.approx(roc_auc(scores[same], scores[~same]), abs=1e-3)


@settings(max_examples=15)
@given(seeds)
def test_p_values_count_what_scores_as_high_and_never_too_few(seed):
    scores, same, evidence = scored(seed)
    others = scores[~same]
    at = np.concatenate([evidence.edges, np.linspace(-1, 1, 50)])
    exact = np.array([((others >= s).sum() + 1) / (len(others) + 1) for s in at])
    found = evidence.p_values(at)
    np.testing.assert_allclose(found[: len(evidence.edges)], exact[: len(evidence.edges)])
    assert (found >= exact - 1e-12).all()
    assert (found <= exact + 0.02).all()
    assert found.min() > 0
    assert found.max() == 1


def test_the_highest_others_are_edges_one_by_one():
    scores, same, evidence = scored()
    highest = np.unique(scores[~same])[-5:]
    assert np.isin(highest, evidence.edges).all()


def test_a_histogram_holds_everything_and_sits_where_the_scores_are():
    scores, same, evidence = scored()
    bounds = np.linspace(-0.5, 1, 61)
    for matches, values in ((True, scores[same]), (False, scores[~same])):
        density = evidence.density(bounds, matches=matches)
        assert (density >= 0).all()
        assert density.sum() * 0.025 == pytest.approx(1)
        middle = (bounds[1:] + bounds[:-1]) / 2
        assert (density * middle).sum() * 0.025 == pytest.approx(values.mean(), abs=0.01)


def test_scores_without_matches_have_no_mean_of_matches():
    parts = [
        part._replace(matches=part.matches[:0])
        for part in block_scores(gaussian_scores(N, 0), (CODES, CODES), BLOCKS)
    ]
    evidence = Evidence.of(parts, BLOCKS)
    assert evidence.n_matches == 0
    assert evidence.means[0] is None


def test_one_score_for_everything_is_one_edge():
    scores = np.full((N, N), 0.25)
    evidence = Evidence.of(block_scores(scores, (CODES, CODES), BLOCKS), BLOCKS)
    assert evidence.edges.tolist() == [0.25]
    assert evidence.auc == 0.5
    assert evidence.p_values(np.array([0.2, 0.25])).tolist() == [1, 1]
