"""The one-pass gap metrics as a torchmetrics class, for training and evaluation loops."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torchmetrics import Metric

from ..metrics.gap import l2m_from, rmg_from
from ..metrics.moments import Moments
from ..metrics.pair_moments import PairMoments


class ModalityGap(Metric):
    """L2M, RMG, L2I, true-pair cosine and both cones of paired embeddings.

    Exact over all batches and ranks: the state is sums, added up across processes, whatever
    the order and sizes of the batches. Memory O(D). The definitions are those of
    `isthmus.metrics`.

    Parameters
    ----------
    dimension:
        D, the width of the embeddings.

    Inputs
    ------
    x, y: (B, D) each, any scale and dtype; row i of x matches row i of y.

    Examples
    --------
    >>> metric = ModalityGap(dimension=3)
    >>> metric.update(torch.eye(3), torch.eye(3))
    >>> metric.compute()["rmg"].item()
    0.0
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = False

    count: Tensor
    total_x: Tensor
    total_y: Tensor
    distance_total: Tensor
    squared_total: Tensor

    def __init__(self, *, dimension: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        double = torch.float64
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("total_x", torch.zeros(dimension, dtype=double), dist_reduce_fx="sum")
        self.add_state("total_y", torch.zeros(dimension, dtype=double), dist_reduce_fx="sum")
        self.add_state("distance_total", torch.zeros((), dtype=double), dist_reduce_fx="sum")
        self.add_state("squared_total", torch.zeros((), dtype=double), dist_reduce_fx="sum")

    def update(self, x: Tensor, y: Tensor) -> None:
        """Add a batch of matched rows. States are replaced, never changed in place."""
        if x.shape != y.shape or x.ndim != 2 or x.shape[1] != len(self.total_x):
            raise ValueError(
                f"x and y must both have shape (B, {len(self.total_x)}); "
                f"found {tuple(x.shape)} and {tuple(y.shape)}"
            )
        a, b = (functional.normalize(z.detach().double(), dim=1) for z in (x, y))
        squared = (a - b).square().sum(dim=1)
        self.count = self.count + len(a)
        self.total_x = self.total_x + a.sum(dim=0)
        self.total_y = self.total_y + b.sum(dim=0)
        self.distance_total = self.distance_total + squared.sqrt().sum()
        self.squared_total = self.squared_total + squared.sum()

    def compute(self) -> dict[str, Tensor]:
        """The metrics of everything seen so far; at least two pairs are needed."""
        count = int(self.count)
        x, y = (Moments(count, t.cpu().numpy()) for t in (self.total_x, self.total_y))
        pairs = PairMoments(count, float(self.distance_total), float(self.squared_total))
        values = {
            "l2m": l2m_from(x, y),
            "rmg": rmg_from(x, y, pairs),
            "l2i": pairs.mean_distance,
            "pair_cosine": pairs.mean_cosine,
            "mean_angular_x": x.mean_cosine,
            "mean_angular_y": y.mean_cosine,
        }
        return {name: torch.tensor(value) for name, value in values.items()}
