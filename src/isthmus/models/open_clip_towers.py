"""open_clip's towers as encoders: any of its architectures, from scratch or with its weights."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import torch
from torch import Tensor, nn

from ..errors import InputError, missing


class _Tower(nn.Module):
    """A tower, and behind it a linear map where the space has another width, or nothing else
    would learn."""

    def __init__(self, tower: nn.Module, *, width: int, dimension: int, frozen: bool) -> None:
        super().__init__()
        plain = width == dimension and not frozen
        self.tower = tower
        self.head = nn.Identity() if plain else nn.Linear(width, dimension, bias=False)
        self.frozen = frozen
        if frozen:
            tower.requires_grad_(requires_grad=False)
            tower.eval()

    def train(self, mode: bool = True) -> Self:
        """Into training mode; a frozen tower stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.tower.eval()
        return self

    def _through(self, x: Tensor) -> Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            z = self.tower(x)
        if not isinstance(z, Tensor):
            raise InputError("this architecture gives more than embeddings; take a plain CLIP")
        found: Tensor = self.head(z)
        return found


class OpenCLIPImage(_Tower):
    """The image tower of an open_clip model. (B, 3, side, side) in [0, 255] → (B, dimension).

    Pixels are scaled with the mean and deviation that the model asks for.

    Parameters
    ----------
    side:
        Of the pictures, in pixels.
    dimension:
        Of the space. From scratch it is that of the tower's own projection; weights come with a
        projection, behind which there is a linear map where they disagree.
    model:
        The architecture, as `open_clip.list_models()` has it, or `hf-hub:…`, `local-dir:…`.
    pretrained:
        The weights: a tag of open_clip, which downloads them, or a file. None: from scratch.
    frozen:
        Train the linear map alone.

    Raises
    ------
    InputError
        No such architecture or weights; `frozen` without weights.
    MissingDependencyError
        open_clip is not installed.

    References
    ----------
    Ilharco et al., *OpenCLIP* (2021); Radford et al., *Learning Transferable Visual Models From
    Natural Language Supervision* (2021).
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        *,
        side: int,
        dimension: int,
        model: str = "RN50",
        pretrained: str | None = None,
        frozen: bool = False,
    ) -> None:
        made, width = create(model, pretrained, dimension, frozen=frozen, force_image_size=side)
        super().__init__(made.visual, width=width, dimension=dimension, frozen=frozen)
        for name, values in pixel_scale(made.visual).items():
            self.register_buffer(name, values, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """The embeddings of pictures."""
        return self._through((images.float() - self.mean) / self.std)


class OpenCLIPText(_Tower):
    """The text tower of an open_clip model. (B, L) of its tokenizer → (B, dimension).

    Parameters
    ----------
    dimension, model, pretrained, frozen:
        As of `OpenCLIPImage`.
    words:
        Tokens that the data tell apart, which must be the tower's own; None: not checked.

    Raises
    ------
    InputError
        As of `OpenCLIPImage`; or the data have another vocabulary.
    MissingDependencyError
        open_clip is not installed.
    """

    def __init__(
        self,
        *,
        dimension: int,
        model: str = "RN50",
        pretrained: str | None = None,
        frozen: bool = False,
        words: int | None = None,
    ) -> None:
        check_vocabulary(model, words)
        made, width = create(model, pretrained, dimension, frozen=frozen)
        super().__init__(made.text, width=width, dimension=dimension, frozen=frozen)

    def forward(self, tokens: Tensor) -> Tensor:
        """The embeddings of texts."""
        return self._through(tokens)


def vocabulary(model: str) -> int:
    """How many tokens the tokenizer of an architecture tells apart."""
    return int(_config(model).get("text_cfg", {}).get("vocab_size", 49_408))


def check_vocabulary(model: str, words: int | None) -> None:
    """Refuse data that tell apart other tokens than the tokenizer of an architecture."""
    own = vocabulary(model)
    if words is not None and words != own:
        raise InputError(
            f"the text tower of {model} reads the {own:,} tokens of its tokenizer, and the "
            f"data give {words:,} words: ask for 'tokens: open_clip:{model}' in data"
        )


def pixel_scale(tower: Any) -> dict[str, Tensor]:
    """The "mean" and "std" of pixels in [0, 255] that an image tower asks for, (3, 1, 1) each."""
    return {
        name: 255 * torch.tensor(tower.preprocess_cfg[name], dtype=torch.float32).reshape(3, 1, 1)
        for name in ("mean", "std")
    }


def import_open_clip() -> Any:
    """The package.

    Raises
    ------
    MissingDependencyError
        It is not installed.
    InputError
        It, or a package that it needs, does not fit the torch at hand.
    """
    try:
        import open_clip
    except ImportError:
        raise missing("open_clip_torch", extra="open_clip") from None
    except (RuntimeError, OSError, AttributeError) as error:  # a torchvision of another torch
        raise InputError(f"open_clip cannot be imported: {_line(error)}") from error
    return open_clip


@contextmanager
def explained(model: str) -> Iterator[None]:
    """Errors of open_clip in one line, its log silent: it warns of random weights."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:  # of its own, of the hub's client, of files and networks
        raise InputError(f"open_clip cannot make '{model}': {_line(error)}") from error
    finally:
        logging.disable(before)


def create(
    model: str, pretrained: str | None, dimension: int | None, *, frozen: bool, **options: Any
) -> tuple[Any, int]:
    """A model with both towers apart, and the width of its embeddings.

    From scratch that is `dimension`, or the architecture's own if None.
    """
    if frozen and pretrained is None and ":" not in model:
        raise InputError("a frozen tower needs weights: name them with 'pretrained'")
    width = int(_config(model)["embed_dim"])
    if pretrained is not None:
        options["pretrained"] = pretrained
    elif ":" not in model:  # a place of weights as well
        width = width if dimension is None else dimension
        options |= {"load_weights": False, "pretrained_text": False, "embed_dim": width}
    with explained(model):
        return import_open_clip().create_model(model, force_custom_text=True, **options), width


def _config(model: str) -> Mapping[str, Any]:
    name = model if ":" in model else model.replace("/", "-")
    with explained(model):
        found = import_open_clip().get_model_config(name)
    if found is None:
        raise InputError(
            f"open_clip has no architecture '{model}'; open_clip.list_models() lists them"
        )
    return dict(found)


def _line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:297] + "..."
