"""Tokens of a frozen encoder, computed once for each split and kept on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...datasets.cache import digest
from ...errors import InputError
from ...files import alone, check_writable
from ...models.inputs import views
from ...progress import steps, tracked
from ..batches import Items
from ..embed import looking_on
from .token_store import StoredTokens, TokenStore

Precision = Literal["float16", "float32"]


@dataclass(frozen=True)
class TokenCache:
    """Where the tokens of one modality are kept, and what makes them.

    Tokens are those of the items as they are. An augmentation changes what the encoder reads, a
    picture's pixels or a text's indices, of which some become the mask: no token of a changed view
    can be had from here. So cached tokens serve the one view that is not augmented, which is what
    probes and the objectives of plain pairs take; views that are augmented need the encoder.

    A split lies in `FOLDER/tokens-MODALITY-SPLIT-KEY/`, in safetensors files of `chunk` items; KEY
    is a hash of the encoder, its class, layout, weights and buffers, of `precision`, and of what
    the caller says of the data. Every file appears whole or not at all: what breaks off goes on
    from there. Of each the sum of its values is checked once, and again when its size or date
    changes; one that is damaged is computed again. Padding takes no room.

    Parameters
    ----------
    folder:
        Where to keep them.
    modality:
        The name of the modality in a batch.
    encoder:
        From a batch of the modality to tokens, (B, L, D); a `SequenceEncoder` is told of padding.
        It is used in evaluation mode and without gradient, on `device`, or where it is.
    precision:
        "float16" takes half the room; values beyond ±65,504 need "float32".
    """

    folder: Path
    modality: str
    encoder: nn.Module
    precision: Precision = "float16"
    chunk: int = 256
    batch_size: int = 32
    device: str | None = None

    def of(self, items: Items, *, split: str, data: Mapping[str, Any]) -> StoredTokens:
        """The tokens of all items of a split, computed where they are not there.

        `data` tells these items from any others, by plain values or arrays.

        Raises
        ------
        InputError
            The encoder gives no tokens, NaN, or values that do not fit the precision; the folder
            cannot be written; the disk is full.
        """
        key = digest(
            {"encoder": fingerprint(self.encoder), "precision": self.precision}
            | {f"data.{name}": value for name, value in data.items()}
            | {"items": len(items), "chunk": self.chunk}
        )[:16]
        home = self.folder / f"tokens-{self.modality}-{split}-{key}"
        count = -(-len(items) // self.chunk)
        rows = [
            np.arange(k * self.chunk, min((k + 1) * self.chunk, len(items))) for k in range(count)
        ]
        store = TokenStore(home, key, [len(own) for own in rows])
        if store.missing():
            check_writable(home)
            with alone(home / "chunks"):
                name = f"{self.modality}, {split}: tokens"
                with steps({name: 1}) as step, step(name):
                    for k in tracked(store.missing(), len(store.missing())):
                        store.write(k, *self._encoded(items, rows[k]))
        store.remember()
        return store.opened()

    def _encoded(
        self, items: Items, rows: NDArray[np.int64]
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """The tokens of some items one after the other, (n, D), and how many each has."""
        found, lengths = [], []
        place = next((x.device for x in self.encoder.parameters()), torch.device("cpu"))
        with looking_on(self.encoder):
            if self.device is not None:
                self.encoder.to(self.device)
                place = torch.device(self.device)
            for start in range(0, len(rows), self.batch_size):
                batch = items.take(rows[start : start + self.batch_size])
                view = views({name: x.to(place) for name, x in batch.items()}, self.modality)[0]
                tokens, valid = view.through(self.encoder), view.valid
                self._check(tokens, len(view.x), rows[start])
                if valid is None or valid.shape[1] != tokens.shape[1]:
                    valid = torch.ones(tokens.shape[:2], dtype=torch.bool, device=place)
                found.append(self._stored(tokens[valid], int(rows[start])))
                lengths.append(valid.sum(dim=1).cpu().numpy())
        return np.concatenate(found), np.concatenate(lengths)

    def _check(self, tokens: Tensor, count: int, row: int) -> None:
        if tokens.ndim != 3 or len(tokens) != count:
            raise InputError(
                f"{type(self.encoder).__name__} must give tokens (B, L, D) of '{self.modality}'; "
                f"of {count} items from {row} on it gives {tuple(tokens.shape)}"
            )

    def _stored(self, tokens: Tensor, row: int) -> NDArray[Any]:
        values = tokens.float().cpu().numpy()
        with np.errstate(over="ignore"):
            stored = values.astype(self.precision)
        if not np.isfinite(stored).all():
            largest = np.abs(values).max()
            why = "not all are finite" if not np.isfinite(largest) else f"up to {largest:g}"
            raise InputError(
                f"tokens of '{self.modality}', items from {row} on, cannot be kept as "
                f"{self.precision}: {why}"
            )
        return stored


def fingerprint(encoder: nn.Module) -> str:
    """A hash of an encoder: its class, its layout, and all its weights and buffers.

    >>> a, b = nn.Linear(2, 2), nn.Linear(2, 2)
    >>> fingerprint(a) == fingerprint(b), b.load_state_dict(a.state_dict()) and None
    (False, None)
    >>> fingerprint(a) == fingerprint(b)
    True
    """
    kind = type(encoder)
    tensors = [*encoder.named_parameters(), *encoder.named_buffers()]
    values: dict[str, Any] = {}
    for name, tensor in tensors:
        flat = tensor.detach().cpu().contiguous()
        values[f"tensor.{name}"] = flat.reshape(-1).view(torch.uint8).numpy()
        values[f"kind.{name}"] = f"{flat.dtype}{tuple(flat.shape)}"
    return digest(
        {"class": f"{kind.__module__}.{kind.__qualname__}", "layout": repr(encoder)} | values
    )
