import math
from collections.abc import Callable
from itertools import combinations

import pytest
import torch
from hypothesis import given as from_strategy

from isthmus.objectives.sig_lip import SigLIP
from tests.objectives.batches import Given, batches, given
from tests.objectives.zoo import TRIPLE
from tests.reference import sig_lip as reference


@from_strategy(batch=batches(TRIPLE))
def test_values_equal_the_slow_reference(batch: Given) -> None:
    loss = SigLIP(temperature=0.3, bias=-1.5, learnable=False).double()
    terms = batch.through(loss).values
    pairs = list(combinations(TRIPLE, 2))
    expected = {
        f"{a}–{b}": reference.sig_lip(batch.set(a), batch.set(b), 0.3, -1.5) for a, b in pairs
    }
    for pair, value in expected.items():
        assert terms[pair].item() == pytest.approx(value, abs=1e-10)
    assert terms["sig_lip"].item() == pytest.approx(sum(expected.values()) / 3, abs=1e-10)


def test_it_starts_as_in_the_paper() -> None:
    parameters = dict(SigLIP().named_parameters())
    assert parameters["bias"].item() == -10
    assert parameters["tau.log_scale"].exp().item() == pytest.approx(10)


def test_the_sum_over_all_pairs_is_taken_per_row() -> None:
    orthogonal = {"image": torch.eye(8)[:4], "text": torch.eye(8)[4:]}  # all scores are b
    loss = SigLIP(bias=-2.0)(orthogonal).total.item()
    match, other = math.log1p(math.exp(2)), math.log1p(math.exp(-2))
    assert loss == pytest.approx(match + 3 * other, rel=1e-6)


def test_neither_modality_is_special() -> None:
    batch = given({"image": 1, "text": 1})
    weights = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0])
    mask = {"image": torch.tensor([True, True, True, False, True])}
    loss = SigLIP()
    swapped = {name: batch.embeddings[name] for name in ("text", "image")}
    values = [
        loss(views, mask=mask, weights=weights).total.item()
        for views in (batch.embeddings, swapped)
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-12)


def test_all_pairs_of_a_group_match() -> None:
    same = {"image": torch.ones(4, 2), "text": torch.ones(4, 2)}
    loss = SigLIP(temperature=0.5, bias=0.0)
    told = loss(same, groups=torch.zeros(4, dtype=torch.long)).total.item()
    assert told == pytest.approx(4 * math.log1p(math.exp(-2)), rel=1e-5)
    untold = told / 4 + 3 * math.log1p(math.exp(2))
    assert loss(same).total.item() == pytest.approx(untold, rel=1e-5)


def test_a_pair_weighs_as_much_as_both_of_its_rows() -> None:
    batch = given({"image": 1, "text": 1}, n=2)
    x, y = (torch.nn.functional.normalize(z, dim=1) for z in batch.flat)
    scores = x @ y.T / 0.5 - 1.0
    losses = torch.nn.functional.softplus(scores * (1 - 2 * torch.eye(2).double()))
    weights = torch.tensor([1.0, 3.0]).double()
    pair = (weights[:, None] + weights) / 2
    loss = SigLIP(temperature=0.5, bias=-1.0).double()(batch.embeddings, weights=weights).total
    assert loss.item() == pytest.approx(float((pair * losses).sum() / 4), rel=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SigLIP()({"image": torch.eye(2)}), "at least two modalities"),
        (lambda: SigLIP(anchor="sound")({"a": torch.eye(2), "b": torch.eye(2)}), "no modality"),
        (lambda: SigLIP(temperature=lambda _: 0.1), "scheduled or learned"),
    ],
)
def test_wrong_input_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
