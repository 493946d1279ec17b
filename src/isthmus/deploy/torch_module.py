"""A modality's closing map as a torch module: normalise, linear layer, normalise.

Annotations are evaluated here (no `from __future__`): TorchScript reads them.
"""

from functools import partial
from pathlib import Path
from typing import Self

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from ..arrays import to_numpy
from ..closers.affine import AffineMap
from ..closers.base import Closer
from ..errors import InputError
from ..files import write_together
from .maps import Rows, affine_map, check_same, floor, metadata, places

FORMAT = "isthmus-linear"


class ClosingMap(nn.Module):
    """z = unit(W x̂ + b) with x̂ = x/‖x‖: a closer's map of one modality.

    (…, D) → (…, K) in the input's dtype; float16 and bfloat16 are computed in single precision.
    Gradients reach x; the map itself is frozen (`requires_grad_()` thaws it). Rows of zeros, and
    rows that the map takes to the origin, give zeros; NaN gives NaN. It can be scripted, traced
    and exported.

    Attributes
    ----------
    linear:
        `nn.Linear(D, K)`.
    least:
        The length of W x̂ + b at which no direction is left of a row.
    """

    least: Tensor

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, out)
        self.register_buffer("least", torch.zeros(()))
        self.requires_grad_(False)

    @classmethod
    def of(cls, found: AffineMap) -> Self:
        """The module of a map."""
        matrix, bias = (torch.from_numpy(part).float() for part in found.affine)
        module = cls(matrix.shape[1], matrix.shape[0])
        module.load_state_dict(
            {"linear.weight": matrix, "linear.bias": bias, "least": torch.tensor(floor(found))}
        )
        return module

    def forward(self, x: Tensor) -> Tensor:
        """Closed unit rows."""
        rows = x.float() if x.dtype == torch.float16 or x.dtype == torch.bfloat16 else x
        scale = rows.detach().abs().amax(dim=-1, keepdim=True)
        unit = functional.normalize(rows / scale.clamp_min(1e-37), dim=-1)  # squares in range
        weight, bias = self.linear.weight.to(unit.dtype), self.linear.bias.to(unit.dtype)
        moved = functional.linear(unit, weight, bias)
        length = torch.linalg.vector_norm(moved, dim=-1, keepdim=True)
        kept = (scale != 0) & ~(length <= self.least)  # NaN is kept
        return torch.where(kept, functional.normalize(moved, dim=-1), 0.0).to(x.dtype)


def as_module(closer: Closer, modality: str) -> ClosingMap:
    """The closer's map of one modality as a torch module.

    Raises
    ------
    InputError
        A closer that is not affine; an unknown modality.

    Examples
    --------
    >>> import numpy as np
    >>> from isthmus import Embeddings
    >>> from isthmus.closers import Centering
    >>> closer = Centering().fit(Embeddings({"image": np.eye(3), "text": -np.eye(3)}))
    >>> as_module(closer, "image")(torch.tensor([[2.0, 0.0, 0.0]]))
    tensor([[ 0.8165, -0.4082, -0.4082]])
    """
    return ClosingMap.of(affine_map(closer, modality))


def write_torch(closer: Closer, out: Path | str, *, modality: str | None = None) -> list[Path]:
    """Write the `weight` and `bias` of each modality's `nn.Linear` as `NAME.linear.safetensors`.

    Parameters
    ----------
    closer:
        Fitted, and affine.
    out:
        A folder; for one modality also a file that ends in `.safetensors`.
    modality:
        Only this one; else all.

    Raises
    ------
    InputError
        As `as_module`; a place that cannot be written to.
    """
    targets = places(closer, Path(out), modality, ".linear.safetensors")
    modules: dict[Path, tuple[str, ClosingMap]] = {}
    for name, path in targets.items():
        module = as_module(closer, name)
        check_same(closer, name, partial(_apply, module=module), "the torch module")
        modules[path] = name, module

    def write(temporary: Path, name: str, module: ClosingMap) -> None:
        about = metadata(closer, format=FORMAT, modality=name, least=str(float(module.least)))
        save_file(module.linear.state_dict(), temporary, metadata=dict(about))

    write_together({p: partial(write, name=n, module=m) for p, (n, m) in modules.items()})
    return list(modules)


def load_module(path: Path | str) -> ClosingMap:
    """The module of a file that `write_torch` wrote.

    Raises
    ------
    InputError
        The file is missing, damaged or something else.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if about.get("format") != FORMAT:
            raise InputError(f"{path} is no map that `isthmus export --to torch` wrote")
        module = ClosingMap(state["weight"].shape[1], state["weight"].shape[0])
        module.linear.load_state_dict(state)
        module.least.fill_(float(about["least"]))
    except InputError:
        raise
    except (OSError, SafetensorError, KeyError, IndexError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"cannot read the map {path}: {reason}") from error
    return module


def _apply(x: Rows, module: ClosingMap) -> Rows:
    return to_numpy(module(torch.from_numpy(x)))


def usage(path: Path, name: str) -> str:
    """The lines that close rows of one modality with the file."""
    return (
        "from isthmus.deploy.torch_module import load_module\n"
        f"close = load_module({str(path)!r})  # an nn.Module\n"
        f"z = close(x)  # your rows of '{name}', a tensor (N, D)"
    )
