"""A step of CoMM, each modality encoded once and each block of scores computed once, is the plain
one: encoders run anew for every mask, all scores dense."""

from collections.abc import Callable, Mapping, Sequence

import pytest
import torch
from torch import Tensor

from benchmarks.comm_dense import dense_loss, embedded_anew, nt_xent
from isthmus.models import Fusion
from isthmus.objectives import CoMM
from tests.models.fusion_support import KINDS, NAMES, batch, fusion

Loss = Callable[[Fusion, Sequence[Mapping[str, Tensor]]], Tensor]


def released(model: Fusion, views: Sequence[Mapping[str, Tensor]]) -> Tensor:
    return dense_loss(*embedded_anew(model, views))


def paper(model: Fusion, views: Sequence[Mapping[str, Tensor]]) -> Tensor:
    """L + Σ L_i: each modality alone, as it is in the first view, against the two fused ones."""
    alone, first, second = embedded_anew(model, views)
    loss = nt_xent(first[-1], second[-1])
    for z in alone[:-1]:
        loss = loss + (nt_xent(z, first[-1]) + nt_xent(z, second[-1])) / 2
    return loss


def in_views(given: Mapping[str, Tensor], count: int) -> list[dict[str, Tensor]]:
    """A batch as one mapping for each view; padding is the same in all."""
    return [
        {
            key.removesuffix(f"/{k}"): x
            for key, x in given.items()
            if key.endswith("/valid") or (key.endswith(f"/{k}") if k else "/" not in key)
        }
        for k in range(count)
    ]


@pytest.mark.parametrize("norm", ["layer", "batch"])
@pytest.mark.parametrize("names", [NAMES[:2], NAMES], ids=len)
@pytest.mark.parametrize("kind", ["attention", "cross-attention", "linear"])
@pytest.mark.parametrize(
    ("objective", "plain", "views"),
    [(CoMM(), released, 2), (CoMM(form="paper"), paper, 3)],
    ids=["released", "paper"],
)
def test_loss_and_gradients_are_those_of_the_plain_formulation(
    objective: CoMM, plain: Loss, views: int, kind: str, names: tuple[str, ...], norm: str
) -> None:
    assert kind in KINDS
    model = fusion(kind, names, norm=norm).double()
    given = batch(views=views, names=names)
    given = {key: x if x.dtype is torch.bool else x.double() for key, x in given.items()}
    found = []
    for loss in (objective(model(given)).total, plain(model, in_views(given, views))):
        found.append((loss, torch.autograd.grad(loss, list(model.parameters()))))
    (ours, own), (theirs, its) = found
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)
    assert all(gradient.any() for gradient in its)
    for (name, _), one, other in zip(model.named_parameters(), own, its, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-9, msg=lambda m, n=name: n + m)
