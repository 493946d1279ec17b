"""What dominates a training step: encoders, loss, gather or optimiser, in time and in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import get_device_states

from ..errors import InputError
from ..objectives import Batch, Objective
from ..objectives.gather import world_size
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
        stands in. Encoders in a `ModuleDict` called `encoders`, as in `Towers`, are told apart;
        otherwise the towers are one part. Not wrapped for distributed training.
    objective:
        Any objective.
    batch:
        Name → (B, …) tensor, on the device of the towers. Take the size to train at.
    groups:
        As in `Objective`.
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
    embeddings before the loss, whose result the loss holds. The backward of what surrounds the
    encoders is timed with the encoders'. Regions under `torch.utils.checkpoint` hold nothing.

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
    with _untouched(trained, batch), _charged(towers, meter) as names:

        def step() -> None:
            trained.zero_grad()
            _step(towers, objective, batch, groups, names, meter)

        with meter.holding_run():
            step()
        for _ in range(repeats):
            with meter.timed_run():
                step()
        last = _optimiser(trained, optimizer, repeats, device)
    encoders = list(dict.fromkeys([*names.values(), REST if names else TOWERS]))
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
    batch: Mapping[str, Tensor],
    groups: Tensor | None,
    names: Mapping[str, str],
    meter: Meter,
) -> None:
    """Forward and backward, the graph cut at the embeddings."""
    rest = REST if names else TOWERS
    with meter.part(rest, "forward"):
        found = towers(batch)
    views = {n: (z,) if isinstance(z, Tensor) else tuple(z) for n, z in found.items()}
    leaves = {n: tuple(z.detach().requires_grad_() for z in zs) for n, zs in views.items()}
    if world_size() > 1:
        with meter.part("gather", "forward"), torch.no_grad():
            Batch.of(leaves, groups=groups)
    with meter.part("loss", "forward"):
        terms = objective(leaves, groups=groups)
    with meter.part("loss", "backward"):
        terms.total.backward()
    for name, zs in views.items():
        pairs = [
            (z, leaf.grad)
            for z, leaf in zip(zs, leaves[name], strict=True)
            if z.requires_grad and leaf.grad is not None
        ]
        with meter.part(names.get(name, rest), "backward"):
            if pairs:  # modalities may share a part of the graph
                rows, gradients = zip(*pairs, strict=True)
                torch.autograd.backward(rows, gradients, retain_graph=len(views) > 1)


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
def _charged(towers: nn.Module, meter: Meter) -> Iterator[dict[str, str]]:
    """Charge encoders as they run; modality → name of its part, empty without encoders."""
    encoders = getattr(towers, "encoders", None)
    modules: dict[nn.Module, list[str]] = {}
    if isinstance(encoders, nn.ModuleDict):
        for modality, module in encoders.items():
            modules.setdefault(module, []).append(modality)
    with ExitStack() as stack:
        parts = {}
        for module, modalities in modules.items():
            name = f"encoder {' and '.join(modalities)}"
            parts.update(dict.fromkeys(modalities, name))
            before = module.register_forward_pre_hook(
                lambda *_, name=name: meter.enter(name, "forward")
            )
            after = module.register_forward_hook(lambda *_: meter.leave(), always_call=True)
            stack.callback(before.remove)
            stack.callback(after.remove)
        yield parts


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
