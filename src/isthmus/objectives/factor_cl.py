"""FactorCL: what two modalities share, and what each alone knows, in spaces of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from .batch import Batch
from .blocks import Blocks
from .contrast import contrast, one_way
from .engine import log_sum_exp_within
from .objective import Objective
from .rows import Rows, weighted_mean
from .schedules import Schedule
from .temperature import Temperature
from .terms import Modalities, Terms

_SHARED, _UNIQUE = "shared", "unique"
_TERMS = ("shared", "shared_excess", "unique", "unique_excess", "unique_given")


class FactorCL(Objective):
    r"""Factorised contrast of two modalities: shared and unique spaces, by bounds on information.

    Heads h_S and h_U of each modality i project its unit rows into a shared space, Z_S^i, and a
    unique one, Z_U^i. With G for what the task is told by, a label or an augmented view,

        L = − I_NCE(Z_S^1; Z_S^2) + I_CLUB(Z_S^1; Z_S^2 | G)
            − Σ_i I_NCE(Z_U^i; G) + I_CLUB(Z_U^1; Z_U^2) − I_NCE(Z_U^1; Z_U^2 | G).

    −I_NCE, a lower bound maximised, is the cross-entropy of `InfoNCE`, up to log B. I_CLUB, an
    upper bound minimised, is mean_i f(a_i, b_i) − mean_ij f(a_i, b_j) for a critic f that maximises
    I_NCE of the same two: each has one of its own, trained by a last term in which heads are
    constant, while critics are constant in I_CLUB. So one optimiser does. Critics are
    f(a, b) = cos(W a, V b)/τ with learned W and V: all sums over pairs are in closed form or
    linear in memory, and I_CLUB is bounded, at most 2/τ.

    Self-supervised, G is an augmented view: I_NCE(Z_U^i; G) contrasts the two views, and where
    it is a condition, critics see both views of a modality, one after the other. That does not
    hold the views fixed, so unique spaces keep some of what is shared. Supervised, G is the
    label: I_NCE(Z_U^i; G) is supervised contrast, and where it is a condition, only pairs of one
    label are compared.

    Parameters
    ----------
    modalities:
        The two modalities.
    width:
        D of their embeddings.
    factor_width:
        Width of shared and unique spaces; D if not given.
    supervised:
        Take `groups` for labels.
    temperature, learnable, bounds:
        As in `Temperature`.

    Inputs
    ------
    As in `Objective`: two views of both modalities; if supervised, one or two, and `groups`, which
    are labels then: items of one label are told apart in I_NCE(Z_S^1; Z_S^2).

    Returns
    -------
    Terms
        With `shared`, `shared_excess`, `unique`, `unique_excess` and `unique_given` in the order
        of the formula, `unique` being the sum over modalities, and `critics`. All are added.

    Raises
    ------
    ValueError
        Other modalities; a missing view; no groups if supervised.

    Degenerate cases
    ----------------
    One item, or labels of one item each as the condition: the terms are 0.

    References
    ----------
    Liang et al., *Factorized Contrastive Learning: Going Beyond Multi-view Redundancy* (NeurIPS
    2023). Its released code has multilayer critics on concatenated rows, evaluated on all B × B
    pairs, and gives labels to critics where negatives of one label are meant; cosine critics,
    supervised contrast for I_NCE(·; label) and one head per factor and modality are our reading.

    Examples
    --------
    >>> loss = FactorCL(("image", "text"), width=4)
    >>> views = (torch.eye(4), torch.eye(4))
    >>> sorted(loss({"image": views, "text": views}).values)
    ['critics', 'shared', 'shared_excess', 'unique', 'unique_excess', 'unique_given']
    """

    def __init__(
        self,
        modalities: Sequence[str],
        *,
        width: int,
        factor_width: int | None = None,
        supervised: bool = False,
        temperature: float | Schedule = 0.1,
        learnable: bool = False,
        bounds: tuple[float, float] = (0.01, 1.0),
    ) -> None:
        super().__init__()
        self.modalities = list(modalities)
        if not len(set(self.modalities)) == len(self.modalities) == 2:
            raise ValueError(f"FactorCL factorises two modalities; found {self.modalities}")
        self.supervised = supervised
        self.tau = Temperature(temperature, learnable=learnable, bounds=bounds)
        inner = width if factor_width is None else factor_width
        self.heads = nn.ModuleDict(
            {f: nn.ModuleList(_head(width, inner) for _ in range(2)) for f in (_SHARED, _UNIQUE)}
        )
        self.critics = nn.ModuleDict(
            {
                t: nn.ModuleList(nn.Linear(inner, inner, bias=False) for _ in range(2))
                for t in _TERMS
            }
        )

    def factors(self, embeddings: Modalities) -> dict[str, Tensor]:
        """What to use after training: "name/shared" and "name/unique" of first views, (B, F)."""
        batch = Batch.of(embeddings)
        return {
            f"{name}/{factor}": self._projected(factor, k, batch.rows(name)).z
            for factor in self.heads
            for k, name in enumerate(self.modalities)
        }

    def of(self, batch: Batch) -> Terms:
        """The loss of a batch."""
        self._check(batch)
        labels = [batch.rows(name).codes for name in self.modalities] if self.supervised else None
        if self.supervised:  # items are told apart, labels are the condition
            items = torch.arange(len(batch.codes), device=batch.codes.device)
            batch = replace(batch, codes=items, distinct=True)
        scale = self.tau()
        fixed = scale.detach() if isinstance(scale, Tensor) else scale
        shared, unique = (
            [self._views(factor, k, batch) for k in range(2)] for factor in (_SHARED, _UNIQUE)
        )
        held = [
            [replace(rows, z=rows.z.detach()) for rows in views] for views in (*shared, *unique)
        ]
        values = {
            "shared": contrast(*self._seen("shared", shared), scale),
            "shared_excess": _club(
                *self._seen("shared_excess", shared, given=True, fixed=True), fixed, labels
            ),
            "unique": self._own(unique, scale, labels),
            "unique_excess": _club(*self._seen("unique_excess", unique, fixed=True), fixed, None),
            "unique_given": _nce_given(
                *self._seen("unique_given", unique, given=True), scale, labels
            ),
            "critics": contrast(*self._seen("unique_excess", held[2:]), scale)
            + _nce_given(*self._seen("shared_excess", held[:2], given=True), scale, labels),
        }
        return Terms(torch.stack(list(values.values())).sum(), values)

    def _check(self, batch: Batch) -> None:
        if sorted(batch.names) != sorted(self.modalities):
            raise ValueError(f"FactorCL factorises only {self.modalities}; found {batch.names}")
        if self.supervised and batch.distinct:
            raise ValueError("supervised FactorCL needs labels: give `groups`")

    def _views(self, factor: str, k: int, batch: Batch) -> list[Rows]:
        """All views of the k-th modality in a factor's space."""
        name = self.modalities[k]
        if not self.supervised:
            batch.two_views(name)  # refuses other numbers
        views = [batch.rows(name, view) for view in range(len(batch.views[name]))]
        return [self._projected(factor, k, rows) for rows in views]

    def _projected(self, factor: str, k: int, rows: Rows) -> Rows:
        head = _of(self.heads, factor)[k]
        return replace(rows, z=head(rows.wide.to(next(head.parameters()).dtype)))

    def _seen(
        self, term: str, sets: Sequence[Sequence[Rows]], *, given: bool = False, fixed: bool = False
    ) -> tuple[Rows, Rows]:
        """Unit rows of both modalities, as a critic sees them; `given` is the condition."""
        found = []
        for views, layer in zip(sets, _of(self.critics, term), strict=True):
            used = views[:2] if given and not self.supervised else views[:1]
            z = torch.cat([_unit(rows, layer, fixed=fixed).z for rows in used], dim=1)
            found.append(replace(views[0], z=z / len(used) ** 0.5))
        return found[0], found[1]

    def _own(
        self, sets: Sequence[Sequence[Rows]], scale: Tensor | float, labels: list[Tensor] | None
    ) -> Tensor:
        """−Σ_i I_NCE(Z^i; G): views of one item, or rows of one label."""
        losses = []
        for k, layer in enumerate(_of(self.critics, "unique")):
            rows = [_unit(view, layer) for view in sets[k]]
            if labels is None:
                losses.append(contrast(rows[0], rows[1], scale))
            else:
                labelled = [replace(view, codes=labels[k], distinct=False) for view in rows]
                losses.append(Blocks(labelled, scale).nt_xent(range(len(rows))))
        return torch.stack(losses).sum()


def _head(width: int, inner: int) -> nn.Module:
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, inner))


def _of(modules: nn.ModuleDict, name: str) -> nn.ModuleList:
    found = modules[name]
    assert isinstance(found, nn.ModuleList)
    return found


def _unit(rows: Rows, layer: nn.Module, *, fixed: bool = False) -> Rows:
    """Rows through a critic's layer, on the sphere; the layer is a constant if `fixed`."""
    (weight,) = layer.parameters()
    z = functional.linear(rows.z, weight.detach() if fixed else weight)
    return replace(rows, z=functional.normalize(z, dim=1))


def _nce_given(x: Rows, y: Rows, scale: Tensor | float, labels: list[Tensor] | None) -> Tensor:
    """Contrast under the condition: among the rows of one label only, if there are labels."""
    if labels is None:
        return contrast(x, y, scale)
    sums = log_sum_exp_within(x.scaled(scale), y.z, labels[0], labels[1], x.count)
    return (one_way(x, y, sums[0], scale) + one_way(y, x, sums[1], scale)) / 2


def _club(x: Rows, y: Rows, scale: Tensor | float, labels: list[Tensor] | None) -> Tensor:
    """Mean score of pairs, less that of all rows with all: the latter is that of means."""
    losses = []
    for own, other, k, m in ((x, y, 0, 1), (y, x, 1, 0)):
        target, matched = own.matches(other)
        if labels is None:
            middle = other.wide.sum(dim=0) / max(len(other.z), 1)
        else:
            of_label = replace(own, codes=labels[k], distinct=False)
            middle, _ = of_label.matches(replace(other, codes=labels[m], distinct=False))
        scores = scale * (own.wide * (target - middle)).sum(dim=1)
        losses.append(weighted_mean(scores, own.weights, matched))
    return torch.stack(losses).mean()
