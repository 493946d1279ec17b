"""Contrast within and across sets of rows: NT-Xent, supervised contrast, CoMM."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .engine import log_sum_exp, self_log_sum_exp
from .rows import Rows, weighted_mean


class Blocks:
    """Log-sum-exps of several sets of rows against each other, each block computed once.

    Parameters
    ----------
    sets:
        Rows of one space.
    scale:
        1/τ.
    """

    def __init__(self, sets: Sequence[Rows], scale: Tensor | float) -> None:
        self.sets = sets
        self.scale = scale
        self._own: dict[int, Tensor] = {}
        self._cross: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}

    def own(self, k: int) -> Tensor:
        """log Σ_{j≠i} exp(s z_i·z_j) within set k, (n_k,)."""
        if k not in self._own:
            self._own[k] = self_log_sum_exp(self.sets[k].scaled(self.scale**0.5))
        return self._own[k]

    def across(self, k: int, m: int) -> Tensor:
        """log Σ_j exp(s z_i·z'_j) for every row of set k over the rows of set m, (n_k,)."""
        if (m, k) in self._cross:
            return self._cross[m, k][1]
        if (k, m) not in self._cross:
            self._cross[k, m] = log_sum_exp(self.sets[k].scaled(self.scale), self.sets[m].z)
        return self._cross[k, m][0]

    def nt_xent(self, members: Sequence[int]) -> Tensor:
        r"""Every row of the member sets against all other rows of them.

        mean_i [log Σ_{j≠i} exp(s z_i·z_j) − s z_i·t_i], over the rows of all members, t_i being
        the mean of all other rows with its code. For two sets of distinct items this is NT-Xent
        (2N − 2 negatives each); for n sets and groups it is supervised contrast, its outer form.
        """
        totals, counts = _sums([self.sets[k] for k in members])
        losses, weights, matched = [], [], []
        for k in members:
            rows = self.sets[k]
            parts = [self.own(k), *(self.across(k, m) for m in members if m != k)]
            others = counts[rows.codes] - 1
            target = (totals[rows.codes] - rows.wide) / others.clamp(min=1)[:, None]
            positives = self.scale * (rows.wide * target).sum(dim=1)
            losses.append(torch.stack(parts).logsumexp(dim=0) - positives)
            matched.append(others > 0)
            weights.append(rows.weights)
        return weighted_mean(
            torch.cat(losses),
            None if weights[0] is None else torch.cat([w for w in weights if w is not None]),
            torch.cat(matched),
        )


def _sums(sets: Sequence[Rows]) -> tuple[Tensor, Tensor]:
    """Sum and number of the rows of every code over several sets."""
    found = [rows.sums() for rows in sets]
    totals = torch.stack([total for total, _ in found]).sum(dim=0)
    return totals, torch.stack([count for _, count in found]).sum(dim=0)
