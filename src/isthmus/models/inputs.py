"""What a model reads of a batch: views of modalities, what of them is padding, who lacks them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count, takewhile

from torch import Tensor, nn

from .batch_norm import counting

PRESENT = "/present"
"""After a modality's name: key of a batch's (B,) booleans, which items have it."""

VALID = "/valid"
"""After the key of a view: key of (B, L) booleans, which positions are no padding."""


def view_key(name: str, view: int) -> str:
    """Where a batch has a view of a modality: the first under its name, others as NAME/1, …"""
    return f"{name}/{view}" if view else name


@dataclass(frozen=True)
class View:
    """One view of a modality in a batch.

    Attributes
    ----------
    x:
        (B, …) what the encoder takes. Padding and items without the modality are zeros: what
        they held does not matter, not even NaN.
    valid:
        (B, L) which positions are no padding; None if there is none.
    present:
        (B,) which items have the modality; None if all have.
    """

    x: Tensor
    valid: Tensor | None = None
    present: Tensor | None = None

    def through(self, encoder: nn.Module) -> Tensor:
        """The encoder's output; one that looks across positions is told which are padding.

        Batch normalisation of maps (`BatchNormMap`) counts items that have the modality.
        """
        with counting(self.present):
            if isinstance(encoder, SequenceEncoder):
                found = encoder(self.x, self.valid)
            else:
                found = encoder(self.x)
        assert isinstance(found, Tensor)
        return found


class SequenceEncoder(nn.Module, ABC):
    """An encoder whose output at one position depends on others: it is told what is padding.

    Inherit from it, and `forward` gets the (B, L) booleans beside the input, or None.
    """

    @abstractmethod
    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """From (B, L, …) to the output."""


def views(batch: Mapping[str, Tensor], name: str) -> list[View]:
    """Every view of a modality in a batch, in order; empty if it is not there.

    The padding of a view is under its key and `VALID`, or that of the first view holds for it.

    >>> import torch
    >>> batch = {"text": torch.ones(1, 3), "text/valid": torch.tensor([[True, True, False]])}
    >>> [view.x for view in views(batch, "text")], views(batch, "image")
    ([tensor([[1., 1., 0.]])], [])
    """
    present, padding = batch.get(name + PRESENT), batch.get(name + VALID)
    found = []
    for key in takewhile(batch.__contains__, (view_key(name, k) for k in count())):
        x, valid = batch[key], batch.get(key + VALID, padding)
        if valid is not None:
            if valid.shape != x.shape[:2]:
                raise ValueError(
                    f"'{key}{VALID}' must say of every position, {tuple(x.shape[:2])}, whether it "
                    f"is no padding; found {tuple(valid.shape)}"
                )
            valid = valid.bool()
            x = x.masked_fill(~_spread(valid, x), 0)
        if present is not None:
            if present.shape != x.shape[:1]:
                raise ValueError(
                    f"'{name}{PRESENT}' must be one per item, ({len(x)},); found "
                    f"{tuple(present.shape)}"
                )
            x = x.masked_fill(~_spread(present.bool(), x), 0)
        found.append(View(x, valid, None if present is None else present.bool()))
    return found


def _spread(mask: Tensor, x: Tensor) -> Tensor:
    """A mask of the first axes, to go with all of x."""
    return mask.reshape(*mask.shape, *[1] * (x.ndim - mask.ndim))
