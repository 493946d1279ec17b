"""MIMIC as MultiBench gives it out: five numbers and 24 hours of twelve for each admission."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .multibench_files import find_file, numbers, read_tree
from .splits import SPLITS, Split, check_split

FILES = ("im.pk", "im.npz")

MORTALITY = -1
"""The task that is no group of diagnoses."""

_SEED = 10
_GET = (
    "credentialed users of PhysioNet get im.pk from the authors of MultiBench, "
    "github.com/pliang279/MultiBench"
)


@dataclass(frozen=True)
class Admissions:
    """Admissions of one split, row i of each belonging together.

    Attributes
    ----------
    tabular:
        (N, 5) float32, standardised.
    series:
        (N, 24, 12) float32, 24 hours of twelve measurements, standardised.
    labels:
        (N,) int64.
    rows:
        (N,) int64, where they stand in the file.
    """

    tabular: NDArray[np.float32]
    series: NDArray[np.float32]
    labels: NDArray[np.int64]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


def mimic(split: Split, *, root: Path | str | None = None, task: int = 7) -> Admissions:
    """Admissions of MIMIC-III to intensive care: what they are, and what is diagnosed.

    Rows are shuffled as MultiBench does, by Python's `random.shuffle` with seed 10; of N, the first
    ⌊N/10⌋ are validation, those up to ⌊N/5⌋ test, the rest train. What is not finite becomes 0. A
    feature x is standardised to (x − m)/s with the mean m and the standard deviation s of the
    *train* split, over its rows, and hours, alone; one that is constant there becomes x − m.

    Source: Liang et al., *MultiBench: Multiscale Benchmarks for Multimodal Representation Learning*
    (2021), of Johnson et al., *MIMIC-III, a freely accessible critical care database* (2016);
    cleaned by Purushotham et al. (2018). Home: physionet.org/content/mimiciii, for credentialed
    users under the PhysioNet Credentialed Health Data License. The file is ROOT/mimic/im.pk, or
    im.npz with the same arrays: `adm_features_all` (N, 5), `ep_tdata` (N, 24, 12), `y_icd9`
    (N, 20), `adm_labels_all` (N, 6).

    Parameters
    ----------
    task:
        Column of `y_icd9`, a group of diagnoses (7 is the paper's): 1 where it applies, else 0.
        −1 is mortality in six classes: the first of columns 1 to 5 of `adm_labels_all` that is
        above 0, or 0.

    Raises
    ------
    InputError
        No file, none that may be read, arrays that do not fit together, fewer than ten rows, no
        such task.
    """
    check_split(split)
    return mimic_splits(root=root, task=task)[split]


def mimic_splits(*, root: Path | str | None = None, task: int = 7) -> Mapping[Split, Admissions]:
    """All splits of `mimic` at once, the file being read once."""
    path = find_file("mimic", FILES, root, get=_GET)
    tree = read_tree(path)
    tabular = _finite(numbers(tree, "adm_features_all", path, axes=2))
    series = _finite(numbers(tree, "ep_tdata", path, axes=3))
    labels = _labels(tree, path, task)
    if not len(tabular) == len(series) == len(labels):
        raise InputError(
            f"{path}: 'adm_features_all' has {len(tabular)} rows, 'ep_tdata' {len(series)} and the "
            f"labels {len(labels)}; they must be of the same admissions"
        )
    rows = split_rows(len(labels))
    single, hourly = (_standardised(x, rows["train"]) for x in (tabular, series))
    return {
        split: Admissions(single[own], hourly[own], labels[own], own) for split, own in rows.items()
    }


def split_rows(count: int) -> Mapping[Split, NDArray[np.int64]]:
    """Which of so many rows are in which split, in the order of the shuffle.

    >>> {split: rows.tolist() for split, rows in split_rows(10).items()}
    {'train': [7, 1, 8, 4, 3, 6, 0, 9], 'validation': [5], 'test': [2]}
    """
    if count < 10:
        raise InputError(f"at least 10 rows are needed to split them; found {count}")
    order = list(range(count))
    random.Random(_SEED).shuffle(order)  # noqa: S311 - the shuffle of the published split
    shuffled = np.array(order, dtype=np.int64)
    parts = (shuffled[count // 5 :], shuffled[: count // 10], shuffled[count // 10 : count // 5])
    return dict(zip(SPLITS, parts, strict=True))


def _labels(tree: Mapping[str, object], path: Path, task: int) -> NDArray[np.int64]:
    key = "adm_labels_all" if task == MORTALITY else "y_icd9"
    found = numbers(tree, key, path, axes=2)
    columns = found.shape[1]
    if task == MORTALITY:
        if columns != 6:
            raise InputError(f"{path}: '{key}' must have 6 columns; found {columns}")
        later = found[:, 1:] > 0
        return np.where(later.any(axis=1), 1 + later.argmax(axis=1), 0).astype(np.int64)
    if isinstance(task, bool) or not isinstance(task, int) or not 0 <= task < columns:
        raise InputError(
            f"task must be a column of '{key}', 0 to {columns - 1}, or -1 for mortality; "
            f"found {task!r}"
        )
    return (found[:, task] > 0).astype(np.int64)


def _finite(x: NDArray[np.generic]) -> NDArray[np.float64]:
    found = np.array(x, dtype=np.float64)
    found[~np.isfinite(found)] = 0
    return found


def _standardised(x: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Every number less the mean of these rows, through their standard deviation."""
    train = x[rows].reshape(-1, x.shape[-1])
    deviation = train.std(axis=0)
    constant = deviation <= 1e-12 * np.abs(train).max(axis=0)  # but for rounding
    found = (x - train.mean(axis=0)) / np.where(constant, 1, deviation)
    return np.asarray(found, np.float32)
