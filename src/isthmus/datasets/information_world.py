"""Symbols whose shared, unique and synergistic information about a label is set, in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from math import log2

import numpy as np
from numpy.typing import NDArray

from ..arguments import check_count, check_flag, check_number
from ..errors import InputError

SHARED, UNIQUE, SYNERGY = "shared", "unique", "synergy"

MOST_CELLS = 2**24
"""Of a table of a whole world, at most."""

Table = NDArray[np.float64]


@dataclass(frozen=True)
class InformationWorld:
    r"""Uniform, independent symbols of n modalities, and a label that has a part for each of them.

    With the sizes as below, modality i sees r, u_i and a_i:

    - r, one of `shared` values, in all modalities: redundancy;
    - u_i, one of `unique[i]` values, in modality i alone: unique information;
    - a_i, one of `synergy` values, in modality i alone. Of s = (a_1 + … + a_n) mod `synergy`,
      which is uniform, any n − 1 modalities tell nothing: synergy.

    The label is (r, u_1, …, u_n, s), or with `match` (r, u_1, …, u_n, 1[s = 0]), where 1[s = 0] is
    a class of 1 in `synergy` items: a one-to-one mapping from a_1 to the a_2 that belongs to it, as
    the textures and colours of Trifeature. With probability `flip` a part of the label is another
    of its values, all equally likely. Parts are independent, so their information adds up: a part
    of C values (K of the symbol) that is wrong with probability f tells, in bits,

        log2 C − h(f) − f log2(C − 1),     h(f) = −f log2 f − (1 − f) log2(1 − f),

    and of a match, true in a share q = (1 − f)/K + f (1 − 1/K) of the labels, h(q) − h(f). With
    f = 0: log2 K, and h(1/K).

    Parameters
    ----------
    shared, unique, synergy:
        Numbers of values; 1 where there is nothing to know. `unique` has one for every modality.
    match:
        Of s the label tells only whether it is 0.
    flip:
        How often a part of the label is wrong, in [0, 1).

    Raises
    ------
    InputError
        Fewer than two modalities; a number below 1; a world without information; `match` without
        synergy.

    References
    ----------
    Bertschinger et al., *Quantifying Unique Information* (2014), whose decomposition this is, and
    who show that it adds over independent parts; Dufumier et al., *What to align in multimodal
    contrastive learning?* (2025), for the parts of which contrastive learning keeps some.

    Examples
    --------
    >>> world = InformationWorld(shared=4, unique=(2, 1), synergy=2)
    >>> world.bits
    {'shared': 2.0, 'unique1': 1.0, 'unique2': 0.0, 'synergy': 1.0}
    """

    shared: int = 1
    unique: tuple[int, ...] = (1, 1)
    synergy: int = 1
    match: bool = False
    flip: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.unique, tuple) or len(self.unique) < 2:
            raise InputError(
                "unique needs a tuple with a number for each of two modalities or more; found "
                f"{self.unique!r}"
            )
        for part, size in self.sizes.items():
            check_count(part, size, low=1)
        check_flag("match", self.match)
        check_number("flip", self.flip, low=0, high=1, below=True)
        if max(self.sizes.values()) == 1:
            raise InputError("a world without information: make one of its numbers 2 or more")
        if self.match and self.synergy == 1:
            raise InputError("match needs synergy of 2 values or more; found 1")

    @property
    def modalities(self) -> tuple[str, ...]:
        """x1, x2, …"""
        return tuple(f"x{k + 1}" for k in range(len(self.unique)))

    @property
    def sizes(self) -> dict[str, int]:
        """Part → values of its symbol: shared, unique1, unique2, …, synergy."""
        own = {f"{UNIQUE}{k + 1}": size for k, size in enumerate(self.unique)}
        return {SHARED: self.shared, **own, SYNERGY: self.synergy}

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of which there is anything to know."""
        return tuple(part for part, size in self.sizes.items() if size > 1)

    @property
    def bits(self) -> dict[str, float]:
        """Part → information about the label, in closed form."""
        return {part: self._bits(part, size) for part, size in self.sizes.items()}

    def _bits(self, part: str, size: int) -> float:
        if size == 1:
            return 0.0
        if part == SYNERGY and self.match:
            true = (1 - self.flip) / size + self.flip * (1 - 1 / size)
            return _entropy(true) - _entropy(self.flip)
        return log2(size) - _entropy(self.flip) - self.flip * log2(size - 1)

    def classes(self, part: str) -> int:
        """Values of a part of the label."""
        return 2 if part == SYNERGY and self.match else self.sizes[part]

    def chance(self, part: str) -> float:
        """Balanced accuracy without any information: 1/C."""
        return 1 / self.classes(part)

    def ceiling(self, part: str) -> float:
        """The best balanced accuracy there is, from all symbols: (1/C) Σ_v max_c P(v | c).

        v is the value of the symbol (of 1[s = 0] for a match), c that of the label. Without a match
        it is 1 − flip, as long as a label is more often right than any one wrong value.
        """
        joint = self.channel(part)
        return float((joint / joint.sum(axis=0)).max(axis=1).sum() / len(joint))

    def channel(self, part: str) -> Table:
        """P(v, c) of what the symbols say of a part and what the label says, (C, C)."""
        classes = self.classes(part)
        wrong = self.flip / max(classes - 1, 1)
        given = np.full((classes, classes), wrong)
        np.fill_diagonal(given, 1 - self.flip if classes > 1 else 1.0)
        first = np.full(classes, 1 / classes)
        if part == SYNERGY and self.match:
            first = np.array([1 - 1 / self.synergy, 1 / self.synergy])
        return np.asarray(first[:, None] * given)

    def table(self, part: str, *, source: int = 0) -> Table:
        """P(x, x', y), (K, K', C), of one part: x in one modality, x' in all others together.

        The modality is `source`, counted from 0. `isthmus.metrics.pid` decomposes it.
        """
        count, size, classes = len(self.unique), self.sizes[part], self.classes(part)
        check_count("source", source, low=0)
        if source >= count:
            raise InputError(f"source must be below {count}, the modalities; found {source}")
        given = self.channel(part)
        given = given / given.sum(axis=1, keepdims=True)  # P(c | v)
        if part == SHARED:
            return np.asarray(np.eye(size)[:, :, None] * given[:, None] / size)
        if part != SYNERGY:
            here = part == f"{UNIQUE}{source + 1}"
            return np.asarray((given / size).reshape((size, 1, -1) if here else (1, size, -1)))
        shares = np.moveaxis(np.indices((size,) * count), source + 1, 1)
        value = self.label_of(shares.sum(axis=0) % size)
        return np.asarray(given[value].reshape(size, -1, classes) / size**count)

    def joint(self, *, source: int = 0) -> Table:
        """The same of the whole label: the product of the tables of all parts.

        Raises
        ------
        InputError
            More than `MOST_CELLS` cells: take `table`, part by part.
        """
        tables = [self.table(part, source=source) for part in self.parts]
        cells = int(np.prod([float(table.size) for table in tables]))
        if cells > MOST_CELLS:
            raise InputError(
                f"the table of the whole world has {cells:,} cells, more than {MOST_CELLS:,}: take "
                "the tables of its parts"
            )
        return reduce(_product, tables)

    def label_of(self, s: NDArray[np.int64]) -> NDArray[np.int64]:
        """What the label says of s."""
        return (s == 0).astype(np.int64) if self.match else s


SUITES: Mapping[str, InformationWorld] = {
    "shared": InformationWorld(shared=8),
    "unique1": InformationWorld(unique=(8, 1)),
    "unique2": InformationWorld(unique=(1, 8)),
    "synergy": InformationWorld(synergy=4),
    "mixture": InformationWorld(shared=4, unique=(4, 4), synergy=2, flip=0.1),
    "trifeature": InformationWorld(shared=10, unique=(10, 10), synergy=10, match=True),
    "three modalities": InformationWorld(shared=2, unique=(2, 2, 2), synergy=2),
}
"""Name → world. One kind of information alone; all kinds, with a tenth of every part of the label
wrong; ten shapes, textures and colours as in Trifeature; all kinds in three modalities."""


def _entropy(p: float) -> float:
    """h(p), in bits."""
    return 0.0 if p in (0, 1) else -p * log2(p) - (1 - p) * log2(1 - p)


def _product(first: Table, second: Table) -> Table:
    """The table of two independent parts."""
    cells = np.einsum("abc,xyz->axbycz", first, second)
    sizes = [a * b for a, b in zip(first.shape, second.shape, strict=True)]
    return np.asarray(cells.reshape(sizes))
