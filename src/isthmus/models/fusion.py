"""Encoders of several modalities, fused into one space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from .adapters import Adapter
from .fusers import Fuser
from .inputs import View, views
from .projector import Projector
from .tokens import Tokens

FUSED = "fused"
"""Name of the embedding of all modalities of an item together."""

MOST_VIEWS = 3


class Fusion(nn.Module):
    r"""Encoders → adapters → tokens → fuser → features → projector: one space for any subset.

    An item is embedded from all of its modalities, under the name "fused", and from each alone,
    by the same fuser: leaving a modality out is leaving its tokens out. Every modality of a view
    is encoded once, whatever the number of subsets. Rows have unit length.

    Modalities may come in one view, two or three, under the keys of `view_key`. One view gives one
    embedding of each name, two give pairs. Of three the first is not augmented: it gives
    each modality alone, and the others the pair of fused embeddings, which is what the paper's form
    of `CoMM` asks for. A modality that comes in one view has the same in all.

    Padding (`NAME/valid`, (B, L) booleans) and items that lack a modality (`NAME/present`, (B,)
    booleans) have no part in any embedding, in training and evaluation alike, whatever stands in
    their place; an embedding of nothing is that of no item.

    Parameters
    ----------
    encoders:
        Modality → module from a batch of that modality to what its adapter takes. A
        `SequenceEncoder` is told of the padding.
    adapters:
        Modality → `Adapter` of the encoder's output; all of one width.
    fuser:
        From tokens to the features, (B, width).
    projector:
        From features to what the loss compares; the features themselves if None.

    Raises
    ------
    ValueError
        Names that differ, or that a batch cannot tell apart; widths that differ; padding that
        does not fit the tokens; more than three views, or modalities of two and three; none of
        the modalities in a batch.

    References
    ----------
    Dufumier et al., *What to align in multimodal contrastive learning?* (2025).

    Examples
    --------
    >>> import torch
    >>> from isthmus.models import AttentionFuser, VectorAdapter
    >>> model = Fusion(
    ...     {"image": nn.Linear(3, 8), "text": nn.Linear(5, 8)},
    ...     adapters={name: VectorAdapter(inputs=8, width=8) for name in ("image", "text")},
    ...     fuser=AttentionFuser(width=8, heads=2),
    ... )
    >>> batch = {"image": torch.ones(4, 3), "text": torch.ones(4, 5)}
    >>> {name: tuple(z.shape) for name, z in model(batch).items()}
    {'image': (4, 8), 'text': (4, 8), 'fused': (4, 8)}
    """

    def __init__(
        self,
        encoders: Mapping[str, nn.Module],
        *,
        adapters: Mapping[str, Adapter],
        fuser: Fuser,
        projector: Projector | None = None,
    ) -> None:
        super().__init__()
        if not encoders or set(encoders) != set(adapters):
            raise ValueError(
                "every modality needs an encoder and an adapter; found encoders of "
                f"{', '.join(encoders) or 'none'} and adapters of {', '.join(adapters) or 'none'}"
            )
        if taken := [name for name in encoders if name == FUSED or "/" in name]:
            raise ValueError(
                f"a modality must not be called '{FUSED}' or hold a '/'; found '{taken[0]}'"
            )
        for name, adapter in adapters.items():
            if adapter.width != fuser.width:
                raise ValueError(
                    f"the fuser takes tokens of width {fuser.width}; the adapter of '{name}' "
                    f"gives {adapter.width}"
                )
        self.encoders = nn.ModuleDict(dict(encoders))
        self.adapters = nn.ModuleDict({name: adapters[name] for name in encoders})
        self.fuser = fuser
        self.projector = projector

    def forward(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor | tuple[Tensor, ...]]:
        """What the loss compares: each modality in the batch alone, and all of them "fused"."""
        return self._embedded(batch, projected=True)

    def features(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor | tuple[Tensor, ...]]:
        """What the model is for: the same before the projector, (B, width)."""
        return self._embedded(batch, projected=False)

    def tokens(self, batch: Mapping[str, Tensor]) -> list[dict[str, Tokens]]:
        """The tokens of every modality in the batch, for each view; each is encoded once."""
        seen = {name: own for name in self.encoders if (own := views(batch, name))}
        count = self._count(seen)
        encoded = {n: [view.through(self.encoders[n]) for view in own] for n, own in seen.items()}
        tokens = {n: list(map(partial(self._tokens, n), seen[n], encoded[n])) for n in seen}
        return [
            {name: own[k if len(own) > 1 else 0] for name, own in tokens.items()}
            for k in range(count)
        ]

    def fuse(self, tokens: Mapping[str, Tokens], *, projected: bool = False) -> Tensor:
        """Unit rows of items from the tokens of any of their modalities, (B, width)."""
        rows: Tensor = self.fuser(tokens)
        if projected and self.projector is not None:
            rows = self.projector(rows, _any(tokens))
        return functional.normalize(rows, dim=1)

    def _embedded(
        self, batch: Mapping[str, Tensor], *, projected: bool
    ) -> dict[str, Tensor | tuple[Tensor, ...]]:
        every = self.tokens(batch)
        alone, together = (every[:1], every[1:]) if len(every) == MOST_VIEWS else (every, every)
        subsets = {name: [{name: tokens[name]} for tokens in alone] for name in every[0]}
        rows = {
            name: tuple(self.fuse(tokens, projected=projected) for tokens in subset)
            for name, subset in (subsets | {FUSED: together}).items()
        }
        return {name: found[0] if len(found) == 1 else found for name, found in rows.items()}

    def _tokens(self, name: str, view: View, encoded: Tensor) -> Tokens:
        z = self.adapters[name](encoded)
        valid = view.valid
        if valid is not None and z.shape[1] == 1:
            valid = valid.any(dim=1, keepdim=True)  # the encoder has pooled the positions
        if valid is not None and valid.shape[1] != z.shape[1]:
            raise ValueError(
                f"the padding of '{name}' is told for {valid.shape[1]} positions, but its encoder "
                f"and adapter give {z.shape[1]} tokens"
            )
        if view.present is not None:
            valid = view.present[:, None] & (
                torch.ones_like(z[:, :, 0], dtype=torch.bool) if valid is None else valid
            )
        return Tokens(z, valid)

    def _count(self, seen: Mapping[str, Sequence[View]]) -> int:
        """The number of views of a batch."""
        counts = {len(own) for own in seen.values()} - {1}
        count = max(counts, default=1)
        if not seen or len(counts) > 1 or count > MOST_VIEWS:
            listed = ", ".join(f"{len(seen.get(name, ()))} of '{name}'" for name in self.encoders)
            raise ValueError(
                f"fusion takes one view of each modality, or two or {MOST_VIEWS} of some and one "
                f"of the others; found {listed}"
            )
        return count


def _any(tokens: Mapping[str, Tokens]) -> Tensor | None:
    """(B,) which items have any token at all; None if all have."""
    found = [own.items for own in tokens.values()]
    known = [items for items in found if items is not None]
    return torch.stack(known).any(dim=0) if len(known) == len(found) else None
