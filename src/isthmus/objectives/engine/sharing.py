"""Ranks that hold the same rows each compute some of the tiles, and add up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

MIN_PAIRS = 2**22
"""With fewer pairs on each rank, computing all of them beats exchanging the results."""

_SAME_ROWS: ContextVar[bool] = ContextVar("isthmus_same_rows", default=False)


@contextmanager
def same_rows() -> Iterator[None]:
    """Inside, all ranks call the engine with the same rows, in the same order."""
    token = _SAME_ROWS.set(True)
    try:
        yield
    finally:
        _SAME_ROWS.reset(token)


@dataclass(frozen=True)
class Share:
    """Which tiles are this rank's: every `world`-th, from `rank` on."""

    rank: int = 0
    world: int = 1

    @classmethod
    def of(cls, pairs: int) -> Share:
        """This rank's share of so many pairs; all of them where sharing does not pay."""
        if not _SAME_ROWS.get():
            return cls()
        world = distributed.get_world_size()
        return cls(distributed.get_rank(), world) if pairs >= MIN_PAIRS * world else cls()

    def mine(self, tile: int) -> bool:
        """Whether a tile, by number, is this rank's."""
        return tile % self.world == self.rank

    def add(self, *sums: Tensor) -> None:
        """Add up the ranks' sums, in place."""
        if self.world > 1:
            for total in sums:
                distributed.all_reduce(total)

    def add_logs(self, logs: Tensor) -> None:
        """log Σ exp of the ranks' log-sum-exps, in place."""
        if self.world > 1:
            highest = logs.clone()
            distributed.all_reduce(highest, distributed.ReduceOp.MAX)
            finite = torch.where(torch.isneginf(highest), 0.0, highest)
            logs.sub_(finite).exp_()
            distributed.all_reduce(logs)
            logs.log_().add_(finite)
