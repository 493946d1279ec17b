"""A background of random rows, against which scores become z-scores."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .sample import PairType, Sample

NEAREST = 0.1
"""Share of the background that a row is compared with: its nearest rows."""

FEWEST = 16
"""So many rows of the background at least, where it has them."""

_LEAST_SCALE = 1e-6  # where the background's scores are all equal

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Level:
    """μ and s of some rows, (n,) each: a score c of the row is the z-score (c − μ) / s."""

    mean: Floats
    scale: Floats


@dataclass(frozen=True)
class Background:
    r"""Random rows of each modality, and the typical spread of scores against them.

    A row x of one modality is compared with the t rows of another's background that score
    highest, t being a tenth of them: μ is the mean of those t cosines and σ their standard
    deviation. As the σ of some dozens of scores is noise in part, s = ½ (σ + σ̄), with σ̄ the
    mean σ of calibration rows. A hub or an easy query has a high μ, so that z levels it.

    Attributes
    ----------
    rows:
        Modality → (k, D) unit rows in single precision.
    spreads:
        (modality of the row, modality of the background) → σ̄.

    References
    ----------
    Matějka et al., *Analysis of Score Normalization in Multilingual Speaker Recognition*
    (2017), for means and deviations over the nearest of a cohort, from both sides; Auckenthaler,
    Carey and Lloyd-Thomas, *Score Normalization for Text-Independent Speaker Verification
    Systems* (2000), for those over all of it.
    """

    rows: Mapping[str, NDArray[np.float32]]
    spreads: Mapping[PairType, float]

    @classmethod
    def of(cls, sample: Sample, places: Mapping[str, NDArray[np.int64]]) -> Background:
        """Rows of a sample, by their places in it."""
        rows = {name: sample.rows[name][chosen] for name, chosen in places.items()}
        spreads = {
            (own, other): _spread(sample, own, other, places[other])
            for own in rows
            for other in rows
        }
        return cls({name: x.astype(np.float32) for name, x in rows.items()}, spreads)

    def level(self, units: Floats, kind: PairType) -> Level:
        """Of unit rows (n, D) of the first modality against the second's background."""
        return self.level_of(units @ self.rows[kind[1]].T, kind)

    def level_of(self, cosines: Floats, kind: PairType) -> Level:
        """Of rows by their cosines with a background, (n, k), or with a part of it."""
        mean, deviation = _nearest(cosines)
        return Level(mean, np.maximum((deviation + self.spreads[kind]) / 2, _LEAST_SCALE))


def draw_places(sample: Sample, size: int, seed: int) -> dict[str, NDArray[np.int64]]:
    """At most `size` rows of each modality at random, by their places in the sample."""
    rng = np.random.default_rng(seed)
    return {name: np.sort(rng.permutation(len(x))[:size]) for name, x in sample.rows.items()}


def _nearest(cosines: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each row's highest tenth, (n,) each."""
    count = cosines.shape[1]
    kept = min(max(math.ceil(NEAREST * count), FEWEST), count)
    highest = np.partition(cosines, count - kept, axis=1)[:, count - kept :].astype(np.float64)
    return highest.mean(axis=1), highest.std(axis=1)


def _spread(sample: Sample, own: str, other: str, places: NDArray[np.int64]) -> float:
    """Mean σ of a sample's rows against a background without rows of their own block."""
    found = []
    for block in range(sample.count):
        units = sample.rows[own][sample.blocks[own] == block]
        foreign = places[sample.blocks[other][places] != block]
        if len(units) and len(foreign):
            found.append(_nearest(units @ sample.rows[other][foreign].T)[1])
    return float(np.concatenate(found).mean()) if found else 0.0
