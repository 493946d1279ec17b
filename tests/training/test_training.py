from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from isthmus.embeddings import Embeddings
from isthmus.models import BagOfWords, SmallConvNet, Towers
from isthmus.objectives import InfoNCE
from isthmus.training import Batches, ContrastiveModule, GapMonitor, embed, fit
from isthmus.training.module import warm_up_cosine


def tensors(n: int = 64) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    shared = torch.randn(n, 5, generator=generator)
    noise = torch.randn(n, 5, generator=generator)
    return {"image": shared, "text": shared + 0.1 * noise, "group": torch.arange(n)}


def build(*, learnable: bool = True) -> ContrastiveModule:
    towers = Towers({"image": nn.Linear(5, 4), "text": nn.Linear(5, 4)})
    return ContrastiveModule(
        towers, InfoNCE(temperature=0.07, learnable=learnable), learning_rate=1e-2
    )


def test_towers_give_unit_rows_of_one_width() -> None:
    towers = Towers(
        {"image": SmallConvNet(side=28, dimension=8), "text": BagOfWords(words=26, dimension=8)}
    )
    images = torch.randint(0, 255, (3, 3, 28, 28), dtype=torch.uint8)
    out = towers({"image": images, "text": torch.zeros(3, 4, dtype=torch.long)})
    assert {name: tuple(z.shape) for name, z in out.items()} == {"image": (3, 8), "text": (3, 8)}
    for z in out.values():
        torch.testing.assert_close(z.norm(dim=1), torch.ones(3))


@pytest.mark.parametrize("side", [28, 29, 8])
def test_conv_net_takes_any_side(side: int) -> None:
    net = SmallConvNet(side=side, dimension=8)
    assert net(torch.zeros(2, 3, side, side)).shape == (2, 8)


def test_batches_are_a_permutation_anew_in_every_pass_and_the_same_for_a_seed() -> None:
    data = {"row": torch.arange(10)}
    batches = Batches(data, batch_size=3, seed=1)
    first = torch.cat([b["row"] for b in batches])
    second = torch.cat([b["row"] for b in batches])
    again = torch.cat([b["row"] for b in Batches(data, batch_size=3, seed=1)])
    assert len(batches) == 3
    assert len(set(first.tolist())) == 9
    assert first.tolist() != second.tolist()
    assert first.tolist() == again.tolist()


def test_a_batch_larger_than_the_data_is_refused() -> None:
    with pytest.raises(ValueError, match="batch of 11 from 10 rows"):
        Batches({"row": torch.arange(10)}, batch_size=11, seed=0)


def test_embed_gives_the_towers_outputs_in_order_and_keeps_their_mode() -> None:
    data = tensors()
    towers = build().towers
    towers.train()
    space = embed(towers, data, labels=np.arange(64) % 3, batch_size=10)
    with torch.no_grad():
        expected = towers(data)["image"].numpy()
    assert isinstance(space, Embeddings)
    np.testing.assert_allclose(space["image"], expected, atol=1e-6)
    assert towers.training


def test_training_lowers_the_loss_and_the_temperature_moves(tmp_path: Path) -> None:
    data = tensors()
    monitor = GapMonitor(lambda towers: embed(towers, data), every=10)
    module = fit(
        build,
        Batches(data, batch_size=32, seed=0),
        steps=30,
        seed=0,
        folder=tmp_path,
        name="run",
        callbacks=[monitor],
    )
    assert [record["step"] for record in monitor.history] == [0, 10, 20, 30]
    assert monitor.history[-1]["loss"] < 0.7 * monitor.history[1]["loss"]
    assert monitor.history[-1]["temperature"] == pytest.approx(module.temperature)
    assert abs(monitor.history[-1]["temperature"] / 0.07 - 1) > 0.05
    assert (tmp_path / "run.ckpt").stat().st_size > 0


def test_saved_weights_are_those_of_the_trained_towers(tmp_path: Path) -> None:
    batches = Batches(tensors(), batch_size=32, seed=0)
    module = fit(build, batches, steps=3, seed=0, folder=tmp_path, name="run")
    saved = load_file(tmp_path / "run.safetensors")
    fresh = build().towers
    fresh.load_state_dict(saved)
    for a, b in zip(fresh.parameters(), module.towers.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    weights = []
    for run in ("a", "b"):
        batches = Batches(tensors(), batch_size=32, seed=0)
        module = fit(build, batches, steps=5, seed=7, folder=tmp_path, name=run)
        weights.append(torch.cat([p.flatten() for p in module.parameters()]))
    assert torch.equal(*weights)


def parameter_groups(module: ContrastiveModule) -> list[dict[str, Any]]:
    module.trainer = type("Trainer", (), {"estimated_stepping_batches": 10})()  # type: ignore[assignment]
    groups: list[dict[str, Any]] = module.configure_optimizers()["optimizer"].param_groups
    return groups


def test_temperature_has_its_own_rate_and_no_decay() -> None:
    module = build()
    *own, last = parameter_groups(module)
    assert {group["initial_lr"] for group in own} == {1e-2}
    assert (last["initial_lr"], last["weight_decay"]) == (3e-2, 0)
    assert last["params"] == [module.objective.tau.log_scale]


def test_gains_and_biases_do_not_decay() -> None:
    module = build(learnable=False)
    weights, others = parameter_groups(module)
    assert weights["weight_decay"] == module.weight_decay == 0.1
    assert others["weight_decay"] == 0
    assert {p.ndim for p in weights["params"]} >= {2}
    assert {p.ndim for p in others["params"]} == {1}
    trained = {id(p) for p in module.towers.parameters()}
    assert {id(p) for group in (weights, others) for p in group["params"]} == trained


def test_no_group_is_empty() -> None:
    module = ContrastiveModule(nn.Linear(3, 2, bias=False), InfoNCE(learnable=False))
    (weights,) = parameter_groups(module)
    assert [p.shape for p in weights["params"]] == [(2, 3)]


def test_schedule_rises_then_falls_to_zero() -> None:
    factors = [warm_up_cosine(step, 100, 0.1) for step in range(101)]
    assert factors[9] == 1
    assert factors == sorted(factors[:10]) + sorted(factors[10:], reverse=True)
    assert factors[100] == pytest.approx(0)
