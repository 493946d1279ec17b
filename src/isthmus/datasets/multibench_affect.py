"""Spoken sentences as MultiBench gives them out: what is seen, said and heard, word by word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from ..arguments import check_some
from ..errors import InputError
from .multibench_files import find_file, numbers, read_tree
from .splits import SPLITS, Split, check_split

Name: TypeAlias = Literal["mosi", "ur_funny", "mustard", "mosei"]
Modality: TypeAlias = Literal["vision", "text", "audio"]

FILES: Mapping[str, tuple[str, ...]] = {
    "mosi": ("mosi_data.pkl", "mosi_raw.pkl", "mosi.npz"),
    "ur_funny": ("humor.pkl", "ur_funny.npz"),
    "mustard": ("sarcasm.pkl", "mustard.npz"),
    "mosei": ("mosei_senti_data.pkl", "mosei_raw.pkl", "mosei.npz"),
}
"""Files by set; the first that is there is read."""

MODALITIES: tuple[Modality, ...] = get_args(Modality)

_SENTIMENT = ("mosi", "mosei")
_KEYS = dict(zip(SPLITS, ("train", "valid", "test"), strict=True))
_EMOTIONS = 6  # columns beside the sentiment in one of the files of MOSEI
_GET = "its address is in the readme of github.com/pliang279/MultiBench, under Affective Computing"


@dataclass(frozen=True)
class Sentences:
    """Spoken sentences of one split; row i of every sequence belongs to sentence i.

    Attributes
    ----------
    sequences:
        Modality → (N, L, D) float32, the words of a sentence from its first on; zeros after its
        last, which are padding.
    lengths:
        (N,) int64, words in each sentence, at least 1.
    values:
        (N,) float32 as in the file: sentiment from −3 to 3, or two numbers for yes and no.
    rows:
        (N,) int64, where they stand in the split of the file.
    dropped:
        How many sentences of the file have no text, and are not here.
    replaced:
        Modality → how many of its numbers were not finite, and are 0 here.
    """

    sequences: Mapping[str, NDArray[np.float32]]
    lengths: NDArray[np.int64]
    values: NDArray[np.float32]
    rows: NDArray[np.int64]
    dropped: int
    replaced: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def labels(self) -> NDArray[np.int64]:
        """(N,) 1 where the sentiment is above 0, or it is humour, or sarcasm; else 0."""
        return (self.values > 0).astype(np.int64)

    @property
    def valid(self) -> NDArray[np.bool_]:
        """(N, L) which steps are words, and no padding."""
        steps = next(iter(self.sequences.values())).shape[1]
        return np.arange(steps) < self.lengths[:, None]


def affect(
    name: Name,
    split: Split,
    *,
    root: Path | str | None = None,
    modalities: Sequence[Modality] = MODALITIES,
) -> Sentences:
    """CMU-MOSI, UR-FUNNY, MUStARD or CMU-MOSEI, with the splits of their files.

    In the files every word is a step of all three modalities, and sentences are padded with zeros.
    Here they begin at the first step whose text is not all zeros, as MultiBench reads them, and end
    at the last at which any modality is not. A sentence whose text is all zeros is left out.
    Numbers that are not finite, such as the −∞ of silent audio, become 0. Both are counted. Memory
    is that of the file and of what is returned.

    Homes and licences: CMU-MOSI (Zadeh et al. 2016) and CMU-MOSEI (Zadeh et al. 2018),
    github.com/CMU-MultiComp-Lab/CMU-MultimodalSDK, no licence of the data stated; UR-FUNNY (Hasan
    et al. 2019), github.com/ROC-HCI/UR-FUNNY, none stated; MUStARD (Castro et al. 2019),
    github.com/soujanyaporia/MUStARD, MIT. The features: Liang et al., *MultiBench: Multiscale
    Benchmarks for Multimodal Representation Learning* (2021), whose readme has their address.

    Parameters
    ----------
    name:
        The set. ROOT/NAME/ has its file: `mosi_data.pkl` (vision 20, text 300, audio 5 numbers a
        word) or `mosi_raw.pkl` (35, 300, 74), `humor.pkl` and `sarcasm.pkl` (371, 300, 81),
        `mosei_senti_data.pkl` (35, 300, 74) or `mosei_raw.pkl` (713, 300, 74). Or NAME.npz with the
        same arrays under such names as "train/text"; the splits are train, valid and test.
    modalities:
        Which are returned.

    Raises
    ------
    InputError
        No file, one that may not be read, arrays that do not fit together or are not aligned by
        words, labels that are none, no sentence with text, no such name, split or modality.
    """
    check_split(split)
    return affect_splits(name, root=root, modalities=modalities, splits=(split,))[split]


def affect_splits(
    name: Name,
    *,
    root: Path | str | None = None,
    modalities: Sequence[Modality] = MODALITIES,
    splits: Sequence[Split] = SPLITS,
) -> Mapping[Split, Sentences]:
    """Several splits of `affect` at once, the file being read once."""
    if name not in FILES:
        raise InputError(f"name must be one of {', '.join(FILES)}; found {name!r}")
    check_some("modalities", modalities, MODALITIES)
    path = find_file(name, FILES[name], root, get=_GET)
    tree = read_tree(path)
    return {split: _sentences(tree, name, _KEYS[split], path, modalities) for split in splits}


def _sentences(
    tree: Mapping[str, object], name: str, split: str, path: Path, modalities: Sequence[Modality]
) -> Sentences:
    every: dict[str, NDArray[Any]] = {
        m: numbers(tree, f"{split}/{m}", path, axes=3) for m in MODALITIES
    }
    shapes = {m: x.shape for m, x in every.items()}
    if len({shape[:2] for shape in shapes.values()}) > 1:
        found = ", ".join(f"{m} {shape}" for m, shape in shapes.items())
        raise InputError(
            f"{path}: the modalities of '{split}' must have one row a sentence and one step a "
            f"word; found {found}; take the file that is aligned by words"
        )
    values = _values(tree, name, split, path, len(every["text"]))
    start, end = _spoken(every)
    rows = np.flatnonzero(end > start)
    if not len(rows):
        raise InputError(f"{path}: none of the {len(end)} sentences of '{split}' has any text")
    start, lengths = start[rows], (end - start)[rows]
    cut = {m: _cut(every[m], rows, start, lengths) for m in modalities}
    return Sentences(
        sequences={m: sequence for m, (sequence, _) in cut.items()},
        lengths=lengths,
        values=values[rows],
        rows=rows,
        dropped=len(end) - len(rows),
        replaced={m: count for m, (_, count) in cut.items()},
    )


def _spoken(every: Mapping[str, NDArray[Any]]) -> tuple[NDArray[np.int64], ...]:
    """The first step with text of each row, and the step after its last; equal without text."""
    rows, steps = every["text"].shape[:2]
    start, end = np.zeros((2, rows), np.int64)
    for row in range(rows):
        said, *others = (_present(every[m][row]) for m in ("text", "vision", "audio"))
        if said.any():
            start[row] = said.argmax()
            end[row] = steps - (said | others[0] | others[1])[::-1].argmax()
    return start, end


def _present(steps: NDArray[Any]) -> NDArray[np.bool_]:
    """(T,) at which of the steps (T, D) anything stands but zeros and what is not finite."""
    there: NDArray[np.bool_] = ((steps != 0) & np.isfinite(steps)).any(axis=1)
    return there


def _cut(
    x: NDArray[Any],
    rows: NDArray[np.int64],
    start: NDArray[np.int64],
    lengths: NDArray[np.int64],
) -> tuple[NDArray[np.float32], int]:
    """The sentences of these rows, zeros after them, and how many numbers were not finite."""
    found = np.zeros((len(rows), int(lengths.max()), x.shape[2]), np.float32)
    replaced = 0
    for place, (row, first, length) in enumerate(zip(rows, start, lengths, strict=True)):
        piece = found[place, :length]
        with np.errstate(over="ignore"):  # what single precision cannot hold is not finite in it
            piece[:] = x[row, first : first + length]
        wrong = ~np.isfinite(piece)
        replaced += int(wrong.sum())
        piece[wrong] = 0
    return found, replaced


def _values(
    tree: Mapping[str, object], name: str, split: str, path: Path, rows: int
) -> NDArray[np.float32]:
    """(N,) what is to be told of each sentence."""
    key = f"{split}/labels"
    given = numbers(tree, key, path)
    found = given.reshape(len(given), -1) if given.ndim else given.reshape(1, 1)
    with_emotions = name == "mosei" and found.shape[1] == 1 + _EMOTIONS
    if len(found) != rows or (found.shape[1] != 1 and not with_emotions):
        raise InputError(
            f"{path}: '{key}' must be one number for each of {rows} sentences; found shape "
            f"{given.shape}"
        )
    values = found[:, 0].astype(np.float32)
    if wrong := np.flatnonzero(~np.isfinite(values)).tolist():
        raise InputError(f"{path}: '{key}' is {values[wrong[0]]} in row {wrong[0]}, no number")
    if name not in _SENTIMENT and not (
        np.isin(values, (0, 1)).all() or np.isin(values, (-1, 1)).all()
    ):
        odd = sorted(set(values.tolist()))[:6]
        raise InputError(f"{path}: '{key}' must be 1 for yes and 0 or −1 for no; found {odd}")
    return values
