"""Sets of MultiBench in their official layouts, small and of random numbers."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

WIDTHS = {"vision": 4, "text": 3, "audio": 2}

NAMES = {
    "mosi": "mosi_data.pkl",
    "ur_funny": "humor.pkl",
    "mustard": "sarcasm.pkl",
    "mosei": "mosei_senti_data.pkl",
}


def mimic_tree(rows: int = 40, seed: int = 0) -> dict[str, np.ndarray]:
    """The arrays of im.pk."""
    rng = np.random.default_rng(seed)
    return {
        "ep_tdata": rng.normal(50, 9, (rows, 24, 12)),
        "adm_features_all": rng.normal(-3, 2, (rows, 5)),
        "adm_labels_all": (rng.random((rows, 6)) < 0.2).astype(float),
        "y_icd9": (rng.random((rows, 20)) < 0.3).astype(int),
    }


def write_mimic(root: Path, tree: Mapping[str, Any]) -> Path:
    """ROOT/mimic/im.pk."""
    return write(root / "mimic" / "im.pk", tree)


def sentences(
    rows: int, *, steps: int = 6, seed: int = 0, yes: int = 1, no: int = 0
) -> dict[str, np.ndarray]:
    """The arrays of one split: zeros before the first word, as many words as the row's number."""
    rng = np.random.default_rng(seed)
    found: dict[str, np.ndarray] = {
        name: rng.normal(size=(rows, steps, width)) for name, width in WIDTHS.items()
    }
    for row in range(rows):
        for x in found.values():
            x[row, : steps - 1 - row % steps] = 0
    labels = np.where(np.arange(rows) % 2, yes, no)
    ids = np.array([[f"clip{row}".encode()] for row in range(rows)], dtype=object)
    return {**found, "labels": labels.reshape(rows, 1, 1).astype(float), "id": ids}


def affect_tree(name: str = "mosi", rows: int = 12, **options: Any) -> dict[str, Any]:
    """The three splits of a set, with labels as its file has them."""
    if name == "mustard":
        options = {"no": -1, **options}
    splits = {"train": rows, "valid": rows // 2, "test": rows // 2 + 1}
    return {
        split: sentences(count, seed=seed, **options)
        for seed, (split, count) in enumerate(splits.items())
    }


def write_affect(root: Path, name: str = "mosi", tree: Mapping[str, Any] | None = None) -> Path:
    """ROOT/NAME/ and the file in it."""
    return write(root / name / NAMES[name], affect_tree(name) if tree is None else tree)


def write(path: Path, tree: Any, *, protocol: int = 4) -> Path:
    """A pickle."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(tree, protocol))
    return path
