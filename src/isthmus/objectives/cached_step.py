"""Batches that do not fit: embed twice, in chunks, and get the exact gradient (GradCache)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import get_device_states, set_device_states

from .gather import world_size
from .objective import Objective
from .terms import Modalities, Terms

Inputs: TypeAlias = Mapping[str, Tensor]
"""Name → (B, …) tensor: what the towers are given, cut along the first axis."""


class CachedStep:
    r"""The gradient of a loss over a batch of any size, in the memory of one chunk.

    The towers embed the batch chunk by chunk without a graph; the loss over all embeddings gives
    ∂L/∂z; the towers then embed each chunk again, with a graph, from which ∂L/∂θ =
    Σ_chunks (∂z/∂θ)ᵀ ∂L/∂z. That is the gradient of the whole batch, not an approximation, at the
    cost of a second forward pass. Random numbers (dropout) are drawn again as they were, and
    buffers (batch normalisation's statistics) advance once.

    Ranks add up their gradients once in a step: towers inside `DistributedDataParallel` do so in
    the last chunk, all others after it. Leave the objective outside of that wrapper: its own
    gradient is the same on every rank already.

    Parameters
    ----------
    towers:
        A batch (name → tensor) to name → (B, D) embeddings, or pairs of views of them. What it does
        to a row must not depend on the other rows of the batch, but for batch normalisation,
        which looks at a chunk instead.
    objective:
        Any objective.
    chunk:
        Items that are embedded at a time, as many as memory allows.

    Raises
    ------
    ValueError
        A chunk below 1, inputs of different lengths, an empty batch.

    References
    ----------
    Gao et al., *Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup* (2021).

    Examples
    --------
    >>> from isthmus.objectives import InfoNCE
    >>> from isthmus.models import Towers
    >>> towers = Towers({"image": nn.Linear(3, 2), "text": nn.Linear(4, 2)})
    >>> step = CachedStep(towers, InfoNCE(), chunk=2)
    >>> terms = step({"image": torch.randn(5, 3), "text": torch.randn(5, 4)})
    >>> all(parameter.grad is not None for parameter in towers.parameters())
    True
    """

    def __init__(self, towers: nn.Module, objective: Objective, *, chunk: int) -> None:
        if chunk < 1:
            raise ValueError(f"a chunk holds at least one item; found {chunk}")
        self.towers = towers
        self.objective = objective
        self.chunk = chunk

    def __call__(
        self,
        inputs: Inputs,
        *,
        groups: Tensor | None = None,
        mask: Mapping[str, Tensor] | None = None,
        weights: Tensor | None = None,
        targets: Tensor | None = None,
        scale: Callable[[Tensor], Tensor] = lambda loss: loss,
    ) -> Terms:
        """Add the gradient of the loss to all parameters; the loss and its terms, detached.

        `scale` is applied to the loss before it is differentiated: `GradScaler.scale`.
        """
        chunks = list(_chunks(inputs, self.chunk))
        plain = self.towers
        if isinstance(plain, DistributedDataParallel):
            plain = plain.module
        buffers = {name: value.clone() for name, value in plain.named_buffers()}
        states, parts = [], []
        with torch.no_grad():
            for chunk in chunks:
                states.append(_RandomState.now(chunk))
                parts.append(_views(plain(chunk)))
        for name, value in plain.named_buffers():
            value.copy_(buffers[name])
        leaves = {
            name: tuple(
                torch.cat(views).detach().requires_grad_()
                for views in zip(*(part[name] for part in parts), strict=True)
            )
            for name in parts[0]
        }
        terms = self.objective(leaves, groups=groups, mask=mask, weights=weights, targets=targets)
        scale(terms.total).backward()  # type: ignore[no-untyped-call]
        start = 0
        for k, (chunk, state) in enumerate(zip(chunks, states, strict=True)):
            towers = self.towers if k == len(chunks) - 1 else plain
            with state.again():
                start = _backward(_views(towers(chunk)), leaves, start)
        if world_size() > 1 and plain is self.towers:
            _average_gradients(plain)
        values = {name: value.detach() for name, value in terms.values.items()}
        return Terms(terms.total.detach(), values)


def _average_gradients(module: nn.Module) -> None:
    """The mean of the gradients of all ranks, in one exchange for each dtype."""
    by_kind: dict[torch.dtype, list[Tensor]] = {}
    for parameter in module.parameters():
        if parameter.requires_grad:
            if parameter.grad is None:  # a rank without some modality still takes part
                parameter.grad = torch.zeros_like(parameter)
            by_kind.setdefault(parameter.dtype, []).append(parameter.grad)
    for gradients in by_kind.values():
        flat = torch.cat([g.flatten() for g in gradients])
        distributed.all_reduce(flat)
        flat /= world_size()
        start = 0
        for g in gradients:
            g.copy_(flat[start : start + g.numel()].view_as(g))
            start += g.numel()


def _backward(
    views: Mapping[str, tuple[Tensor, ...]], leaves: Mapping[str, tuple[Tensor, ...]], start: int
) -> int:
    """Hand a chunk's embeddings their gradient; where the next chunk starts."""
    stop = start + len(next(iter(views.values()))[0])
    pairs = [
        (z, leaf.grad[start:stop])
        for name, found in views.items()
        for z, leaf in zip(found, leaves[name], strict=True)
        if leaf.grad is not None and z.requires_grad
    ]
    rows, gradients = [z for z, _ in pairs], [g.to(z.dtype) for z, g in pairs]
    torch.autograd.backward(rows, gradients)
    return stop


def _views(embeddings: Modalities) -> dict[str, tuple[Tensor, ...]]:
    return {n: (z,) if isinstance(z, Tensor) else tuple(z) for n, z in embeddings.items()}


def _chunks(inputs: Inputs, size: int) -> Iterator[dict[str, Tensor]]:
    lengths = {name: len(x) for name, x in inputs.items()}
    if len(set(lengths.values())) != 1 or not next(iter(lengths.values())):
        raise ValueError(f"inputs must have equally many items, at least one; found {lengths}")
    for start in range(0, next(iter(lengths.values())), size):
        yield {name: x[start : start + size] for name, x in inputs.items()}


@dataclass(frozen=True)
class _RandomState:
    """Where the random number generators of the host and of a chunk's devices stood."""

    host: Tensor
    devices: list[int]
    states: list[Tensor]

    @classmethod
    def now(cls, chunk: Inputs) -> _RandomState:
        devices, states = get_device_states(*chunk.values())
        return cls(torch.get_rng_state(), devices, states)

    @contextmanager
    def again(self) -> Iterator[None]:
        """Draw the same numbers inside; outside, go on as if nothing had been drawn."""
        with torch.random.fork_rng(self.devices):
            torch.set_rng_state(self.host)
            set_device_states(self.devices, self.states)
            yield
