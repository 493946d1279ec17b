"""How sure a model is: the entropy of its softmax over all candidates, and its InfoNCE loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from ..arrays import Array, check_widths, to_numpy
from ..errors import InputError
from ..matching import Codes
from .gap import Groups, encode_groups
from .matched_strips import NOTHING, checked_codes, matched_strips
from .strips import SCORE_BYTES, Gallery, strip_rows

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class EntropySummary:
    """Softmax entropies of a set of queries, in nats.

    Attributes
    ----------
    mean, std:
        Over the queries; `std` is that of the queries themselves (divided by N).
    quantiles:
        Share of queries → entropy that so many of them do not exceed.
    maximum:
        ln M, the entropy of a query to which all M candidates are equal.
    """

    mean: float
    std: float
    quantiles: Mapping[float, float]
    maximum: float


@dataclass(frozen=True)
class ContrastiveLoss:
    """InfoNCE in both directions, in nats: ln M (of the candidates' M) at equal logits."""

    x_to_y: float
    y_to_x: float

    @property
    def mean(self) -> float:
        """The symmetric loss, ½ (L(x→y) + L(y→x)), that CLIP minimises."""
        return (self.x_to_y + self.y_to_x) / 2


def softmax_entropy(x: Array, y: Array, *, temperature: float) -> NDArray[np.float64]:
    r"""Entropy of each row of x's softmax over all rows of y, in nats, (N,).

    p_ij = softmax_j(x̂_i·ŷ_j / τ),  H_i = − Σ_j p_ij ln p_ij = ln Σ_j e^{l_ij} − Σ_j p_ij l_ij,
    with l_ij = x̂_i·ŷ_j / τ. In [0, ln M]: 0 when one candidate takes all, ln M when all are
    equal. It depends on M: compare it at equal numbers of candidates.

    Parameters
    ----------
    x, y:
        (N, D) and (M, D). Their roles differ: images against texts is the usual direction.
    temperature:
        τ > 0; a CLIP model's is e^{−s} of its logit scale s.

    Raises
    ------
    InputError
        A temperature that is not positive and finite; widths that differ.

    Notes
    -----
    Exact in strips of bounded memory, with every row's largest logit taken out first: no
    temperature overflows. With a single candidate the entropy is 0.

    References
    ----------
    Schrodi et al., *Two Effects, One Trigger* (ICLR 2025), where the gap lets a model adjust
    the entropy of each sample.

    Examples
    --------
    >>> softmax_entropy(np.eye(2), np.ones((5, 2)), temperature=0.07).round(6)  # ln 5
    array([1.609438, 1.609438])
    """
    _check_temperature(temperature)
    check_widths(x, y)
    gallery = Gallery.of([y], [x])
    xp = array_namespace(gallery.units)
    parts = []
    # The logits, their exponentials and the product of both are held at once.
    for rows in strip_rows(np.arange(x.shape[0]), 2 * SCORE_BYTES * gallery.size):
        scores = gallery.scores(x, rows)  # (q, M)
        short = (xp.max(scores, axis=1, keepdims=True) - scores) / temperature  # ≥ 0, (q, M)
        weights = xp.exp(-short)
        total = xp.sum(weights, axis=1)  # ≥ 1
        parts.append(to_numpy(xp.log(total) + xp.sum(weights * short, axis=1) / total))
    return np.concatenate(parts).astype(np.float64)


def entropy_summary(
    x: Array, y: Array, *, temperature: float, quantiles: Sequence[float] = QUANTILES
) -> EntropySummary:
    """`softmax_entropy` of all rows of x, summed up.

    >>> entropy_summary(np.eye(2), np.ones((5, 2)), temperature=0.07).maximum
    1.609437912434...
    """
    if wrong := [q for q in quantiles if not 0 <= q <= 1]:
        raise InputError(f"quantiles are shares of the rows, in [0, 1]; found {wrong[0]}")
    entropies = softmax_entropy(x, y, temperature=temperature)
    levels = np.quantile(entropies, list(quantiles))
    return EntropySummary(
        mean=float(entropies.mean()),
        std=float(entropies.std()),
        quantiles=dict(zip(quantiles, levels.tolist(), strict=True)),
        maximum=math.log(y.shape[0]),
    )


def contrastive_loss(
    x: Array, y: Array, *, temperature: float, groups: Groups | None = None
) -> ContrastiveLoss:
    r"""Symmetric InfoNCE over whole sets: what a model with one batch of all rows would see.

    L(x→y) = (1/N) Σ_i [ ln Σ_j e^{l_ij} − (1/|P_i|) Σ_{j ∈ P_i} l_ij ],  l_ij = x̂_i·ŷ_j / τ,

    with P_i the matches of row i, which share the target evenly. L(y→x) likewise. In nats, at
    least 0; ln M at equal logits; never below the mean of ln |P_i|.

    Parameters
    ----------
    x, y:
        (N, D) and (M, D).
    temperature:
        τ > 0.
    groups:
        Group ids of the rows of x and of y; without them, row i matches row i. Rows without a
        match have no loss of their own; they are candidates of the others.

    Raises
    ------
    InputError
        A temperature that is not positive and finite; widths or groups that do not fit; no
        match at all.

    Notes
    -----
    The same as `isthmus.objectives.InfoNCE`, without its N × M logits and without a gradient.
    With one row on each side it is 0.

    References
    ----------
    Radford et al., *Learning Transferable Visual Models From Natural Language Supervision*
    (2021); several matches: Khosla et al., *Supervised Contrastive Learning* (2020).

    Examples
    --------
    >>> loss = contrastive_loss(np.eye(4), np.eye(4), temperature=0.1)
    >>> round(loss.mean, 6)
    0.000136
    """
    _check_temperature(temperature)
    codes = checked_codes(x, y, encode_groups(x, y, groups))
    return ContrastiveLoss(
        _one_way(x, y, codes, temperature), _one_way(y, x, codes[::-1], temperature)
    )


def _one_way(x: Array, y: Array, codes: tuple[Codes, Codes], temperature: float) -> float:
    gallery = Gallery.of([y], [x])
    xp = array_namespace(gallery.units)
    total, rows = 0.0, 0
    for strip in matched_strips(x, gallery, *codes):
        top = xp.max(strip.scores, axis=1, keepdims=True)  # (q, 1)
        spread = xp.sum(xp.exp((strip.scores - top) / temperature), axis=1)  # (q,)
        short = xp.where(strip.matches > NOTHING, (top - strip.matches) / temperature, 0.0)
        own = to_numpy(xp.sum(short, axis=1)) / strip.counts
        total += float((to_numpy(xp.log(spread)) + own).sum(dtype=np.float64))
        rows += len(strip.rows)
    return total / rows


def _check_temperature(temperature: float) -> None:
    if not (math.isfinite(temperature) and temperature > 0):
        raise InputError(
            f"temperature must be positive and finite; found {temperature} "
            "(a logit scale s in logarithms gives exp(-s))"
        )
