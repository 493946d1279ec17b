"""Symile: one dot product of all modalities at once, instead of one for every pair."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor

from .batch import Batch
from .engine import log_sum_exp, log_sum_exp_within
from .objective import Objective
from .rows import Rows, weighted_mean
from .schedules import Schedule
from .temperature import Temperature
from .terms import Terms


class Symile(Objective):
    r"""Contrast of multilinear inner products, with every modality as the anchor in turn.

    ⟨z¹, …, zⁿ⟩ = Σ_d z¹_d ⋯ zⁿ_d is large where all n rows agree, and sees what no pair of them
    does. For an anchor modality with rows x and the others' products p_i = ∏_m z_i^m, item i's
    positive is x_i·p_i; its negatives are x_i·q_j, where q_j = ∏_m z^m_{π_m(j)} mixes rows of
    random items, each modality having a permutation π_m of its own:

        L = mean_i [ log( exp(x_i·p_i/τ) + Σ_j exp(x_i·q_j/τ) ) − x_i·p_i/τ ],

    averaged over the anchors. That is O(B) negatives per anchor; of two modalities it is `InfoNCE`.

    Rows with equal `groups` are positives of one another, as in `InfoNCE`. A mixture that takes
    all of its rows from the anchor's own group is no negative; one that takes some is.

    Parameters
    ----------
    temperature, learnable, bounds:
        As in `Temperature`. Products of n unit rows are small, about D^(1 − n/2) where all
        agree: 1/τ must be larger than for pairs, so bounds are wider.
    seed:
        Of the permutations. Each step in training mode draws new ones, the same on every rank;
        in evaluation mode the counter `step` stands still.

    Inputs
    ------
    As in `Objective`, one view of each modality. Items that lack one are left out, as anchors and
    as candidates; a learned token in the place of what is missing belongs to the model.

    Returns
    -------
    Terms
        With `symile`, and per anchor for more than two modalities.

    Degenerate cases
    ----------------
    One item, or one group: the loss is 0 or log B, with zero gradient in the first case. If no
    item has all modalities, it is 0.

    References
    ----------
    Saporta et al., *Contrasting with Symile: Simple Model-Agnostic Representation Learning for
    Unlimited Modalities* (NeurIPS 2024). The released code drops the mixture that is in the place
    of the positive, j = i, and keeps those that happen to be the positive itself; here all count
    that are not the positive, so that there are B negatives for n > 2, or a few less.

    Examples
    --------
    >>> x = torch.eye(4)
    >>> loss = Symile(temperature=0.1)({"image": x, "text": x, "audio": x})
    >>> loss.total.item() < 0.001
    True
    """

    step: Tensor

    def __init__(
        self,
        *,
        temperature: float | Schedule = 0.07,
        learnable: bool = False,
        bounds: tuple[float, float] = (0.001, 1.0),
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.tau = Temperature(temperature, learnable=learnable, bounds=bounds)
        self.seed = seed
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def of(self, batch: Batch) -> Terms:
        """The loss of a batch."""
        batch.pairs()  # refuses a single modality
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + int(self.step))
        if self.training:
            self.step += 1
        scale = self.tau()
        sets = _complete(batch)
        losses = {
            name: _anchored(anchor, [z for m, z in sets.items() if m != name], scale, generator)
            for name, anchor in sets.items()
        }
        loss = torch.stack(list(losses.values())).mean()
        return Terms(loss, {"symile": loss, **(losses if len(losses) > 2 else {})})


def _complete(batch: Batch) -> dict[str, Rows]:
    """Wide rows of the items that have every modality."""
    kept = batch.have(batch.names)
    found = {}
    for name, views in batch.views.items():
        rows = Rows(views[0], batch.codes, len(batch.codes), batch.weights, batch.distinct)
        z, codes, weights = rows.wide, rows.codes, rows.weights
        if kept is not None:
            z, codes, weights = z[kept], codes[kept], None if weights is None else weights[kept]
        found[name] = Rows(z, codes, rows.count, weights, rows.distinct and kept is None)
    return found


def _anchored(
    x: Rows, others: list[Rows], scale: Tensor | float, generator: torch.Generator
) -> Tensor:
    """The loss of anchors x against products of the others' rows."""
    orders = [torch.randperm(len(x.z), generator=generator).to(x.z.device) for _ in others]
    together = _product([rows.z for rows in others])
    mixed = _product([rows.z[order] for rows, order in zip(others, orders, strict=True)])
    scaled = x.scaled(scale)
    negatives, _ = log_sum_exp(scaled, mixed, exclude=(x.codes, _ids(x, orders)))
    if x.distinct:
        positives = (scaled * together).sum(dim=1)
    else:
        positives, _ = log_sum_exp_within(scaled, together, x.codes, x.codes, x.count)
    target, _ = x.matches(Rows(together, x.codes, x.count, distinct=x.distinct))
    losses = torch.logaddexp(negatives, positives) - (scaled * target).sum(dim=1)
    return weighted_mean(losses, x.weights)


def _ids(x: Rows, orders: list[Tensor]) -> Tensor:
    """The group that all rows of a mixture come from, or an id of its own if there are several."""
    codes = torch.stack([x.codes[order] for order in orders])
    alone = x.count + torch.arange(codes.shape[1], device=codes.device)
    return torch.where((codes == codes[0]).all(dim=0), codes[0], alone)


def _product(rows: list[Tensor]) -> Tensor:
    return reduce(torch.mul, rows)
