"""Batch normalisation that is the same on any number of ranks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.autograd import Function

from ..objectives.gather import world_size

_COUNTED: ContextVar[Tensor | None] = ContextVar("counted", default=None)


@contextmanager
def counting(items: Tensor | None) -> Iterator[None]:
    """Inside, `BatchNormMap` counts these items of a batch, (B,) booleans, alone; None: all.

    What an encoder does not hear of in its input, it need not pass on from layer to layer.
    """
    token = _COUNTED.set(items)
    try:
        yield
    finally:
        _COUNTED.reset(token)


class BatchNorm(nn.Module):
    r"""Columns less their mean, over their deviation, times a weight, plus a bias.

    In training, mean and variance (over n, not n − 1) are those of the rows of all ranks that are
    counted, on CPUs and GPUs alike: as with one process, where ranks have unequally many rows
    too. In evaluation, they are the running ones. A column without deviation becomes its bias.

    Parameters
    ----------
    width:
        Columns.
    momentum:
        Share of a batch in the running numbers.

    References
    ----------
    Ioffe and Szegedy, *Batch Normalization* (2015).

    Examples
    --------
    >>> BatchNorm(1)(torch.tensor([[1.0], [3.0]])).round().flatten().tolist()
    [-1.0, 1.0]
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, width: int, *, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.momentum = momentum
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))

    def forward(self, x: Tensor, counted: Tensor | None = None) -> Tensor:
        """(B, width), of which the rows `counted`, (B,), are; all if not given."""
        if not self.training:
            return self._scaled(x, self.mean, self.variance)
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        kept = torch.ones_like(wide[:, :1]) if counted is None else counted[:, None].to(wide.dtype)
        count = _over_ranks(kept.sum()).clamp(min=1)
        mean = _over_ranks((kept * wide).sum(dim=0)) / count
        variance = _over_ranks((kept * (wide - mean).square()).sum(dim=0)) / count
        with torch.no_grad():
            self.mean.lerp_(mean.to(self.mean.dtype), self.momentum)
            self.variance.lerp_(variance.to(self.mean.dtype), self.momentum)
        return self._scaled(wide, mean, variance).to(x.dtype)

    def _scaled(self, x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        return (x - mean) * (self.weight * (variance + self.epsilon).rsqrt()) + self.bias


class BatchNormMap(nn.BatchNorm2d):
    """The same over the items and places of maps, (B, width, H, W), of all ranks.

    It is torch's, weights, names and running numbers (of which the variance is over n − 1) alike,
    but that several ranks have the mean and variance of one process, on CPUs and GPUs, and that
    items may be left out of both (`counting`). A column without deviation, as of a single place,
    becomes its bias.

    >>> BatchNormMap(1)(torch.tensor([1.0, 3.0]).reshape(2, 1, 1, 1)).round().flatten().tolist()
    [-1.0, 1.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, H, W), of the same shape; torch refuses any other."""
        items = _COUNTED.get()
        places = x.numel() // max(1, x.shape[1])
        if not self.training or (items is None and world_size() == 1 and places > 1):
            return super().forward(x)
        self._check_input_dim(x)
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        kept = None if items is None else _of_maps(items, wide)
        each = wide.new_tensor(float(len(x))) if kept is None else kept.sum()
        total = _over_ranks(each * x.shape[2] * x.shape[3])
        count = total.clamp(min=1)
        mean = _over_ranks(_sum(wide, kept)) / count
        rest = wide - mean[:, None, None]
        variance = _over_ranks(_sum(rest.square(), kept)) / count
        self._keep(mean, variance * (count / (count - 1).clamp(min=1)), total > 0)
        scale = self.weight * (variance + self.eps).rsqrt()
        return (rest * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)

    @torch.no_grad()
    def _keep(self, mean: Tensor, variance: Tensor, some: Tensor) -> None:
        """Move the running numbers towards those of a batch, if it has any."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked.add_(1)
        share = self.momentum * some.to(self.running_mean.dtype)
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_(variance.to(self.running_var.dtype), share)


def _sum(x: Tensor, kept: Tensor | None) -> Tensor:
    """(width,): over all maps that count, and all of their places."""
    return (x if kept is None else kept * x).sum(dim=(0, 2, 3))


def _of_maps(items: Tensor, x: Tensor) -> Tensor:
    """(B, 1, 1, 1): 1 for every map that counts, of items that may have several each (frames)."""
    each = len(x) // max(1, len(items))
    return items.repeat_interleave(each).to(x.dtype)[:, None, None, None]


class _Sum(Function):
    """A sum over ranks. What it is used for on all of them adds up in its gradient."""

    @staticmethod
    def forward(_: Any, x: Tensor) -> Tensor:
        total = x.contiguous().clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        distributed.all_reduce(total)
        return total


def _over_ranks(x: Tensor) -> Tensor:
    if world_size() == 1:
        return x
    total: Tensor = _Sum.apply(x)  # type: ignore[no-untyped-call]
    return total
