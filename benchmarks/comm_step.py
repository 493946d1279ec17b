"""A training step of CoMM against its plain formulation, as ratios in one run.

    python benchmarks/comm_step.py [--batch 64] [--side 224] [--turns 3]

Two modalities of pictures, AlexNet for each, an attention fuser of width 512 and the published
projector; the same weights, views, AdamW and rate for everyone. The plain formulation
(`comm_dense.py`) encodes the modalities of every mask anew in every view, makes dense 2N x 2N
scores for every term, and the term of the whole twice. Between the two: each modality encoded
once, scores still dense.

All of them take turns, in changing order, one step each, in one process, after a small one to warm
up: medians of the ratios within a turn (lowest to highest), of processor time first, which a busy
machine disturbs less. Throughput is the inverse. Memory is what torch's allocator had given out at
the peak of a step, and the resident peak, in processes of their own.
"""

from __future__ import annotations

import argparse
import copy
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import chain

import torch
from comm_dense import TEMPERATURE, dense_loss, embedded_anew
from meters import allocated, clocks, compare, passed, peak
from torch import Tensor, nn
from torch.nn import functional

from isthmus.models import AttentionFuser, Fusion, PatchAdapter, Projector
from isthmus.models.alex_net import AlexNetMap
from isthmus.models.inputs import view_key
from isthmus.objectives import CoMM

NAMES = ("first", "second")
PLAIN = "plain: encoded for every mask, dense"
ONCE = "encoded once, dense"
OURS = "Fusion and CoMM"
Views = Sequence[Mapping[str, Tensor]]


def fusion(width: int = 512, channels: int = 64, maps: int = 256) -> Fusion:
    torch.manual_seed(0)
    return Fusion(
        {name: AlexNetMap(dimension=maps, width=channels) for name in NAMES},
        adapters={name: PatchAdapter(inputs=maps, width=width) for name in NAMES},
        fuser=AttentionFuser(width=width, heads=8),
        projector=Projector(inputs=width, widths=(512, 512), dimension=256, norm="batch"),
    )


def pictures(batch: int, side: int) -> list[dict[str, Tensor]]:
    """Two views of both modalities."""
    generator = torch.Generator().manual_seed(1)
    shape = batch, 3, side, side
    return [{n: 255 * torch.rand(shape, generator=generator) for n in NAMES} for _ in range(2)]


def loss_of(who: str, model: Fusion, views: Views) -> Tensor:
    if who == PLAIN:
        return dense_loss(*embedded_anew(model, views))
    batch = {view_key(n, k): view[n] for k, view in enumerate(views) for n in NAMES}
    found = model(batch)
    if who == OURS:
        return CoMM(temperature=TEMPERATURE)(found).total
    return dense_loss(*zip(*found.values(), strict=True))


def steps(who: str, model: Fusion, views: Views) -> Callable[[], float]:
    """A step of training of a copy of the model; returns the loss."""
    own = copy.deepcopy(model)
    optimiser = torch.optim.AdamW(own.parameters(), lr=3e-4)

    def step() -> float:
        loss = loss_of(who, own, views)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss.item()

    return step


def equality(batch: int, side: int, dtype: torch.dtype, **sizes: int) -> None:
    """Loss and gradients of all parameters, of the plain formulation and ours."""
    model = fusion(**sizes).to(dtype)
    for encoder in model.encoders.values():
        encoder[0] = nn.Identity()  # in place of what makes pixels single precision
    views = [
        {name: x.to(dtype) / 127.5 - 1 for name, x in view.items()}
        for view in pictures(batch, side)
    ]
    found = []
    for who in (PLAIN, OURS):
        loss = loss_of(who, model, views)
        found.append((loss.item(), torch.autograd.grad(loss, list(model.parameters()))))
    (theirs, its), (ours, own) = found
    whole = nn.utils.parameters_to_vector(its)
    apart = (nn.utils.parameters_to_vector(own) - whole).norm() / whole.norm()
    silent = sum(not g.any() for g in chain(its, own))
    print(
        f"  {str(dtype).removeprefix('torch.')}, {batch} items, side {side}: loss {ours:.9f} and "
        f"{theirs:.9f}, {abs(ours - theirs):.1e} apart; gradients {apart:.1e} of their norm "
        f"apart, {silent} of {len(its)} parameters without any"
    )


def in_turns(works: Mapping[str, Callable[[], object]], turns: int) -> None:
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for turn in range(turns):
        for name in list(works)[:: 1 if turn % 2 else -1]:
            since = clocks()
            works[name]()
            times[name].append(passed(since))
    compare(times, PLAIN)


def whole_steps(given: argparse.Namespace) -> None:
    model, views = fusion(), pictures(given.batch, given.side)
    losses: dict[str, list[float]] = {name: [] for name in (PLAIN, ONCE, OURS)}
    own = {name: steps(name, model, views) for name in losses}
    for name in losses:
        loss_of(name, model, [{n: x[:4] for n, x in view.items()} for view in views]).backward()
    print(f"A whole step, {given.batch} items, side {given.side}, {given.turns} turns:")
    in_turns(
        {name: lambda name=name: losses[name].append(own[name]()) for name in losses}, given.turns
    )
    for name in (ONCE, OURS):
        apart = abs(losses[name][0] - losses[PLAIN][0])
        print(f"  loss, {name}: {losses[name][0]:.9f}, {apart:.1e} from that of the plain one")
    for name in losses:
        command = [sys.executable, __file__, "--one", name]
        command += ["--batch", str(given.batch), "--side", str(given.side)]
        output = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        tensors, resident = json.loads(output)
        print(f"  {name}: {tensors:,.0f} MiB of tensors at the peak; resident {resident:,.0f} MiB")


def objective_alone(batch: int, turns: int, width: int = 256) -> None:
    """Forward and backward of the loss, of three pairs of sets of rows."""
    generator = torch.Generator().manual_seed(2)
    rows = torch.randn(6, batch, width, generator=generator).requires_grad_()

    def loss(who: str) -> Tensor:
        z = functional.normalize(rows, dim=2)
        if who == PLAIN:  # of rows that are there already
            return dense_loss(z[:3].unbind(), z[3:].unbind())
        names = (*NAMES, "fused")
        pairs = {name: (z[k], z[3 + k]) for k, name in enumerate(names)}
        return CoMM(temperature=TEMPERATURE)(pairs).total

    print(f"The objective alone, {batch:,} items, D = {width}, {turns} turns:")
    works = {name: lambda name=name: loss(name).backward() for name in (PLAIN, OURS)}
    for work in works.values():
        work()
    in_turns(works, turns)
    for name in (PLAIN, OURS):
        tensors = allocated(works[name])
        print(f"  {name}: {tensors:,.1f} MiB of tensors at the peak")


def one(given: argparse.Namespace) -> None:
    """Print the peak of tensors and the resident one, in MiB, as JSON."""
    tensors = allocated(steps(given.one, fusion(), pictures(given.batch, given.side)))
    print(json.dumps([tensors, peak()]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(given)
        return
    print(f"CPU, {torch.get_num_threads()} threads, float32", flush=True)
    print("Equality, plain and ours:")
    for dtype in (torch.float64, torch.float32):
        equality(8, 64, dtype, width=32, channels=8, maps=16)
    for batch, turns in ((64, 50), (256, 15), (1024, 3)):
        objective_alone(batch, turns)
    whole_steps(given)


if __name__ == "__main__":
    main()
