"""The sum of softplus over all scores of two sets of rows, tile by tile."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from .precision import full_precision
from .sharing import Share
from .tiles import Grid, Scores, add_product, refuse_second_derivatives, working_dtype

_LINEAR = 40.0
"""Above this, softplus(u) is u to the last digit of double precision."""


def softplus_sum(x: Tensor, y: Tensor, bias: Tensor, weights: Tensor | None = None) -> Tensor:
    r"""Σ_i w_i Σ_j log(1 + exp(x_i·y_j + b)).

    The sigmoid loss follows from it: −log σ(−u) = softplus(u) for the pairs that do not match,
    −log σ(u) = softplus(u) − u for those that do. Each score's slope, w_i σ(u), depends on no other
    score, so gradients are summed up in the same sweep: three matrix products in all, as the
    dense loss takes, in memory of O((N + M) D).

    Parameters
    ----------
    x, y:
        (N, D) and (M, D), as in `log_sum_exp`.
    bias:
        b, a scalar tensor.
    weights:
        w, (N,), constants; all 1 if not given.

    Returns
    -------
    A scalar in the working precision.

    Raises
    ------
    RuntimeError
        When the gradient is to be differentiated again.

    Examples
    --------
    >>> softplus_sum(torch.eye(2), torch.zeros(3, 2), torch.tensor(0.0)).exp().round().item()
    64.0
    """
    total: Tensor = _SoftplusSum.apply(x, y, bias, weights)  # type: ignore[no-untyped-call]
    return total


class _SoftplusSum(Function):
    @staticmethod
    @full_precision()
    def forward(ctx: Any, x: Tensor, y: Tensor, bias: Tensor, weights: Tensor | None) -> Tensor:
        grid, share = Grid.of(x, y), Share.of(len(x) * len(y))
        scores = Scores(x, y, grid)
        softened = torch.empty_like(scores.buffer)
        b = bias.to(working_dtype(x))
        w = x.new_ones(len(x), dtype=b.dtype) if weights is None else weights.to(b.dtype)
        total, db = b.new_zeros(()), b.new_zeros(())
        dx, dy = (b.new_zeros(z.shape) if need else None for z, need in _given(ctx, x, y))
        for number, tile in enumerate(grid.of_share(share)):
            shifted = scores.of(number, tile).add_(b)
            total += w[tile.rows] @ _softplus(shifted, softened).sum(1)
            if not any(ctx.needs_input_grad):
                continue
            slopes = shifted.sigmoid_().mul_(w[tile.rows, None])
            db += slopes.sum()
            if dx is not None:
                add_product(dx[tile.rows], slopes, y[tile.columns])
            if dy is not None:
                add_product(dy[tile.columns], slopes.T, x[tile.rows])
        share.add(total, *(d for d in (dx, dy, db) if d is not None))
        ctx.save_for_backward(dx, dy, db)
        ctx.dtypes = x.dtype, y.dtype, bias.dtype
        ctx.bias_shape = bias.shape
        return total

    @staticmethod
    @full_precision()
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivatives()
        (g,) = gradients
        dx, dy, db = (
            None if d is None else (g * d).to(dtype)
            for d, dtype in zip(ctx.saved_tensors, ctx.dtypes, strict=True)
        )
        assert db is not None
        return dx, dy, db.reshape(ctx.bias_shape), None


def _given(ctx: Any, x: Tensor, y: Tensor) -> zip[tuple[Tensor, bool]]:
    return zip((x, y), ctx.needs_input_grad[:2], strict=True)


def _softplus(u: Tensor, buffer: Tensor) -> Tensor:
    """log(1 + exp(u)), in a buffer that every tile overwrites."""
    softened = buffer[: u.numel()].view(u.shape)
    torch.ops.aten.softplus.out(u, 1.0, _LINEAR, out=softened)
    return softened
