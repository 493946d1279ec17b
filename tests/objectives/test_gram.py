import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given as from_strategy
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor

from isthmus.objectives import Objective
from isthmus.objectives.gram import GramVolume, adjugate_and_determinant
from isthmus.objectives.triangle import TriangleArea
from tests.objectives.batches import Given, batches, given
from tests.objectives.complete import complete
from tests.objectives.zoo import TRIPLE
from tests.reference.beyond_pairs import Score, area, contrast_of_shapes, softened, volume
from tests.reference.losses import Rows

PAIR = {"image": 1, "text": 1}
FOUR = {**TRIPLE, "depth": 1}
EPS = 0.1


def soft(score: Callable[[Rows, list[Rows]], float], factor: float = 1.0) -> Score:
    """Minus a softened volume over τ = 0.2; areas are halves of a softened root."""
    return lambda x, others: -softened(score(x, others) / factor, EPS) * factor / 0.2


VALUES: dict[str, tuple[Objective, dict[str, int], str, Score]] = {
    "two": (GramVolume(temperature=0.2, softening=EPS), PAIR, "image", soft(volume)),
    "three": (GramVolume(temperature=0.2, softening=EPS), TRIPLE, "image", soft(volume)),
    "four, anchored": (
        GramVolume(temperature=0.2, softening=EPS, anchor="audio"),
        FOUR,
        "audio",
        soft(volume),
    ),
    "triangle": (
        TriangleArea(temperature=0.2, softening=EPS, anchor="text"),
        TRIPLE,
        "text",
        soft(area, 0.5),
    ),
    "triangle, squared": (
        TriangleArea(temperature=0.2, squared=True),
        TRIPLE,
        "image",
        lambda x, others: -2 * area(x, others) ** 2 / 0.2,
    ),
}


@pytest.mark.parametrize("case", VALUES)
@settings(max_examples=20)
@from_strategy(data=st.data())
def test_values_equal_the_slow_reference(case: str, data: st.DataObject) -> None:
    objective, modalities, anchor, score = VALUES[case]
    batch = data.draw(batches(modalities))
    others = complete(batch, [name for name in modalities if name != anchor])
    expected = contrast_of_shapes(batch.set(anchor), others, score)
    assert batch.through(objective).total.item() == pytest.approx(expected, abs=1e-10)


def published_volume(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """√|det| of all Gram matrices at once."""
    rows = [z.expand(len(x), *z.shape) for z in (y, z)]
    stacked = torch.stack([x[:, None].expand_as(rows[0]), *rows], dim=2)
    return torch.linalg.det(stacked @ stacked.mT).abs().sqrt()


@pytest.mark.parametrize("softening", [1e-1, 1e-3, 1e-5])
@pytest.mark.parametrize("noise", [0.0, 1e-6, 1e-3, 1.0])
@pytest.mark.parametrize(
    ("make", "score", "bound"), [(GramVolume, volume, 1), (TriangleArea, area, 0.5)]
)
def test_softening_moves_the_loss_by_no_more_than_it_says(
    make: Callable[..., Objective], score: Score, bound: float, noise: float, softening: float
) -> None:
    base = given({"any": 1}, n=6, d=4).flat[0]
    batch = given(TRIPLE, n=6, d=4).each(lambda z: base + noise * z)
    anchor, *others = complete(batch, list(TRIPLE))
    published = contrast_of_shapes(anchor, others, lambda x, o: -score(x, o) / 0.1)
    value = batch.through(make(temperature=0.1, softening=softening)).total.item()
    assert abs(value - published) <= bound * softening / 0.1 + 1e-6  # rounding of √det itself


@pytest.mark.parametrize("make", [GramVolume, TriangleArea])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("noise", [0.0, 1e-8, 1e-6, 1e-5, 1e-4, 1e-2])
def test_gradients_stay_finite_and_small_as_modalities_come_to_agree(
    make: Callable[..., Objective], dtype: torch.dtype, noise: float
) -> None:
    base = torch.nn.functional.normalize(given({"any": 1}, n=8, d=6).flat[0], dim=1)
    batch = given(TRIPLE, n=8, d=6).each(lambda z: (base + noise * z).to(dtype).requires_grad_())
    total = batch.through(make(temperature=0.1)).total
    total.backward()
    # A volume changes by no more than a row does, so the loss by no more than 2 changes over τ.
    assert all(z.grad.isfinite().all() and z.grad.norm(dim=1).max() < 20 for z in batch.flat)


def test_the_root_that_is_not_softened_has_no_gradient_there() -> None:
    x = torch.nn.functional.normalize(given({"any": 1}, n=4).flat[0], dim=1).requires_grad_()
    published_volume(x, x.detach(), x.detach()).diagonal().sum().backward()
    assert not x.grad.isfinite().all()


@pytest.mark.parametrize("make", [GramVolume, TriangleArea])
@pytest.mark.parametrize("noise", [0.0, 1e-6, 1e-4])
def test_gradients_at_and_near_perfect_alignment_are_those_of_finite_differences(
    make: Callable[..., Objective], noise: float
) -> None:
    base = given({"any": 1}, n=4, d=5).flat[0]
    batch = given(TRIPLE, n=4, d=5).each(lambda z: (base + noise * z).requires_grad_())
    objective = make(temperature=0.2, softening=1e-2)
    assert torch.autograd.gradcheck(
        lambda *arrays: batch.of(list(arrays)).through(objective).total, batch.flat
    )


@pytest.mark.parametrize("make", [GramVolume, TriangleArea])
def test_training_moves_modalities_together(make: Callable[..., Objective]) -> None:
    batch = given(TRIPLE, n=6, d=6).each(lambda z: z.requires_grad_())
    objective = make(temperature=0.1)
    optimiser = torch.optim.Adam(batch.flat, lr=0.05)
    losses = []
    for _ in range(60):
        loss = batch.through(objective).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] > 1
    assert losses[-1] < 0.05


@from_strategy(k=st.integers(1, 5), rank=st.integers(1, 5), seed=st.integers(0, 1000))
def test_adjugate_and_determinant_hold_without_an_inverse(k: int, rank: int, seed: int) -> None:
    z = np.random.default_rng(seed).normal(size=(3, k, rank))
    gram = torch.from_numpy(z @ z.transpose(0, 2, 1))
    adjugate, determinant = adjugate_and_determinant(gram)
    scale = gram.norm().item() ** k
    torch.testing.assert_close(determinant, torch.linalg.det(gram), rtol=1e-9, atol=1e-12 * scale)
    for matrix, found in zip(gram.numpy(), adjugate.numpy(), strict=True):
        for i in range(k):
            for j in range(k):
                minor = np.delete(np.delete(matrix, j, axis=0), i, axis=1)
                cofactor = (-1) ** (i + j) * (np.linalg.det(minor) if k > 1 else 1.0)
                assert found[i, j] == pytest.approx(cofactor, abs=1e-11 * max(scale, 1))


@pytest.mark.parametrize("make", [GramVolume, TriangleArea])
def test_a_softening_that_is_none_is_refused(make: Callable[..., Objective]) -> None:
    with pytest.raises(ValueError, match="softening must be more than 0; found 0"):
        make(softening=0.0)


def test_two_modalities_compare_by_the_sine_of_their_angle() -> None:
    angles = torch.tensor([0.1, 0.7, 2.0], dtype=torch.float64)
    x = torch.tensor([[1.0, 0.0]]).double().expand(3, 2)
    y = torch.stack([angles.cos(), angles.sin()], dim=1)
    groups = torch.zeros(3, dtype=torch.long)
    terms = GramVolume(temperature=1.0, softening=1e-9)({"x": x, "y": y}, groups=groups)
    scores = -angles.sin()
    rows = scores.logsumexp(0) - scores.mean()  # every x sees the same three
    columns = math.log(3)
    assert terms.total.item() == pytest.approx((rows.item() + columns) / 2, abs=1e-8)


@pytest.mark.parametrize("make", [GramVolume, TriangleArea])
def test_duplicates_that_are_said_to_be_one_item_are_not_pushed_apart(
    make: Callable[..., Objective],
) -> None:
    def loss(groups: Tensor | None, second: int) -> float:
        """Of five items, the second of which has the rows of the first, or rows of its own."""
        places = torch.tensor([0, second, 1, 2, 3])
        own = 0.3 * torch.eye(8).double()[5:]  # what each modality adds to its items' rows
        rows = {name: (torch.eye(5, 8).double()[places] + own[k],) for k, name in enumerate(TRIPLE)}
        return Given(rows, groups).through(make(temperature=0.02)).total.item()

    told = torch.tensor([0, 0, 1, 2, 3])
    assert loss(told, 0) < loss(told, 4) - 0.1
    assert loss(None, 0) > loss(None, 4) + 0.1
