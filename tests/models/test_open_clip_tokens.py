"""Tokens of open_clip's towers, of a stand-in and, where it can be imported, of the package."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from isthmus.errors import InputError
from isthmus.models.open_clip_tokens import OpenCLIPImageTokens, OpenCLIPTextTokens
from tests.deploy.clip_models import real_open_clip

WIDTH, LENGTH, WORDS = 12, 6, 40


class Image(nn.Module):
    """A class token and four patches."""

    def __init__(self) -> None:
        super().__init__()
        self.preprocess_cfg = {"mean": (0.5, 0.25, 0.0), "std": (0.5, 0.5, 0.25)}
        self.patches = nn.Conv2d(3, WIDTH, 4, stride=4)
        self.first = nn.Parameter(torch.randn(1, 1, WIDTH))
        self.dropout = nn.Dropout(0.5)
        self.proj = nn.Linear(WIDTH, 7)

    def forward_intermediates(
        self,
        x: Tensor,
        *,
        indices: int,
        normalize_intermediates: bool,
        intermediates_only: bool,
        output_fmt: str,
        output_extra_tokens: bool,
    ) -> dict[str, list[Tensor]]:
        assert (indices, normalize_intermediates, intermediates_only) == (1, True, True)
        assert (output_fmt, output_extra_tokens) == ("NLC", True)
        patches = self.dropout(self.patches(x)).flatten(2).transpose(1, 2)
        first = self.first.expand(len(x), -1, -1)
        return {"image_intermediates": [patches], "image_intermediates_prefix": [first]}


class Text(nn.Embedding):
    """Words, whose neighbours on the left count."""

    pad_id, context_length = 3, LENGTH

    def __init__(self) -> None:
        super().__init__(WORDS, WIDTH)
        self.projection = nn.Linear(WIDTH, 7)

    def forward_intermediates(
        self, x: Tensor, *, output_fmt: str = "NCHW", **_: Any
    ) -> dict[str, list[Tensor]]:
        assert output_fmt == "NLC"
        return {"text_intermediates": [self(x).cumsum(dim=1)]}


class Plain(Image):
    """A tower of an earlier open_clip, or of convolutions."""

    forward_intermediates = None  # type: ignore[assignment]


def create_model(model: str, **options: Any) -> Any:
    torch.manual_seed(3)
    return SimpleNamespace(visual=Plain() if model == "plain" else Image(), text=Text())


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"embed_dim": 7, "text_cfg": {"vocab_size": WORDS}}
    package = SimpleNamespace(create_model=create_model, get_model_config=lambda _: config)
    monkeypatch.setitem(sys.modules, "open_clip", package)


def pictures(count: int = 4, side: int = 8) -> Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=random)


@pytest.mark.usefixtures("stand_in")
def test_the_class_token_comes_before_the_patches() -> None:
    net, x = OpenCLIPImageTokens(side=8, dimension=WIDTH, model="tiny").eval(), pictures()
    tower = create_model("tiny").visual.eval()
    scaled = (x / 255 - torch.tensor([0.5, 0.25, 0])[:, None, None]) / torch.tensor(
        [0.5, 0.5, 0.25]
    )[:, None, None]
    found = net(x)
    assert found.shape == (4, 5, WIDTH)
    torch.testing.assert_close(found[:, :1], tower.first.expand(4, -1, -1))
    torch.testing.assert_close(found[:, 1:], tower.patches(scaled).flatten(2).transpose(1, 2))
    assert isinstance(net.head, nn.Identity)
    assert OpenCLIPImageTokens(side=8, dimension=5, model="tiny")(x).shape == (4, 5, 5)


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_what_stands_in_padding_does_not_matter(training: bool) -> None:
    net = OpenCLIPTextTokens(dimension=5, model="tiny", words=WORDS).train(training)
    x, valid = torch.randint(0, WORDS, (3, LENGTH)), torch.arange(LENGTH) < torch.tensor([[4]] * 3)
    junk = torch.where(valid, x, 7)
    assert torch.equal(net(junk, valid), net(x, valid))
    assert torch.equal(net(x, valid), net(torch.where(valid, x, Text.pad_id)))
    assert net(x, valid).shape == (3, LENGTH, 5)


@pytest.mark.usefixtures("stand_in")
def test_heads_that_tokens_do_not_pass_do_not_learn() -> None:
    """Several processes would wait for their gradients."""
    nets = [
        OpenCLIPImageTokens(side=8, dimension=5, model="tiny"),
        OpenCLIPTextTokens(dimension=5, model="tiny"),
    ]
    for net, x in zip(nets, (pictures(), torch.zeros(2, LENGTH, dtype=torch.int64)), strict=True):
        net(x).square().sum().backward()
        still = {name for name, p in net.named_parameters() if not p.requires_grad}
        assert {name.rpartition(".")[2] for name in still} == {"weight", "bias"}
        assert all("proj" in name for name in still)
        assert all(p.grad is not None for p in net.parameters() if p.requires_grad)
        assert net.tower.training


@pytest.mark.usefixtures("stand_in")
def test_frozen_only_the_map_learns() -> None:
    net = OpenCLIPImageTokens(
        side=8, dimension=5, model="tiny", pretrained="some", frozen=True
    ).train()
    assert {name for name, p in net.named_parameters() if p.requires_grad} == {
        "head.weight",
        "head.bias",
    }
    assert torch.equal(net(pictures()), net(pictures()))  # no dropout


WRONG: dict[str, Callable[[], object]] = {
    "the tower of 'plain' gives no tokens: take a transformer of open_clip": lambda: (
        OpenCLIPImageTokens(side=8, dimension=5, model="plain")
    ),
    "a frozen tower needs weights": lambda: OpenCLIPTextTokens(
        dimension=5, model="tiny", frozen=True
    ),
    "reads the 40 tokens of its tokenizer, and the data give 41": lambda: OpenCLIPTextTokens(
        dimension=5, model="tiny", words=41
    ),
}


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("message", WRONG)
def test_what_cannot_be_made_is_refused(message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        WRONG[message]()
    assert "\n" not in str(caught.value)


def test_the_package_itself(tmp_path: Path) -> None:
    """Its towers pool one of these tokens and project it: that is what they must give."""
    open_clip = real_open_clip()
    vision = {"image_size": 32, "layers": 2, "width": 24, "head_width": 12, "patch_size": 16}
    words = {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
    sizes = {"embed_dim": 10, "vision_cfg": vision, "text_cfg": words}
    (tmp_path / "isthmus-tiny-tokens.json").write_text(json.dumps(sizes))
    convolved = sizes | {"vision_cfg": vision | {"layers": [1, 1, 1, 1], "patch_size": None}}
    (tmp_path / "isthmus-tiny-convolutions.json").write_text(json.dumps(convolved))
    open_clip.add_model_config(tmp_path)
    name = "isthmus-tiny-tokens"
    path = tmp_path / "weights.pt"
    whole = open_clip.create_model(name, load_weights=False, force_custom_text=True).eval()
    torch.save(whole.state_dict(), path)
    image = OpenCLIPImageTokens(
        side=32, dimension=24, model=name, pretrained=str(path), frozen=True
    ).train()
    tokens = image(pictures(2, 32))
    assert tokens.shape == (2, 5, 24)
    scaled = (pictures(2, 32) - image.mean) / image.std
    torch.testing.assert_close(tokens[:, 0] @ whole.visual.proj, whole.visual(scaled))
    text = OpenCLIPTextTokens(dimension=16, model=name, pretrained=str(path), words=49_408)
    ids = open_clip.get_tokenizer(name)(["a dog", "two dogs on a beach"])
    ends = ids.argmax(dim=1)
    found = text(ids)[torch.arange(2), ends] @ whole.text.text_projection
    torch.testing.assert_close(found, whole.text(ids))
    valid = torch.arange(77) <= ends[:, None]
    junk = torch.where(valid, ids, 99)
    torch.testing.assert_close(text(junk, valid), text(ids, valid))
    text(ids).square().sum().backward()
    assert all(p.grad is not None for p in text.parameters() if p.requires_grad)
    with pytest.raises(InputError, match="gives no tokens"):
        OpenCLIPImageTokens(side=32, dimension=5, model="isthmus-tiny-convolutions")
