"""The cached step against one step over the whole batch."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, distributed, nn
from torch.multiprocessing.spawn import spawn
from torch.nn.parallel import DistributedDataParallel

from isthmus.models import Towers
from isthmus.objectives import CachedStep, CloseGap, InfoNCE, Objective

WIDTHS = {"image": 5, "text": 3}
ROWS = 11


def towers(*, dropout: float = 0.0, norm: bool = False) -> Towers:
    torch.manual_seed(0)

    def encoder(width: int) -> nn.Module:
        layers: list[nn.Module] = [nn.Linear(width, 8), nn.Dropout(dropout), nn.Linear(8, 4)]
        return nn.Sequential(*layers[:2], *([nn.BatchNorm1d(8)] if norm else []), layers[2])

    return Towers({name: encoder(width) for name, width in WIDTHS.items()}).double()


def inputs(rows: int = ROWS) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        name: torch.randn(rows, width, generator=generator, dtype=torch.float64)
        for name, width in WIDTHS.items()
    }


def gradients(*modules: nn.Module) -> list[Tensor]:
    found = [p.grad for module in modules for p in module.parameters()]
    return [torch.zeros(()) if g is None else g.clone() for g in found]


def assert_same(found: list[Tensor], expected: list[Tensor]) -> None:
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("chunk", [1, 2, 4, 11, 100])
@pytest.mark.parametrize(
    "make", [lambda: InfoNCE(temperature=0.1, learnable=True), lambda: CloseGap()]
)
def test_gradient_in_chunks_is_that_of_the_whole_batch(
    chunk: int, make: Callable[[], Objective]
) -> None:
    groups = torch.arange(ROWS) // 2
    whole, objective = towers(), make().double()
    expected = objective(whole(inputs()), groups=groups)
    expected.total.backward()
    wanted = gradients(whole, objective)
    cached, objective = towers(), make().double()
    terms = CachedStep(cached, objective, chunk=chunk)(inputs(), groups=groups)
    assert terms.floats() == pytest.approx(expected.floats(), rel=1e-12)
    assert not terms.total.requires_grad
    assert_same(gradients(cached, objective), wanted)


def test_dropout_draws_the_same_numbers_twice_and_leaves_the_generator_where_one_pass_does() -> (
    None
):
    objective = InfoNCE().double()
    expected = towers(dropout=0.5)
    torch.manual_seed(3)
    parts = [expected({n: x[k : k + 4] for n, x in inputs().items()}) for k in (0, 4, 8)]
    objective({name: torch.cat([part[name] for part in parts]) for name in WIDTHS}).total.backward()
    after = torch.rand(3)
    cached = towers(dropout=0.5)
    torch.manual_seed(3)
    CachedStep(cached, objective, chunk=4)(inputs())
    assert torch.equal(torch.rand(3), after)
    assert_same(gradients(cached), gradients(expected))


def test_statistics_of_batch_normalisation_advance_once() -> None:
    expected, cached = towers(norm=True), towers(norm=True)
    for k in (0, 4, 8):
        expected({name: x[k : k + 4] for name, x in inputs(12).items()})
    CachedStep(cached, InfoNCE().double(), chunk=4)(inputs(12))
    for (name, a), b in zip(expected.named_buffers(), cached.buffers(), strict=True):
        torch.testing.assert_close(a, b, msg=name)


def test_a_scaled_loss_gives_scaled_gradients_and_an_unscaled_report() -> None:
    plain, scaled, objective = towers(), towers(), InfoNCE().double()
    one = CachedStep(plain, objective, chunk=4)(inputs())
    other = CachedStep(scaled, objective, chunk=4)(inputs(), scale=lambda loss: 8 * loss)
    assert one.floats() == other.floats()
    assert_same(gradients(scaled), [8 * g for g in gradients(plain)])


def test_a_frozen_tower_gets_no_gradient() -> None:
    model = towers()
    model.encoders["text"].requires_grad_(False)
    CachedStep(model, InfoNCE().double(), chunk=4)(inputs())
    assert all(p.grad is None for p in model.encoders["text"].parameters())
    assert all(p.grad is not None for p in model.encoders["image"].parameters())


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda: CachedStep(towers(), InfoNCE(), chunk=0), "at least one item; found 0"),
        (
            lambda: CachedStep(towers(), InfoNCE(), chunk=2)(
                {**inputs(), "text": inputs(5)["text"]}
            ),
            "equally many items",
        ),
        (lambda: CachedStep(towers(), InfoNCE(), chunk=2)(inputs(0)), "at least one"),
    ],
)
def test_wrong_input_is_refused(run: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run()


def _on_rank(rank: int, folder: str, wrapped: bool) -> None:
    torch.set_num_threads(1)
    store = f"file://{folder}/store"
    distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
    model: nn.Module = towers()
    objective = InfoNCE(temperature=0.1, learnable=True).double()
    exchanges = []
    if wrapped:
        plain, model = model, DistributedDataParallel(model)

        def count(state: Any, bucket: distributed.GradBucket) -> torch.futures.Future[Tensor]:
            exchanges.append(bucket.index())
            summed = distributed.all_reduce(bucket.buffer().div_(2), async_op=True)
            return summed.get_future().then(lambda future: future.value()[0])

        model.register_comm_hook(None, count)
        assert plain is model.module
    own = slice(0, 7) if rank == 0 else slice(7, ROWS)  # four chunks and two
    CachedStep(model, objective, chunk=2)({name: x[own] for name, x in inputs().items()})
    torch.save((gradients(model, objective), len(exchanges)), Path(folder) / f"{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.parametrize("wrapped", [True, False], ids=["in DDP", "plain"])
def test_two_ranks_with_uneven_batches_exchange_once_and_have_the_gradient_of_one_process(
    wrapped: bool,
) -> None:
    model, objective = towers(), InfoNCE(temperature=0.1, learnable=True).double()
    objective(model(inputs())).total.backward()
    wanted = gradients(model, objective)
    with tempfile.TemporaryDirectory() as folder:
        spawn(_on_rank, (folder, wrapped), nprocs=2)
        found = [torch.load(Path(folder) / f"{rank}.pt") for rank in range(2)]
    for ours, exchanges in found:
        for a, b in zip(ours, wanted, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)
        assert exchanges == (1 if wrapped else 0)
