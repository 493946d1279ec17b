"""What dominates a training step: encoders, loss, gather or optimiser, in time and in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves
from torch.utils.checkpoint import get_device_states

from ..errors import InputError
from ..objectives import Batch, Objective
from ..objectives.gather import world_size
from .batch_keys import GROUP, Parts
from .profile_meter import Meter, shortest
from .profile_result import Part, Profile

TOWERS, REST = "towers", "rest of the towers"
"""Name of the part that all towers are, or what is in them besides the encoders."""


def profile(
    towers: nn.Module,
    objective: Objective,
    batch: Mapping[str, Tensor],
    *,
    groups: Tensor | None = None,
    optimizer: Callable[[list[Tensor]], torch.optim.Optimizer] = torch.optim.AdamW,
    repeats: int = 3,
) -> Profile:
    """Run one training step in parts, and say which dominates time and memory.

    Printed, it is a table and two sentences on what helps: `CachedStep`, gradient
    checkpointing, a smaller encoder, another loss. A memory-efficient loss saves nothing where
    the encoders dominate, nor a smaller encoder where the loss does.

    Parameters
    ----------
    towers:
        A batch to name → (B, D) embeddings, or pairs of views of them, in the mode that it
        stands in: `Towers`, `Fusion`, or your own. Encoders in a `ModuleDict` called `encoders`
        are told apart; otherwise the towers are one part. Not wrapped for distributed training.
    objective:
        Any objective.
    batch:
        As a data set gives it, on the device of the towers: name → (B, …) tensor, and which
        items have which modality. Take the size to train at.
    groups:
        As in `Objective`; those of the batch if not given.
    optimizer:
        From parameters to an optimiser. It steps on copies.
    repeats:
        Times that the step is timed after a first one; each part's shortest time counts.

    Returns
    -------
    Profile
        Seconds of each part's forward and backward, and the bytes that it holds on to.

    Raises
    ------
    InputError
        Towers without any parameter to train; no repeats; an empty batch.

    Notes
    -----
    Parameters, gradients, buffers and random states are the same after as before; on CUDA,
    the statistics of peak memory are reset. Inside of `torch.autocast` it profiles mixed
    precision. On several ranks, call it on all of them: `gather` is then the exchange of
    embeddings before the loss, whose result the loss holds. What an encoder's input is
    made from is timed with its backward. Regions under `torch.utils.checkpoint` hold nothing.

    Examples
    --------
    >>> from isthmus.models import Towers
    >>> from isthmus.objectives import InfoNCE
    >>> towers = Towers({"image": nn.Linear(3, 2), "text": nn.Linear(4, 2)})
    >>> found = profile(towers, InfoNCE(), {"image": torch.ones(5, 3), "text": torch.ones(5, 4)})
    >>> [part.name for part in found.parts]
    ['encoder image', 'encoder text', 'rest of the towers', 'loss', 'optimiser']
    """
    if repeats < 1:
        raise InputError(f"a step is timed at least once; found repeats={repeats}")
    items = len(next(iter(batch.values()), ()))
    if not items:
        raise InputError("there is nothing to profile in an empty batch")
    if not any(p.requires_grad for p in towers.parameters()):
        raise InputError("the towers have no parameter to train, so there is no backward pass")
    device = next(towers.parameters()).device
    trained = nn.ModuleList([towers, objective])
    own = (*trained.parameters(), *trained.buffers(), *batch.values())
    meter = Meter(device, own=own)
    parted = Parts.of(batch if groups is None else {**batch, GROUP: groups})
    with _untouched(trained, batch), _charged(towers, meter) as names:
        rest = REST if names else TOWERS

        def step() -> None:
            trained.zero_grad()
            _step(towers, objective, parted, rest, meter)

        with meter.holding_run():
            step()
        for _ in range(repeats):
            with meter.timed_run():
                step()
        last = _optimiser(trained, optimizer, repeats, device)
    encoders = list(dict.fromkeys([*names, rest]))
    parts = [_part(meter, name, "encoder") for name in encoders]
    loss = _part(meter, "loss", "loss")
    if world_size() > 1:
        gather = _part(meter, "gather", "gather")
        parts.append(gather)
        loss = replace(loss, forward=max(loss.forward - gather.forward, 0.0))
    ours = type(objective).__module__.startswith(Objective.__module__.rpartition(".")[0])
    return Profile((*parts, loss, last), items, str(device), linear_loss=ours)


def _step(
    towers: nn.Module,
    objective: Objective,
    parts: Parts,
    rest: str,
    meter: Meter,
) -> None:
    """Forward and backward, the graph cut at the embeddings."""
    with meter.part(rest, "forward"):
        found = towers(parts.inputs)
    views = {n: (z,) if isinstance(z, Tensor) else tuple(z) for n, z in found.items()}
    leaves = {n: tuple(z.detach().requires_grad_() for z in zs) for n, zs in views.items()}
    if world_size() > 1:
        with meter.part("gather", "forward"), torch.no_grad():
            Batch.of(leaves, **parts.known)
    with meter.part("loss", "forward"):
        terms = objective(leaves, **parts.known)
    with meter.part("loss", "backward"):
        terms.total.backward()
    pairs = [
        (z, leaf.grad)
        for name, zs in views.items()
        for z, leaf in zip(zs, leaves[name], strict=True)
        if z.requires_grad and leaf.grad is not None
    ]
    with meter.part(rest, "backward"):
        torch.autograd.backward([z for z, _ in pairs], [gradient for _, gradient in pairs])


def _part(meter: Meter, name: str, kind: Any) -> Part:
    return Part(
        name,
        kind,
        forward=meter.seconds(name, "forward"),
        backward=meter.seconds(name, "backward"),
        kept=meter.kept[name],
        peak=meter.peaks.get(name),
    )


def _optimiser(
    trained: nn.Module,
    optimizer: Callable[[list[Tensor]], torch.optim.Optimizer],
    repeats: int,
    device: torch.device,
) -> Part:
    """A step on copies of all parameters that have a gradient."""
    copies: list[Tensor] = []
    for parameter in trained.parameters():
        if parameter.grad is not None:
            copies.append(parameter.detach().clone().requires_grad_())
            copies[-1].grad = parameter.grad
    steps = optimizer(copies)
    steps.step()  # makes its state
    seconds = shortest(steps.step, repeats, device)
    state = [value for own in steps.state.values() for value in own.values()]
    held = [value for value in state if isinstance(value, Tensor)]
    held += [copy.grad for copy in copies if copy.grad is not None]
    return Part("optimiser", "optimiser", seconds, 0.0, sum(value.nbytes for value in held))


@contextmanager
def _charged(towers: nn.Module, meter: Meter) -> Iterator[list[str]]:
    """Charge encoders as they run; the names of their parts, none without encoders."""
    encoders = getattr(towers, "encoders", None)
    modules: dict[nn.Module, list[str]] = {}
    if isinstance(encoders, nn.ModuleDict):
        for modality, module in encoders.items():
            modules.setdefault(module, []).append(modality)
    with ExitStack() as stack:
        parts = []
        for module, modalities in modules.items():
            name = f"encoder {' and '.join(modalities)}"
            parts.append(name)
            before = module.register_forward_pre_hook(
                lambda *_, name=name: meter.enter(name, "forward")
            )
            after = module.register_forward_hook(partial(_leave, meter, name), always_call=True)
            stack.callback(before.remove)
            stack.callback(after.remove)
        yield parts


def _leave(meter: Meter, name: str, _module: nn.Module, _inputs: Any, output: Any) -> None:
    """An encoder has run; when a gradient comes back to its output, its backward begins."""
    meter.leave()
    for found in tree_leaves(output):
        if isinstance(found, Tensor) and found.requires_grad:
            found.register_hook(  # type: ignore[no-untyped-call]
                lambda _: meter.turn_to(name, "backward")
            )


@contextmanager
def _untouched(trained: nn.Module, batch: Mapping[str, Tensor]) -> Iterator[None]:
    """Parameters, gradients, buffers and random states are put back at the end."""
    gradients = [(parameter, parameter.grad) for parameter in trained.parameters()]
    buffers = [(buffer, buffer.clone()) for buffer in trained.buffers()]
    devices, _ = get_device_states(*batch.values())
    for parameter, _ in gradients:
        parameter.grad = None
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        for parameter, gradient in gradients:
            parameter.grad = gradient
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)
