"""Automatic mixed precision has no place inside a loss: it would round the scores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

_DEVICES = ("cpu", "cuda", "mps")


@contextmanager
def full_precision() -> Iterator[None]:
    """Leave every automatic mixed precision region for what happens inside."""
    with ExitStack() as stack:
        for device in _DEVICES:
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        yield
