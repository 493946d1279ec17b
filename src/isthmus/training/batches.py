"""In-memory tensors as shuffled batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor


class Batches:
    """Shuffled batches of tensors that fit in memory, the last incomplete one left out.

    Every pass draws a new order from a generator of its own: the same seed gives the same
    batches whatever else is random.
    """

    def __init__(self, tensors: Mapping[str, Tensor], *, batch_size: int, seed: int) -> None:
        self.tensors = dict(tensors)
        self.rows = len(next(iter(self.tensors.values())))
        if batch_size > self.rows:
            raise ValueError(f"a batch of {batch_size} from {self.rows} rows")
        self.batch_size = batch_size
        self._generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return self.rows // self.batch_size

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        order = torch.randperm(self.rows, generator=self._generator)
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            chosen = order[start : start + self.batch_size]
            yield {name: tensor[chosen] for name, tensor in self.tensors.items()}
