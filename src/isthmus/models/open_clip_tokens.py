"""open_clip's towers before they pool: a token for each patch or word, for fusion models."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .inputs import SequenceEncoder
from .open_clip_towers import check_vocabulary, create, pixel_scale
from .token_tower import token_tower

_NO_TOKENS = (
    "the tower of '{}' gives no tokens: take a transformer of open_clip, such as ViT-B-32, and an "
    "open_clip whose towers have forward_intermediates"
)


class OpenCLIPImageTokens(nn.Module):
    """Class and patch tokens of an open_clip image tower, after its last layer and norm.

    (B, 3, side, side) uint8 or float in [0, 255] → (B, 1 + patches, dimension); towers without a
    class token give the patches alone. Pixels are scaled as the model asks for.

    Parameters
    ----------
    side:
        Of the pictures, in pixels.
    dimension:
        Of the tokens; where it is not the width of the tower, one linear map leads to it.
    model, pretrained:
        As of `OpenCLIPImage`; the model must be a vision transformer.
    frozen:
        Keep the tower as it is (`FrozenTokens`); it needs weights.

    Raises
    ------
    InputError
        No such architecture or weights; one that has no tokens; `frozen` without weights.
    MissingDependencyError
        open_clip is not installed.

    References
    ----------
    Ilharco et al., *OpenCLIP* (2021); frozen, as posters are in
    Dufumier et al., *What to align in multimodal contrastive learning?* (2025).
    """

    adapter = "TokenAdapter"
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        *,
        side: int,
        dimension: int,
        model: str = "ViT-B-32",
        pretrained: str | None = None,
        frozen: bool = False,
    ) -> None:
        super().__init__()
        made, _ = create(model, pretrained, None, frozen=frozen, force_image_size=side)
        for name, values in pixel_scale(made.visual).items():
            self.register_buffer(name, values, persistent=False)
        self.tower, self.head = token_tower(
            _ImageTokens(made.visual),
            torch.zeros(1, 3, side, side),
            dimension=dimension,
            frozen=frozen,
            unfit=_NO_TOKENS.format(model),
        )

    def forward(self, images: Tensor) -> Tensor:
        """The tokens of pictures."""
        found: Tensor = self.head(self.tower((images.float() - self.mean) / self.std))
        return found


class OpenCLIPTextTokens(SequenceEncoder):
    """The tokens of an open_clip text tower, after its last layer and norm, before it pools.

    (B, L) of its tokenizer → (B, L, dimension). What stands at padding is not looked at; towers
    with a causal mask do not look at what follows a token at all.

    Parameters
    ----------
    dimension, model, pretrained, frozen:
        As of `OpenCLIPImageTokens`; the text tower may be of any model but those that are of
        another package.
    words:
        Tokens that the data tell apart, which must be the tower's own; None: not checked.

    Raises
    ------
    InputError
        As of `OpenCLIPImageTokens`; or the data have another vocabulary.
    MissingDependencyError
        open_clip is not installed.
    """

    adapter = "TokenAdapter"

    def __init__(
        self,
        *,
        dimension: int,
        model: str = "ViT-B-32",
        pretrained: str | None = None,
        frozen: bool = False,
        words: int | None = None,
    ) -> None:
        super().__init__()
        check_vocabulary(model, words)
        made, _ = create(model, pretrained, None, frozen=frozen)
        self.padding = int(getattr(made.text, "pad_id", 0))
        self.tower, self.head = token_tower(
            _TextTokens(made.text),
            torch.zeros(1, int(getattr(made.text, "context_length", 1)), dtype=torch.int64),
            dimension=dimension,
            frozen=frozen,
            unfit=_NO_TOKENS.format(model),
        )

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """The tokens of texts."""
        if valid is not None:
            x = x.masked_fill(~valid, self.padding)
        found: Tensor = self.head(self.tower(x))
        return found


class _ImageTokens(nn.Module):
    def __init__(self, tower: nn.Module) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, x: Tensor) -> Tensor:
        found = _last(self.tower, x, output_extra_tokens=True)
        first = found.get("image_intermediates_prefix") or []
        return torch.cat([*first, *found["image_intermediates"]], dim=1)


class _TextTokens(nn.Module):
    def __init__(self, tower: nn.Module) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = _last(self.tower, x)["text_intermediates"][0]
        return found


def _last(tower: Any, x: Tensor, **options: Any) -> Any:
    """What a tower has after its last layer and norm."""
    return tower.forward_intermediates(
        x,
        indices=1,
        normalize_intermediates=True,
        intermediates_only=True,
        output_fmt="NLC",
        **options,
    )
