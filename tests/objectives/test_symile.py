import math
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given as from_strategy
from hypothesis import settings

from isthmus.objectives.engine import tiles
from isthmus.objectives.info_nce import InfoNCE
from isthmus.objectives.symile import Symile
from tests.objectives.batches import Given, batches, given, saved_bytes
from tests.objectives.complete import complete
from tests.objectives.zoo import TRIPLE
from tests.reference.beyond_pairs import symile

FOUR = {**TRIPLE, "depth": 1}
PAIR = {"image": 1, "text": 1}


def orders(names: int, rows: int, seed: int, step: int) -> list[list[np.ndarray]]:
    """What is drawn at a step: for every anchor, an order of the rows of every other modality."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    return [
        [torch.randperm(rows, generator=generator).numpy() for _ in range(names - 1)]
        for _ in range(names)
    ]


@pytest.mark.parametrize("modalities", [PAIR, TRIPLE, FOUR])
def test_values_equal_the_slow_reference(modalities: dict[str, int]) -> None:
    @settings(max_examples=15)
    @from_strategy(batch=batches(modalities))
    def check(batch: Given) -> None:
        sets = complete(batch, list(modalities))
        loss = Symile(temperature=0.2, seed=3)
        for step in range(2):
            drawn = orders(len(sets), len(sets[0].codes), 3, step)
            value = batch.through(loss).total.item()
            assert value == pytest.approx(symile(sets, drawn, 0.2), abs=1e-10)

    check()


@settings(max_examples=20)
@from_strategy(batch=batches(PAIR))
def test_of_two_complete_modalities_it_is_info_nce(batch: Given) -> None:
    whole = Given(batch.embeddings, batch.groups, None, batch.weights)
    expected = whole.through(InfoNCE(temperature=0.2)).total.item()
    assert whole.through(Symile(temperature=0.2)).total.item() == pytest.approx(expected, abs=1e-10)


def test_training_draws_anew_and_evaluation_does_not() -> None:
    batch = given(TRIPLE)
    loss = Symile(temperature=0.1)
    drawn = [batch.through(loss).total.item() for _ in range(3)]
    assert len(set(drawn)) == 3
    assert int(loss.step) == 3
    loss.eval()
    held = [batch.through(loss).total.item() for _ in range(2)]
    assert held[0] == held[1]
    assert int(loss.step) == 3


def test_a_checkpoint_goes_on_with_the_same_draws_and_a_seed_chooses_them() -> None:
    batch = given(TRIPLE)
    first, resumed, other = Symile(), Symile(), Symile(seed=1)
    assert batch.through(first).total.item() != batch.through(other).total.item()
    resumed.load_state_dict(first.state_dict())
    assert batch.through(resumed).total.item() == batch.through(first).total.item()


@pytest.mark.parametrize("size", [1, 8, 10_000])
def test_memory_for_backward_is_linear_in_the_batch_with_groups_of_any_size(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "KEPT_BYTES", 0)
    small, large = (
        saved_bytes(Symile(), Given(given(TRIPLE, n=n, d=6).embeddings, torch.arange(n) // size))
        for n in (256, 1024)
    )
    assert large <= 4 * small + 4096  # counts of groups, and single numbers
    assert large < 1024 * 1024 * 8


def test_the_state_of_other_random_numbers_is_left_alone() -> None:
    state = torch.get_rng_state()
    given(TRIPLE).through(Symile())
    assert torch.equal(state, torch.get_rng_state())


def test_duplicates_that_are_said_to_be_one_item_are_not_pushed_apart() -> None:
    rows = {name: (torch.eye(5).double()[[0, 0, 0, 0, 0]],) for name in TRIPLE}
    told = Given(rows, torch.zeros(5, dtype=torch.long)).through(Symile(temperature=0.1))
    assert told.total.item() == pytest.approx(math.log(5))  # its own duplicates, no one else
    leaves = Given(rows, torch.zeros(5, dtype=torch.long)).each(
        lambda z: z.clone().requires_grad_()
    )
    leaves.through(Symile(temperature=0.1)).total.backward()
    assert all(z.grad.abs().max() < 1e-12 for z in leaves.flat)


def test_it_tells_apart_what_no_pair_of_modalities_does() -> None:
    # c = a xor b: any two of the three are independent, all three are not.
    bits = torch.tensor(list(product([0, 1], repeat=2))).repeat(16, 1)
    right = torch.stack([*bits.T, bits[:, 0] ^ bits[:, 1]])
    wrong = torch.stack([*bits.T, 1 - (bits[:, 0] ^ bits[:, 1])])

    def loss(objective: Symile | InfoNCE, values: torch.Tensor) -> float:
        signs = (1.0 - 2 * values).double()
        rows = {name: torch.stack([z, z], dim=1) for name, z in zip(TRIPLE, signs, strict=True)}
        return objective(rows).total.item()

    objective = Symile(temperature=0.1).eval()
    assert loss(objective, right) < loss(objective, wrong) - 5
    pairs = InfoNCE(temperature=0.1)
    assert loss(pairs, right) == pytest.approx(loss(pairs, wrong), abs=1e-9)
