"""Tokens of Hugging Face's transformers: of texts and of pictures, for fusion models."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError, missing
from .inputs import SequenceEncoder
from .shapes import check_shape
from .token_tower import token_tower


class HuggingFaceText(SequenceEncoder):
    """The last hidden states of a text model. (B, L) of its tokenizer → (B, L, dimension).

    Padding is not attended to, and what stands there does not matter.

    Parameters
    ----------
    model:
        A folder with a checkpoint, or a name on the hub, from which it is downloaded. Of a model
        of texts and pictures the text part is taken.
    dimension:
        Of the tokens; where it is not the width of the model, one linear map leads to it.
    frozen:
        Keep the model as it is (`FrozenTokens`).
    words:
        Tokens that the data tell apart, at most those of the model; None: not checked.

    Raises
    ------
    InputError
        No such model, or one without texts; the data have more tokens.
    MissingDependencyError
        transformers is not installed.

    References
    ----------
    Wolf et al., *Transformers: State-of-the-Art Natural Language Processing* (2020); frozen, as
    the plots of MM-IMDb in Dufumier et al., *What to align in multimodal contrastive learning?*
    (2025).
    """

    adapter = "TokenAdapter"

    def __init__(
        self, *, model: str, dimension: int, frozen: bool = True, words: int | None = None
    ) -> None:
        super().__init__()
        network = _loaded(model, "text_model")
        own = getattr(network.config, "vocab_size", None)
        if own is None:
            raise InputError(f"'{model}' reads no texts: it has no vocabulary")
        if words is not None and words > own:
            raise InputError(
                f"'{model}' reads {own:,} tokens, and the data give {words:,}: tokenise with the "
                "model's own tokenizer"
            )
        self.words = int(own)
        self.padding = int(getattr(network.config, "pad_token_id", None) or 0)
        self.tower, self.head = token_tower(
            _States(network, "input_ids"),
            torch.zeros(1, 2, dtype=torch.int64),
            dimension=dimension,
            frozen=frozen,
            unfit=f"'{model}' gives no tokens of texts: take a model that encodes, such as BERT",
        )

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """The tokens of texts."""
        check_shape(x, "(B, L)", type(self).__name__)
        if valid is not None:
            x = x.masked_fill(~valid, self.padding)
        found: Tensor = self.head(self.tower(x, valid))
        return found


class HuggingFaceImage(nn.Module):
    """The last hidden states of a vision transformer. (B, 3, side, side) → (B, L, dimension).

    uint8 or float in [0, 255]; pixels are scaled with the mean and deviation of the checkpoint's
    `preprocessor_config.json`. Class and register tokens come before those of the patches.

    Parameters
    ----------
    model, dimension, frozen:
        As of `HuggingFaceText`; of a model of texts and pictures the vision part is taken.
    side:
        Of the pictures, which must be that of the model; None: not checked.

    Raises
    ------
    InputError
        No such model, or one without pictures; pictures of another side.
    MissingDependencyError
        transformers is not installed.

    References
    ----------
    As of `HuggingFaceText`.
    """

    adapter = "TokenAdapter"
    mean: Tensor
    std: Tensor

    def __init__(
        self, *, model: str, dimension: int, frozen: bool = True, side: int | None = None
    ) -> None:
        super().__init__()
        network = _loaded(model, "vision_model")
        own = getattr(network.config, "image_size", None)
        if own is None:
            raise InputError(f"'{model}' takes no pictures: its configuration has no image_size")
        self.side = int(own if isinstance(own, int) else own[0])
        if side is not None and side != self.side:
            raise InputError(
                f"'{model}' takes pictures of side {self.side}, and the data give {side}: ask for "
                "that side, or put the encoder into 'Resized'"
            )
        about = _pixels(model)
        for name, key in (("mean", "image_mean"), ("std", "image_std")):
            values = 255 * torch.tensor(about.get(key, [0.5, 0.5, 0.5])).reshape(-1, 1, 1)
            self.register_buffer(name, values, persistent=False)
        self.tower, self.head = token_tower(
            _States(network, "pixel_values"),
            torch.zeros(1, len(self.mean), self.side, self.side),
            dimension=dimension,
            frozen=frozen,
            unfit=f"'{model}' gives no tokens of pictures: take a vision transformer",
        )

    def forward(self, images: Tensor) -> Tensor:
        """The tokens of pictures."""
        name, side = type(self).__name__, self.side
        check_shape(images, "(B, C, H, W)", name, C=len(self.mean), H=side, W=side)
        found: Tensor = self.head(self.tower((images.float() - self.mean) / self.std))
        return found


class _States(SequenceEncoder):
    """A network of the package as an encoder of tokens."""

    def __init__(self, network: nn.Module, takes: str) -> None:
        super().__init__()
        self.network = network
        self.takes = takes

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        options = {} if valid is None else {"attention_mask": valid.long()}
        found: Tensor = self.network(**{self.takes: x}, **options).last_hidden_state
        return found


def _loaded(model: str, part: str) -> Any:
    """The network of a checkpoint without a head, or that part of it, if it has several."""
    package = _transformers()
    try:
        network = package.AutoModel.from_pretrained(model)
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise InputError(
            f"transformers cannot load '{model}', which must be a folder with a checkpoint or a "
            f"name on the hub: {_line(error)}"
        ) from error
    return getattr(network, part, network)


def _pixels(model: str) -> Mapping[str, Any]:
    """What a checkpoint says of its pixels; nothing if it says nothing."""
    try:
        found, _ = _transformers().ImageProcessingMixin.get_image_processor_dict(model)
    except (OSError, ValueError):
        return {}
    assert isinstance(found, Mapping)
    return found


def _transformers() -> Any:
    try:
        return import_module("transformers")
    except ImportError:
        raise missing("transformers", extra="transformers") from None


def _line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:297] + "..."
