"""That a loss is the same on any number of ranks."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.multiprocessing.spawn import spawn

from ..objectives import Objective

WIDTH = 6
"""D of the embeddings that a proof compares."""

Key = TypeVar("Key", bound=Hashable)

_INPUT = 5  # width of what the towers see


@dataclass(frozen=True)
class Situation:
    """A batch, and how its items are spread over ranks.

    Attributes
    ----------
    modalities:
        Name → number of augmented views.
    shares:
        World size → rows on each rank.
    groups:
        (N,) group ids, or None.
    weighted:
        Whether items have weights.
    lacking:
        A modality that the first rank's items lack, or None.
    """

    modalities: Mapping[str, int]
    shares: Mapping[int, Sequence[int]]
    groups: tuple[int, ...] | None = None
    weighted: bool = False
    lacking: str | None = None

    @property
    def rows(self) -> int:
        """N, items in all."""
        return sum(next(iter(self.shares.values())))


_UNEVEN = {1: (11,), 2: (7, 4), 4: (4, 1, 3, 3)}


def situations(modalities: Mapping[str, int]) -> dict[str, Situation]:
    """Even and uneven shares, duplicates across ranks, weights, a modality that a rank lacks."""
    last = list(modalities)[-1]
    found = {
        "even": Situation(modalities, {1: (12,), 2: (6, 6), 4: (3, 3, 3, 3)}),
        "uneven, one rank empty": Situation(modalities, {1: (9,), 2: (9, 0), 4: (4, 0, 3, 2)}),
        "groups and weights": Situation(
            modalities, _UNEVEN, groups=(0, 1, 2, 0, 3, 4, 4, 0, 5, 2, 6), weighted=True
        ),
    }
    if len(modalities) > 1:
        found["a rank lacks a modality"] = Situation(modalities, _UNEVEN, lacking=last)
    return found


@dataclass(frozen=True)
class Gradients:
    """The loss, and the gradient of every parameter by name."""

    loss: Tensor
    parameters: Mapping[str, Tensor] = field(default_factory=dict)


def assert_distributed_equal(
    objective: Objective,
    *,
    modalities: Sequence[str] | Mapping[str, int] = ("image", "text"),
    world_sizes: Sequence[int] = (2, 4),
    tolerance: float = 1e-6,
) -> None:
    """Fail unless an objective's loss and gradients are the same at any number of ranks.

    Linear towers and the objective are trained for one step in one process, and by distributed
    data parallelism (gloo, on this machine) with the items spread over ranks: evenly, unevenly
    with an empty rank, with groups that cross ranks and weights, and with a rank that lacks a
    modality. Compared are the loss on every rank, the gradient of every tower, and that of every
    parameter of the objective, such as its temperature, in double precision.

    Parameters
    ----------
    objective:
        An objective, as it is before training. New processes are started: a script needs
        `if __name__ == "__main__":` around the call.
    modalities:
        Names; or name → number of views, for objectives that compare augmented views.
    world_sizes:
        Of 1, 2 and 4.
    tolerance:
        Largest relative difference, ‖g − g₁‖ / ‖g₁‖.

    Raises
    ------
    AssertionError
        Naming world size, situation and parameter.
    """
    views = modalities if isinstance(modalities, Mapping) else dict.fromkeys(modalities, 1)
    cases = {name: (objective, found) for name, found in situations(views).items()}
    for world in world_sizes:
        for name, (one, several) in gradients_beside(cases, world).items():
            compare(one, several, tolerance, f"{name}, {world} ranks")


def compare(one: Gradients, several: Sequence[Gradients], tolerance: float, where: str) -> None:
    """Fail unless every rank has the loss and gradients of one process."""
    for rank, found in enumerate(several):
        pairs = {"loss": (one.loss, found.loss)}
        pairs |= {n: (g, found.parameters[n]) for n, g in one.parameters.items()}
        for name, (expected, value) in pairs.items():
            size = max(float(expected.norm()), 1e-9)
            difference = float((value - expected).norm()) / size
            if not difference <= tolerance:
                raise AssertionError(
                    f"{where}, rank {rank}: {name} differs by {difference:.2g} of its size from "
                    f"that of one process (at most {tolerance:g} is allowed)"
                )


def gradients_beside(
    cases: Mapping[Key, tuple[Objective, Situation]], world: int
) -> dict[Key, tuple[Gradients, list[Gradients]]]:
    """Every case in one process, and on every rank of `world` processes."""
    alone = {key: _gradients(objective, found, 0, 1) for key, (objective, found) in cases.items()}
    with tempfile.TemporaryDirectory() as folder:
        spawn(_rank, (world, folder, list(cases.values())), nprocs=world)  # type: ignore[no-untyped-call]
        ranks = [torch.load(Path(folder) / f"{rank}.pt") for rank in range(world)]
    return {
        key: (one, [Gradients(*found[k]) for found in ranks])
        for k, (key, one) in enumerate(alone.items())
    }


def _rank(rank: int, world: int, folder: str, cases: Sequence[tuple[Objective, Situation]]) -> None:
    torch.set_num_threads(1)
    store = f"file://{folder}/store"
    distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=world)
    try:
        found = [_gradients(*case, rank, world) for case in cases]
        torch.save([(g.loss, dict(g.parameters)) for g in found], Path(folder) / f"{rank}.pt")
    finally:
        distributed.destroy_process_group()


class _Step(nn.Module):
    """Linear towers and an objective."""

    def __init__(self, objective: Objective, modalities: Mapping[str, int]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.towers = nn.ModuleDict({name: nn.Linear(_INPUT, WIDTH) for name in modalities})
        self.objective = copy.deepcopy(objective)
        self.double()

    def forward(
        self,
        inputs: Mapping[str, Tensor],
        groups: Tensor | None,
        weights: Tensor | None,
        mask: Mapping[str, Tensor] | None,
    ) -> Tensor:
        embeddings = {}
        for name, x in inputs.items():
            views = tuple(self.towers[name](view) for view in x)
            embeddings[name] = views[0] if len(views) == 1 else views
        total: Tensor = self.objective(embeddings, groups=groups, weights=weights, mask=mask).total
        return total


def _gradients(objective: Objective, found: Situation, rank: int, world: int) -> Gradients:
    generator = torch.Generator().manual_seed(1)
    rows = {
        name: torch.randn(views, found.rows, _INPUT, generator=generator, dtype=torch.float64)
        for name, views in found.modalities.items()
    }
    weights = torch.rand(found.rows, generator=generator, dtype=torch.float64)
    start = sum(found.shares[world][:rank])
    own = slice(start, start + found.shares[world][rank])
    absent = found.shares[max(found.shares)][0] if found.lacking else 0
    mask = None
    inputs = {name: x[:, own] for name, x in rows.items()}
    if found.lacking:
        mask = {found.lacking: (torch.arange(found.rows) >= absent)[own]}
        if not mask[found.lacking].any():
            del inputs[found.lacking], mask[found.lacking]
    step = _Step(objective, found.modalities)
    model: nn.Module = step
    if world > 1:
        model = nn.parallel.DistributedDataParallel(
            step, find_unused_parameters=found.lacking is not None
        )
    groups = None if found.groups is None else torch.tensor(found.groups)[own]
    loss = model(inputs, groups, weights[own] if found.weighted else None, mask)
    loss.backward()
    named = step.named_parameters()
    return Gradients(
        loss.detach(), {n: torch.zeros_like(p) if p.grad is None else p.grad for n, p in named}
    )
