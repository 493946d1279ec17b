from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from isthmus import Embeddings, InputError
from isthmus.closers import Centering
from isthmus.closers.selection import METRICS, OPEN, Trials, cross_validate, held_out_scores
from isthmus.metrics import knn_accuracies, l2m, mixed_search, recall_at_k, rmg


def gapped(n: int = 60, width: int = 8, *, labelled: bool = False, seed: int = 0) -> Embeddings:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    things = rng.normal(size=(n, width)) + 2 * rng.normal(size=(3, width))[labels]
    rows = {
        name: things + 0.5 * rng.normal(size=things.shape) + 3 * rng.normal(size=width)
        for name in ("image", "text")
    }
    return Embeddings(rows, labels=labels if labelled else None)


class FittedOnRows(Centering):
    """Centering that does not take sums, and remembers what it was fitted on."""

    seen: list[tuple[set[float], set[float]]]

    def fit(self, embeddings):
        self.fitted = set(embeddings["image"][:, 0].tolist())
        return super().fit(embeddings)

    def close(self, embeddings):
        self.seen.append((self.fitted, set(embeddings["image"][:, 0].tolist())))
        return super().close(embeddings)


class Refusing(Centering):
    def solve(self, statistics):
        raise InputError("too tired")


def test_scores_are_those_of_the_plain_functions():
    space = gapped(labelled=True)
    found = held_out_scores(space)
    x, y = space["image"], space["text"]
    search = mixed_search(space.arrays).by_modality
    across = knn_accuracies(space.arrays, space.labels, space.groups)
    assert set(found) == set(METRICS)
    expected = {
        "gap": l2m(x, y),
        "rmg": rmg(x, y),
        "recall": (recall_at_k(x, y) + recall_at_k(y, x)) / 2,
        "search_recall": np.mean([q.recall for q in search.values()]),
        "search_ndcg": np.mean([q.ndcg for q in search.values()]),
        "own_share": np.mean([q.top_share[name] for name, q in search.items()]),
        "neighbours": (across["image→text"] + across["text→image"]) / 2,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_rows_without_a_match_are_no_queries():
    space = Embeddings(
        {"a": np.eye(4)[[0, 1, 2]], "b": np.eye(4)[[0, 1, 3]]},
        groups={"a": [0, 1, 2], "b": [0, 1, 3]},
    )
    assert held_out_scores(space)["recall"] == 1.0


def test_sums_of_folds_give_what_fitting_on_the_rows_gives():
    FittedOnRows.seen = []
    trials = cross_validate(gapped(), {"sums": Centering, "rows": FittedOnRows})
    for score, values in trials.scores["sums"].items():
        np.testing.assert_allclose(values, trials.scores["rows"][score], atol=1e-9, err_msg=score)
    assert not np.allclose(trials.scores["sums"]["gap"], trials.scores[OPEN]["gap"])


def test_no_row_is_judged_that_was_fitted_on_and_every_row_is_judged_once_a_repeat():
    FittedOnRows.seen = []
    space = gapped()
    cross_validate(space, {"rows": FittedOnRows}, folds=4, repeats=3)
    assert len(FittedOnRows.seen) == 12
    every = set(space["image"][:, 0].tolist())
    for fitted, judged in FittedOnRows.seen:
        assert not fitted & judged
        assert fitted | judged == every
    for repeat in range(3):
        parts = [judged for _, judged in FittedOnRows.seen[4 * repeat : 4 * repeat + 4]]
        assert sum(map(len, parts)) == 60


def test_groups_stay_together_and_those_without_all_modalities_are_left_out():
    rng = np.random.default_rng(0)
    ids = {"image": np.arange(50), "text": np.concatenate([np.arange(5, 50), np.arange(5, 25)])}
    rows = {name: rng.normal(size=(len(own), 6)) + 1 for name, own in ids.items()}
    trials = cross_validate(Embeddings(rows, groups=ids), {"centering": Centering}, repeats=1)
    assert (trials.groups, trials.folds) == (45, 4)  # ten groups a fold


def test_one_method_twice_differs_by_nothing():
    trials = cross_validate(gapped(), {"one": Centering, "two": Centering})
    assert str(trials.difference("one", "gap", "two")) == "0.000 [0.000, 0.000]"
    assert trials.difference("one", "gap").value < -0.3


def test_a_seed_decides_the_splits():
    one, same, other = (
        cross_validate(gapped(), {}, seed=seed).scores[OPEN]["gap"] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_no_more_groups_are_drawn_than_asked_for():
    FittedOnRows.seen = []
    trials = cross_validate(gapped(), {"rows": FittedOnRows}, groups=40)
    assert trials.groups == 40
    assert all(len(fitted | judged) == 40 for fitted, judged in FittedOnRows.seen)


def test_the_interval_counts_splits_that_share_rows():
    values = np.array([0.1, 0.4, 0.3, 0.2])
    trials = Trials({"a": {"gap": values}, OPEN: {"gap": np.zeros(4)}}, {}, 100, 2, 2)
    half = stats.t.ppf(0.975, 3) * values.std(ddof=1) * np.sqrt(1 / 4 + 1)
    found = trials.mean("a", "gap")
    assert (found.low, found.high) == pytest.approx((0.25 - half, 0.25 + half))
    assert trials.difference("a", "gap") == found


def test_a_method_that_cannot_be_fitted_is_named_with_its_reason():
    trials = cross_validate(gapped(), {"tired": Refusing, "centering": Centering})
    assert trials.refused == {"tired": "too tired"}
    assert set(trials.scores) == {OPEN, "centering"}


def test_labels_give_the_scores_that_need_them():
    trials = cross_validate(gapped(labelled=True), {"centering": Centering})
    assert trials.mean("centering", "v_measure").value > trials.mean(OPEN, "v_measure").value
    assert "v_measure" not in cross_validate(gapped(), {}).scores[OPEN]


REFUSED = {
    "few groups": (lambda: cross_validate(gapped(19), {}), "at least 20 groups"),
    "one fold": (lambda: cross_validate(gapped(), {}, folds=1), "folds >= 2"),
    "no repeat": (lambda: cross_validate(gapped(), {}, repeats=0), "repeats >= 1"),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_misuse_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
