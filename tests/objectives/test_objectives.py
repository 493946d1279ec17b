import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from isthmus.objectives import (
    CloseGap,
    InfoNCE,
    Piecewise,
    align_true_pairs,
    centroid_uniformity,
)
from tests.reference import losses as reference

NAMES = ("image", "text", "audio")


def batch(n: int = 6, d: int = 4, modalities: int = 2, seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(modalities, n, d, dtype=torch.float64, generator=generator)
    return dict(zip(NAMES[:modalities], rows, strict=False))


def test_gradient_of_the_temperature_is_that_of_finite_differences() -> None:
    loss = InfoNCE(temperature=0.3, learnable=True).double().eval()
    rows = batch()

    def total(log_scale: Tensor) -> Tensor:
        return torch.func.functional_call(loss, {"tau.log_scale": log_scale}, (rows,)).total

    assert torch.autograd.gradcheck(total, (torch.tensor(1.2).double().requires_grad_(),))


@given(
    n=st.integers(2, 9),
    d=st.integers(2, 6),
    modalities=st.integers(2, 3),
    groups=st.integers(1, 9),
    seed=st.integers(0, 2**16),
)
def test_values_equal_the_slow_reference(
    n: int, d: int, modalities: int, groups: int, seed: int
) -> None:
    rows = batch(n, d, modalities, seed)
    ids = np.random.default_rng(seed).integers(groups, size=n)
    arrays = [z.numpy() for z in rows.values()]
    terms = CloseGap(temperature=0.2, anchor=NAMES[1])(rows, groups=torch.from_numpy(ids)).values
    pairs = [(a, b) for i, a in enumerate(arrays) for b in arrays[i + 1 :]]
    expected = np.mean([reference.info_nce(a, b, 0.2, ids) for a, b in pairs])
    assert terms["info_nce"].item() == pytest.approx(expected, abs=1e-10)
    assert terms["align"].item() == pytest.approx(reference.align_true_pairs(arrays, 1), abs=1e-10)
    if len(set(ids)) > 1:
        expected = reference.centroid_uniformity(arrays, ids, renormalise=True)
        assert terms["centroid_uniformity"].item() == pytest.approx(expected, abs=1e-10)


def test_total_is_the_weighted_sum_of_its_terms() -> None:
    loss = CloseGap(contrastive_weight=0.5, align_weight=2.0, uniformity_weight=3.0)(batch())
    values = loss.floats()
    expected = 0.5 * values["info_nce"] + 2 * values["align"] + 3 * values["centroid_uniformity"]
    assert values["loss"] == pytest.approx(expected)


def test_paper_form_of_centroid_uniformity_differs_by_log_b_minus_one() -> None:
    rows = {name: nn.functional.normalize(z, dim=1) for name, z in batch().items()}
    mean = torch.stack(list(rows.values())).mean(0)
    potentials = torch.exp(-2 * torch.cdist(mean, mean) ** 2)
    paper = torch.log((potentials.sum() - 6) / 6)
    ours = centroid_uniformity(rows, renormalise=False)
    assert paper.item() - ours.item() == pytest.approx(math.log(5), abs=1e-9)


def test_learnable_temperature_receives_a_gradient_and_moves() -> None:
    loss = InfoNCE(temperature=0.07, learnable=True)
    optimiser = torch.optim.SGD(loss.parameters(), lr=0.1)
    assert [name for name, _ in loss.named_parameters()] == ["tau.log_scale"]
    rows = {name: z.float() for name, z in batch().items()}
    before = loss.temperature
    loss(rows).total.backward()
    assert loss.tau.log_scale is not None
    assert loss.tau.log_scale.grad is not None
    assert loss.tau.log_scale.grad.abs() > 1e-3
    optimiser.step()
    assert abs(loss.temperature - before) > 1e-3


def test_fixed_temperature_has_no_parameter() -> None:
    assert not list(InfoNCE(temperature=0.1).parameters())
    assert not list(CloseGap().parameters())


def test_temperature_pushed_out_of_bounds_is_put_back_and_can_return() -> None:
    loss = InfoNCE(temperature=0.05, learnable=True, bounds=(0.02, 0.5))
    assert loss.tau.log_scale is not None
    with torch.no_grad():
        loss.tau.log_scale.fill_(math.log(1 / 0.001))
    rows = {name: z.float() for name, z in batch().items()}
    loss(rows).total.backward()
    assert loss.temperature == pytest.approx(0.02)
    assert loss.tau.log_scale.grad is not None
    assert loss.tau.log_scale.grad.abs() > 0


def test_scale_of_the_rows_does_not_matter() -> None:
    rows = batch()
    scaled = {name: z * torch.rand(6, 1).double().add(0.1) for name, z in rows.items()}
    assert CloseGap()(rows).total.item() == pytest.approx(CloseGap()(scaled).total.item())


def test_alignment_without_repulsion_is_zero_at_collapse() -> None:
    point = torch.ones(5, 3)
    assert align_true_pairs({"image": point, "text": point}).item() == 0
    assert centroid_uniformity({"image": point, "text": point}).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_narrow_dtypes_give_finite_losses_and_gradients(dtype: torch.dtype) -> None:
    rows = {name: z.to(dtype).requires_grad_() for name, z in batch().items()}
    loss = CloseGap()(rows).total
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(z.grad).all() for z in rows.values())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: InfoNCE()({"image": torch.eye(2)}), "at least two modalities"),
        (lambda: InfoNCE()({"a": torch.eye(2), "b": torch.eye(3)}), "one shape"),
        (lambda: InfoNCE()({"a": torch.ones(2), "b": torch.ones(2)}), "one shape"),
        (lambda: InfoNCE(temperature=0.0), "temperature"),
        (lambda: InfoNCE(temperature=2.0), "temperature"),
        (lambda: CloseGap(anchor="sound")(batch()), "no modality 'sound'"),
    ],
)
def test_wrong_input_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_views_in_spaces_of_their_own_may_have_other_widths() -> None:
    rows, wide = batch(d=4), torch.randn(6, 9, dtype=torch.float64)
    loss = InfoNCE()({"image": (rows["image"], wide, wide), "text": rows["text"]})
    assert loss.floats() == InfoNCE()(rows).floats()


def test_rows_of_absent_items_do_not_matter_and_get_no_gradient() -> None:
    rows, have = batch(modalities=3), torch.tensor([True, False, True, True, False, True])
    spoilt = {**rows, "audio": rows["audio"].clone()}
    spoilt["audio"][~have] = math.nan
    spoilt["audio"].requires_grad_()
    found = CloseGap()(spoilt, mask={"audio": have})
    found.total.backward()
    assert found.floats() == CloseGap()(rows, mask={"audio": have}).floats()
    assert spoilt["audio"].grad is not None
    assert (spoilt["audio"].grad[~have] == 0).all()
    assert (spoilt["audio"].grad[have] != 0).any()


def test_an_item_of_weight_two_counts_as_two_anchors() -> None:
    rows = batch(n=3)
    weights = torch.tensor([1.0, 2.0, 0.0], dtype=torch.float64)
    z = {name: nn.functional.normalize(x, dim=1) for name, x in rows.items()}
    scores = z["image"] @ z["text"].T / 0.07
    anchors = torch.tensor([0, 1, 1])
    ways = [nn.functional.cross_entropy(s[anchors], anchors) for s in (scores, scores.T)]
    expected = (ways[0] + ways[1]) / 2
    assert InfoNCE()(rows, weights=weights).total.item() == pytest.approx(expected.item())


def test_schedules_follow_the_progress_of_the_run() -> None:
    loss = CloseGap.scheduled()
    start, end = (loss.at(progress)(batch()).floats() for progress in (0.0, 1.0))
    assert start["loss"] == pytest.approx(sum(v for name, v in start.items() if name != "loss"))
    assert end["loss"] == pytest.approx(end["info_nce"] + 2 * end["align"])
    cooling = InfoNCE(temperature=Piecewise((0.0, 0.1), (1.0, 0.05)))
    assert cooling.at(0.5).temperature == pytest.approx(0.075)
