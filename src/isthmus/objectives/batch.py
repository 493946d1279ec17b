"""What objectives look at: the whole batch of all ranks, checked, as unit rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor
from torch.nn import functional

from .engine.tiles import working_dtype
from .gather import Part, Views, gather, world_size
from .rows import Rows, codes_of
from .terms import Modalities


@dataclass(frozen=True)
class Batch:
    """A batch of items in one to n modalities.

    Attributes
    ----------
    views:
        Modality → its views, unit rows (B, D) each; zeros where an item lacks the modality.
    masks:
        Modality → (B,) which items have it; without an entry, all have.
    codes:
        (B,) integers below B, equal for items of one group.
    weights:
        (B,) weights of the items as anchors, or None for equal ones.
    distinct:
        Whether no two items share a group, so that item i has code i.
    targets:
        (B,) or (B, K) what is to be told of the items, or None.
    """

    views: Views
    masks: Mapping[str, Tensor]
    codes: Tensor
    weights: Tensor | None
    distinct: bool
    targets: Tensor | None = None

    @classmethod
    def of(
        cls,
        embeddings: Modalities,
        *,
        groups: Tensor | None = None,
        mask: Mapping[str, Tensor] | None = None,
        weights: Tensor | None = None,
        targets: Tensor | None = None,
    ) -> Batch:
        """The batches of all ranks as one; see `Objective` for the arguments."""
        first = _first(embeddings)
        part, problem = None, ""
        try:
            part = _checked(embeddings, groups, mask or {}, weights, targets)
        except ValueError as error:
            if world_size() == 1:
                raise
            problem = str(error)
        if world_size() > 1:
            part = gather(part, problem, torch.device("cpu") if first is None else first.device)
        assert part is not None
        device = next(iter(part.views.values()))[0].device
        codes = _codes(part.groups, part.rows, device)
        distinct = part.groups is None
        return cls(part.views, part.masks, codes, part.weights, distinct, part.targets)

    @classmethod
    def as_is(cls, embeddings: Modalities, *, groups: Tensor | None = None) -> Batch:
        """The rows of this process alone, of whatever length: for plain functions."""
        views = {n: (z,) if isinstance(z, Tensor) else tuple(z) for n, z in embeddings.items()}
        z = next(iter(views.values()))[0]
        return cls(views, {}, _codes(groups, len(z), z.device), None, groups is None)

    @property
    def names(self) -> list[str]:
        """The modalities."""
        return list(self.views)

    def rows(self, name: str, view: int = 0) -> Rows:
        """One view of a modality: the rows of the items that have it."""
        z = self.views[name][view]
        mask = self.masks.get(name)
        if mask is None:
            return Rows(z, self.codes, len(z), self.weights, self.distinct)
        weights = None if self.weights is None else self.weights[mask]
        return Rows(z[mask], self.codes[mask], len(z), weights)

    def pairs(self, anchor: str | None = None) -> list[tuple[str, str]]:
        """Every unordered pair of modalities, or the anchor with every other."""
        if len(self.views) < 2:
            raise ValueError(f"this objective compares at least two modalities; found {self.names}")
        if anchor is None:
            return list(combinations(self.names, 2))
        if anchor not in self.views:
            raise ValueError(f"no modality '{anchor}' to anchor on; found {self.names}")
        return [(anchor, name) for name in self.names if name != anchor]

    def two_views(self, name: str) -> tuple[Rows, Rows]:
        """Both views of a modality."""
        if len(self.views[name]) != 2:
            raise ValueError(
                f"this objective compares two augmented views of '{name}': give a pair of (B, D) "
                f"embeddings; found {len(self.views[name])}"
            )
        return self.rows(name, 0), self.rows(name, 1)

    def have(self, names: Sequence[str]) -> Tensor | None:
        """Items that have all these modalities, (B,); None if all have."""
        masks = [self.masks[name] for name in names if name in self.masks]
        return torch.stack(masks).all(dim=0) if masks else None


def _codes(groups: Tensor | None, rows: int, device: torch.device) -> Tensor:
    return torch.arange(rows, device=device) if groups is None else codes_of(groups)


def _first(embeddings: Modalities) -> Tensor | None:
    for given in embeddings.values():
        for z in (given,) if isinstance(given, Tensor) else given:
            return z
    return None


def _checked(
    embeddings: Modalities,
    groups: Tensor | None,
    mask: Mapping[str, Tensor],
    weights: Tensor | None,
    targets: Tensor | None,
) -> Part:
    views = {n: (z,) if isinstance(z, Tensor) else tuple(z) for n, z in embeddings.items()}
    shapes = {name: [tuple(z.shape) for z in zs] for name, zs in views.items()}
    flat = [shape for found in shapes.values() for shape in found]
    if not flat or any(not found for found in shapes.values()):
        raise ValueError(f"an objective needs embeddings; found {shapes}")
    firsts = {found[0] for found in shapes.values()}  # other views may have a space of their own
    if len(firsts) > 1 or any(len(shape) != 2 or shape[0] != flat[0][0] for shape in flat):
        raise ValueError(f"modalities must all have one shape (B, D); found {shapes}")
    rows = flat[0][0]
    kinds = {z.dtype for zs in views.values() for z in zs}
    if len(kinds) > 1 or not next(iter(kinds)).is_floating_point:
        listed = ", ".join(sorted(map(str, kinds)))
        raise ValueError(f"embeddings must all be of one floating dtype; found {listed}")
    if unknown := [name for name in mask if name not in views]:
        raise ValueError(f"a mask for '{unknown[0]}', which is no modality; found {list(views)}")
    for name, values in {"groups": groups, "weights": weights, **mask}.items():
        if values is not None and values.shape != (rows,):
            raise ValueError(f"{name} must be one per item, ({rows},); found {tuple(values.shape)}")
    if targets is not None and (not 0 < targets.ndim <= 2 or len(targets) != rows):
        raise ValueError(f"targets must be ({rows},) or ({rows}, K); found {tuple(targets.shape)}")
    if groups is not None and (groups.is_floating_point() or groups.is_complex()):
        raise ValueError(f"groups must be integers; found {groups.dtype}")
    if weights is not None and bool((weights < 0).any() | ~torch.isfinite(weights).all()):
        raise ValueError("weights must be finite and not negative")
    masks = {name: values.bool() for name, values in mask.items()}
    units = {name: tuple(_unit(z, masks.get(name)) for z in zs) for name, zs in views.items()}
    return Part(units, masks, groups, weights, rows, targets)


def _unit(z: Tensor, mask: Tensor | None) -> Tensor:
    """Unit rows, scaled in the working precision; zeros for absent items, whatever z holds."""
    if mask is not None:
        z = z.masked_fill(~mask[:, None], 0.0)
    return functional.normalize(z.to(working_dtype(z)), dim=1).to(z.dtype)
