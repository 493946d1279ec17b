import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given as from_strategy
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from isthmus.metrics import l2m
from isthmus.objectives import Objective
from isthmus.objectives.align_clip import AlignCLIP, IntraModalitySeparation
from isthmus.objectives.contrastive_gap import ContrastiveGap, CrossUniformity
from isthmus.objectives.gap_target import GapTarget
from isthmus.objectives.modality_uniformity import ModalityUniformity
from tests.objectives.batches import Given, batches, given, situations
from tests.objectives.complete import complete
from tests.objectives.zoo import TRIPLE
from tests.reference import beyond_pairs as reference
from tests.reference.losses import Rows
from tests.reference.nt_xent import info_nce

NAMES = list(TRIPLE)
PAIR = {"image": 1, "text": 1}
WITH_MEANING = {**PAIR, "sentence": 1}


def over_pairs(b: Given, loss: Callable[[str, str], float]) -> float:
    return reference.mean_over_pairs(list(b.embeddings), loss)


def cross(b: Given) -> float:
    return over_pairs(b, lambda x, y: reference.cross_uniformity(b.set(x), b.set(y)))


def within(b: Given) -> float:
    return float(np.mean([reference.uniformity(b.set(name)) for name in b.embeddings]))


def contrast(b: Given, names: list[str] = NAMES) -> float:
    return reference.mean_over_pairs(names, lambda x, y: info_nce(b.set(x), b.set(y), 0.3))


def align(b: Given) -> float:
    return float(np.mean([reference.align(*complete(b, [NAMES[0], x])) for x in NAMES[1:]]))


def gap_target(b: Given) -> float:
    def one(x: str, y: str) -> float:
        sets = complete(b, [x, y])
        return (reference.gap(*sets) - 0.5) ** 2 if sets[0].weights.sum() else 0.0

    return over_pairs(b, one)


def separation(b: Given, meaning: str | None = None, names: list[str] = NAMES) -> float:
    def one(x: str, y: str) -> float:
        return reference.separation(b.set(x), b.set(y), 0.3, told(b, meaning, x))

    return reference.mean_over_pairs(names, lambda x, y: (one(x, y) + one(y, x)) / 2)


def told(b: Given, meaning: str | None, name: str) -> Rows | None:
    """Unit rows of meaning of the items that have a modality; zeros where there is none."""
    if meaning is None:
        return None
    e = functional.normalize(b.embeddings[meaning][0], dim=1)
    if b.mask is None:
        return e.numpy()
    return (e * b.mask[meaning][:, None])[b.mask[name]].numpy()


VALUES: dict[str, tuple[Objective, dict[str, int], Callable[[Given], float]]] = {
    "cross uniformity": (CrossUniformity(), TRIPLE, cross),
    "modality uniformity": (ModalityUniformity(), TRIPLE, within),
    "uniformity of one": (
        ModalityUniformity(modalities=["text"]),
        TRIPLE,
        lambda b: reference.uniformity(b.set("text")),
    ),
    "contrastive gap": (
        ContrastiveGap(
            temperature=0.3,
            contrastive_weight=0.5,
            align_weight=2.0,
            uniformity_weight=3.0,
            cross_uniformity_weight=0.7,
        ),
        TRIPLE,
        lambda b: 0.5 * contrast(b) + 2 * align(b) + 3 * within(b) + 0.7 * cross(b),
    ),
    "gap target": (GapTarget(target=0.5), TRIPLE, gap_target),
    "separation": (IntraModalitySeparation(temperature=0.3), TRIPLE, separation),
    "separation by meaning": (
        IntraModalitySeparation(temperature=0.3, semantics="sentence"),
        WITH_MEANING,
        lambda b: separation(b, "sentence", list(PAIR)),
    ),
    "AlignCLIP": (
        AlignCLIP(temperature=0.3, semantics="sentence", contrastive_weight=2.0),
        WITH_MEANING,
        lambda b: 2 * contrast(b, list(PAIR)) + 0.5 * separation(b, "sentence", list(PAIR)),
    ),
}


@pytest.mark.parametrize("case", VALUES)
@settings(max_examples=20)
@from_strategy(data=st.data())
def test_values_equal_the_slow_reference(case: str, data: st.DataObject) -> None:
    objective, modalities, expected = VALUES[case]
    batch = data.draw(batches(modalities))
    # The gap is rounded off within a millionth of 0.
    tolerance = 1e-5 if case == "gap target" else 1e-10
    assert batch.through(objective).total.item() == pytest.approx(expected(batch), abs=tolerance)


@pytest.mark.parametrize("situation", situations(WITH_MEANING))
def test_gradients_with_meaning_held_are_those_of_finite_differences(situation: str) -> None:
    batch = situations(WITH_MEANING)[situation]
    objective = AlignCLIP(temperature=0.3, semantics="sentence").double()
    meaning = batch.embeddings["sentence"][0]

    def total(*arrays: Tensor) -> Tensor:
        return batch.of([*arrays, meaning]).through(objective).total

    inputs = [z.clone().requires_grad_() for z in batch.flat[:2]]
    assert torch.autograd.gradcheck(total, inputs, fast_mode=True, check_undefined_grad=False)


def test_meaning_gets_no_gradient_and_is_not_contrasted() -> None:
    batch = given(WITH_MEANING).each(lambda z: z.requires_grad_())
    terms = batch.through(AlignCLIP(semantics="sentence"))
    assert sorted(terms.values) == ["info_nce", "separation"]
    image, text, sentence = torch.autograd.grad(terms.total, batch.flat, allow_unused=True)
    assert image.abs().max() > 0
    assert text.abs().max() > 0
    assert sentence is None


def test_meaning_may_be_a_view_with_a_width_of_its_own() -> None:
    batch = given(WITH_MEANING, d=4)
    image, text, sentence = batch.flat
    wide = torch.cat([sentence, torch.zeros(5, 3).double()], dim=1)
    objective = AlignCLIP(semantics=("text", 1))
    value = objective({"image": image, "text": (text, wide)}).total.item()
    expected = batch.through(AlignCLIP(semantics="sentence")).total.item()
    assert value == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match="no view 1 of 'text'"):
        objective({"image": image, "text": text})


def test_the_target_of_a_gap_may_change_over_a_run() -> None:
    loss = GapTarget(target=lambda progress: progress).at(0.5)
    batch = given(PAIR)
    assert batch.through(loss).total == batch.through(GapTarget(target=0.5)).total
    assert batch.through(loss.at(1.0)).total == batch.through(GapTarget(target=1.0)).total


def test_items_of_one_meaning_are_not_pushed_apart() -> None:
    same = {"image": torch.eye(4), "text": torch.eye(4), "sentence": torch.ones(4, 4)}
    other = {**same, "sentence": torch.eye(4)}
    crowded = dict.fromkeys(PAIR, torch.ones(4, 4) + 0.01 * torch.eye(4))
    loss = IntraModalitySeparation(temperature=0.1, semantics="sentence")
    alike = loss({**crowded, "sentence": same["sentence"]}).total.item()
    apart = loss({**crowded, "sentence": other["sentence"]}).total.item()
    assert apart == pytest.approx(math.log(4), abs=1e-3)  # the other three as near as its pair
    assert alike == pytest.approx(math.log(1 + 3 * math.exp(-10)), abs=1e-3)


def test_both_terms_share_one_temperature() -> None:
    loss = AlignCLIP(learnable=True)
    assert len(list(loss.parameters())) == 1
    loss(dict.fromkeys(PAIR, torch.eye(3))).total.backward()
    (log_scale,) = loss.parameters()
    assert log_scale.grad is not None
    assert log_scale.grad.abs() > 0


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_uniformity_within_modalities_does_not_see_the_gap_and_across_does(shift: float) -> None:
    base = functional.normalize(given({"any": 1}, n=30, d=4).flat[0], dim=1)
    room = torch.zeros(30, 1).double()
    rows = {
        "image": torch.cat([base, room + shift], dim=1),
        "text": torch.cat([base, room - shift], dim=1),
    }
    mirrored = {**rows, "text": rows["image"]}
    same = ModalityUniformity()(mirrored).total.item()
    assert ModalityUniformity()(rows).total.item() == pytest.approx(same)
    across = CrossUniformity()(rows).total.item()
    assert (across < CrossUniformity()(mirrored).total.item() - 1) == bool(shift)


@pytest.mark.parametrize("target", [0.0, 0.3, 1.0])
def test_training_opens_or_closes_the_gap_to_its_target(target: float) -> None:
    batch = given(PAIR, n=20, d=5).each(lambda z: z.requires_grad_())
    objective = GapTarget(target=target)
    optimiser = torch.optim.Adam(batch.flat, lr=0.05)
    for _ in range(200):
        optimiser.zero_grad()
        batch.through(objective).total.backward()
        optimiser.step()
    x, y = (functional.normalize(z.detach(), dim=1).numpy() for z in batch.flat)
    assert l2m(x, y) == pytest.approx(target, abs=5e-3)
    assert batch.through(objective).values["gap"].item() == pytest.approx(l2m(x, y), abs=1e-5)


@pytest.mark.parametrize("target", [0.0, 0.5])
def test_means_that_coincide_have_a_gradient_of_zero(target: float) -> None:
    x = given({"any": 1}).flat[0].requires_grad_()
    GapTarget(target=target)({"image": x, "text": x.detach()}).total.backward()
    assert torch.equal(x.grad, torch.zeros_like(x))


@pytest.mark.parametrize("make", [ModalityUniformity, CrossUniformity, ContrastiveGap])
@pytest.mark.parametrize("length", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_uniformity_is_finite_for_one_row_and_rows_of_any_length(
    make: Callable[[], Objective], length: float, rows: int
) -> None:
    batch = given(PAIR, n=rows, d=8).each(lambda z: (z * length).requires_grad_())
    total = batch.through(make()).total
    total.backward()
    assert torch.isfinite(total)
    assert all(torch.isfinite(z.grad).all() for z in batch.flat)


def test_uniformity_does_not_depend_on_how_often_a_batch_is_drawn() -> None:
    batch = given(PAIR, n=6)
    twice = batch.at(torch.arange(6).repeat(2))
    told = Given(twice.embeddings, torch.arange(6).repeat(2))
    for objective in (ModalityUniformity(), CrossUniformity()):
        expected = batch.through(objective).total.item()
        assert told.through(objective).total.item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GapTarget(target=-0.1), r"in \[0, 2\]; found -0.1"),
        (lambda: GapTarget(target=2.5), r"in \[0, 2\]; found 2.5"),
        (lambda: ModalityUniformity(modalities=["sound"])({"image": torch.eye(2)}), "'sound'"),
        (
            lambda: AlignCLIP(semantics="sound")({"image": torch.eye(2), "text": torch.eye(2)}),
            "no modality 'sound'",
        ),
    ],
)
def test_wrong_input_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
