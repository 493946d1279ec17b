"""AV-MNIST: a written digit, the same digit spoken under noise, and its name as a word.

The set of Vielzeuf, Lechervy, Pateux and Jurie, *CentralNet: a Multilayer Approach for Multimodal
Fusion* (2018): MNIST images of which principal axes keep 25 % of the energy, and 112 × 112
spectrograms of spoken digits with noise from recordings of environments (ESC-50), 55,000 rows to
train on, 5,000 to validate and 10,000 to test. Its authors did not publish it; what is in use
under its name comes from others (MultiBench, Liang et al. 2021). `av_mnist` reads that archive
where the user has it, and otherwise makes the set of MNIST and the Free Spoken Digit Dataset.
Closing the modality gap was measured on it with the word as a third modality, one per class.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .av_mnist_original import SIDE, original, original_folder
from .cache import cached
from .fsdd import SpokenDigits, fsdd
from .mnist import mnist
from .noisy import NoisyWords
from .principal import PrincipalAxes
from .root import data_root
from .splits import Split

Origin = Literal["original", "mnist+fsdd"]

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
"""The word of each digit."""

ROWS: dict[str, slice] = {
    "train": slice(0, 55_000),
    "validation": slice(55_000, 60_000),
    "test": slice(0, 10_000),
}
"""Which rows of MNIST's own train or test split each split takes."""

_VALIDATION_TAKES = 10  # recordings 5 to 9 of each speaker and digit; 10 to 49 are for training


@dataclass(frozen=True)
class AVDigits:
    """Written and spoken digits and their words, row i of each belonging together.

    `images` (N, 28, 28) and `sounds` (N, side, side), both grey values on the scale of 0 to 255
    and uint8 where they were made here; `sounds` is memory-mapped and read-only; its first axis
    is frequency, lowest first, its second time. `words` (N,) str; `digits` (N,) int64;
    `recordings` (N,) str, the recording in each sound, as DIGIT_SPEAKER_TAKE: empty where the
    archive does not tell; `origin`, where it all comes from.
    """

    images: NDArray[Any]
    sounds: NDArray[Any]
    words: NDArray[np.str_]
    digits: NDArray[np.int64]
    recordings: NDArray[np.str_]
    origin: Origin

    def __len__(self) -> int:
        return len(self.digits)


def av_mnist(
    split: Split,
    *,
    root: Path | str | None = None,
    download: bool = True,
    origin: Origin | None = None,
    size: int | None = None,
    energy: float = 0.25,
    noise: float | None = 0.0,
    side: int = SIDE,
    seed: int = 0,
) -> AVDigits:
    """The first `size` rows of a split: 55,000 for training, 5,000 for validation, 10,000 to test.

    **original**: the archive's files in ROOT/av_mnist/, as MultiBench reads them:
    {image,audio}/{train,test}_data.npy and {train,test}_labels.npy. They keep their values
    (MultiBench divides both modalities by 255) and their dtype; nothing but `side` and `size`
    applies. A `side` below 112 is made by means over areas, once, and kept beside them.

    **mnist+fsdd**: MNIST's images in their order, validation being the last 5,000 of its train
    split as in MultiBench, each with a recording of its digit drawn at random, all about equally
    often. Recordings 10 to 49 of each speaker and digit are for training, 5 to 9 for validation,
    0 to 4, the official test split, for testing. Every row has a sound of its own, even where a
    recording comes again: it is moved by up to 0.1 s and mixed, as a wave, with noise of its own
    colour. `NoisyWords` says how; in the original the noise is from ESC-50. A row does not depend
    on `size`. Sounds are computed once and kept in ROOT/av_mnist/ (one byte for each cell: 0.7 GB
    for the train split at side 112, 56 MB at 32).

    Parameters
    ----------
    origin:
        By default "original" where any of its files is there.
    energy:
        The images keep the fewest principal axes that hold at least this share of the variance:
        4 of 784 at 0.25. The axes are those of the training images. 1: as they are. Where others
        rebuilt the set, some took 25 % for a quarter of the axes; those hold 0.965.
    noise:
        Signal-to-noise ratio in decibels: 0 is noise as strong as speech. None: none.
    side:
        Bands and frames of a sound, at most 112 of the original.
    seed:
        Of pairs, shifts and noise.

    Raises
    ------
    InputError
        No such split or option, files that are missing or damaged.
    """
    if split not in ROWS:
        raise InputError(f"av_mnist has the splits {', '.join(ROWS)}; found {split!r}")
    if origin not in (None, *get_args(Origin)):
        raise InputError(f"origin must be one of {get_args(Origin)} or None; found {origin!r}")
    most = ROWS[split].stop - ROWS[split].start
    count = most if size is None else size
    if not (isinstance(count, int) and 1 <= count <= most):
        raise InputError(f"size must be from 1 to {most:,} for the {split} split; found {size!r}")
    if not (isinstance(seed, int) and seed >= 0):
        raise InputError(f"seed must be a whole number of at least 0; found {seed!r}")
    home = data_root(root) / "av_mnist"
    rows = slice(ROWS[split].start, ROWS[split].start + count)
    if origin == "original" or (origin is None and original_folder(home)):
        images, sounds, digits = original(
            home, "test" if split == "test" else "train", rows=rows, side=side
        )
        unknown = np.full(len(digits), "")
        return AVDigits(images, sounds, np.array(WORDS)[digits], digits, unknown, "original")

    kind = NoisyWords(side=side, noise=noise, seed=(seed, list(ROWS).index(split)))
    train = mnist("train", root=root, download=download)
    source = train if split != "test" else mnist("test", root=root, download=download)
    axes = PrincipalAxes.of(train.images[ROWS["train"]], folder=home)
    images = axes.project(source.images[rows], energy)
    digits = source.labels[rows]
    spoken = fsdd("test" if split == "test" else "train", root=root, download=download)
    chosen = paired(source.labels[ROWS[split]], spoken, split, seed=kind.seed)[: len(digits)]
    return AVDigits(
        images=images,
        sounds=_sounds(home, spoken, chosen, kind),
        words=np.array(WORDS)[digits],
        digits=digits,
        recordings=np.array(spoken.names)[chosen],
        origin="mnist+fsdd",
    )


def paired(
    digits: NDArray[np.int64], spoken: SpokenDigits, split: Split, *, seed: tuple[int, ...]
) -> NDArray[np.int64]:
    """For each digit a recording of it (N,): shuffled, and again from the start when all are used.

    Of the train split's recordings, takes below 10 are for validation and the others for training.
    """
    allowed = np.ones(len(spoken), bool)
    if split != "test":
        allowed = (spoken.takes < _VALIDATION_TAKES) == (split == "validation")
    rng = np.random.default_rng(seed)
    chosen = np.empty(len(digits), np.int64)
    for digit in range(10):
        recordings = np.flatnonzero(allowed & (spoken.digits == digit))
        rows = np.flatnonzero(digits == digit)
        rounds = -(-len(rows) // len(recordings))
        order = [rng.permutation(recordings) for _ in range(rounds)]
        chosen[rows] = np.concatenate([*order, recordings[:0]])[: len(rows)]
    return chosen


def _sounds(
    home: Path, spoken: SpokenDigits, chosen: NDArray[np.int64], kind: NoisyWords
) -> NDArray[np.uint8]:
    waves = [spoken.wave(row) for row in chosen]

    def blocks() -> Iterator[NDArray[np.uint8]]:
        return kind.pictures(waves)

    return cached(
        home,
        f"sounds-{kind.side}",
        of={**asdict(kind), "chosen": chosen, "samples": spoken.samples, "at": spoken.offsets},
        shape=(len(chosen), kind.side, kind.side),
        dtype=np.uint8,
        blocks=blocks,
    )
