"""A linear closer folded into the weights of a CLIP model's projections."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

from ..closers.base import Closer
from ..errors import InputError
from .maps import affine_map

Model = TypeVar("Model", bound=nn.Module)

_LAST = {
    "image": (
        *("visual.proj", "visual.head.proj", "visual.head.mlp.fc2", "visual.attnpool.c_proj"),
        "visual_projection",
    ),
    "text": ("text_projection", "text.text_projection", "text.proj", "text.proj.2"),
}
"""Where open_clip and Hugging Face keep the last linear map of a tower."""


def fold_model(
    model: Model, closer: Closer, *, image: str | None = "image", text: str | None = "text"
) -> Model:
    r"""Multiply a closer's matrices into a CLIP model's projections, in place.

    For a closer without bias, unit(A x̂) = unit(A W h): W′ = A W is exact, and the model stays
    what it was, with the same names in its `state_dict`: nothing of Isthmus is needed to run it.
    With a bias b, unit(A x̂ + b) = unit(A W h + ‖Wh‖ b) is not linear in h; see `close_model`.

    Rows come out as long as A W makes them; `normalize=True` (and every `forward`) scales them.

    Parameters
    ----------
    model:
        open_clip's, or a Hugging Face `CLIPModel`.
    closer:
        Fitted on embeddings of this model.
    image, text:
        The closer's modality for each tower; None leaves a tower as it is.

    Raises
    ------
    InputError
        A closer with a bias, not affine, or of another width; a tower that does not end in a
        linear map.
    """
    names = {"image": image, "text": text}
    matrices = {tower: _matrix(closer, name) for tower, name in names.items() if name is not None}
    ends = {tower: _last(model, tower) for tower in matrices}
    for tower, (_, _, last) in ends.items():
        width = last.out_features if isinstance(last, nn.Linear) else last.shape[1]
        if width != matrices[tower].shape[1]:
            raise InputError(
                f"the model's {tower} tower gives {width} dimensions, the closer takes "
                f"{matrices[tower].shape[1]}: fit it on embeddings of this model"
            )
    for tower, (owner, name, last) in ends.items():
        matrix = matrices[tower]
        if isinstance(last, nn.Linear):
            last.weight = _like(last.weight, matrix @ last.weight.detach().double().cpu())
            if last.bias is not None:
                last.bias = _like(last.bias, matrix @ last.bias.detach().double().cpu())
            last.out_features = len(matrix)
        else:
            setattr(owner, name, _like(last, last.detach().double().cpu() @ matrix.T))
    return model


def linear(closer: Closer, *names: str) -> bool:
    """Whether the maps of these modalities have no bias."""
    return not any(affine_map(closer, name).bias.any() for name in names)


def _matrix(closer: Closer, name: str) -> Tensor:
    matrix, bias = affine_map(closer, name).affine
    if bias.any():
        length = float((bias**2).sum() ** 0.5)
        raise InputError(
            f"the map of modality '{name}' adds a bias (of length {length:.3g}) to unit rows, "
            "which no projection can do: use close_model"
        )
    return torch.from_numpy(matrix)


def _last(model: nn.Module, tower: str) -> tuple[nn.Module, str, nn.Linear | nn.Parameter]:
    """The last linear map of a tower: its owner, its name there, and itself."""
    for path in _LAST[tower]:
        owner: object = model
        *parents, name = path.split(".")
        for parent in parents:
            owner = getattr(owner, parent, None)
        last = getattr(owner, name, None)
        if isinstance(owner, nn.Module) and isinstance(last, (nn.Linear, nn.Parameter)):
            return owner, name, last
    raise InputError(
        f"no linear map found at the end of the {tower} tower of this {type(model).__name__}; "
        f"looked for {', '.join(_LAST[tower])}: use close_model"
    )


def _like(old: Tensor, new: Tensor) -> nn.Parameter:
    return nn.Parameter(new.to(old.device, old.dtype), requires_grad=old.requires_grad)
