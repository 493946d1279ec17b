"""Worlds of known information: closed forms against the exact decomposition."""

from __future__ import annotations

from itertools import product
from math import log2
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.datasets.information_world import MOST_CELLS, SUITES, InformationWorld
from isthmus.errors import InputError
from isthmus.metrics import mutual_information, pid

ONE = 1.0 - 0.1 * log2(10) - 0.9 * log2(10 / 9)  # bits of a bit that is wrong in a tenth


def term(world: InformationWorld, part: str, source: int) -> str:
    """Where the decomposition of modality `source` and the others must put a part."""
    if part.startswith("unique"):
        return "unique1" if part == f"unique{source + 1}" else "unique2"
    return {"shared": "redundancy", "synergy": "synergy"}[part]


def check_parts(world: InformationWorld) -> None:
    for source in range(len(world.unique)):
        for part in world.sizes:
            table = world.table(part, source=source)
            assert table.sum() == pytest.approx(1, abs=1e-12)
            found = vars(pid(table))
            expected = dict.fromkeys(found, 0.0) | {term(world, part, source): world.bits[part]}
            assert found == pytest.approx(expected, abs=1e-9), (part, source)


@pytest.mark.parametrize("name", SUITES)
def test_every_suite_has_the_information_that_is_said(name: str) -> None:
    check_parts(SUITES[name])


@settings(max_examples=15, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 4), min_size=4, max_size=5),
    match=st.booleans(),
    flip=st.sampled_from([0.0, 0.05, 0.3, 0.7, 0.95]),
)
def test_every_world_does(sizes: list[int], match: bool, flip: float) -> None:
    shared, synergy, *unique = sizes
    if max(sizes) > 1:
        world = InformationWorld(shared, tuple(unique), synergy, match and synergy > 1, flip)
        check_parts(world)


@pytest.mark.parametrize(
    ("world", "bits"),
    [
        (InformationWorld(shared=8), [3, 0, 0, 0]),
        (InformationWorld(unique=(8, 1)), [0, 3, 0, 0]),
        (InformationWorld(unique=(1, 8)), [0, 0, 3, 0]),
        (InformationWorld(synergy=4), [0, 0, 0, 2]),
        (InformationWorld(2, (4, 2), 2), [1, 2, 1, 1]),
        (InformationWorld(3, (1, 2), 3), [log2(3), 0, 1, log2(3)]),
        (InformationWorld(1, (1, 1), 4, match=True), [0, 0, 0, 2 - 0.75 * log2(3)]),
        (InformationWorld(1, (1, 2), 2, flip=0.1), [0, 0, ONE, ONE]),
        (InformationWorld(1, (1, 1), 2, match=True, flip=0.1), [0, 0, 0, ONE]),
        (InformationWorld(2, (1, 1), flip=0.5), [0, 0, 0, 0]),
    ],
    ids=str,
)
def test_whole_worlds_decompose_as_said(world: InformationWorld, bits: list[float]) -> None:
    assert list(world.bits.values()) == pytest.approx(bits, abs=1e-12)
    found = pid(world.joint())
    assert list(vars(found).values()) == pytest.approx(bits, abs=1e-8)


def test_the_mixture_decomposes_as_a_whole() -> None:
    mixture = SUITES["mixture"]
    world = InformationWorld(mixture.shared, mixture.unique, mixture.synergy)
    assert list(vars(pid(world.joint())).values()) == pytest.approx([2, 2, 2, 1], abs=1e-8)


@pytest.mark.parametrize(
    "world",
    [
        InformationWorld(2, (3, 2), 2, flip=0.2),
        InformationWorld(1, (2, 1), 3, match=True, flip=0.1),
        InformationWorld(1, (1, 2, 2), 2),
    ],
    ids=str,
)
def test_the_joint_table_is_what_counting_every_case_gives(world: InformationWorld) -> None:
    count = len(world.unique)
    own = [[range(world.shared)], [range(n) for n in world.unique], [range(world.synergy)] * count]
    cases: dict[tuple[Any, ...], float] = {}
    for symbols in product(*own[0], *own[1], *own[2]):
        r, unique, shares = symbols[0], symbols[1 : count + 1], symbols[count + 1 :]
        s = sum(shares) % world.synergy
        truth = dict(zip(world.sizes, (r, *unique, int(s == 0) if world.match else s), strict=True))
        labels = [range(world.classes(part)) for part in world.parts]
        for label in product(*labels):
            p = 1 / np.prod([len(values) for group in own for values in group])
            for part, said in zip(world.parts, label, strict=True):
                right = said == truth[part]
                p *= 1 - world.flip if right else world.flip / (world.classes(part) - 1)
            key = ((r, unique[0], shares[0]), (r, unique[1:], shares[1:]), label)
            cases[key] = cases.get(key, 0.0) + p
    axes = [sorted({key[k] for key in cases}) for k in range(3)]
    counted = np.zeros([len(values) for values in axes])
    for key, p in cases.items():
        counted[tuple(values.index(k) for values, k in zip(axes, key, strict=True))] = p
    joint = world.joint()
    assert joint.shape == counted.shape
    np.testing.assert_allclose(np.sort(joint.ravel()), np.sort(counted.ravel()), atol=1e-15)
    for k in range(2):  # what each source says
        assert mutual_information(joint.sum(axis=k)) == pytest.approx(
            mutual_information(counted.sum(axis=k)), abs=1e-12
        )


@pytest.mark.parametrize(
    ("world", "part", "chance", "ceiling"),
    [
        (InformationWorld(shared=8), "shared", 1 / 8, 1.0),
        (InformationWorld(shared=4, flip=0.1), "shared", 1 / 4, 0.9),
        (InformationWorld(shared=4, flip=0.75), "shared", 1 / 4, 1 / 4),
        (InformationWorld(unique=(2, 1), flip=0.9), "unique1", 1 / 2, 0.9),
        (InformationWorld(synergy=10, match=True), "synergy", 1 / 2, 1.0),
        # true and said to be 1/2 · 0.9 of each: nothing but the flip is in the way
        (InformationWorld(synergy=2, match=True, flip=0.1), "synergy", 1 / 2, 0.9),
        # of those that are said to match, 0.1·0.9 of 0.1·0.9 + 0.9·0.1 do
        (
            InformationWorld(synergy=10, match=True, flip=0.1),
            "synergy",
            1 / 2,
            (0.09 / 0.18 + 0.81 / 0.82) / 2,
        ),
    ],
    ids=str,
)
def test_ceilings_are_those_of_the_best_classifier(
    world: InformationWorld, part: str, chance: float, ceiling: float
) -> None:
    assert world.chance(part) == chance
    assert world.ceiling(part) == pytest.approx(ceiling, abs=1e-12)
    joint = world.channel(part)  # every classifier there is
    classes = joint.shape[1]
    given = joint / joint.sum(axis=0)
    every = product(range(classes), repeat=classes) if classes <= 4 else ()
    scores = [
        np.mean([given[[v for v, c in enumerate(said) if c == k], k].sum() for k in range(classes)])
        for said in every
    ]
    assert not scores or max(scores) == pytest.approx(ceiling, abs=1e-12)


def test_parts_are_named() -> None:
    world = SUITES["three modalities"]
    assert world.modalities == ("x1", "x2", "x3")
    assert world.parts == ("shared", "unique1", "unique2", "unique3", "synergy")
    assert SUITES["unique2"].parts == ("unique2",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "a world without information"),
        ({"shared": 0}, "shared must be a whole number of at least 1; found 0"),
        ({"unique": (2,)}, "for each of two modalities or more; found (2,)"),
        ({"unique": [2, 2]}, "unique needs a tuple"),
        ({"unique": (2, 1.5)}, "unique2 must be a whole number"),
        ({"synergy": True}, "synergy must be a whole number"),
        ({"shared": 2, "match": True}, "match needs synergy of 2 values"),
        ({"synergy": 2, "match": 1}, "match must be True or False"),
        ({"shared": 2, "flip": 1}, "flip must be a number in [0, 1); found 1"),
        ({"shared": 2, "flip": float("nan")}, "flip must be a number"),
    ],
    ids=lambda value: str(value),
)
def test_wrong_worlds_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        InformationWorld(**options)
    assert message in str(error.value)


def test_a_table_that_is_too_large_is_refused() -> None:
    with pytest.raises(InputError, match=f"more than {MOST_CELLS:,}: take the tables of its parts"):
        SUITES["trifeature"].joint()
    with pytest.raises(InputError, match="source must be below 2, the modalities; found 2"):
        SUITES["shared"].table("shared", source=2)
