"""MIMIC and spoken sentences as recipes train on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from isthmus.errors import InputError
from isthmus.models import AttentionFuser, Fusion, SequenceTransformer, TokenAdapter
from isthmus.training.recipe import Recipe
from isthmus.training.run import run
from isthmus.training.sets.multibench import MIMIC, Affect
from tests.datasets.official_multibench import (
    WIDTHS,
    affect_tree,
    mimic_tree,
    write_affect,
    write_mimic,
)

SPLITS = ("train", "validation", "test")


@pytest.fixture
def root(tmp_path: Path) -> str:
    write_mimic(tmp_path, mimic_tree(40))
    write_affect(tmp_path)
    return str(tmp_path)


def fused(widths: dict[str, int], width: int = 8) -> Fusion:
    torch.manual_seed(0)
    return Fusion(
        {
            name: SequenceTransformer(inputs=inputs, dimension=width, layers=1, heads=2)
            for name, inputs in widths.items()
        },
        adapters={name: TokenAdapter(inputs=width, width=width) for name in widths},
        fuser=AttentionFuser(width=width, heads=2),
    )


def test_admissions(root: str) -> None:
    data = MIMIC(root=root, views={"tabular": 1, "series": 3}, share=1.0)
    batch = data.train.take(np.arange(6))
    assert {name: tuple(x.shape) for name, x in batch.items()} == {
        "tabular": (6, 5),
        **dict.fromkeys(("series", "series/1", "series/2"), (6, 24, 12)),
    }
    plain = MIMIC(root=root).train.take(np.arange(6))
    assert torch.equal(batch["series"], plain["series"])
    assert not torch.equal(batch["series/1"], plain["series"])
    assert data.shapes == {"tabular": {"inputs": 5}, "series": {"inputs": 12}}
    assert (len(data.train), data.held_out, data.kind) == (32, 4, "classes")
    assert "32 items to train on, 4 to validate, 4 held out" in data.about


def test_only_the_series_loses_steps(root: str) -> None:
    """P2-16: every modality has the augmentation that it is given."""
    data = MIMIC(root=root, views=2, noise=0.0, share=1.0)
    batch = data.train.take(np.arange(32))
    plain = MIMIC(root=root).train.take(np.arange(32))
    assert torch.equal(batch["tabular"], plain["tabular"])
    gone = (batch["series"] == 0).all(2)
    assert gone.any(1).float().mean() > 0.8
    assert torch.equal(batch["series"][~gone], plain["series"][~gone])
    nothing = MIMIC(root=root, views=2, share=0.0).train.take(np.arange(32))
    assert torch.equal(nothing["series/1"], plain["series"])


def test_sentences_come_with_their_padding(root: str) -> None:
    data = Affect(name="mosi", root=root, views=2)
    batch = data.train.take(np.array([0, 3, 1]))  # of 1, 4 and 2 words
    assert {name: tuple(x.shape) for name, x in batch.items()} == {
        **dict.fromkeys(("vision", "vision/1"), (3, 4, WIDTHS["vision"])),
        **dict.fromkeys(("text", "text/1"), (3, 4, WIDTHS["text"])),
        **dict.fromkeys(("vision/valid", "text/valid"), (3, 4)),
    }
    assert batch["text/valid"].sum(1).tolist() == [1, 4, 2]
    assert data.shapes == {"vision": {"inputs": 4}, "text": {"inputs": 3}}
    three = Affect(name="mosi", root=root, modalities=["audio", "text"]).train.take(np.arange(2))
    assert list(three) == ["audio", "text", "audio/valid", "text/valid"]


def test_padding_has_no_part_in_any_embedding(root: str) -> None:
    """P2-19: neither how long the others of a batch are, nor what stands in the padding, counts."""
    data = Affect(name="mosi", root=root, modalities=["vision", "text", "audio"])
    model = fused(WIDTHS).eval()
    items = data.splits["train"].items
    together = items.take(np.arange(12))
    with torch.no_grad():
        found = model.features(together)
        for name in WIDTHS:
            together[name][~together[name + "/valid"]] = torch.nan
        spoilt = model.features(together)
        alone = [model.features(items.take(np.array([row]))) for row in range(12)]
    for name, z in found.items():
        assert isinstance(z, torch.Tensor)
        torch.testing.assert_close(z, spoilt[name])
        torch.testing.assert_close(z, torch.cat([one[name] for one in alone]))  # type: ignore[misc]


def test_order_of_words_counts(root: str) -> None:
    """P2-19: the encoder that sentences get by default tells the order of their words."""
    data = Affect(name="mosi", root=root)
    assert set(data.encoders.values()) == {"SequenceTransformer"}
    model = fused({"vision": 4, "text": 3}).eval()
    batch = data.splits["train"].items.take(np.array([5]))
    turned = {**batch, **{name: batch[name].flip(1) for name in ("vision", "text")}}
    with torch.no_grad():
        one, other = model.features(batch)["fused"], model.features(turned)["fused"]
    assert not torch.allclose(one, other, atol=1e-3)  # type: ignore[arg-type]


def test_features_of_every_split_are_all_of_its_items_as_they_are(root: str) -> None:
    data = Affect(name="mosi", root=root, views=2, rows=5)
    model = fused({"vision": 4, "text": 3}).train()
    sizes = {"train": 12, "validation": 6, "test": 7}
    assert len(data.train) == 5
    for split, size in sizes.items():
        found, again = (data.features(model, split) for _ in "ab")  # type: ignore[arg-type]
        assert {name: z.shape for name, z in found.rows.items()} == dict.fromkeys(
            ("vision", "text", "fused"), (size, 8)
        )
        np.testing.assert_array_equal(found.rows["fused"], again.rows["fused"])
        assert found.targets.tolist() == [row % 2 for row in range(size)]
    assert model.training
    embedded = data.embed(model)
    assert embedded.labels is not None
    np.testing.assert_array_equal(embedded.labels["fused"], data.features(model, "test").targets)


def test_sentiment_to_be_told_as_a_number(root: str) -> None:
    tree = affect_tree()
    for split in tree.values():
        split["labels"] = split["labels"] * 2.5 - 1
    write_affect(Path(root), "mosi", tree)
    data = Affect(name="mosi", root=root, target="sentiment")
    assert data.kind == "regression"
    assert Affect(name="mosi", root=root).kind == "classes"
    found = data.features(fused({"vision": 4, "text": 3}), "test")
    assert found.targets.shape == (7, 1)
    assert set(found.targets.ravel().tolist()) == {-1, 1.5}


def test_what_was_left_out_is_said(root: str) -> None:
    tree = affect_tree()
    tree["valid"]["text"][2] = 0
    tree["train"]["audio"][11, -1] = -np.inf
    write_affect(Path(root), "mosi", tree)
    heard = Affect(name="mosi", root=root, modalities=["text", "audio"]).about
    assert heard == (
        "CMU-MOSI (1 without text left out, 2 numbers of audio that are not finite set to 0): "
        "12 items to train on, 5 to validate, 7 held out"
    )
    assert "audio" not in Affect(name="mosi", root=root).about


@pytest.mark.parametrize(
    ("data", "encoders"),
    [
        (
            {"class": "isthmus.training.sets.multibench.MIMIC"},
            {"tabular": {"adapter": "FeatureAdapter"}, "series": {"heads": 2}},
        ),
        (
            {"class": "isthmus.training.sets.multibench.Affect", "name": "mosi"},
            {"vision": {"heads": 2}, "text": {"heads": 2}},
        ),
    ],
)
def test_recipes_train_with_comm(root: str, tmp_path: Path, data: Any, encoders: Any) -> None:
    tree = {
        "data": {**data, "root": root, "views": 2},
        "fusion": {"width": 8, "encoders": encoders, "fuser": {"heads": 2}},
        "objective": {"class": "CoMM"},
        "trainer": {"steps": 3, "batch_size": 6, "accelerator": "cpu"},
        "monitor": {"every": None},
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(tree))
    run(Recipe.load(path), out=tmp_path / "out")
    assert (tmp_path / "out" / "weights.safetensors").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "ur_funny", "target": "sentiment"}, "UR-FUNNY tells no sentiment"),
        ({"name": "mosi", "rows": 1}, "rows must be a whole number of at least 2; found 1"),
        ({"name": "mosi", "drop": 2.0}, r"must be a number in \[0, 1\]; found 2"),
        ({"name": "mosi", "views": {"audio": 2}}, "views of 'audio', which is none of vision"),
        ({"name": "mosi", "modalities": ["smell"]}, "modalities must be some of"),
    ],
)
def test_sentences_that_cannot_be_trained_on(root: str, options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Affect(root=root, **options)
