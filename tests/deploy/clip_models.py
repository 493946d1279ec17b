"""Tiny CLIP models with random weights: open_clip's and Hugging Face's, and a stand-in for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

D, SIDE, WORDS, LENGTH = 16, 32, 50, 8


class Visual(nn.Module):
    """A tower that ends in `x @ proj`, as open_clip's do."""

    def __init__(self) -> None:
        super().__init__()
        self.image_size = (SIDE, SIDE)
        self.inner = nn.Linear(3 * SIDE * SIDE, 12)
        self.proj = nn.Parameter(torch.randn(12, D))

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x.flatten(1)) @ self.proj


class OpenClip(nn.Module):
    """What open_clip's CLIP looks like from outside."""

    def __init__(self) -> None:
        super().__init__()
        self.visual = Visual()
        self.context_length, self.vocab_size = LENGTH, WORDS
        self.words = nn.EmbeddingBag(WORDS, 12)
        self.text_projection = nn.Parameter(torch.randn(12, D))

    def encode_image(self, image: Tensor, normalize: bool = False) -> Tensor:
        z = self.visual(image)
        return functional.normalize(z, dim=-1) if normalize else z

    def encode_text(self, text: Tensor, normalize: bool = False) -> Tensor:
        z = self.words(text) @ self.text_projection
        return functional.normalize(z, dim=-1) if normalize else z

    def forward(self, image: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        return self.encode_image(image, normalize=True), self.encode_text(text, normalize=True)

    def forward_intermediates(self, image: Tensor) -> Tensor:
        return self.visual(image)


class CoCa(OpenClip):
    """A model whose forward goes through `_encode_…`, which give tokens as well."""

    def _encode_image(self, image: Tensor, normalize: bool = True) -> tuple[Tensor, str]:
        return super().encode_image(image, normalize), "tokens"

    def _encode_text(self, text: Tensor, normalize: bool = True) -> tuple[Tensor, str]:
        return super().encode_text(text, normalize), "tokens"

    def encode_image(self, image: Tensor, normalize: bool = True) -> Tensor:
        return self._encode_image(image, normalize)[0]

    def encode_text(self, text: Tensor, normalize: bool = True) -> Tensor:
        return self._encode_text(text, normalize)[0]

    def forward(self, image: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        return self._encode_image(image)[0], self._encode_text(text)[0]


class HuggingFace(nn.Module):
    """What a Hugging Face CLIPModel looks like from outside."""

    def __init__(self) -> None:
        super().__init__()
        self.visual_projection = nn.Linear(3 * SIDE * SIDE, D, bias=False)
        self.words = nn.EmbeddingBag(WORDS, 12)
        self.text_projection = nn.Linear(12, D, bias=False)

    def get_image_features(self, pixel_values: Tensor) -> Tensor:
        return self.visual_projection(pixel_values.flatten(1))

    def get_text_features(self, input_ids: Tensor) -> Tensor:
        return self.text_projection(self.words(input_ids))


def real_open_clip() -> Any:
    """The package, or a skip: it needs a torchvision that fits the torch at hand."""
    try:
        import open_clip
    except (ImportError, RuntimeError, OSError) as error:
        pytest.skip(f"open_clip cannot be imported: {str(error).splitlines()[0]}")
    return open_clip


def open_clip_model(kind: str, **text: Any) -> nn.Module:
    real_open_clip()
    from open_clip import model as parts

    vision = parts.CLIPVisionCfg(
        layers=1, width=32, head_width=16, image_size=SIDE, patch_size=SIDE // 2
    )
    words = parts.CLIPTextCfg(
        context_length=LENGTH, vocab_size=WORDS, width=32, heads=2, layers=1, **text
    )
    return getattr(parts, kind)(D, vision, words)  # type: ignore[no-any-return]


def hugging_face_model() -> nn.Module:
    transformers = pytest.importorskip("transformers")
    tower = {
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "projection_dim": D,
    }
    words = {"vocab_size": WORDS, "max_position_embeddings": LENGTH, "eos_token_id": WORDS - 1}
    sizes = {"image_size": SIDE, "patch_size": SIDE // 2}
    config = transformers.CLIPConfig(
        text_config=tower | words | {"bos_token_id": 1, "pad_token_id": 0},
        vision_config=tower | sizes,
        projection_dim=D,
    )
    return transformers.CLIPModel(config)  # type: ignore[no-any-return]


MODELS: dict[str, Callable[[], nn.Module]] = {
    "stand-in open_clip": OpenClip,
    "stand-in CoCa": CoCa,
    "stand-in Hugging Face": HuggingFace,
    "open_clip CLIP": lambda: open_clip_model("CLIP"),
    "open_clip CLIP, linear layer": lambda: open_clip_model("CLIP", proj_bias=True),
    "open_clip CustomTextCLIP": lambda: open_clip_model("CustomTextCLIP"),
    "Hugging Face CLIPModel": hugging_face_model,
}


def make(name: str, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return MODELS[name]().eval()


def batch(n: int, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(n)
    return {
        "image": torch.randn((n, 3, SIDE, SIDE), generator=random).to(dtype),
        "text": torch.randint(2, WORDS - 1, (n, LENGTH), generator=random),
    }


@torch.no_grad()
def embed(model: Any, tower: str, values: Tensor, **options: Any) -> Tensor:
    if hasattr(model, "encode_image"):
        return getattr(model, f"encode_{tower}")(values, **options)  # type: ignore[no-any-return]
    found = getattr(model, f"get_{tower}_features")(values)
    return found if isinstance(found, Tensor) else found.pooler_output
