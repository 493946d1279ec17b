"""Log-sum-exp over the pairs of rows that share a code."""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor

from .log_sum_exp import log_sum_exp
from .tiles import working_dtype

SMALL = 64
"""Rows of a code, on either side, up to which all codes of one size are computed at once."""


def log_sum_exp_within(
    x: Tensor, y: Tensor, x_codes: Tensor, y_codes: Tensor, count: int
) -> tuple[Tensor, Tensor]:
    """log Σ_j exp(x_i·y_j) over the y_j with the code of x_i, and the same for every y_j.

    The work is that of the pairs within codes. Memory is O((N + M)(D + 64)): scores of small
    codes are kept, at most 64 for a row; large codes go through `log_sum_exp` one by one. `count`
    is more than every code; −∞ for rows whose code the other side lacks.

    >>> x, codes = torch.zeros(3, 2), torch.tensor([0, 1, 1])
    >>> log_sum_exp_within(x, x, codes, codes, 2)[0].exp().round().tolist()
    [1.0, 2.0, 2.0]
    """
    orders = [codes.argsort(stable=True) for codes in (x_codes, y_codes)]
    sizes = torch.stack([torch.bincount(codes, minlength=count) for codes in (x_codes, y_codes)])
    starts = sizes.cumsum(dim=1) - sizes
    dtype = working_dtype(x)
    found: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    for (n, m), members in _by_size(sizes).items():
        codes = torch.tensor(members, device=x.device)
        i, j = (
            order[start[codes, None] + torch.arange(size, device=x.device)]
            for order, start, size in zip(orders, starts, (n, m), strict=True)
        )
        if max(n, m) <= SMALL:
            scores = x[i].to(dtype) @ y[j].to(dtype).mT
            rows, columns = scores.logsumexp(dim=2), scores.logsumexp(dim=1)
        else:
            sums = [log_sum_exp(x[a], y[b]) for a, b in zip(i, j, strict=True)]
            rows, columns = (torch.stack(side) for side in zip(*sums, strict=True))
        found.append((i.flatten(), j.flatten(), rows.flatten(), columns.flatten()))
    totals = [z.new_full((len(z),), -torch.inf, dtype=dtype) for z in (x, y)]
    if not found:
        return totals[0], totals[1]
    i, j, rows, columns = (torch.cat(parts) for parts in zip(*found, strict=True))
    return totals[0].index_copy(0, i, rows), totals[1].index_copy(0, j, columns)


def _by_size(sizes: Tensor) -> dict[tuple[int, int], list[int]]:
    """Codes that both sides have, by their numbers of rows."""
    members = defaultdict(list)
    for code, (n, m) in enumerate(sizes.T.tolist()):  # one wait for the device
        if n and m:
            members[n, m].append(code)
    return members
