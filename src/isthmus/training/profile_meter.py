"""Seconds, bytes saved for backward and peaks of memory, by part of a training step."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

import torch
from torch import Tensor

Phase: TypeAlias = Literal["forward", "backward"]
Place: TypeAlias = tuple[str, Phase]


class Meter:
    """Charges time and memory to the part that runs, the innermost one of several.

    Parameters
    ----------
    device:
        Where the step runs; on CUDA it is waited for, and peaks are measured.
    own:
        Tensors that are there in any case: their storages count for no part.
    """

    def __init__(self, device: torch.device, *, own: Iterable[Tensor]) -> None:
        self.kept: dict[str, int] = defaultdict(int)
        self.peaks: dict[str, int] = defaultdict(int)
        self.runs: list[dict[Place, float]] = []
        self._cuda = device if device.type == "cuda" else None
        self._storages = {_pointer(tensor): tensor for tensor in own}
        self._running: list[Place] = []
        self._since = 0.0
        self._used = 0

    def seconds(self, name: str, phase: Phase) -> float:
        """The shortest of all runs; 0 if it never ran."""
        return min(run.get((name, phase), 0.0) for run in self.runs)

    @contextmanager
    def timed_run(self) -> Iterator[None]:
        """Time what runs inside."""
        self.runs.append(defaultdict(float))
        yield

    @contextmanager
    def holding_run(self) -> Iterator[None]:
        """Count what is saved for backward inside, each storage once, and alive until the end."""
        own = dict(self._storages)
        with torch.autograd.graph.saved_tensors_hooks(self._save, lambda tensor: tensor):
            yield
        self._storages = own

    @contextmanager
    def part(self, name: str, phase: Phase) -> Iterator[None]:
        """What runs inside is charged to this part."""
        self.enter(name, phase)
        try:
            yield
        finally:
            self.leave()

    def enter(self, name: str, phase: Phase) -> None:
        """From now on this part runs."""
        self._charge()
        self._running.append((name, phase))

    def leave(self) -> None:
        """The part that runs has ended; the one around it goes on."""
        self._charge()
        self._running.pop()

    def turn_to(self, name: str, phase: Phase) -> None:
        """The part that runs has ended, and this one runs in its place."""
        self._charge()
        self._running[-1] = (name, phase)

    def _charge(self) -> None:
        if self._cuda is not None:
            torch.cuda.synchronize(self._cuda)
        if self._running and self.runs:
            place = self._running[-1]
            self.runs[-1][place] += time.perf_counter() - self._since
            if self._cuda is not None:
                peak = torch.cuda.max_memory_allocated(self._cuda) - self._used
                self.peaks[place[0]] = max(self.peaks[place[0]], peak)
        if self._cuda is not None:
            torch.cuda.reset_peak_memory_stats(self._cuda)
            self._used = torch.cuda.memory_allocated(self._cuda)
        self._since = time.perf_counter()

    def _save(self, tensor: Tensor) -> Tensor:
        pointer = _pointer(tensor)
        if self._running and pointer not in self._storages:
            self._storages[pointer] = tensor
            self.kept[self._running[-1][0]] += _size(tensor)
        return tensor


def shortest(run: Callable[[], object], repeats: int, device: torch.device) -> float:
    """Seconds of the quickest of several calls."""
    meter = Meter(device, own=())
    for _ in range(repeats):
        with meter.timed_run(), meter.part("", "forward"):
            run()
    return meter.seconds("", "forward")


def _pointer(tensor: Tensor) -> tuple[str, int]:
    """Which storage a tensor lies in."""
    if tensor.layout is not torch.strided:
        return str(tensor.device), id(tensor)
    return str(tensor.device), tensor.untyped_storage().data_ptr()


def _size(tensor: Tensor) -> int:
    if tensor.layout is not torch.strided:
        return tensor.element_size() * int(tensor.values().numel())
    return int(tensor.untyped_storage().nbytes())
