"""What open_clip and transformers look like to MM-IMDb's table: CLIP's sizes, hardly any layers."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

WIDTH, DIMENSION, WORDS = 768, 512, 60


class Image(nn.Module):
    """A class token and four patches."""

    def __init__(self) -> None:
        super().__init__()
        self.preprocess_cfg = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
        self.patches = nn.Sequential(nn.AvgPool2d(112), nn.Conv2d(3, WIDTH, 1))
        self.proj = nn.Linear(WIDTH, DIMENSION, bias=False)

    def tokens(self, x: Tensor) -> Tensor:
        patches = self.patches(x).flatten(2).transpose(1, 2)
        return torch.cat([patches.mean(dim=1, keepdim=True), patches], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(self.tokens(x)[:, 0])  # type: ignore[no-any-return]

    def forward_intermediates(self, x: Tensor, **_: Any) -> dict[str, list[Tensor]]:
        found = self.tokens(x)
        return {
            "image_intermediates": [found[:, 1:]],
            "image_intermediates_prefix": [found[:, :1]],
        }


class Text(nn.Module):
    """Words that know nothing of each other."""

    def __init__(self) -> None:
        super().__init__()
        self.config = SimpleNamespace(vocab_size=WORDS, pad_token_id=0)
        self.embed = nn.Embedding(WORDS, WIDTH)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Any:
        return SimpleNamespace(last_hidden_state=self.embed(input_ids))


class Tokenizer:
    """Words by their length: 0 pads, 1 begins, 2 ends, 3 masks."""

    pad_token_id, mask_token_id, all_special_ids = 0, 3, [0, 1, 2, 3]

    def __len__(self) -> int:
        return WORDS

    def __call__(self, texts: list[str], *, max_length: int, **_: Any) -> dict[str, Tensor]:
        rows = [[1, *(4 + sum(map(ord, w)) % 50 for w in t.split()), 2] for t in texts]
        assert max(map(len, rows)) <= max_length == 128
        ids = torch.tensor([row + [0] * (max(map(len, rows)) - len(row)) for row in rows])
        return {"input_ids": ids, "attention_mask": (ids != 0).long()}


def install(patch: pytest.MonkeyPatch) -> None:
    """Stand-ins for both packages."""

    def create_model(model: str, *, pretrained: str, **_: Any) -> Any:
        assert (model, pretrained) == ("ViT-B-32-quickgelu", "openai")
        torch.manual_seed(1)
        return SimpleNamespace(visual=Image(), text=nn.Identity())

    def model_of(name: str) -> Text:
        assert name == "sentence-transformers/clip-ViT-B-32-multilingual-v1"
        torch.manual_seed(2)
        return Text()

    clip, transformers = ModuleType("open_clip"), ModuleType("transformers")
    vars(clip).update(
        create_model=create_model,
        get_model_config=lambda model: {"embed_dim": DIMENSION, "text_cfg": {}},
    )
    vars(transformers).update(
        AutoModel=SimpleNamespace(from_pretrained=model_of),
        AutoTokenizer=SimpleNamespace(from_pretrained=lambda name: Tokenizer()),
    )
    patch.setitem(sys.modules, "open_clip", clip)
    patch.setitem(sys.modules, "transformers", transformers)
