"""Data that tell the classes of what is trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from isthmus.papers.comm.stand_in import LabelledStandIn, StandIn
from isthmus.training.batch_keys import GROUP
from isthmus.training.sets.labelled import LabelledAffect, LabelledMIMIC
from isthmus.training.sets.multibench import MIMIC
from tests.datasets.official_multibench import mimic_tree, write_affect, write_mimic


def test_items_come_with_their_class(tmp_path: Path) -> None:
    write_mimic(tmp_path, mimic_tree(40))
    write_affect(tmp_path)
    root, rows = str(tmp_path), np.array([5, 0, 3])
    data = LabelledMIMIC(root=root, task=2)
    assert torch.equal(data.train.take(rows)["series"], MIMIC(root=root).train.take(rows)["series"])
    labels = data.splits["train"].labels
    assert data.train.take(rows)[GROUP].tolist() == labels[rows].tolist()
    assert len(data.train) == len(labels)
    some = LabelledAffect(name="mosi", root=root, rows=4, views=2)
    assert len(some.train) == 4
    labels = some.splits["train"].labels
    assert some.train.take(np.arange(4))[GROUP].tolist() == labels[:4].tolist()
    assert GROUP not in some.splits["train"].items.take(rows)


def test_a_stand_in_tells_the_class_of_the_same_items() -> None:
    data, rows = LabelledStandIn(), np.arange(20)
    batch = data.train.take(rows)
    assert torch.equal(batch["x1"], StandIn().train.take(rows)["x1"])
    seen = data.rows("train")
    assert np.array_equal(batch["x1"], seen.views["x1"][rows])
    assert np.array_equal(batch[GROUP], seen.labels["shared"][rows])
