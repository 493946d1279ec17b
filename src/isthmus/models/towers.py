"""One encoder per modality, into one shared space."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional

from .inputs import View, views
from .projector import Projector


class Towers(nn.Module):
    """Independent encoders, one for each modality, whose outputs are scaled to unit length.

    A modality may come in several views, under the keys of `view_key`; its encoder embeds each.

    Parameters
    ----------
    encoders:
        Modality → module from a batch of that modality to (B, D).
    projectors:
        Modality → head from its encoder's output to what the loss compares, as in SimCLR; the
        output itself where there is none.

    Raises
    ------
    ValueError
        A projector for a modality that has no encoder.

    Examples
    --------
    >>> import torch
    >>> towers = Towers({"a": nn.Linear(3, 2), "b": nn.Linear(5, 2)})
    >>> sorted(towers({"a": torch.ones(4, 3), "b": torch.ones(4, 5), "group": torch.arange(4)}))
    ['a', 'b']
    """

    def __init__(
        self,
        encoders: Mapping[str, nn.Module],
        projectors: Mapping[str, Projector] | None = None,
    ) -> None:
        super().__init__()
        projectors = dict(projectors or {})
        if unknown := [name for name in projectors if name not in encoders]:
            raise ValueError(f"a projector for '{unknown[0]}', which has no encoder")
        self.encoders = nn.ModuleDict(dict(encoders))
        self.projectors = nn.ModuleDict(projectors)

    def forward(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor | tuple[Tensor, ...]]:
        """Unit embeddings (B, D) of every modality in the batch that has an encoder.

        A tuple of them, one for each view, where there are several.
        """
        return self._embedded(batch, projected=True)

    def features(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor | tuple[Tensor, ...]]:
        """The same before the projectors."""
        return self._embedded(batch, projected=False)

    def _embedded(
        self, batch: Mapping[str, Tensor], *, projected: bool
    ) -> dict[str, Tensor | tuple[Tensor, ...]]:
        found: dict[str, Tensor | tuple[Tensor, ...]] = {}
        for name in self.encoders:
            rows = tuple(self._rows(name, view, projected) for view in views(batch, name))
            if rows:
                found[name] = rows[0] if len(rows) == 1 else rows
        return found

    def _rows(self, name: str, view: View, projected: bool) -> Tensor:
        z = view.through(self.encoders[name])
        if projected and name in self.projectors:
            z = self.projectors[name](z, view.present)
        return functional.normalize(z, dim=1)
