from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given as from_strategy

from isthmus.objectives.cy_clip import Consistency, CyCLIP
from tests.objectives.batches import Given, batches, given
from tests.objectives.zoo import TRIPLE
from tests.reference.cy_clip import consistency
from tests.reference.nt_xent import info_nce

PAIR = {"image": 1, "text": 1}


def of_pair(batch: Given, a: str, b: str) -> tuple[float, float]:
    mask = batch.mask or {}
    both = np.ones(batch.rows, bool)
    for name in (a, b):
        both &= mask[name].numpy() if name in mask else True
    weights = np.ones(batch.rows) if batch.weights is None else batch.weights.numpy()
    x, y = (batch.embeddings[name][0].numpy()[both] for name in (a, b))
    return consistency(x, y, weights[both])


@from_strategy(batch=batches(TRIPLE))
def test_values_equal_the_slow_reference(batch: Given) -> None:
    loss = CyCLIP(temperature=0.3, cross_weight=0.5, in_weight=2.0)
    terms = batch.through(loss)
    pairs = list(combinations(TRIPLE, 2))
    across, within = np.mean([of_pair(batch, a, b) for a, b in pairs], axis=0)
    contrast = np.mean([info_nce(batch.set(a), batch.set(b), 0.3) for a, b in pairs])
    assert terms.values["cross_modal"].item() == pytest.approx(across, abs=1e-10)
    assert terms.values["in_modal"].item() == pytest.approx(within, abs=1e-10)
    expected = contrast + 0.5 * across + 2 * within
    assert terms.total.item() == pytest.approx(expected, abs=1e-10)


def test_only_pairs_with_the_anchor_are_taken() -> None:
    batch = given(TRIPLE)
    across, within = np.mean(
        [of_pair(batch, "text", "image"), of_pair(batch, "text", "audio")], axis=0
    )
    values = batch.through(CyCLIP(anchor="text")).floats()
    assert values["cross_modal"] == pytest.approx(across)
    assert values["in_modal"] == pytest.approx(within)


@pytest.mark.parametrize("across", [True, False])
def test_groups_change_nothing_in_consistency(across: bool) -> None:
    batch = given(PAIR)
    loss = Consistency(across=across)
    told = loss(batch.embeddings, groups=torch.tensor([0, 0, 1, 1, 1])).total
    assert told.item() == batch.through(loss).total.item()


@pytest.mark.parametrize(
    ("transform", "across", "within"),
    [
        (lambda x: x, 0.0, 0.0),
        (lambda x: x @ torch.diag(torch.tensor([1.0, 1.0, -1.0]).double()), 0.0, 0.0),  # symmetric
        (lambda x: x[:, [1, 2, 0]], None, 0.0),  # any rotation keeps the geometry within
        (lambda x: x.roll(1, 0), None, None),
    ],
)
def test_what_is_consistent(
    transform: Callable[[torch.Tensor], torch.Tensor], across: float | None, within: float | None
) -> None:
    x = given({"image": 1}, n=20).flat[0]
    batch = {"image": x, "text": transform(x)}
    for expected, flag in ((across, True), (within, False)):
        value = Consistency(across=flag)(batch).total.item()
        assert value > 0.1 if expected is None else abs(value) < 1e-12


@pytest.mark.parametrize("across", [True, False])
def test_single_precision_holds_near_agreement(across: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.nn.functional.normalize(
        torch.randn(500, 16, generator=generator, dtype=torch.float64), dim=1
    ).float()
    y = x + 1e-4 * torch.randn(500, 16, generator=generator)
    batch = {"image": x, "text": y}
    expected = Consistency(across=across)({n: z.double() for n, z in batch.items()}).total.item()
    # Rounding of rows to single precision alone moves d = x − y by 1e-3 of its size.
    assert Consistency(across=across)(batch).total.item() == pytest.approx(expected, rel=1e-3)


def test_weights_are_schedules_too() -> None:
    batch = given(PAIR)
    loss = CyCLIP(cross_weight=lambda progress: progress, in_weight=0.0).at(0.5)
    terms = batch.through(loss)
    expected = terms.values["info_nce"] + 0.5 * terms.values["cross_modal"]
    assert terms.total.item() == pytest.approx(expected.item())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CyCLIP()({"image": torch.eye(2)}), "at least two modalities"),
        (lambda: CyCLIP(anchor="sound")({"a": torch.eye(2), "b": torch.eye(2)}), "no modality"),
        (lambda: CyCLIP(temperature=0.0), "temperature"),
    ],
)
def test_wrong_input_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
