"""Data that tell the classes of what is trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from isthmus.papers.comm.stand_in import StandIn
from isthmus.training.batch_keys import GROUP, TARGETS
from isthmus.training.batches import TensorItems
from isthmus.training.sets.labelled import LabelledItems
from isthmus.training.sets.multibench import MIMIC, Affect
from tests.datasets.official_multibench import mimic_tree, write_affect, write_mimic


def test_items_come_with_their_class(tmp_path: Path) -> None:
    write_mimic(tmp_path, mimic_tree(40))
    write_affect(tmp_path)
    root, rows = str(tmp_path), np.array([5, 0, 3])
    data = MIMIC(root=root, task=2, labelled=True)
    assert torch.equal(data.train.take(rows)["series"], MIMIC(root=root).train.take(rows)["series"])
    labels = data.splits["train"].targets
    assert labels is not None
    assert data.train.take(rows)[GROUP].tolist() == labels[rows].tolist()
    assert len(data.train) == len(labels)
    some = Affect(name="mosi", root=root, rows=4, views=2, labelled=True)
    assert len(some.train) == 4
    labels = some.splits["train"].targets
    assert labels is not None
    assert some.train.take(np.arange(4))[GROUP].tolist() == labels[:4].tolist()
    assert GROUP not in some.splits["train"].items.take(rows)


def test_a_stand_in_tells_the_class_of_the_same_items() -> None:
    data, rows = StandIn(labelled=True), np.arange(20)
    batch = data.train.take(rows)
    assert torch.equal(batch["x1"], StandIn().train.take(rows)["x1"])
    seen = data.rows("train")
    assert np.array_equal(batch["x1"], seen.views["x1"][rows])
    assert np.array_equal(batch[GROUP], seen.labels["shared"][rows])


@pytest.mark.parametrize("kind", ["labels", "regression"])
def test_what_is_no_class_makes_no_group(kind: Any) -> None:
    data, rows = StandIn(kind=kind, labelled=True), np.arange(20)
    batch = data.train.take(rows)
    assert GROUP not in batch
    told = batch[TARGETS]
    assert (told.shape, told.dtype) == ((20, 2), torch.float32)
    classes = data.rows("train").labels["shared"][rows]
    assert told.argmax(dim=1).tolist() == classes.tolist()


def test_numbers_have_mean_0_and_deviation_1() -> None:
    numbers = np.random.default_rng(0).normal(5, 3, (50, 2))
    numbers[:, 1] = 7
    items = TensorItems({"x": torch.zeros(50, 1)})
    told = LabelledItems.of(items, numbers, "regression").take(np.arange(50))[TARGETS].numpy()
    assert told[:, 0].mean() == pytest.approx(0, abs=1e-6)
    assert told[:, 0].std() == pytest.approx(1, abs=1e-6)
    assert (told[:, 1] == 0).all()
    order = np.argsort(numbers[:, 0])
    assert (np.diff(told[order, 0]) >= 0).all()
    labels = (numbers > 5).astype(np.int64)
    kept = LabelledItems.of(items, labels, "labels").take(np.array([3, 1]))[TARGETS]
    assert kept.tolist() == labels[[3, 1]].tolist()


def test_sentiment_is_told(tmp_path: Path) -> None:
    write_affect(tmp_path)
    data = Affect(name="mosi", root=str(tmp_path), target="sentiment", rows=6, labelled=True)
    told = data.train.take(np.arange(6))[TARGETS]
    values = data.splits["train"].targets
    assert values is not None
    expected = (values[:6] - values[:6].mean()) / values[:6].std()
    np.testing.assert_allclose(told.numpy(), expected, rtol=1e-5)
