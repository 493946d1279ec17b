"""One encoder per modality, into one shared space."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional


class Towers(nn.Module):
    """Independent encoders, one for each modality, whose outputs are scaled to unit length.

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

    def forward(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Unit embeddings (B, D) of every modality in the batch that has an encoder."""
        return {
            name: functional.normalize(encoder(batch[name]), dim=1)
            for name, encoder in self.encoders.items()
            if name in batch
        }
