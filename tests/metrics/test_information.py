from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus import InputError
from isthmus.metrics.information import Pid, joint_counts, mutual_information, pid
from tests.reference import information as reference
from tests.strategies import seeds


def gate(rule, *, inputs=(2, 2)) -> np.ndarray:
    """Distribution of y = rule(x₁, x₂) for independent uniform inputs."""
    found = {(a, b): rule(a, b) for a, b in product(*map(range, inputs))}
    p = np.zeros((*inputs, max(found.values()) + 1))
    for (a, b), y in found.items():
        p[a, b, y] = 1
    return p


def equal_sources(size: int) -> np.ndarray:
    p = np.zeros((size, size, size))
    p[np.arange(size), np.arange(size), np.arange(size)] = 1
    return p


def parts(found: Pid) -> tuple[float, float, float, float]:
    return found.redundancy, found.unique1, found.unique2, found.synergy


KNOWN = {
    "copy": (gate(lambda a, b: 2 * a + b), (0, 1, 1, 0)),
    "equal sources": (equal_sources(2), (1, 0, 0, 0)),
    "equal sources of four values": (equal_sources(4), (2, 0, 0, 0)),
    "xor": (gate(lambda a, b: a ^ b), (0, 0, 0, 1)),
    "sum modulo 5": (gate(lambda a, b: (a + b) % 5, inputs=(5, 5)), (0, 0, 0, np.log2(5))),
    "and": (gate(lambda a, b: a & b), (0.75 * np.log2(4 / 3), 0, 0, 0.5)),
    "first alone": (gate(lambda a, b: a), (0, 1, 0, 0)),
    "second alone": (gate(lambda a, b: b), (0, 0, 1, 0)),
    "noise": (np.ones((3, 2, 4)), (0, 0, 0, 0)),
    "one value of y": (np.arange(1.0, 7.0).reshape(3, 2, 1), (0, 0, 0, 0)),
    "one value of x1": (np.eye(3)[None], (0, 0, np.log2(3), 0)),
}


def random_joint(seed: int, sizes: tuple[int, int, int], *, sparse: bool = True) -> np.ndarray:
    rng = np.random.default_rng(seed)
    p = rng.random(sizes) ** rng.choice([1, 4, 12] if sparse else [1, 2])
    if sparse:
        p *= rng.random(sizes) < rng.choice([0.3, 0.7, 1.0])
        p.flat[rng.integers(p.size)] += 0.1
    return np.asarray(p)


sizes = st.tuples(*[st.integers(1, 5)] * 3)


@pytest.mark.parametrize(("p", "expected"), KNOWN.values(), ids=KNOWN)
def test_known_answers(p, expected):
    assert parts(pid(p)) == pytest.approx(expected, abs=1e-6)


@given(seed=seeds, sizes=sizes)
def test_parts_are_consistent_and_not_negative(seed, sizes):
    p = random_joint(seed, sizes)
    found = pid(p)
    one, two = mutual_information(p.sum(axis=1)), mutual_information(p.sum(axis=0))
    assert min(parts(found)) >= -1e-9
    assert found.redundancy + found.unique1 == pytest.approx(one, abs=1e-9)
    assert found.redundancy + found.unique2 == pytest.approx(two, abs=1e-9)
    assert found.total == pytest.approx(mutual_information(p.reshape(-1, sizes[2])), abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("sizes", [(2, 2, 2), (3, 2, 2), (2, 3, 3)])
def test_unique_information_equals_that_of_a_general_optimiser(sizes, seed):
    p = random_joint(seed, sizes, sparse=False)
    found, least = pid(p), reference.least_information(p)
    assert found.total - found.synergy == pytest.approx(least, abs=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_more_values_than_an_optimiser_s_starting_point_are_solved(seed):
    p = random_joint(seed, (8, 9, 7))
    start = p.sum(axis=1)[:, None, :] * p.sum(axis=0)[None, :, :] / p.sum(axis=(0, 1))
    found = pid(p)
    assert found.total - found.synergy < mutual_information(start.reshape(-1, 7)) - 1e-3


@given(seed=seeds, sizes=sizes)
def test_sources_may_change_places(seed, sizes):
    p = random_joint(seed, sizes)
    found, swapped = pid(p), pid(p.swapaxes(0, 1))
    expected = found.redundancy, found.unique2, found.unique1, found.synergy
    assert parts(swapped) == pytest.approx(expected, abs=1e-6)


@given(seed=seeds, sizes=sizes, factor=st.floats(1e-6, 1e6))
def test_counts_and_probabilities_give_the_same_in_any_order_of_values(seed, sizes, factor):
    p = random_joint(seed, sizes)
    rng = np.random.default_rng(seed)
    order = np.ix_(*[rng.permutation(size) for size in sizes])
    assert parts(pid(factor * p[order])) == pytest.approx(parts(pid(p)), abs=1e-6)


@given(seed=seeds, sizes=sizes)
def test_mutual_information_equals_the_reference(seed, sizes):
    p = random_joint(seed, sizes).sum(axis=0)
    assert mutual_information(p) == pytest.approx(reference.mutual_information(p), abs=1e-12)


def test_counts_are_of_every_triple():
    rng = np.random.default_rng(0)
    x1, x2, y = rng.integers(0, 3, 50), np.array(list("ab"))[rng.integers(0, 2, 50)], rng.random(50)
    y = y > 0.5
    counts = joint_counts(x1, x2, y)
    assert counts.shape == (3, 2, 2)
    for i, a, k in product(range(3), range(2), range(2)):
        assert counts[i, a, k] == ((x1 == i) & (x2 == "ab"[a]) & (y == bool(k))).sum()


@pytest.mark.parametrize(
    ("p", "message"),
    [
        (np.ones((2, 2)), r"3-D; found shape \(2, 2\)"),
        (np.zeros((2, 2, 2)), "not all 0"),
        (-np.ones((2, 2, 2)), "found values from -1.0 to -1.0"),
        (np.full((2, 2, 2), np.nan), "finite"),
        (np.ones((0, 2, 2)), r"found shape \(0, 2, 2\)"),
    ],
)
def test_what_is_no_distribution_is_refused(p, message):
    with pytest.raises(InputError, match=message):
        pid(p)


@pytest.mark.parametrize("columns", [([0, 1], [0, 1], [0]), ([], [], []), ([[0]], [[0]], [[0]])])
def test_columns_that_do_not_fit_are_refused(columns):
    with pytest.raises(InputError, match="of one length, and not empty"):
        joint_counts(*columns)
