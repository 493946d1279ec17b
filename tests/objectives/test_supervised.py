"""Supervised learning of targets: against torch's losses, on ranks, and refused where wrong."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, distributed
from torch.multiprocessing.spawn import spawn
from torch.nn import functional

from isthmus.models import Towers
from isthmus.objectives import CachedStep, InfoNCE, Supervised, WeightedSum

N, D, K = 7, 5, 3


def rows(seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(N, D, generator=generator, dtype=torch.float64)


def made(kind: Any = "classes", **options: Any) -> Supervised:
    torch.manual_seed(0)
    return Supervised(outputs=K, width=D, kind=kind, **options).double()


CLASSES = torch.arange(N) % K
LABELS = (rows(1)[:, :K] > 0).long()
NUMBERS = rows(2)[:, :K]

CASES: dict[str, tuple[Tensor, Callable[[Tensor, Tensor], Tensor]]] = {
    "classes": (CLASSES, functional.cross_entropy),
    "labels": (LABELS, lambda z, y: functional.binary_cross_entropy_with_logits(z, y.double())),
    "regression": (NUMBERS, functional.mse_loss),
}


@pytest.mark.parametrize("kind", CASES)
def test_it_is_the_loss_of_a_linear_map_of_unit_rows(kind: str) -> None:
    targets, loss = CASES[kind]
    objective, z = made(kind), rows()
    told = objective.head(functional.normalize(z, dim=1) * D**0.5)
    terms = objective({"fused": z}, targets=targets)
    torch.testing.assert_close(terms.total, loss(told, targets))
    assert terms.floats() == {"loss": terms.total.item(), "supervised": terms.total.item()}


def test_only_what_is_chosen_tells_and_only_of_items_that_have_it() -> None:
    fused = {"fused": rows(), "image": rows(3), "text": rows(4)}
    alone = made(modalities=["fused"])({"fused": rows()}, targets=CLASSES).total
    assert made(modalities=["fused"])(fused, targets=CLASSES).total == alone

    have = torch.arange(N) < 4
    some = made()({"image": rows(), "text": rows(3)}, mask={"text": have}, targets=CLASSES)
    both = [
        made()({"image": z[:n]}, targets=CLASSES[:n]).total * n
        for z, n in ((rows(), N), (rows(3), 4))
    ]
    torch.testing.assert_close(some.total, sum(both) / (N + 4))


def test_weights_of_items_count() -> None:
    weights = torch.tensor([2.0, 0, 0, 1, 0, 0, 0])
    found = made()({"image": rows()}, targets=CLASSES, weights=weights).total
    one, other = (made()({"image": rows()[[k]]}, targets=CLASSES[[k]]).total for k in (0, 3))
    torch.testing.assert_close(found, (2 * one + other) / 3)


def test_it_is_a_term_beside_others() -> None:
    z = {"image": rows(), "text": rows(3)}
    both = WeightedSum({"contrast": InfoNCE(), "told": made()}, {"told": 0.5})
    expected = InfoNCE()(z).total + 0.5 * made()(z, targets=CLASSES).total
    torch.testing.assert_close(both(z, targets=CLASSES).total, expected)


def test_it_learns_in_chunks() -> None:
    gradients = []
    for chunk in (N, 2):
        objective, towers = made(), Towers({"image": torch.nn.Linear(D, D)}).double()
        torch.nn.init.eye_(towers.encoders["image"].weight)  # type: ignore[arg-type]
        torch.nn.init.zeros_(towers.encoders["image"].bias)  # type: ignore[arg-type]
        CachedStep(towers, objective, chunk=chunk)({"image": rows()}, targets=CLASSES)
        gradients.append([p.grad for p in (*towers.parameters(), *objective.parameters())])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    ("kind", "targets", "message"),
    [
        ("classes", None, "Supervised needs targets"),
        ("classes", CLASSES.float(), "classes must be integers; found torch.float32"),
        ("classes", CLASSES + 1, r"from 0 to 2; found 3 in row 2"),
        ("classes", LABELS, r"of kind 'classes' must be \(7,\); found \(7, 3\)"),
        ("classes", CLASSES[:-1], r"targets must be \(7,\) or \(7, K\); found \(6,\)"),
        ("labels", NUMBERS, "targets must be 0 or 1; found"),
        ("labels", LABELS[:, :2], r"must be \(7, 3\); found \(7, 2\)"),
        ("regression", NUMBERS.log(), "targets must be finite; found .*nan.* in row"),
    ],
)
def test_targets_that_do_not_fit_are_refused(kind: str, targets: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(kind)({"image": rows()}, targets=targets)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Supervised(outputs=1, width=3), "outputs must be at least 2, and width 1"),
        (lambda: Supervised(outputs=2, width=0), "outputs must be at least 2, and width 1"),
        (lambda: made("class"), "kind must be 'classes', 'labels' or 'regression'"),
        (
            lambda: made(modalities=["fused"])({"image": rows()}, targets=CLASSES),
            r"no modality 'fused' to tell from; found \['image'\]",
        ),
        (
            lambda: made()({"image": rows()[:, :4]}, targets=CLASSES),
            "embeddings of 'image' have width 4; this objective was made for 5",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


SHARES = (slice(0, 5), slice(5, N))


def _on_rank(rank: int, folder: str) -> None:
    distributed.init_process_group("gloo", f"file://{folder}/meet", rank=rank, world_size=2)
    own = SHARES[rank]
    objective, z = made(), rows()[own].requires_grad_()
    terms = objective({"image": z}, targets=CLASSES[own])
    terms.total.backward()
    problems = []
    for targets in (CLASSES[own] if rank else None, NUMBERS[own] if rank else CLASSES[own]):
        try:
            objective({"image": z}, targets=targets)
        except ValueError as error:
            problems.append(str(error))
    assert z.grad is not None
    found = (terms.total.detach(), z.grad / 2, objective.head.weight.grad, problems)
    torch.save(found, Path(folder) / f"{rank}.pt")
    distributed.destroy_process_group()


def test_targets_of_all_ranks_are_learnt_as_those_of_one() -> None:
    objective, z = made(), rows().requires_grad_()
    total = objective({"image": z}, targets=CLASSES).total
    total.backward()
    with tempfile.TemporaryDirectory() as folder:
        spawn(_on_rank, (folder,), nprocs=2)
        found = [torch.load(Path(folder) / f"{rank}.pt") for rank in range(2)]
    assert z.grad is not None
    for share, (loss, gradient, head, problems) in zip(SHARES, found, strict=True):
        torch.testing.assert_close(loss, total.detach())
        torch.testing.assert_close(gradient, z.grad[share])
        torch.testing.assert_close(head, objective.head.weight.grad)
        assert [p.partition(";")[0] for p in problems] == ["targets must be alike on all ranks"] * 2
