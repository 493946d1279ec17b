"""Controlled data: vectors that tell a known amount, in bits, alone, each, and only together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arguments import check_count, check_flag, check_number
from ..errors import InputError
from .information_world import SHARED, SUITES, SYNERGY, UNIQUE, InformationWorld
from .splits import SPLITS, Split, check_split

HIDDEN, GAIN = 64, 1.5
"""Width of the layer between symbols and vectors, and how far into tanh they go."""

_LAYOUT = 0  # stream of random numbers


@dataclass(frozen=True)
class KnownInformation:
    """Items of an `InformationWorld`, row i of everything belonging together.

    Attributes
    ----------
    world:
        What there is to know.
    views:
        Modality → (N, dimension + nuisance) float32; the last columns are nuisance.
    symbols:
        Modality → (N, 3) int64: r, u_i and a_i.
    labels:
        Part → (N,) int64, of the parts that tell anything.
    """

    world: InformationWorld
    views: Mapping[str, NDArray[np.float32]]
    symbols: Mapping[str, NDArray[np.int64]]
    labels: Mapping[str, NDArray[np.int64]]

    def __len__(self) -> int:
        return len(next(iter(self.views.values())))


def known_information(
    split: Split,
    world: InformationWorld | str = "mixture",
    *,
    rows: int = 4000,
    dimension: int = 48,
    nuisance: int = 16,
    noise: float = 0.3,
    biased: bool = False,
    seed: int = 0,
) -> KnownInformation:
    r"""Draw items of a world as vectors.

    Modality i sees x_i = [tanh(g B_i tanh(g A_i o / √3) / √64) + noise · N(0, I), N(0, I)]: o holds
    its three symbols one-hot, A_i and B_i are N(0, 1) matrices of its own with 64 hidden units, g =
    1.5, and the last columns are nuisance, which no other modality has and no label tells. All that
    a modality says of the label are its symbols. What they tell is an upper bound of what vectors
    tell; at the default size of vectors and noise it is reached, as the nearest of the vectors
    without noise tells all three symbols in at least 999 of 1,000 rows of every suite.

    Parameters
    ----------
    split:
        "train", "validation" or "test": other rows of the same world, seen through the same maps.
    world:
        An `InformationWorld`, or the name of one of `SUITES`.
    rows:
        Items.
    dimension, nuisance:
        Columns that depend on the symbols, and columns that do not.
    noise:
        Standard deviation of the noise on the former, which lie in (−1, 1) without it.
    biased:
        Only items with s = 0: what modalities tell of synergy belongs together in all of them, as
        in the pairs that Trifeature's synergy is learnt from. What the world knows of synergy then
        holds for unbiased rows alone, on which what was learnt is judged.
    seed:
        Of maps and rows.

    Raises
    ------
    InputError
        No suite of that name; a number out of range; `biased` without synergy.

    Examples
    --------
    >>> data = known_information("test", "synergy", rows=50)
    >>> {name: view.shape for name, view in data.views.items()}
    {'x1': (50, 64), 'x2': (50, 64)}
    >>> data.world.bits["synergy"], sorted(set(data.labels["synergy"].tolist()))
    (2.0, [0, 1, 2, 3])
    """
    check_split(split)
    world = _world(world)
    check_count("rows", rows, low=1)
    check_count("dimension", dimension, low=1)
    check_count("nuisance", nuisance, low=0)
    check_count("seed", seed, low=0)
    check_number("noise", noise, low=0, high=np.inf)
    if check_flag("biased", biased) and world.synergy == 1:
        raise InputError("biased is of synergy, which this world has none of")
    stream = 1 + SPLITS.index(split) + len(SPLITS) * biased
    draw = np.random.default_rng([seed, stream])
    symbols = _symbols(world, rows, draw, biased=biased)
    labels = _labels(world, symbols, draw)
    layout = np.random.default_rng([seed, _LAYOUT])
    views = {}
    for name, own in symbols.items():
        sizes = (world.shared, world.sizes[f"{UNIQUE}{name[1:]}"], world.synergy)
        one_hot = np.concatenate(
            [np.eye(size)[column] for size, column in zip(sizes, own.T, strict=True)], axis=1
        )
        first = layout.normal(size=(one_hot.shape[1], HIDDEN)) / len(sizes) ** 0.5
        second = layout.normal(size=(HIDDEN, dimension)) / HIDDEN**0.5
        clean = np.tanh(GAIN * np.tanh(GAIN * one_hot @ first) @ second)
        seen = clean + noise * draw.normal(size=clean.shape)
        beside = draw.normal(size=(rows, nuisance))
        views[name] = np.concatenate([seen, beside], axis=1).astype(np.float32)
    return KnownInformation(world, views, symbols, labels)


def _world(world: InformationWorld | str) -> InformationWorld:
    if isinstance(world, InformationWorld):
        return world
    if world not in SUITES:
        raise InputError(f"no suite '{world}'; there are {', '.join(SUITES)}")
    return SUITES[world]


def _symbols(
    world: InformationWorld, rows: int, draw: np.random.Generator, *, biased: bool
) -> dict[str, NDArray[np.int64]]:
    """Modality → (N, 3)."""
    shared = draw.integers(world.shared, size=rows)
    unique = [draw.integers(size, size=rows) for size in world.unique]
    shares = [draw.integers(world.synergy, size=rows) for _ in world.unique]
    if biased:
        shares[-1] = -np.sum(shares[:-1], axis=0) % world.synergy
    return {
        name: np.stack([shared, unique[k], shares[k]], axis=1)
        for k, name in enumerate(world.modalities)
    }


def _labels(
    world: InformationWorld, symbols: Mapping[str, NDArray[np.int64]], draw: np.random.Generator
) -> dict[str, NDArray[np.int64]]:
    """Part → (N,), wrong as often as the world says."""
    own = list(symbols.values())
    s = world.label_of(np.sum(own, axis=0)[:, 2] % world.synergy)
    right = {SHARED: own[0][:, 0], SYNERGY: s}
    right |= {f"{UNIQUE}{k + 1}": rows[:, 1] for k, rows in enumerate(own)}
    found = {}
    for part in world.parts:
        classes, values = world.classes(part), right[part]
        other = draw.integers(1, classes, size=len(values))  # how far a wrong value is off
        wrong = draw.random(len(values)) < world.flip
        found[part] = (values + wrong * other) % classes
    return found
