"""Trifeature: pictures of which shape, texture and colour are known, and vary independently.

The set of Hermann and Lampinen, *What shapes feature representations? Exploring datasets,
architectures, and training* (2020), as Dufumier et al., *What to align in multimodal contrastive
learning?* (2025), draw it: ten shapes, ten textures, ten colours, and so 1,000 combinations.
Nothing is downloaded; the pictures are drawn here, from a seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .labelled import Split, check_split
from .trifeature_draw import COLOURS, Poses, draw
from .trifeature_shapes import SHAPES
from .trifeature_textures import TEXTURES

VALUES = 10
"""Shapes, textures, and colours."""

PER_COMBINATION = 3
"""Pictures of each combination to train on; of those to test there is one."""

SPLIT_SEED = 42
"""Of the combinations that are for testing, as the paper draws them."""

LEAST_SIDE, MOST_SIDE = 16, 1024

_TEST = 200  # combinations
_STREAMS = {"train": 0, "test": 1}


@dataclass(frozen=True)
class Trifeature:
    """Pictures and what they show, row i of each belonging together.

    Attributes
    ----------
    images:
        (N, side, side, 3) uint8.
    shapes, textures, colours:
        (N,) int64, places in `SHAPES`, `TEXTURES` and `COLOURS`.
    """

    images: NDArray[np.uint8]
    shapes: NDArray[np.int64]
    textures: NDArray[np.int64]
    colours: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)


def trifeature(
    split: Split,
    *,
    side: int = 64,
    rows: int | None = None,
    per_combination: int = PER_COMBINATION,
    balanced: bool = False,
    seed: int = 0,
    split_seed: int = SPLIT_SEED,
) -> Trifeature:
    """Draw a split: 800 combinations thrice to train on, 200 others once to test.

    A shape fills 128 of 224 pixels before it is turned by up to 45 degrees, and lies anywhere where
    all of it can be seen. Its texture, turned by an angle of its own and moved at random, repeats
    every 10 of 224 pixels, but never in fewer than 7 pixels, where textures are no longer told
    apart: below a side of 157 it is coarser than the paper's. The rest is grey.

    Rows are in the order of shapes, textures, colours and views, and a picture does not depend on
    `rows`. 2,600 pictures take about 7 seconds at side 224, and one at side 64, on one core.

    Parameters
    ----------
    split:
        "train" or "test". No combination is in both.
    side:
        Of the pictures, in pixels; the paper's are 224.
    rows:
        As many of the pictures, chosen at random; all if not given.
    per_combination:
        Pictures of each combination to train on, the paper's 3 or as many as wanted. It changes
        nothing of the test split.
    balanced:
        False: the combinations to test are any 200, as in the paper. True: any 200 in which every
        shape has every texture twice, and every colour twice, so that neither tells anything of
        the other, in either split.
    seed:
        Of how the pictures are drawn, and which, if not all are.
    split_seed:
        Of the combinations to test.

    Raises
    ------
    InputError
        No such split, or a number out of range.

    Examples
    --------
    >>> test = trifeature("test", side=32)
    >>> test.images.shape, list(SHAPES)[test.shapes[0]]
    ((200, 32, 32, 3), 'triangle')
    """
    check_split(split)
    check_number("side", side, LEAST_SIDE, MOST_SIDE)
    check_number("per_combination", per_combination, 1)
    check_number("seed", seed, 0)
    check_number("split_seed", split_seed, 0)
    held_out = _held_out(balanced, np.random.default_rng(split_seed))
    combinations = np.flatnonzero(held_out if split == "test" else ~held_out)
    shown = np.repeat(combinations, per_combination if split == "train" else 1)
    rng = np.random.default_rng([seed, _STREAMS[split]])
    poses = Poses.draw(len(shown), rng)
    if rows is not None:
        check_number("rows", rows, 1, len(shown))
        chosen = np.sort(rng.choice(len(shown), rows, replace=False))
        shown, poses = shown[chosen], poses.of(chosen)
    shapes, textures, colours = np.unravel_index(shown, (len(SHAPES), len(TEXTURES), len(COLOURS)))
    return Trifeature(draw(shapes, textures, colours, poses, side=side), shapes, textures, colours)


def check_number(name: str, value: object, least: int, most: int | None = None) -> None:
    """An error unless it is a whole number in the range."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):  # type: ignore[operator]
        limits = f"of at least {least}" if most is None else f"from {least} to {most:,}"
        raise InputError(f"{name} must be a whole number {limits}; found {value!r}")


def _held_out(balanced: bool, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(1,000,) which combinations are for testing, colours fastest."""
    if not balanced:
        held_out = np.arange(VALUES**3) < _TEST
        rng.shuffle(held_out)
        return held_out
    table = np.zeros((VALUES, VALUES, VALUES), bool)
    for shape in table:
        textures, colours = rng.permutation(VALUES), rng.permutation(VALUES)
        shape[textures, colours] = True
        shape[textures, np.roll(colours, 1)] = True
    return table.ravel()
