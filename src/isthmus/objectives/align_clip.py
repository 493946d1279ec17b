"""AlignCLIP's loss: contrast across modalities, and separation within them by meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from .batch import Batch
from .engine import formed_sums, self_log_sum_exp
from .info_nce import InfoNCE
from .objective import Objective, WeightedSum
from .rows import Rows, weighted_mean
from .schedules import Schedule
from .temperature import Temperature
from .terms import Terms


class IntraModalitySeparation(Objective):
    r"""Push the items of one modality apart, the more so the less they mean the same.

    For a modality with rows x, paired with rows y of another:

        L = mean_i [ log( exp(x_i·y_i/τ) + Σ_j exp(d_ij x_i·x_j/τ) ) − x_i·y_i/τ ],

    over the items j of other groups: the true pair competes with the row's own modality. With
    d_ij = 1 − e_i·e_j, e being unit rows of meaning, such as sentence embeddings of the texts,
    items that mean nearly the same are hardly pushed apart. The loss is the mean over both
    modalities of a pair and over pairs.

    Parameters
    ----------
    semantics:
        Where e is found; it gets no gradient. A modality, which is not separated unless
        `modalities` says so; or a modality and the number of one of its views, which may have a
        width of its own: ("text", 1) if texts are given as (embeddings, sentence embeddings).
        Without it, d_ij = 1.
    modalities:
        Those to separate, two or more; all but `semantics` if not given.
    temperature, learnable, bounds:
        As in `Temperature`.

    Inputs
    ------
    As in `Objective`, one view of each modality. Of an item with several matches in y, the mean
    of x_i·y over them is the positive. Items that lack e are separated fully.

    Returns
    -------
    Terms
        With `separation`, and per pair "a–b" for more than two modalities.

    Degenerate cases
    ----------------
    One item, or one group: 0 with zero gradient. A pair of modalities that no item has both of
    contributes 0.

    References
    ----------
    Eslami and de Melo, *Mitigate the Gap: Improving Cross-Modal Alignment in CLIP* (ICLR 2025).
    That the loss without semantics still has the true pair as its positive is our reading.

    Examples
    --------
    >>> x = torch.eye(4)
    >>> loss = IntraModalitySeparation(temperature=0.1)({"image": x, "text": x})
    >>> round(loss.total.item(), 6)
    0.000136
    """

    def __init__(
        self,
        *,
        semantics: str | tuple[str, int] | None = None,
        modalities: Sequence[str] | None = None,
        temperature: float | Schedule = 0.07,
        learnable: bool = False,
        bounds: tuple[float, float] = (0.01, 1.0),
    ) -> None:
        super().__init__()
        self.source = (semantics, 0) if isinstance(semantics, str) else semantics
        self.without = semantics if isinstance(semantics, str) else None
        self.modalities = None if modalities is None else list(modalities)
        self.tau = Temperature(temperature, learnable=learnable, bounds=bounds)

    def of(self, batch: Batch) -> Terms:
        """The loss of a batch."""
        scale = self.tau()
        separated = among(batch, self.modalities, self.without)
        sums = {name: self._within(batch, name, scale) for name in separated.names}
        losses = {}
        for a, b in separated.pairs():
            both = [
                _separation(batch.rows(own), batch.rows(other), sums[own], scale)
                for own, other in ((a, b), (b, a))
            ]
            losses[f"{a}–{b}"] = torch.stack(both).mean()
        return Terms.mean("separation", losses)

    def _within(self, batch: Batch, name: str, scale: Tensor | float) -> Tensor:
        """log Σ_j exp(s d_ij x_i·x_j) over the items of other groups, for a modality's rows."""
        rows = batch.rows(name)
        if self.source is None:
            return self_log_sum_exp(rows.scaled(scale**0.5), exclude=rows.codes)
        e = _view(batch, *self.source).detach()
        if name in batch.masks:
            e = e[batch.masks[name]]
        shared = torch.as_tensor(scale, dtype=rows.wide.dtype, device=e.device)
        found, *_ = formed_sums(
            _rescaled, (rows.z, e), (rows.z, e), (shared,), codes=(rows.codes,) * 2, exclude=True
        )
        return found


def _view(batch: Batch, name: str, view: int) -> Tensor:
    if name not in batch.views or view >= len(batch.views[name]):
        found = {n: len(views) for n, views in batch.views.items()}
        raise ValueError(f"no view {view} of '{name}' to tell meaning by; found views {found}")
    return batch.views[name][view]


def _rescaled(x: Tensor, e: Tensor, y: Tensor, f: Tensor, scale: Tensor) -> Tensor:
    return scale * (x @ y.T) * (1 - e @ f.T)


def _separation(x: Rows, y: Rows, within: Tensor, scale: Tensor | float) -> Tensor:
    target, matched = x.matches(y)
    positives = scale * (x.wide * target).sum(dim=1)
    return weighted_mean(torch.logaddexp(within, positives) - positives, x.weights, matched)


class AlignCLIP(Objective):
    r"""InfoNCE + intra-modality separation: L = α L_InfoNCE + β L_IMSep, with one temperature.

    Both terms are means over directions; the released code sums over them, which doubles the
    loss. The rest of the method, towers that share their parameters, belongs to the model.

    Parameters
    ----------
    semantics, modalities:
        As in `IntraModalitySeparation`; for both terms.
    temperature, learnable, bounds:
        As in `Temperature`.
    contrastive_weight, separation_weight:
        α and β, numbers or schedules.

    Inputs
    ------
    As in `Objective`, one view of each modality.

    Returns
    -------
    Terms
        With `info_nce` and `separation`.

    References
    ----------
    Eslami and de Melo, *Mitigate the Gap: Improving Cross-Modal Alignment in CLIP* (ICLR 2025).

    Examples
    --------
    >>> x = torch.eye(4)
    >>> loss = AlignCLIP(semantics="sentence")({"image": x, "text": x, "sentence": x})
    >>> sorted(loss.values)
    ['info_nce', 'separation']
    """

    def __init__(
        self,
        *,
        semantics: str | tuple[str, int] | None = None,
        modalities: Sequence[str] | None = None,
        temperature: float | Schedule = 0.07,
        learnable: bool = False,
        bounds: tuple[float, float] = (0.01, 1.0),
        contrastive_weight: float | Schedule = 1.0,
        separation_weight: float | Schedule = 0.5,
    ) -> None:
        super().__init__()
        contrast = InfoNCE(temperature=temperature, learnable=learnable, bounds=bounds)
        separation = IntraModalitySeparation(semantics=semantics, modalities=modalities)
        separation.tau = contrast.tau
        self.sum = WeightedSum(
            {
                "info_nce": _Among(contrast, modalities, separation.without),
                "separation": separation,
            },
            {"info_nce": contrastive_weight, "separation": separation_weight},
        )

    def of(self, batch: Batch) -> Terms:
        """The weighted sum over a batch, and its terms."""
        return self.sum.of(batch)


class _Among(Objective):
    """An objective that sees some modalities only."""

    def __init__(
        self, objective: Objective, modalities: Sequence[str] | None, without: str | None
    ) -> None:
        super().__init__()
        self.objective = objective
        self.modalities = None if modalities is None else list(modalities)
        self.without = without

    def of(self, batch: Batch) -> Terms:
        terms: Terms = self.objective.of(among(batch, self.modalities, self.without))
        return terms


def among(batch: Batch, modalities: Sequence[str] | None, without: str | None) -> Batch:
    """The batch with some modalities only: those named, or else all but one."""
    if unknown := [n for n in (*(modalities or ()), without) if n and n not in batch.views]:
        raise ValueError(f"no modality '{unknown[0]}'; found {batch.names}")
    names = [n for n in batch.names if n != without] if modalities is None else modalities
    masks: Mapping[str, Tensor] = {n: m for n, m in batch.masks.items() if n in names}
    return replace(batch, views={n: batch.views[n] for n in names}, masks=masks)
