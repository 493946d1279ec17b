"""What a linear probe reads of every part of a label, from a trained model and from symbols."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...datasets.information_world import SHARED, SYNERGY, UNIQUE, InformationWorld
from ...datasets.known_information import known_information
from ...datasets.splits import SPLITS, Split
from ...metrics import joint_counts, pid
from ...metrics.split_probe import probe_splits
from .probes import together

if TYPE_CHECKING:
    from ...training.sets.known_information import KnownInformation
    from ..trained import Trained

NUMBERS = "parts-1"
"""Name under which a cell keeps them."""

COSTS = (1e-2, 1.0, 1e2)
"""Inverse strengths of the penalty among which the validation rows choose."""

Rows = NDArray[np.floating[Any]]


def measured(found: Trained) -> dict[str, float]:
    """Balanced accuracy of every part, in %, from all embeddings of a trained cell side by side.

    Of a fusion model, from those of all modalities together.
    """
    data: KnownInformation = found.data()
    model = found.model(data)
    rows = {split: together(data.features(model, split).rows) for split in SPLITS}
    labels = {split: data.rows(split).labels for split in SPLITS}
    return {
        part: _accuracy(rows, {split: labels[split][part] for split in SPLITS})
        for part in data.world.parts
    }


def of_symbols(world: InformationWorld, *, rows: int, seed: int) -> dict[str, float]:
    """The same from symbols one-hot, and how far, in bits, their counts are from the closed form.

    Of synergy, a symbol for every combination of what modalities have of it.
    """
    found: dict[str, float] = {}
    sums = np.zeros(4)
    drawn = {s: known_information(s, world, rows=rows, dimension=1, seed=seed) for s in SPLITS}
    for part in world.parts:
        codes = {split: _codes(world, data.symbols, part) for split, data in drawn.items()}
        width = 1 + max(int(own.max()) for own in codes.values())
        one_hot = {split: np.eye(width)[own] for split, own in codes.items()}
        labels = {split: data.labels[part] for split, data in drawn.items()}
        found[part] = _accuracy(one_hot, labels)
        own = list(drawn["train"].symbols.values())
        column = 0 if part == SHARED else 2 if part == SYNERGY else 1
        rest = np.unique(np.stack([x[:, column] for x in own[1:]]), axis=1, return_inverse=True)[1]
        counts = joint_counts(own[0][:, column], rest.reshape(-1), labels["train"])
        sums += list(vars(pid(counts)).values())
    bits = world.bits
    others = sum(bits[f"{UNIQUE}{k + 1}"] for k in range(1, len(world.unique)))
    known = [bits[SHARED], bits[f"{UNIQUE}1"], others, bits[SYNERGY]]
    return found | {"bits off": float(np.abs(sums - known).max())}


def _accuracy(rows: Mapping[Split, Rows], labels: Mapping[Split, NDArray[np.int64]]) -> float:
    """Balanced accuracy on test rows, in %, of a probe that weighs classes equally."""
    train, validation, test = ((rows[split], labels[split]) for split in SPLITS)
    found = probe_splits(train, validation, test, balanced=True, costs=COSTS)
    return 100 * found.scores["balanced_accuracy"]


def _codes(
    world: InformationWorld, symbols: Mapping[str, NDArray[np.int64]], part: str
) -> NDArray[np.int64]:
    """The symbol of a part, (N,)."""
    if part == SHARED:
        return symbols["x1"][:, 0]
    if part != SYNERGY:
        return symbols[f"x{part.removeprefix(UNIQUE)}"][:, 1]
    shares = [own[:, 2] for own in symbols.values()]
    return np.ravel_multi_index(shares, (world.synergy,) * len(shares)).astype(np.int64)
