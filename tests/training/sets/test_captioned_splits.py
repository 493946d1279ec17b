"""MM-IMDb and Hateful Memes as recipes train on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from isthmus.errors import InputError
from isthmus.models import AttentionFuser, ConvMap, Fusion, PatchAdapter, TokenAdapter, WordTokens
from isthmus.training.batch_keys import GROUP, TARGETS
from isthmus.training.sets.hateful_memes import HatefulMemes
from isthmus.training.sets.mm_imdb import MMIMDb
from tests.datasets import official_mm_imdb as official
from tests.training.sets.pictured import small, trained

SMALL: dict[str, Any] = {"side": 16, "workers": 1, "words": 50}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("root")
    official.write_mm_imdb(folder)
    official.write_hateful_memes(folder)
    return str(folder)


def taken(data: Any, seed: int = 0, rows: int = 8) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    batch: dict[str, Tensor] = data.train.take(np.arange(rows))
    return batch


class Pixels(nn.Module):
    """A frozen encoder: the rows of a picture as tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x.float().mean(dim=3).transpose(1, 2)


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        text = torch.zeros(len(batch["text"]), 60)
        image = torch.zeros(len(batch["image"]), 60)
        text[:, : batch["text"].shape[1]] = batch["text"]
        image[:, :3] = batch["image"].float().mean(dim=(2, 3)) + 1
        return {"image": image, "text": text}


def test_plots_are_drawn_in_training_and_fixed_elsewhere(root: str) -> None:
    data = MMIMDb(root=root, **SMALL)
    drawn = {tuple(map(tuple, taken(data, seed)["text"].tolist())) for seed in range(6)}
    assert len(drawn) > 1
    assert (
        len({sum(w > 0 for w in row) for text in drawn for row in text}) > 1
    )  # long and short ones
    for split in ("train", "validation", "test"):
        one, two = (data.features(Plain(), split) for _ in "ab")  # type: ignore[arg-type]
        np.testing.assert_array_equal(one.rows["text"], two.rows["text"])
        assert (
            (one.rows["text"] > 0).sum(axis=1) == 8
        ).all()  # "A long plot of number k, told twice"


def test_targets_are_genres_of_the_same_items(root: str) -> None:
    data = MMIMDb(root=root, **SMALL)
    assert data.kind == "labels"
    for split, start in (("train", 0), ("validation", 12), ("test", 16)):
        found = data.features(Plain(), split)  # type: ignore[arg-type]
        assert found.targets.shape == (len(found.rows["image"]), 23)
        assert set(found.targets.ravel()) == {0, 1}
        for k, row in enumerate(found.rows["image"]):
            np.testing.assert_allclose(row[:3] - 1, official.colour(start + k), atol=4)
            own = official.movie(start + k)["genres"]
            assert found.targets[k].sum() == len([genre for genre in own if genre != "News"])
    assert data.embed(Plain()).labels is None
    assert (len(data.train), data.held_out) == (12, 6)
    assert data.show("text", 1) == "A long plot of number 17, told twice."
    np.testing.assert_allclose(data.show("image", 1)[3, 3], official.colour(17), atol=4)  # type: ignore[index]


@pytest.mark.parametrize("kind", [MMIMDb, HatefulMemes])
@pytest.mark.parametrize("views", [2, 3])
def test_views(root: str, kind: Any, views: int) -> None:
    data = kind(root=root, views=views, mask=0.5, **SMALL)
    plain = taken(kind(root=root, **SMALL))
    batch, again = taken(data), taken(data)
    keys = {n + s for n in ("image", "text") for s in ("", "/1", "/2")[:views]}
    assert set(batch) == keys | {"text/valid"}
    assert all(torch.equal(batch[key], again[key]) for key in batch)
    mask = data.shapes["text"]["words"] - 1
    assert mask == kind(root=root, **SMALL).shapes["text"]["words"]
    valid = batch["text/valid"]
    assert torch.equal(batch["image"].float(), plain["image"].float()) == (views == 3)
    for key in sorted(k for k in keys if k.startswith("text")):
        hidden = batch[key] == mask
        assert torch.equal(batch[key][~hidden], plain["text"][~hidden])
        assert not hidden[~valid].any()
        assert hidden.any() == (not (views == 3 and key == "text"))


def test_memes_and_their_labels(root: str) -> None:
    data = HatefulMemes(root=root, **SMALL)
    assert (data.kind, data.held_out, len(data.train)) == ("classes", 6, 12)
    found = data.features(Plain(), "test")
    assert found.targets.tolist() == [0, 1, 0, 1, 0, 1]
    space = data.embed(Plain())
    assert space.labels is not None
    assert space.labels["text"].tolist() == [0, 1, 0, 1, 0, 1]


def test_a_test_split_without_labels_is_embedded_but_not_probed(tmp_path: Path) -> None:
    official.write_hateful_memes(tmp_path, first=True)
    data = HatefulMemes(root=str(tmp_path), **SMALL)
    assert data.embed(Plain()).labels is None
    with pytest.raises(InputError, match="the test split of this copy comes without labels"):
        data.features(Plain(), "test")
    dev = HatefulMemes(root=str(tmp_path), test="dev", validation=0.25, held_out=2, **SMALL)
    assert (len(dev.train), dev.held_out) == (9, 2)
    seen = []
    for split in ("train", "validation", "test"):
        found = dev.features(Plain(), split)  # type: ignore[arg-type]
        numbers = [round(float(row[0] - 1) / 10) for row in found.rows["image"]]
        assert found.targets.tolist() == [k % 2 for k in numbers]
        seen += numbers
    assert sorted(seen) == list(range(16))
    assert seen[12:] == [12, 13, 14, 15]
    text = str(dev.show("text", 1))
    assert text == "look how many 14"


def test_tokens_of_a_frozen_encoder_are_computed_once(root: str, tmp_path: Path) -> None:
    official.write_mm_imdb(tmp_path)
    encoder = Pixels()
    options: dict[str, Any] = {"root": str(tmp_path), "frozen": {"image": encoder}, **SMALL}
    data = MMIMDb(**options)
    calls = encoder.calls
    assert calls == 3
    plain = taken(MMIMDb(root=str(tmp_path), **SMALL))
    batch = taken(data)
    expected = Pixels()(plain["image"])
    torch.testing.assert_close(batch["image"], expected, rtol=1e-3, atol=0)
    assert torch.equal(batch["text"], plain["text"])
    assert data.shapes["image"] == {"inputs": 3}
    again = MMIMDb(**options)
    assert encoder.calls == calls
    assert torch.equal(taken(again)["image"], batch["image"])
    (tmp_path / "mm_imdb" / "mmimdb" / "dataset" / "0001000.jpeg").touch()
    MMIMDb(**options)
    assert encoder.calls == calls + 1  # only the split that the poster is in


def test_tokens_of_texts_serve_the_first_plot(tmp_path: Path) -> None:
    official.write_mm_imdb(tmp_path)
    torch.manual_seed(0)
    data = MMIMDb(
        root=str(tmp_path),
        frozen={"text": WordTokens(words=52, dimension=4), "image": Pixels()},
        **SMALL,
    )
    batch = taken(data, seed=1)
    assert torch.equal(batch["text"], taken(data, seed=2)["text"])
    assert batch["text"].shape == (8, 8, 4)
    assert set(batch) == {"text", "image"}
    model = Fusion(
        {"image": nn.Identity(), "text": nn.Identity()},
        adapters={n: TokenAdapter(inputs=d, width=8) for n, d in (("image", 3), ("text", 4))},
        fuser=AttentionFuser(width=8, heads=2),
    )
    assert data.features(model, "test").rows["fused"].shape == (6, 8)


@pytest.mark.parametrize("kind", [MMIMDb, HatefulMemes])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"side": 0}, "side must be from 1 to"),
        ({"mask": 1.0, "views": 2}, r"mask is the share of masked tokens, in \[0, 1\); found 1.0"),
        ({"tokens": "bytes"}, "tokens must be 'words', 'open_clip:ARCHITECTURE' or 'transformers:"),
        ({"views": {"sound": 2}}, "views of 'sound', which is none of image, text"),
        ({"augment": {"flop": 1}}, "augment.flop: .* did you mean 'flip'"),
        ({"frozen": {"sound": Pixels()}}, "frozen: tokens of 'sound', which is neither image nor"),
        (
            {"frozen": {"image": Pixels()}, "views": 2},
            "'image' has 2 views: make the encoder a part",
        ),
        ({"rows": 1}, "rows must be at least 2"),
    ],
)
def test_what_is_wrong_is_said(root: str, kind: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        kind(root=root, **(SMALL | options))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"test": "unseen"}, "test must be 'test' or 'dev'; found 'unseen'"),
        ({"test": "dev", "validation": 0.0}, "validation: a share of 0 of 12 memes is too few"),
        ({"test": "dev", "validation": 1.0}, r"validation must be a number in \[0, 1\)"),
    ],
)
def test_wrong_splits_of_memes_are_refused(
    root: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        HatefulMemes(root=root, **SMALL, **options)


def test_a_fusion_model_is_trained_by_a_recipe(root: str, tmp_path: Path) -> None:
    data = {
        "class": "isthmus.training.sets.hateful_memes.HatefulMemes",
        "views": 2,
        "root": root,
        **SMALL,
    }
    encoders = {"image": {"class": "ConvMap", "widths": [4]}, "text": "WordTokens"}
    tree = small(
        data, fusion={"width": 8, "encoders": encoders, "projector": None}, objective="CoMM"
    )
    del tree["towers"]
    assert set(trained(tree, tmp_path / "out").names) == {"image", "text", "fused"}


def test_a_recipe_names_frozen_encoders(root: str, tmp_path: Path) -> None:
    frozen = {"image": {"class": f"{__name__}.Pixels"}}
    data = {
        "class": "isthmus.training.sets.mm_imdb.MMIMDb",
        "frozen": frozen,
        "root": root,
        **SMALL,
    }
    encoders = {
        "image": {"class": "SequenceTransformer", "layers": 1, "heads": 2},
        "text": "WordTokens",
    }
    tree = small(
        data, fusion={"width": 8, "encoders": encoders, "projector": None}, objective="InfoNCE"
    )
    del tree["towers"]
    assert len(trained(tree, tmp_path / "out")["fused"]) == 6


def test_views_of_a_model_ignore_padding(root: str) -> None:
    data = MMIMDb(root=root, **SMALL)
    torch.manual_seed(0)
    model = Fusion(
        {"image": ConvMap(dimension=8, widths=(4,)), "text": WordTokens(words=52, dimension=8)},
        adapters={
            "image": PatchAdapter(inputs=8, width=8),
            "text": TokenAdapter(inputs=8, width=8),
        },
        fuser=AttentionFuser(width=8, heads=2),
    )
    whole = data.features(model, "validation").rows["fused"]
    items = data.splits["validation"].items
    alone = np.concatenate(
        [model.eval().features(items.take(np.array([k])))["fused"].detach() for k in range(4)]
    )  # type: ignore[union-attr]
    np.testing.assert_allclose(whole, alone, atol=2e-6)


def test_genres_and_hate_are_told_with_the_items(root: str) -> None:
    data = MMIMDb(root=root, labelled=True, rows=4, **SMALL)
    every = data.splits["train"].targets
    assert every is not None
    chosen = np.arange(4) * len(every) // 4
    assert taken(data, rows=4)[TARGETS].tolist() == every[chosen].tolist()
    for frozen in (None, {"image": Pixels()}):
        memes = HatefulMemes(root=root, labelled=True, test="dev", frozen=frozen, **SMALL)
        hateful = memes.splits["train"].targets
        assert hateful is not None
        assert taken(memes)[GROUP].tolist() == hateful[:8].tolist()
