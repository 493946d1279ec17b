from __future__ import annotations

import numpy as np
import pytest

from isthmus import InputError
from isthmus.closers.selection import OPEN, Trials, choose


def noise(seed: int) -> np.ndarray:
    """Ten values of mean 0 and standard deviation 0.01."""
    values = np.random.default_rng(seed).normal(size=10)
    return 0.01 * (values - values.mean()) / values.std()


def trials(**methods: tuple[float, float]) -> Trials:
    """Methods by (R@1, R@10 of one index); the open space has 0.6 and 0.1."""
    every = {OPEN: (0.6, 0.1), **methods}
    scores = {
        name: {"recall": recall + noise(100 + seed), "search_recall": search + noise(seed)}
        for seed, (name, (recall, search)) in enumerate(every.items())
    }
    return Trials(scores, {}, 100, 5, 2)


CASES = {
    "the best": (trials(a=(0.6, 0.3), b=(0.6, 0.5)), "b"),
    "the simpler of two that are level": (trials(a=(0.6, 0.5), b=(0.6, 0.501)), "a"),
    "not the best, as it harms retrieval": (trials(a=(0.6, 0.3), b=(0.5, 0.5)), "a"),
    "harm within the tolerance": (trials(a=(0.6, 0.3), b=(0.56, 0.5)), "b"),
    "none is better": (trials(a=(0.6, 0.1), b=(0.6, 0.09)), None),
    "the best, where simpler ones are level with it and with the open space": (
        trials(a=(0.6, 0.11), b=(0.6, 0.125)),
        "b",
    ),
    "all harm": (trials(a=(0.3, 0.9)), None),
    "nothing was tried": (trials(), None),
}


@pytest.mark.parametrize(("found", "method"), CASES.values(), ids=CASES)
def test_choice(found, method):
    choice = choose(found, [name for name in found.scores if name != OPEN])
    assert choice.method == method
    assert choice.reasons
    assert all("\n" not in reason for reason in choice.reasons)


def test_reasons_name_what_was_passed_over():
    found = trials(simple=(0.6, 0.5), level=(0.6, 0.501), harmful=(0.4, 0.9))
    text = " | ".join(choose(found, ["simple", "level", "harmful"]).reasons)
    assert "harmful (-0.200)" in text
    assert "level scores higher by 0.001" in text
    assert "simple is simpler" in text
    refused = Trials(found.scores, {"tired": "needs a rest"}, 100, 5, 2)
    assert "tired cannot be fitted: needs a rest" in choose(refused, ["simple"]).reasons[0]


def test_where_none_is_taken_the_numbers_are_those_of_the_best():
    text = choose(trials(a=(0.6, 0.08), b=(0.6, 0.1)), ["a", "b"]).reasons[-1]
    assert "b has the highest score" in text
    assert "R@10 0.100" in text


def test_the_order_given_says_what_is_simple():
    found = trials(a=(0.6, 0.5), b=(0.6, 0.501))
    assert choose(found, ["b", "a"]).method == "b"


def test_a_wider_tolerance_admits_more():
    found = trials(a=(0.6, 0.3), b=(0.4, 0.9))
    assert choose(found, ["a", "b"], tolerance=0.05).method == "a"
    assert choose(found, ["a", "b"], tolerance=0.3).method == "b"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"purpose": "fun"}, "no purpose 'fun'; there are: search"),
        ({"purpose": "clustering"}, "judged by labels: give --labels"),
        ({"tolerance": 2.0}, "0 to 1; found 2.0"),
        ({"tolerance": float("nan")}, "0 to 1; found nan"),
    ],
)
def test_misuse_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        choose(trials(a=(0.6, 0.3)), ["a"], **options)
