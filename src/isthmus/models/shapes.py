"""What encoders say of input of the wrong shape."""

from __future__ import annotations

from torch import Tensor


def check_shape(x: Tensor, takes: str, encoder: str, **sizes: int) -> None:
    """Refuse what is not of a shape such as "(B, L, C)", or in which a named axis has another size.

    Raises
    ------
    ValueError
        In one line: what the encoder takes, and what was found.

    >>> import torch
    >>> check_shape(torch.ones(2, 5), "(B, C)", "MyEncoder", C=4)
    Traceback (most recent call last):
    ValueError: MyEncoder takes (B, C) with C = 4; found (2, 5)
    """
    axes = takes.strip("()").split(", ")
    found = dict(zip(axes, x.shape, strict=False))
    if x.ndim != len(axes) or any(found[axis] != size for axis, size in sizes.items()):
        wanted = ", ".join(f"{axis} = {size}" for axis, size in sizes.items())
        named = f" with {wanted}" if wanted else ""
        raise ValueError(f"{encoder} takes {takes}{named}; found {tuple(x.shape)}")
