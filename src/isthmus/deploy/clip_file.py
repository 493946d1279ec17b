"""Closed open_clip models as files."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ..closers.base import Closer
from ..errors import InputError, missing
from ..files import atomic_write
from .clip_fold import fold_model, linear
from .clip_model import TOWERS, attach, close_model
from .maps import affine_map, check_equal, metadata
from .torch_module import ClosingMap

FORMAT = "isthmus-open-clip"


def write_open_clip(
    closer: Closer,
    out: Path | str,
    *,
    model: str,
    pretrained: str | None = None,
    image: str = "image",
    text: str = "text",
) -> list[Path]:
    """Write an open_clip model, closed, as one safetensors file of all its weights.

    A closer without bias is folded into the projections (`fold_model`): the file is one that
    open_clip loads itself, as `create_model(model, pretrained=FILE)`. For any other the maps go
    along (`close_model`), and `load_open_clip` loads it. Before the file is put in place, the
    model embeds two random images and texts, open and closed, which must agree with the closer.

    Parameters
    ----------
    closer:
        Fitted on embeddings of this model, and affine.
    out:
        A file that ends in `.safetensors`.
    model, pretrained:
        As for `open_clip.create_model`: an architecture and a tag or a file of weights; or
        `hf-hub:…` or `local-dir:…` alone.
    image, text:
        The closer's modality for each tower.

    Raises
    ------
    InputError
        As `close_model`; open_clip is missing, or cannot make the model; a place that cannot be
        written to.
    """
    path = Path(out)
    if path.suffix != ".safetensors":
        raise InputError(f"a closed model is one file that ends in .safetensors; found {out}")
    maps = [affine_map(closer, name).affine.matrix for name in (image, text)]
    if pretrained is None and ":" not in model:
        raise InputError(
            f"'{model}' is an architecture without weights: name them with --pretrained, a tag of "
            "open_clip or a file"
        )
    found = _create(model, pretrained=pretrained).eval()
    inputs = _samples(found)
    before = {tower: _embed(found, tower, inputs[tower]) for tower in TOWERS}
    fold = linear(closer, image, text) and all(len(a) == a.shape[1] for a in maps)
    found = (fold_model if fold else close_model)(found, closer, image=image, text=text)
    for tower, name in (("image", image), ("text", text)):
        after = _embed(found, tower, inputs[tower])
        check_equal(closer, name, before[tower], after, "the closed model")
    from safetensors.torch import save_model

    about = metadata(
        closer,
        format=FORMAT,
        model=model,
        closed="folded" if fold else "maps",
        preprocess=json.dumps(getattr(found.visual, "preprocess_cfg", None)),
    )
    with atomic_write(path) as temporary:
        save_model(found, str(temporary), metadata=dict(about))
    return [path]


def load_open_clip(path: Path | str) -> Any:
    """The closed open_clip model of a file that `write_open_clip` wrote, for inference.

    Its `encode_image` and `encode_text` with `normalize=True` give closed unit rows.

    Raises
    ------
    InputError
        The file is missing, damaged or something else; open_clip is missing, or no longer has
        the architecture.
    """
    from safetensors.torch import load_model

    with _explained(path), safe_open(path, framework="pt") as file:
        about = file.metadata() or {}
        if about.get("format") != FORMAT:
            raise InputError(f"{path} is no model that `isthmus export --to open_clip` wrote")
        keys = {tower: f"closed_{tower}.linear.weight" for tower in TOWERS}
        found = set(file.keys())
        shapes = {t: file.get_slice(key).get_shape() for t, key in keys.items() if key in found}
    model = _create(about.get("model", ""))
    with _explained(path):
        if shapes:
            attach(model, {tower: ClosingMap(d, k) for tower, (k, d) in shapes.items()})
        load_model(model, str(path))
        if preprocess := json.loads(about.get("preprocess", "null")):
            model.visual.preprocess_cfg = {
                key: tuple(value) if isinstance(value, list) else value
                for key, value in preprocess.items()
            }
    return model.eval()


def usage(path: Path, model: str) -> str:
    """The lines that load and use the model."""
    return (
        "import open_clip\n"
        "from isthmus.deploy.clip_file import load_open_clip\n"
        f"model = load_open_clip({str(path)!r})\n"
        f"tokens = open_clip.get_tokenizer({model!r})(['a photo of a dog'])\n"
        "z = model.encode_text(tokens, normalize=True)  # closed unit rows; encode_image likewise"
    )


def _create(model: str, **options: Any) -> Any:
    """The model by its name; without weights, nothing is fetched for its towers either."""
    try:
        import open_clip
    except ImportError:
        raise missing("open_clip_torch", extra="open_clip") from None
    silent = not options
    if silent:
        options = {"load_weights": False, "pretrained_text": False}
    try:
        with _unlogged(silent):  # it warns of random weights
            return open_clip.create_model(model, **options)
    except (RuntimeError, ValueError, OSError, KeyError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"open_clip cannot make the model '{model}': {reason}") from error


def _samples(model: Any) -> dict[str, Tensor]:
    """Two random images and texts."""
    random = torch.Generator().manual_seed(0)
    size = model.visual.image_size
    height, width = (size, size) if isinstance(size, int) else size
    image = torch.randn((2, 3, height, width), generator=random)
    tokens = torch.randint(1, model.vocab_size, (2, model.context_length), generator=random)
    return {"image": image, "text": tokens}


@torch.no_grad()
def _embed(model: nn.Module, tower: str, batch: Tensor) -> Any:
    return getattr(model, f"encode_{tower}")(batch, normalize=True).numpy()


@contextmanager
def _unlogged(silent: bool) -> Iterator[None]:
    before = logging.root.manager.disable
    if silent:
        logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


@contextmanager
def _explained(path: Path | str) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except (OSError, SafetensorError, ValueError, KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"cannot read the closed model {path}: {reason}") from error
