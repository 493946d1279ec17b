"""CLIP models that embed straight into the closed space."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, TypeVar

import torch
from torch import nn

from ..closers.base import Closer
from ..errors import InputError
from .torch_module import ClosingMap, as_module

Model = TypeVar("Model", bound=nn.Module)

TOWERS = ("image", "text")
_PROJECTIONS = {"image": "visual_projection", "text": "text_projection"}  # Hugging Face


def close_model(
    model: Model, closer: Closer, *, image: str | None = "image", text: str | None = "text"
) -> Model:
    r"""Put a closer's maps behind a CLIP model's projections, in place.

    A closer acts on unit rows: z = unit(A x̂ + b) with x̂ = Wh/‖Wh‖, h being what goes into the
    projection W. As unit(A x̂ + b) = unit(A W h + ‖Wh‖ b), a bias cannot become part of a
    projection: its share depends on the length of the row. So the row is scaled to unit length
    first, then mapped by an `nn.Linear` (`ClosingMap`), then scaled again. This is exact. For a
    closer without bias see `fold_model`.

    - open_clip (CLIP, CustomTextCLIP, CoCa), and whatever has `encode_image` and `encode_text`:
      these methods give closed unit rows, whatever `normalize` says, and `forward` with them.
      The maps are `closed_image` and `closed_text`; `forward_intermediates`, which goes round
      them, is refused.
    - Hugging Face `CLIPModel` and its halves with projection: `visual_projection` and
      `text_projection` become the old projection with the map behind it.

    The model keeps its type, device and dtype; its `state_dict` holds the maps, frozen. Its
    temperature (`logit_scale`) was learned for the open space: rankings do not depend on it,
    probabilities do.

    Parameters
    ----------
    model:
        Not yet closed.
    closer:
        Fitted on embeddings of this model, and affine.
    image, text:
        The closer's modality for each tower; None leaves a tower as it is.

    Raises
    ------
    InputError
        A model of another kind, compiled or closed already; a closer that is not affine, of
        another width, or without that modality.
    """
    names = {"image": image, "text": text}
    maps = {tower: as_module(closer, name) for tower, name in names.items() if name is not None}
    return attach(model, maps)


def attach(model: Model, maps: dict[str, ClosingMap]) -> Model:
    """`close_model` with the maps at hand: tower → map."""
    if any(isinstance(part, ClosingMap) for part in model.modules()):
        raise InputError("this model is closed already: load it again to close it otherwise")
    if isinstance(model, torch.jit.ScriptModule):
        raise InputError("a scripted model cannot be changed: close it first, then script or trace")
    device = next(model.parameters()).device
    encodes = all(hasattr(model, f"encode_{tower}") for tower in TOWERS)
    for tower, closing in maps.items():
        width = _width(model, tower)
        if not encodes and width is None:
            raise InputError(
                f"a {type(model).__name__} cannot be closed: it has neither encode_image and "
                f"encode_text (open_clip) nor a linear {_PROJECTIONS[tower]} (Hugging Face CLIP); "
                "put as_module(closer, modality) behind it yourself"
            )
        if width not in (None, closing.linear.in_features):
            raise InputError(
                f"the model's {tower} tower gives {width} dimensions, the closer takes "
                f"{closing.linear.in_features}: fit it on embeddings of this model"
            )
    for tower, closing in maps.items():
        closing = closing.to(device).train(model.training)
        if encodes:
            setattr(model, f"closed_{tower}", closing)
        else:
            place = _PROJECTIONS[tower]
            setattr(model, place, nn.Sequential(getattr(model, place), closing))
    if encodes:
        kind: Any = type(model)
        object.__setattr__(model, "__class__", _closed_class(kind))
    return model


class _Closed:
    """What marks a closed open_clip model, and lets it be pickled and copied."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _blank, (type(self).__mro__[2],), self.__dict__

    def forward_intermediates(self, *args: Any, **kwargs: Any) -> Any:
        """Refused: it does not go through encode_image and encode_text."""
        raise InputError(
            "forward_intermediates gives open rows: call encode_image or encode_text, or take "
            "intermediates from the open model"
        )


@cache
def _closed_class(base: Any) -> Any:
    """A subclass whose encoding methods end in the closing maps."""
    methods: dict[str, Any] = {}
    for tower in TOWERS:
        inner = f"_encode_{tower}"  # CoCa's forward calls it as well
        name = inner if hasattr(base, inner) else f"encode_{tower}"
        methods[name] = _closing(getattr(base, name), f"closed_{tower}")
    return type(f"Closed{base.__name__}", (_Closed, base), methods)


def _closing(method: Callable[..., Any], place: str) -> Callable[..., Any]:
    """`method`, with what it returns (the first of several) sent through the map at `place`."""

    @wraps(method)
    def encode(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        found = method(self, *args, **kwargs)
        closing = getattr(self, place, None)
        if closing is None:
            return found
        return (closing(found[0]), *found[1:]) if isinstance(found, tuple) else closing(found)

    return encode


def _blank(base: Any) -> Any:
    closed = _closed_class(base)
    return closed.__new__(closed)


def _width(model: nn.Module, tower: str) -> int | None:
    """How many dimensions a tower gives, where that can be told."""
    projection = getattr(model, _PROJECTIONS[tower], None)
    if isinstance(projection, nn.Linear):
        return projection.out_features
    if isinstance(projection, nn.Parameter):
        return int(projection.shape[1])
    part = getattr(model, "visual" if tower == "image" else "text", None)
    width = getattr(part, "output_dim", None)
    return width if isinstance(width, int) else None
