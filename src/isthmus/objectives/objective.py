"""What all objectives are: one signature, exact on any number of ranks, composed by weights."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Self

from torch import Tensor, nn

from .batch import Batch
from .engine.precision import full_precision
from .engine.sharing import same_rows
from .gather import world_size
from .schedules import Schedule, value_at
from .temperature import Temperature
from .terms import Modalities, Terms


class Objective(nn.Module):
    r"""A loss over embeddings of one to n modalities.

    Call it with the embeddings of this rank; it looks at those of all ranks. After the mean of
    gradients over ranks that distributed data parallelism takes, the gradient of every parameter
    is that of one process with the whole batch, whatever the number of ranks and of rows on
    each. There is nothing to set for it.

    Inputs
    ------
    embeddings:
        Modality → (B, D) rows of any length, or several of them where the objective compares
        augmented views. Row i of all modalities belongs to item i. The first views of all
        modalities have one width.
    groups:
        (B,) integers, optional: items of equal groups are positives of one another, never
        negatives.
    mask:
        Modality → (B,) booleans, optional: the items that have it. What the rows of absent items
        hold does not matter, and gets no gradient.
    weights:
        (B,) numbers ≥ 0, optional: how much each item counts as an anchor.
    targets:
        (B,) or (B, K), optional: what `Supervised` is to tell of each item; no other objective
        looks at them.

    Returns
    -------
    Terms
        The same on every rank.

    Raises
    ------
    ValueError
        Shapes or dtypes that differ, too few modalities or views, unknown names. On several
        ranks, all of them raise if one has something to raise.
    """

    progress: float
    """How much of the run is over, from 0 to 1: what schedules go by."""

    def __init__(self) -> None:
        super().__init__()
        self.progress = 0.0

    def forward(
        self,
        embeddings: Modalities,
        *,
        groups: Tensor | None = None,
        mask: Mapping[str, Tensor] | None = None,
        weights: Tensor | None = None,
        targets: Tensor | None = None,
    ) -> Terms:
        """The loss and its terms."""
        with full_precision():
            batch = Batch.of(embeddings, groups=groups, mask=mask, weights=weights, targets=targets)
            with same_rows() if world_size() > 1 else nullcontext():
                return self.of(batch)

    def of(self, batch: Batch) -> Terms:
        """The loss of a batch that is gathered and checked: what a new objective defines."""
        raise NotImplementedError

    def at(self, progress: float) -> Self:
        """Set all schedules to a progress in [0, 1], and return the objective."""
        for module in self.modules():
            if isinstance(module, Temperature | Objective):
                module.progress = progress
        return self

    @property
    def temperature(self) -> float | None:
        """τ as it stands, of the first temperature inside; None if there is none."""
        found = (m.value for m in self.modules() if isinstance(m, Temperature))
        return next(found, None)


class WeightedSum(Objective):
    r"""L = Σ_k w_k L_k of any objectives, over one gathered batch.

    Parameters
    ----------
    objectives:
        Name → objective.
    weights:
        Name → w, a number or a schedule; 1 where there is none.

    Returns
    -------
    Terms
        The unweighted loss of each by name, and its other terms as "name/term".

    Raises
    ------
    ValueError
        A weight for a name that is no objective.

    Examples
    --------
    >>> import torch
    >>> from isthmus.objectives import AlignTruePairs, InfoNCE
    >>> both = WeightedSum({"contrast": InfoNCE(), "align": AlignTruePairs()}, {"align": 2.0})
    >>> both({"image": torch.eye(2), "text": -torch.eye(2)}).values["align"].item()
    4.0
    """

    def __init__(
        self,
        objectives: Mapping[str, Objective],
        weights: Mapping[str, float | Schedule] | None = None,
    ) -> None:
        super().__init__()
        self.weights = dict(weights or {})
        if unknown := set(self.weights) - set(objectives):
            raise ValueError(
                f"a weight for '{sorted(unknown)[0]}', which is none of {', '.join(objectives)}"
            )
        self.objectives = nn.ModuleDict(objectives)

    def of(self, batch: Batch) -> Terms:
        """The weighted sum over a batch."""
        values: dict[str, Tensor] = {}
        total: Tensor | float = 0.0
        for name, objective in self.objectives.items():
            assert isinstance(objective, Objective)
            terms = objective.of(batch)
            values[name] = terms.total
            if len(terms.values) > 1:
                parts = terms.values.items()
                values |= {f"{name}/{term}": value for term, value in parts if term != name}
            total = total + value_at(self.weights.get(name, 1.0), self.progress) * terms.total
        assert isinstance(total, Tensor)
        return Terms(total, values)
