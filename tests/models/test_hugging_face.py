"""Tokens of transformers' models, of a stand-in and, where it is installed, of the package."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from isthmus.errors import InputError, MissingDependencyError
from isthmus.models.hugging_face import HuggingFaceImage, HuggingFaceText

WORDS, SIDE = 50, 32


class Words(nn.Module):
    """The mean of all words attended to, beside each of them."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.config = SimpleNamespace(vocab_size=WORDS, pad_token_id=2)
        self.embed = nn.Embedding(WORDS, width)
        self.dropout, self.pooler = nn.Dropout(0.5), nn.Linear(width, width)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Any:
        kept = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        z = self.dropout(self.embed(input_ids))
        mean = (z * kept[:, :, None]).sum(dim=1, keepdim=True) / kept.sum(dim=1)[:, None, None]
        return SimpleNamespace(last_hidden_state=z + mean)


class Pixels(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.config = SimpleNamespace(image_size=[SIDE, SIDE])
        self.patches = nn.Conv2d(3, 6, 16, stride=16)

    def forward(self, pixel_values: Tensor) -> Any:
        tokens = self.patches(pixel_values).flatten(2).transpose(1, 2)
        return SimpleNamespace(last_hidden_state=tokens)


class Both(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.config = SimpleNamespace()
        self.text_model, self.vision_model = Words(), Pixels()


class Vector(Words):
    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Any:
        return SimpleNamespace(last_hidden_state=self.embed(input_ids).mean(dim=1))


MODELS: Mapping[str, Callable[[], nn.Module]] = {
    "words": Words,
    "pixels": Pixels,
    "both": Both,
    "vector": Vector,
}
ABOUT = {"image_mean": [0.5, 0.25, 0.0], "image_std": [0.5, 0.5, 0.25]}


def from_pretrained(name: str) -> nn.Module:
    if name not in MODELS:
        raise OSError(f"no file named\nmodel.safetensors in {name}")
    torch.manual_seed(4)
    return MODELS[name]()


def about(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    if name != "both":
        raise OSError("no preprocessor_config.json")
    return ABOUT, {}


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    package = SimpleNamespace(
        AutoModel=SimpleNamespace(from_pretrained=from_pretrained),
        ImageProcessingMixin=SimpleNamespace(get_image_processor_dict=about),
    )
    monkeypatch.setitem(sys.modules, "transformers", package)


def pictures(count: int = 4, side: int = SIDE) -> Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=random)


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("frozen", [True, False], ids=["frozen", "learning"])
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_what_stands_in_padding_does_not_matter(training: bool, frozen: bool) -> None:
    net = HuggingFaceText(model="words", dimension=5, frozen=frozen, words=WORDS).train(training)
    x, valid = torch.randint(0, WORDS, (3, 6)), torch.arange(6) < torch.tensor([[4], [6], [1]])
    junk = torch.where(valid, x, 7)
    found = []
    for ids in (x, junk):
        torch.manual_seed(5)  # of dropout
        found.append(net(ids, valid))
    assert torch.equal(*found)
    assert found[0].shape == (3, 6, 5)
    if frozen or not training:
        torch.testing.assert_close(found[0][0, :4], net(x[:1, :4])[0])


@pytest.mark.usefixtures("stand_in")
def test_of_a_model_of_both_each_takes_its_part_and_pixels_are_scaled() -> None:
    text, image = (
        HuggingFaceText(model="both", dimension=6),
        HuggingFaceImage(model="both", dimension=6, side=SIDE),
    )
    network = from_pretrained("both")
    assert isinstance(network, Both)
    x = pictures()
    mean, std = (torch.tensor(ABOUT[key])[:, None, None] for key in ("image_mean", "image_std"))
    tokens = network.vision_model((x / 255 - mean) / std).last_hidden_state
    torch.testing.assert_close(image(x), tokens)
    assert image(x).shape == (4, 4, 6)
    assert isinstance(image.head, nn.Identity)
    ids = torch.randint(0, WORDS, (2, 3))
    torch.testing.assert_close(text(ids), network.text_model.eval()(ids).last_hidden_state)
    plain = HuggingFaceImage(model="pixels", dimension=6)
    torch.testing.assert_close(plain.mean.flatten(), torch.full((3,), 127.5))


@pytest.mark.usefixtures("stand_in")
def test_frozen_unless_it_is_to_learn_and_heads_never_do() -> None:
    ids = torch.randint(0, WORDS, (2, 3))
    net = HuggingFaceText(model="words", dimension=5).train()
    assert {n for n, p in net.named_parameters() if p.requires_grad} == {"head.weight", "head.bias"}
    assert torch.equal(net(ids), net(ids))
    net = HuggingFaceText(model="words", dimension=5, frozen=False).train()
    assert not torch.equal(net(ids), net(ids))
    net(ids).square().sum().backward()
    learning = {n for n, p in net.named_parameters() if p.requires_grad}
    assert learning == {"tower.network.embed.weight", "head.weight", "head.bias"}
    assert all(p.grad is not None for p in net.parameters() if p.requires_grad)


WRONG: dict[str, Callable[[], object]] = {
    "transformers cannot load 'none', which must be a folder .*: no file named model": lambda: (
        HuggingFaceText(model="none", dimension=5)
    ),
    "'pixels' reads no texts: it has no vocabulary": lambda: HuggingFaceText(
        model="pixels", dimension=5
    ),
    "'words' takes no pictures: its configuration has no image_size": lambda: HuggingFaceImage(
        model="words", dimension=5
    ),
    "'vector' gives no tokens of texts": lambda: HuggingFaceText(model="vector", dimension=5),
    "'words' reads 50 tokens, and the data give 51": lambda: HuggingFaceText(
        model="words", dimension=5, words=51
    ),
    "pictures of side 32, and the data give 64: .* 'Resized'": lambda: HuggingFaceImage(
        model="both", dimension=5, side=64
    ),
    r"HuggingFaceImage takes .* H = 32, W = 32; found \(4, 3, 16, 16\)": lambda: HuggingFaceImage(
        model="both", dimension=5
    )(pictures(side=16)),
    r"HuggingFaceText takes \(B, L\); found \(2, 3, 4\)": lambda: HuggingFaceText(
        model="words", dimension=5
    )(torch.zeros(2, 3, 4)),
}


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("message", WRONG)
def test_what_does_not_fit_is_refused(message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        WRONG[message]()
    assert "\n" not in str(caught.value)


def test_a_package_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'isthmus\[transformers\]'"):
        HuggingFaceText(model="words", dimension=5)


def real() -> Any:
    return pytest.importorskip("transformers", reason="transformers is not installed")


@pytest.mark.filterwarnings("ignore")
def test_the_package_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random checkpoints of a CLIP, a BERT and a ViT, read from their folders."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    package = real()
    size = {"hidden_size": 16, "intermediate_size": 8, "num_hidden_layers": 2}
    size |= {"num_attention_heads": 2}
    bert = package.BertModel(package.BertConfig(vocab_size=WORDS, **size)).eval()
    vit = package.ViTModel(package.ViTConfig(image_size=SIDE, patch_size=16, **size)).eval()
    clip = package.CLIPModel(
        package.CLIPConfig(
            text_config=size | {"vocab_size": WORDS, "max_position_embeddings": 8},
            vision_config=size | {"image_size": SIDE, "patch_size": 16},
        )
    ).eval()
    for name, network in (("bert", bert), ("vit", vit), ("clip", clip)):
        network.save_pretrained(tmp_path / name)
        (tmp_path / name / "preprocessor_config.json").write_text(json.dumps(ABOUT))
    ids, valid = torch.randint(3, WORDS, (3, 6)), torch.arange(6) < torch.tensor([[4], [6], [1]])
    junk = torch.where(valid, ids, 7)
    for name in ("bert", "clip"):
        net = HuggingFaceText(model=str(tmp_path / name), dimension=16).train()
        torch.testing.assert_close(net(junk, valid)[valid], net(ids, valid)[valid])
        torch.testing.assert_close(net(ids, valid)[0, :4], net(ids[:1, :4])[0])
    expected = bert(ids).last_hidden_state
    net = HuggingFaceText(model=str(tmp_path / "bert"), dimension=16)
    torch.testing.assert_close(net(ids), expected)
    learning = HuggingFaceText(model=str(tmp_path / "bert"), dimension=5, frozen=False)
    learning(ids).square().sum().backward()
    assert all(p.grad is not None for p in learning.parameters() if p.requires_grad)
    assert not any(p.requires_grad for n, p in learning.named_parameters() if "pooler" in n)
    x = pictures()
    mean, std = (torch.tensor(ABOUT[key])[:, None, None] for key in ("image_mean", "image_std"))
    for name, network in (("vit", vit), ("clip", clip.vision_model)):
        image = HuggingFaceImage(model=str(tmp_path / name), dimension=16, side=SIDE)
        states = network(pixel_values=(x / 255 - mean) / std).last_hidden_state
        torch.testing.assert_close(image(x), states)
        assert image(x).shape == (4, 5, 16)
    with pytest.raises(InputError, match="cannot load"):
        HuggingFaceText(model=str(tmp_path / "nothing"), dimension=16)
