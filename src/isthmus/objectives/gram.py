"""Gram volume contrast: n modalities agree where the body their rows span has no volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from .batch import Batch
from .engine import Form, formed_sums
from .engine.tiles import wide
from .objective import Objective
from .rows import weighted_mean
from .schedules import Schedule
from .temperature import Temperature
from .terms import Terms


class GramVolume(Objective):
    r"""Contrast of an anchor row with tuples of the other modalities' rows, by Gram volume.

    For the anchor's row a_i and item j's rows o_j of the k − 1 other modalities,
    V_ij = √det G is the volume of the parallelotope they span, G being the k × k matrix of
    their dot products. The loss is ½ (L(a→o) + L(o→a)), cross-entropies of softmax over
    −V_ij / τ, as in `InfoNCE`.

    The slope of the root is infinite at 0, which is where training leads: plain √det makes
    gradients NaN as soon as modalities agree. Here V = √(det + ε²) − ε, which is smooth, rises
    with det, is 0 where the volume is, and at most ε below it. So the loss differs from the
    published one by at most ε/τ.

    Only dot products of anchors with others are over all pairs:
    det G = det(G_o) − cᵀ adj(G_o) c, with c_ij the dot products of a_i with o_j and G_o the Gram
    matrix of o_j. This is det(G_o) (1 − cᵀ G_o⁻¹ c) without the inverse, which does not exist
    where others agree.

    Parameters
    ----------
    anchor:
        Modality whose rows are compared with the others' tuples; the first one if not given.
    softening:
        ε.
    temperature, learnable, bounds:
        As in `Temperature`.

    Inputs
    ------
    As in `Objective`, one view of each of two or more modalities.

    Returns
    -------
    Terms
        With `gram_volume`.

    Degenerate cases
    ----------------
    A volume is 0 as soon as any two rows lie on one line, also in opposite directions, whatever
    the third does; and for more modalities than dimensions. Items that lack one of the others are
    no candidates for anchors; items without the anchor are candidates, but no anchors.

    References
    ----------
    Cicchetti et al., *Gramian Multimodal Representation Learning and Alignment* (ICLR 2025). The
    softening and the adjugate are ours; the released code's label smoothing of 0.1 is left out.

    Examples
    --------
    >>> x = torch.eye(3)
    >>> loss = GramVolume(temperature=0.1)({"text": x, "video": x, "audio": x})
    >>> round(loss.total.item(), 4)  # every tuple spans nothing, as audio is video
    1.0986
    """

    def __init__(
        self,
        *,
        anchor: str | None = None,
        softening: float = 1e-3,
        temperature: float | Schedule = 0.07,
        learnable: bool = False,
        bounds: tuple[float, float] = (0.01, 1.0),
    ) -> None:
        super().__init__()
        self.anchor = anchor
        self.softening = positive(softening)
        self.tau = Temperature(temperature, learnable=learnable, bounds=bounds)

    def of(self, batch: Batch) -> Terms:
        """The loss of a batch."""
        others = [name for _, name in batch.pairs(self.anchor or batch.names[0])]
        tuples = complete(batch, others)
        rows = torch.stack([wide(z) for z in tuples.views], dim=1)
        adjugate, determinant = adjugate_and_determinant(rows @ rows.mT)
        softening = self.softening

        def form(a: Tensor, *given: Tensor) -> Tensor:
            *o, adj, det, scale = given
            c = [a @ z.T for z in o]
            squares = sum(adj[:, m, m] * c[m].square() for m in range(len(c)))
            mixed = sum(2 * adj[:, m, p] * (c[m] * c[p]) for m, p in combinations(range(len(c)), 2))
            left = a.square().sum(dim=1, keepdim=True) * det - squares - mixed
            return -scale * soft_root(left, softening)

        a = self.anchor or batch.names[0]
        columns = (*tuples.views, adjugate, determinant)
        loss = contrast_by(form, complete(batch, [a]), tuples, columns, self.tau())
        return Terms(loss, {"gram_volume": loss})


@dataclass(frozen=True)
class Tuples:
    """The rows of several modalities, of the items that have them all.

    `views` hold a tensor (n, D) per modality; `codes` and `weights` are those of the n items, and
    `count` is more than every code.
    """

    views: Sequence[Tensor]
    codes: Tensor
    weights: Tensor | None
    count: int


def complete(batch: Batch, names: Sequence[str]) -> Tuples:
    """The first views of these modalities, of the items that have them all."""
    kept = batch.have(names)
    views = [batch.views[name][0] for name in names]
    count = len(batch.codes)
    if kept is None:
        return Tuples(views, batch.codes, batch.weights, count)
    weights = None if batch.weights is None else batch.weights[kept]
    return Tuples([z[kept] for z in views], batch.codes[kept], weights, count)


def contrast_by(
    form: Form, anchors: Tuples, tuples: Tuples, columns: Sequence[Tensor], scale: Tensor | float
) -> Tensor:
    """½ (L(a→o) + L(o→a)) over scores that `form` makes of anchors, columns and the scale."""
    z = anchors.views[0]
    shared = torch.as_tensor(scale, dtype=wide(z).dtype, device=z.device)
    found = formed_sums(form, [z], columns, [shared], codes=(anchors.codes, tuples.codes))
    sides = ((anchors, tuples), (tuples, anchors))
    losses = []
    for (own, other), sums, matches in zip(sides, found[:2], found[2:], strict=True):
        counts = torch.bincount(other.codes, minlength=own.count)[own.codes]
        values = sums - matches / counts.clamp(min=1)
        losses.append(weighted_mean(values, own.weights, counts > 0))
    return torch.stack(losses).mean()


def adjugate_and_determinant(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """Of square matrices (n, k, k): (n, k, k) and (n,), also where there is no inverse.

    By the recursion of Faddeev and LeVerrier, which only multiplies: polynomials of the entries,
    with finite slopes everywhere. For the few rows and columns that modalities have.

    >>> adjugate, determinant = adjugate_and_determinant(torch.ones(1, 2, 2))
    >>> adjugate.tolist(), determinant.tolist()
    ([[[1.0, -1.0], [-1.0, 1.0]]], [0.0])
    """
    k = matrices.shape[-1]
    unit = torch.eye(k, dtype=matrices.dtype, device=matrices.device)
    power = unit.expand_as(matrices)
    for step in range(1, k):
        product = matrices @ power
        power = product - (_trace(product) / step)[:, None, None] * unit
    adjugate = power if k % 2 else -power
    return adjugate, _trace(matrices @ adjugate) / k


def _trace(matrices: Tensor) -> Tensor:
    return matrices.diagonal(dim1=-2, dim2=-1).sum(dim=-1)


def soft_root(x: Tensor, softening: float) -> Tensor:
    """√(x + ε²) − ε: 0 at 0, of slope 1/(2ε) there, and between √x − ε and √x."""
    return (x.clamp(min=0.0) + softening**2).sqrt() - softening


def positive(softening: float) -> float:
    """ε, if it is one."""
    if not softening > 0:
        raise ValueError(f"softening must be more than 0; found {softening}")
    return softening
