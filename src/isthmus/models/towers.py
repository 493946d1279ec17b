"""One encoder per modality, into one shared space."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional

from .inputs import views


class Towers(nn.Module):
    """Independent encoders, one for each modality, whose outputs are scaled to unit length.

    A modality may come in several views, under the keys of `view_key`; its encoder embeds each.

    Parameters
    ----------
    encoders:
        Modality → module from a batch of that modality to (B, D).

    Examples
    --------
    >>> import torch
    >>> towers = Towers({"a": nn.Linear(3, 2), "b": nn.Linear(5, 2)})
    >>> sorted(towers({"a": torch.ones(4, 3), "b": torch.ones(4, 5), "group": torch.arange(4)}))
    ['a', 'b']
    """

    def __init__(self, encoders: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict(dict(encoders))

    def forward(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor | tuple[Tensor, ...]]:
        """Unit embeddings (B, D) of every modality in the batch that has an encoder.

        A tuple of them, one for each view, where there are several.
        """
        found: dict[str, Tensor | tuple[Tensor, ...]] = {}
        for name, encoder in self.encoders.items():
            rows = tuple(
                functional.normalize(view.through(encoder), dim=1) for view in views(batch, name)
            )
            if rows:
                found[name] = rows[0] if len(rows) == 1 else rows
        return found
