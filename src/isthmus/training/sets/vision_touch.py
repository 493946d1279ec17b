"""Vision&Touch as recipes train on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...arguments import check_some
from ...datasets.vision_touch import SPLIT_SEED, ManipulationSteps, Task, vision_touch
from ...datasets.vision_touch_files import AXES, PROPRIO, SIDE
from ...errors import InputError
from ..augment import Change, Views
from ..augment_sequence import GaussianNoise, InTurn, StepDrop
from ..batches import Items
from ..data import ViewedItems
from ..splits import SPLITS
from .labelled import LabelledItems
from .simclr_options import simclr
from .three_splits import OnDevice, PlainSplit, SomeItems, ThreeSplits, spread

Modality = Literal["image", "force", "proprio"]

PAPER: Mapping[Task, tuple[Modality, ...]] = {
    "end_effector": ("image", "force"),
    "contact": ("image", "proprio"),
}
"""The modalities of CoMM's table of two modalities, for each task."""


@dataclass(frozen=True)
class StepItems:
    """Time steps: `image` (B, 3, 128, 128) uint8, `force` (B, 32, 6) and `proprio` (B, 8)."""

    steps: ManipulationSteps
    modalities: Sequence[Modality]

    def __len__(self) -> int:
        return len(self.steps)

    def take(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        """These steps, read now."""
        read = {
            "image": self.steps.images,
            "force": self.steps.force,
            "proprio": self.steps.proprio,
        }
        return {name: torch.from_numpy(read[name](rows)) for name in self.modalities}


class VisionTouch(ThreeSplits):
    """A robot's arm at work; see `isthmus.datasets.vision_touch`.

    `image` (B, 3, 128, 128) uint8 is augmented as in SimCLR, `force` (B, 32, 6) by dropped
    readings and noise, `proprio` (B, 8) by noise. Held out is the test split; probes read the
    place of the next step, a regression, or whether there is contact, two classes.

    Parameters
    ----------
    root, download, task, validation, whole, copy, split_seed:
        As in `vision_touch`, where `split_seed` is called seed.
    modalities:
        Which are trained on; null: the paper's, `image` and `force` for "end_effector", `image`
        and `proprio` for "contact".
    views:
        Views of all modalities, or of some by name. One is as it is; of two both are augmented, of
        three all but the first.
    augment:
        Options of `SimCLRViews` that differ from the paper's.
    noise, drop, share:
        Of `force` and `proprio`: normal noise of this standard deviation, and in `force` up to this
        part of the readings set to zero before; each in this share of the items.
    rows, held_out:
        Items to train on, and of the test split to measure in training, evenly spread; null: all.
        Probes take all in any case.
    labelled:
        Items to train on come with what is to be told of them, for `Supervised`.
    device:
        Where batches are augmented: "cuda" for training there.
    """

    def __init__(
        self,
        *,
        root: str | None = None,
        download: bool = True,
        task: Task = "end_effector",
        modalities: Sequence[Modality] | None = None,
        views: int | Mapping[str, int] = 1,
        augment: Mapping[str, Any] | None = None,
        noise: float = 0.1,
        drop: float = 0.8,
        share: float = 0.5,
        validation: float = 0.1,
        whole: Literal["file", "recording"] = "file",
        copy: bool = False,
        rows: int | None = None,
        held_out: int | None = None,
        labelled: bool = False,
        device: str = "cpu",
        split_seed: int = SPLIT_SEED,
    ) -> None:
        if task not in PAPER:
            raise InputError(f"task must be one of {', '.join(PAPER)}; found {task!r}")
        blur = GaussianNoise(noise, share)
        changes: dict[str, Change] = {
            "image": simclr(augment, "augment"),
            "force": InTurn((StepDrop(drop, share), blur)),
            "proprio": blur,
        }
        chosen = PAPER[task] if modalities is None else modalities
        names = check_some("modalities", chosen, list(changes))
        seen = Views.of(views, {name: changes[name] for name in names})
        self.kind = "regression" if task == "end_effector" else "classes"
        every = {"image": "SmallConvNet", "force": "SequenceTransformer", "proprio": "MLP"}
        shapes = {
            "image": {"side": SIDE},
            "force": {"inputs": AXES},
            "proprio": {"inputs": PROPRIO},
        }
        self.encoders = {name: every[name] for name in names}
        self.shapes = {name: shapes[name] for name in names}
        self.steps = {
            split: vision_touch(
                split,
                root=root,
                download=download,
                task=task,
                validation=validation,
                whole=whole,
                copy=copy,
                seed=split_seed,
            )
            for split in SPLITS
        }
        items = {split: StepItems(own, names) for split, own in self.steps.items()}
        kept = spread(len(items["train"]), rows, "rows")
        some = SomeItems(items["train"], kept)
        train: Items = ViewedItems(OnDevice(some, device), seen)
        if labelled:
            train = LabelledItems.of(train, self.steps["train"].targets[kept], self.kind)
        super().__init__(
            train,
            {split: PlainSplit(own, self.steps[split].targets) for split, own in items.items()},
            held_out=held_out,
            about=f"Vision&Touch, {task.replace('_', ' ')}, divided by {whole}s",
        )

    def show(self, modality: str, row: int) -> NDArray[np.uint8]:
        """What the camera sees in a held-out step, (128, 128, 3)."""
        if modality != "image":
            raise InputError(f"'{modality}' has nothing to look at")
        found = self.steps["test"].images(self.rows[[row]])[0]
        return np.asarray(found.transpose(1, 2, 0))
