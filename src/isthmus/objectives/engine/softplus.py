"""Sums of softplus over all scores of two sets of rows, tile by tile."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional

from .precision import full_precision
from .sharing import Share
from .tiles import Grid, add_product, kept, refuse_second_derivatives, scores, working_dtype

_LINEAR = 40.0
"""Above this, softplus(u) is u to the last digit of double precision."""


def softplus_sums(x: Tensor, y: Tensor, bias: Tensor) -> Tensor:
    r"""Σ_j log(1 + exp(x_i·y_j + b)) for every row of x.

    The sigmoid loss follows from it: −log σ(−u) = softplus(u) for the pairs that do not match,
    −log σ(u) = softplus(u) − u for those that do.

    Parameters
    ----------
    x, y:
        (N, D) and (M, D), as in `log_sum_exp`.
    bias:
        b, a scalar tensor.

    Returns
    -------
    (N,) in the working precision.

    Raises
    ------
    RuntimeError
        When the gradient is to be differentiated again.

    Examples
    --------
    >>> softplus_sums(torch.eye(2), torch.zeros(3, 2), torch.tensor(0.0)).exp().round().tolist()
    [8.0, 8.0]
    """
    sums: Tensor = _SoftplusSums.apply(x, y, bias)  # type: ignore[no-untyped-call]
    return sums


class _SoftplusSums(Function):
    @staticmethod
    @full_precision()
    def forward(ctx: Any, x: Tensor, y: Tensor, bias: Tensor) -> Tensor:
        b = bias.to(working_dtype(x))
        sums = torch.zeros(len(x), dtype=working_dtype(x), device=x.device)
        keep = kept(x, y) and any(ctx.needs_input_grad)
        tiles = []
        ctx.grid, ctx.share = Grid.of(x, y), Share.of(len(x) * len(y))
        for tile in ctx.grid.of_share(ctx.share):
            shifted = scores(x[tile.rows], y[tile.columns]).add_(b)
            if keep:
                tiles.append(shifted)
            sums[tile.rows] += functional.softplus(shifted, threshold=_LINEAR).sum(1)
        ctx.share.add(sums)
        ctx.save_for_backward(x, y, bias, *tiles)
        return sums

    @staticmethod
    @full_precision()
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        refuse_second_derivatives()
        x, y, bias, *tiles = ctx.saved_tensors
        (g,) = gradients
        b = bias.to(g.dtype)
        dx = torch.zeros(x.shape, dtype=g.dtype, device=x.device)
        dy = torch.zeros(y.shape, dtype=g.dtype, device=x.device)
        db = torch.zeros((), dtype=g.dtype, device=x.device)
        for k, tile in enumerate(ctx.grid.of_share(ctx.share)):
            if tiles:
                weights = tiles[k].sigmoid().mul_(g[tile.rows, None])
            else:
                shifted = scores(x[tile.rows], y[tile.columns]).add_(b)
                weights = shifted.sigmoid_().mul_(g[tile.rows, None])
            db += weights.sum()
            add_product(dx[tile.rows], weights, y[tile.columns])
            add_product(dy[tile.columns], weights.T, x[tile.rows])
        ctx.share.add(dx, dy, db)
        return dx.to(x.dtype), dy.to(y.dtype), db.to(bias.dtype).reshape(bias.shape)
