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
from .matched_strips import checked_codes, matched_strips
from .strips import NOTHING, SCORE_BYTES, Gallery, strips

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
    Exact in tiles of bounded memory, with every row's largest logit taken out first: no
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
    parts = []
    # The logits, their exponentials and the product of both are held at once.
    for strip in strips(x, gallery, score_bytes=2 * SCORE_BYTES):
        found = _Softmax.none(np.full(len(strip.rows), NOTHING))
        for _, scores in strip.blocks():
            found = found.merge(_Softmax.of(scores, temperature, weighted=True), temperature)
        parts.append(found.entropy)
    return np.concatenate(parts)


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
    loss, rows = 0.0, 0
    for strip in matched_strips(x, gallery, *codes):
        matches = to_numpy(strip.matches).astype(np.float64)  # (q, P)
        found = _Softmax.none(matches.max(axis=1))
        for _, scores in strip.strip.blocks():
            found = found.merge(_Softmax.of(scores, temperature, weighted=False), temperature)
        short = np.where(matches > NOTHING, found.top[:, None] - matches, 0.0) / temperature
        loss += float((np.log(found.total) + short.sum(axis=1) / strip.counts).sum())
        rows += len(strip.rows)
    return loss / rows


@dataclass(frozen=True)
class _Softmax:
    """What the candidates seen so far add to each query's softmax, (q,) each, on the host.

    With h_j = (top − s_j) / τ ≥ 0: the largest score `top`, `total` = Σ_j e^{−h_j} and
    `weighted` = Σ_j h_j e^{−h_j}.
    """

    top: NDArray[np.float64]
    total: NDArray[np.float64]
    weighted: NDArray[np.float64]

    @classmethod
    def none(cls, top: NDArray[np.float64]) -> _Softmax:
        """Of no candidates, beneath a score that is reached in any case."""
        return cls(top, np.zeros_like(top), np.zeros_like(top))

    @classmethod
    def of(cls, scores: Array, temperature: float, *, weighted: bool) -> _Softmax:
        """Of a block's cosines, (q, m); `weighted` is left at 0 if it is not needed."""
        xp = array_namespace(scores)
        top = xp.max(scores, axis=1, keepdims=True)  # (q, 1)
        short = (top - scores) / temperature  # ≥ 0, (q, m)
        weights = xp.exp(-short)
        sums = [top[:, 0], xp.sum(weights, axis=1)]
        sums.append(xp.sum(weights * short, axis=1) if weighted else xp.zeros_like(sums[1]))
        return cls(*(to_numpy(values).astype(np.float64) for values in sums))

    def merge(self, other: _Softmax, temperature: float) -> _Softmax:
        top = np.maximum(self.top, other.top)
        first, second = self._beneath(top, temperature), other._beneath(top, temperature)
        return _Softmax(top, first[0] + second[0], first[1] + second[1])

    @property
    def entropy(self) -> NDArray[np.float64]:
        return np.asarray(np.log(self.total) + self.weighted / self.total)

    def _beneath(
        self, top: NDArray[np.float64], temperature: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """`total` and `weighted` with another, higher score taken out."""
        short = (top - self.top) / temperature
        share = np.exp(-short)
        return share * self.total, share * (self.weighted + short * self.total)


def _check_temperature(temperature: float) -> None:
    if not (math.isfinite(temperature) and temperature > 0):
        raise InputError(
            f"temperature must be positive and finite; found {temperature} "
            "(a logit scale s in logarithms gives exp(-s))"
        )
