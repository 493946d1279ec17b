"""Pairs of Trifeature pictures: what both tell, what one tells, and what only both together tell.

The pairs of Dufumier et al., *What to align in multimodal contrastive learning?* (2025): two
pictures of one shape, of which textures and colours are independent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .labelled import Split
from .trifeature import PER_COMBINATION, SPLIT_SEED, VALUES, Trifeature, check_number, trifeature

Task: TypeAlias = Literal["shared", "unique1", "unique2", "synergy"]
"""What pairs are classified by: see `BimodalTrifeature.labels`."""

MAPPING_SEED = 42
"""Of the colour that belongs to each texture."""

PAIRS = 10_000
"""Pairs of the paper, at most."""

_STREAMS = {"train": 2, "test": 3}


@dataclass(frozen=True)
class BimodalTrifeature:
    """Pairs of pictures of one shape: two modalities of an item.

    Attributes
    ----------
    pictures:
        Those that pairs are made of, each once.
    pairs:
        (N, 2) int64, the rows of the first picture and of the second; they may be the same.
    mapping:
        (10,) int64, texture → the colour that belongs to it.
    """

    pictures: Trifeature
    pairs: NDArray[np.int64]
    mapping: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.pairs)

    def labels(self, task: Task) -> NDArray[np.int64]:
        """(N,) the class of each pair.

        "shared" is the shape, "unique1" the texture of the first picture, "unique2" that of the
        second, and "synergy" whether the texture of the first and the colour of the second belong
        together, 1, or not, 0.
        """
        check_task(task)
        first, second = self.pairs.T
        shapes, textures = self.pictures.shapes, self.pictures.textures
        found = {
            "shared": shapes[first],
            "unique1": textures[first],
            "unique2": textures[second],
            "synergy": self.mapping[textures[first]] == self.pictures.colours[second],
        }
        return np.asarray(found[task], dtype=np.int64)

    def divided(
        self, share: float = 0.2, *, seed: int = 0
    ) -> tuple[BimodalTrifeature, BimodalTrifeature]:
        """Pairs of two parts, the second with a share of all combinations of the three features.

        No combination is seen in both, and pairs of one picture from each are left out, so that
        what is learnt from the first can be judged by the second.
        """
        pictures = self.pictures
        values = (pictures.shapes, pictures.textures, pictures.colours)
        _, combination = np.unique(np.stack(values), axis=1, return_inverse=True)
        count = int(combination.max()) + 1
        drawn = np.random.default_rng(seed).permutation(count)[: round(share * count)]
        second = np.isin(combination, drawn)[self.pairs].sum(axis=1)
        return replace(self, pairs=self.pairs[second == 0]), replace(
            self, pairs=self.pairs[second == 2]
        )

    def __getitem__(self, rows: slice) -> BimodalTrifeature:
        """Some of the pairs."""
        return replace(self, pairs=self.pairs[rows])


def bimodal_trifeature(
    split: Split,
    *,
    side: int = 64,
    pairs: int | None = PAIRS,
    biased: bool = True,
    rows: int | None = None,
    per_combination: int = PER_COMBINATION,
    balanced: bool = False,
    seed: int = 0,
    split_seed: int = SPLIT_SEED,
    mapping_seed: int = MAPPING_SEED,
) -> BimodalTrifeature:
    """Draw pictures of a split, and pairs of them that have the same shape.

    There are 576,846 pairs to train on, and 4,094 to test. Where pairs are biased, textures and
    colours belong together in all of them, by a one-to-one mapping: 57,636 and 404. Of unbiased
    pairs about a tenth do.

    What is known of the released code is done differently in two places. The mapping has a seed of
    its own: there it depends on whether the process has drawn the pictures before. And the pictures
    to test are as they are: there every pass crops them at random.

    How many pictures of a shape have a colour varies with the paper's split, and is more in the
    test split where it is less in the train split. What a texture alone told of synergy in
    training then is wrong in testing: a classifier that learns it falls below chance. Of a
    `balanced` split there are 576,000, 4,000, 57,600 and 400 pairs; in all that are unbiased,
    exactly a tenth of those with any given picture, first or second, belong together.

    Parameters
    ----------
    pairs:
        At most as many, chosen at random and in random order; None: all.
    biased:
        Only pairs whose texture and colour belong together: for learning of synergy without being
        told. What was learnt is judged on unbiased ones.
    split, side, rows, per_combination, balanced, split_seed:
        As in `trifeature`.
    seed:
        Of how the pictures are drawn, and of which pairs are chosen.
    mapping_seed:
        Of the mapping.

    Raises
    ------
    InputError
        As in `trifeature`; so few `rows` that there is no pair.

    Examples
    --------
    >>> test = bimodal_trifeature("test", side=16, pairs=None, biased=False)
    >>> test.pairs.shape, test.labels("synergy").sum()
    ((4094, 2), np.int64(404))
    """
    pictures = trifeature(
        split,
        side=side,
        rows=rows,
        per_combination=per_combination,
        balanced=balanced,
        seed=seed,
        split_seed=split_seed,
    )
    return paired(pictures, split, pairs=pairs, biased=biased, seed=seed, mapping_seed=mapping_seed)


def paired(
    pictures: Trifeature,
    split: Split,
    *,
    pairs: int | None = PAIRS,
    biased: bool = True,
    seed: int = 0,
    mapping_seed: int = MAPPING_SEED,
) -> BimodalTrifeature:
    """Pairs of pictures of a split that are drawn already; as in `bimodal_trifeature`."""
    if pairs is not None:
        check_number("pairs", pairs, 1)
    check_number("mapping_seed", mapping_seed, 0)
    mapping = np.random.default_rng(mapping_seed).permutation(VALUES)
    allowed = pictures.shapes[:, None] == pictures.shapes
    if biased:
        allowed &= mapping[pictures.textures][:, None] == pictures.colours
    found = np.argwhere(allowed)
    if not len(found):
        raise InputError(f"no two of {len(pictures)} pictures make a pair; ask for more rows")
    rng = np.random.default_rng([seed, _STREAMS[split]])
    order = rng.permutation(len(found))[:pairs]
    return BimodalTrifeature(pictures, found[order], mapping)


def check_task(task: str) -> None:
    """An error unless it is one of the four."""
    if task not in get_args(Task):
        raise InputError(f"task must be one of {', '.join(get_args(Task))}; found {task!r}")
