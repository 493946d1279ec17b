"""MIMIC, and the spoken sentences of MultiBench, as recipes train on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import torch

from ...arguments import check_count
from ...datasets.multibench_affect import Modality, Name, Sentences, affect_splits
from ...datasets.multibench_mimic import Admissions, mimic_splits
from ...errors import InputError
from ..augment import Views
from ..augment_sequence import AlignedViews, GaussianNoise, InTurn, StepDrop
from ..batches import Items, TensorItems
from ..data import ViewedItems
from .labelled import LabelledItems
from .sequence_items import SequenceItems
from .three_splits import PlainSplit, ThreeSplits

TITLES: Mapping[Name, str] = {
    "mosi": "CMU-MOSI",
    "ur_funny": "UR-FUNNY",
    "mustard": "MUStARD",
    "mosei": "CMU-MOSEI",
}

_SIZE = 256  # items of a split that are embedded at once


class MIMIC(ThreeSplits):
    """Admissions to intensive care; see `isthmus.datasets.mimic`.

    `tabular` (B, 5) and `series` (B, 24, 12), standardised. Held out is the test split.

    Parameters
    ----------
    root:
        Where the data lie.
    task:
        What is diagnosed, 0 to 19, or −1 for mortality in six classes; as in `mimic`.
    views:
        Views of both modalities, or of some by name. One is as it is; of two both are augmented, of
        three all but the first.
    noise, drop, share:
        Augmentation: normal noise of this standard deviation, and in the series up to this part of
        the hours set to zero before; each in this share of the items.
    rows:
        Items to train on, the first; null: all. Probes learn from all in any case.
    labelled:
        Items to train on come with their class, for `Supervised`, `SupCon` and `FactorCL`.
    """

    def __init__(
        self,
        *,
        root: str | None = None,
        task: int = 7,
        views: int | Mapping[str, int] = 1,
        noise: float = 0.1,
        drop: float = 0.8,
        share: float = 0.5,
        rows: int | None = None,
        labelled: bool = False,
    ) -> None:
        splits = mimic_splits(root=root, task=task)
        blur, fewer = GaussianNoise(noise, share), StepDrop(drop, share)
        changes = Views.of(views, {"tabular": blur, "series": InTurn((fewer, blur))})
        train = splits["train"]
        count = len(train) if rows is None else check_count("rows", rows, low=2)
        self.encoders = {"tabular": "MLP", "series": "SequenceTransformer"}
        self.shapes = {
            "tabular": {"inputs": train.tabular.shape[1]},
            "series": {"inputs": train.series.shape[2]},
        }
        items: Items = ViewedItems(_admissions(train, count), changes)
        if labelled:
            items = LabelledItems.of(items, train.labels[:count], self.kind)
        super().__init__(
            items,
            {
                split: PlainSplit(_admissions(own), own.labels, _SIZE)
                for split, own in splits.items()
            },
            about=f"MIMIC, task {task}",
        )


class Affect(ThreeSplits):
    """Sentences that are seen, read and heard; see `isthmus.datasets.affect`.

    `vision`, `text` and `audio` (B, L, D), word by word, L being that of the batch's longest
    sentence, and `vision/valid` … (B, L), which steps are no padding. Held out is the test split.

    Parameters
    ----------
    name:
        The set: mosi, ur_funny, mustard or mosei.
    root:
        Where the data lie.
    modalities:
        Which are trained on.
    target:
        What probes are to tell: the class, which is sentiment above 0, humour or sarcasm, or of
        mosi and mosei the sentiment itself, from −3 to 3.
    views:
        Views of all modalities, or of some by name. One is as it is; of two both are augmented, of
        three all but the first.
    noise, drop, share:
        Augmentation: up to this part of the words set to zero, then normal noise of this standard
        deviation; each in this share of the sentences.
    joint:
        Drop the same words in all modalities.
    rows:
        Sentences to train on, the first; null: all. Probes learn from all in any case.
    labelled:
        Sentences to train on come with the target, for `Supervised`, `SupCon` and `FactorCL`.
    """

    def __init__(
        self,
        *,
        name: Literal["mosi", "ur_funny", "mustard", "mosei"],
        root: str | None = None,
        modalities: Sequence[Literal["vision", "text", "audio"]] = ("vision", "text"),
        target: Literal["class", "sentiment"] = "class",
        views: int | Mapping[str, int] = 1,
        noise: float = 0.1,
        drop: float = 0.8,
        share: float = 0.5,
        joint: bool = True,
        rows: int | None = None,
        labelled: bool = False,
    ) -> None:
        if target == "sentiment" and name in ("ur_funny", "mustard"):
            raise InputError(f"target: {TITLES[name]} tells no sentiment; leave it at 'class'")
        chosen: tuple[Modality, ...] = tuple(modalities)
        blur, fewer = GaussianNoise(noise, share), StepDrop(drop, share)
        counts = Views.of(views, dict.fromkeys(chosen, blur)).counts
        splits = affect_splits(name, root=root, modalities=chosen)
        train = _sentences(splits["train"])
        count = len(train) if rows is None else check_count("rows", rows, low=2)
        if target == "sentiment":
            self.kind = "regression"
        self.encoders = dict.fromkeys(chosen, "SequenceTransformer")
        self.shapes = {m: {"inputs": x.shape[2]} for m, x in train.sequences.items()}
        targets = {
            split: own.values[:, None] if self.kind == "regression" else own.labels
            for split, own in splits.items()
        }
        items: Items = SequenceItems(
            {m: x[:count] for m, x in train.sequences.items()},
            train.lengths[:count],
            AlignedViews(counts, fewer, blur, joint),
        )
        if labelled:
            items = LabelledItems.of(items, targets["train"][:count], self.kind)
        super().__init__(
            items,
            {
                split: PlainSplit(_sentences(own), targets[split], _SIZE, own.labels)
                for split, own in splits.items()
            },
            about=TITLES[name] + _changed(splits.values()),
        )


def _admissions(given: Admissions, count: int | None = None) -> TensorItems:
    pair = {"tabular": given.tabular, "series": given.series}
    return TensorItems({name: torch.from_numpy(x[:count]) for name, x in pair.items()})


def _sentences(given: Sentences) -> SequenceItems:
    return SequenceItems(
        {m: torch.from_numpy(x) for m, x in given.sequences.items()},
        torch.from_numpy(given.lengths),
    )


def _changed(splits: Iterable[Sentences]) -> str:
    """What was done to the sentences of the file."""
    given = list(splits)
    said = [f"{count} without text left out"] if (count := sum(s.dropped for s in given)) else []
    for name in given[0].replaced:
        if count := sum(own.replaced[name] for own in given):
            said.append(f"{count} numbers of {name} that are not finite set to 0")
    return f" ({', '.join(said)})" if said else ""
