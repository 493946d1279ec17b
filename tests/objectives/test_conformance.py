"""What every objective must be: suites over all of them."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.func import functional_call

from isthmus import objectives
from isthmus.objectives import Objective
from isthmus.objectives.engine import tiles
from isthmus.testing.distributed import WIDTH
from tests.objectives.batches import Given, given, saved_bytes, situations
from tests.objectives.zoo import TRIPLE, ZOO

LEARNABLE = [name for name, entry in ZOO.items() if list(entry.make().parameters())]


def ready(name: str) -> Objective:
    torch.manual_seed(0)
    return ZOO[name].make().double().eval()


def test_every_objective_is_here() -> None:
    public = {getattr(objectives, name) for name in objectives.__all__}
    classes = {c for c in public if isinstance(c, type) and issubclass(c, Objective)}
    here = {kind for e in ZOO.values() for part in e.make().modules() for kind in type(part).mro()}
    assert classes <= here


@pytest.mark.parametrize("name", [name for name, entry in ZOO.items() if entry.plain_gradient])
@pytest.mark.parametrize("situation", situations(TRIPLE))
def test_gradients_are_those_of_finite_differences(name: str, situation: str) -> None:
    assert_gradients(ready(name), situations(ZOO[name].modalities, WIDTH)[situation])


def assert_gradients(objective: Objective, batch: Given) -> None:
    parameters = dict(objective.named_parameters())
    inputs = [*batch.flat, *parameters.values()]

    def total(numbers: Tensor) -> Tensor:
        """The loss as a function of all embeddings and parameters together."""
        parts = numbers.split([x.numel() for x in inputs])
        arrays = [part.view(x.shape) for part, x in zip(parts, inputs, strict=True)]
        changed = batch.of(arrays[: len(batch.flat)])
        trained = dict(zip(parameters, arrays[len(batch.flat) :], strict=True))
        keywords = {"groups": batch.groups, "mask": batch.mask, "weights": batch.weights}
        return functional_call(objective, trained, (changed.embeddings,), keywords).total

    numbers = torch.cat([x.detach().flatten() for x in inputs]).requires_grad_()
    assert torch.autograd.gradcheck(total, numbers, fast_mode=True, check_undefined_grad=False)
    (gradient,) = torch.autograd.grad(total(numbers), numbers)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("name", [name for name, entry in ZOO.items() if entry.turns])
@pytest.mark.parametrize("situation", ["random rows", "all at once"])
def test_a_common_rotation_does_not_matter(name: str, situation: str) -> None:
    batch = situations(ZOO[name].modalities, WIDTH)[situation]
    rotation = torch.linalg.qr(given({"any": 1}, WIDTH, WIDTH, seed=1).flat[0])[0]
    assert_same(ready(name), batch, batch.each(lambda z: z @ rotation))


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("situation", ["random rows", "all at once"])
def test_order_and_lengths_do_not_matter(name: str, situation: str) -> None:
    batch = situations(ZOO[name].modalities, WIDTH)[situation]
    lengths = torch.tensor([[0.1], [3.0], [1.0], [20.0], [0.5]]).double()
    assert_same(ready(name), batch, batch.each(lambda z: z * lengths))
    if ZOO[name].any_order:
        assert_same(ready(name), batch, batch.at(torch.tensor([3, 1, 4, 0, 2])))


def assert_same(objective: Objective, batch: Given, changed: Given) -> None:
    expected = batch.through(objective).total.item()
    assert changed.through(objective).total.item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", ZOO)
def test_equal_weights_and_items_of_their_own_change_nothing(name: str) -> None:
    plain = given(ZOO[name].modalities, d=WIDTH)
    every = dict.fromkeys(plain.embeddings, torch.ones(5, dtype=torch.bool))
    said = Given(plain.embeddings, torch.arange(5) * 7, every, torch.full((5,), 2.5))
    assert_same(ready(name), plain, said)


@pytest.mark.parametrize("name", ZOO)
def test_single_precision_is_near_double_and_narrow_types_are_finite(name: str) -> None:
    entry = ZOO[name]

    def make() -> Objective:
        torch.manual_seed(0)
        return entry.make().eval()

    batch = given(entry.modalities, n=40, d=WIDTH)
    expected = batch.through(make().double()).total.item()
    single = batch.each(lambda z: z.float()).through(make()).total
    assert single.dtype is torch.float32
    assert single.item() == pytest.approx(expected, rel=1e-5)
    for dtype in (torch.bfloat16, torch.float16):
        narrow = batch.each(lambda z, to=dtype: z.to(to).requires_grad_())
        total = narrow.through(make()).total
        total.backward()
        assert total.item() == pytest.approx(expected, rel=0.05)
        grads = [z.grad for z in narrow.flat if z.grad is not None]
        assert grads
        assert all(torch.isfinite(g).all() for g in grads)


@pytest.mark.parametrize("name", ZOO)
def test_memory_for_backward_is_linear_in_the_batch(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "KEPT_BYTES", 0)
    entry = ZOO[name]
    objective = entry.make().double()
    small, large = (
        saved_bytes(objective, given(entry.modalities, n=n, d=WIDTH)) for n in (256, 1024)
    )
    assert large <= 4 * small
    # A single matrix of all pairs would be larger than everything that is kept.
    assert large < 1024 * 1024 * 8


@pytest.mark.parametrize("name", LEARNABLE)
def test_every_parameter_is_trained(name: str) -> None:
    objective = ready(name)
    given(ZOO[name].modalities, d=WIDTH).through(objective).total.backward()
    for parameter in objective.parameters():
        assert parameter.grad is not None
        assert parameter.grad.abs().max() > 1e-4


@pytest.mark.parametrize("name", ZOO)
def test_many_tiles_give_what_one_gives(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = given(ZOO[name].modalities, n=70, d=WIDTH)
    batch = Given(plain.embeddings, torch.arange(70) % 40)

    def found() -> list[Tensor]:
        """The loss and its gradients."""
        leaves = batch.each(lambda z: z.clone().requires_grad_())
        loss = leaves.through(ready(name)).total
        return [loss.detach(), *torch.autograd.grad(loss, leaves.flat, materialize_grads=True)]

    one = found()
    monkeypatch.setattr(tiles, "CPU_TILE_BYTES", 16 * 16 * 8)
    monkeypatch.setattr(tiles, "KEPT_BYTES", 0)
    for expected, value in zip(one, found(), strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "name",
    ["InfoNCE, fixed", "SigLIP", "CMC", "Gram volume", "triangle area", "AlignCLIP, by meaning"],
)
def test_second_derivatives_are_refused(name: str) -> None:
    batch = given(ZOO[name].modalities, d=WIDTH).each(lambda z: z.requires_grad_())
    with pytest.raises(RuntimeError, match="second derivatives"):
        torch.autograd.grad(batch.through(ready(name)).total, batch.flat, create_graph=True)


X = torch.eye(2)
THREE = dict.fromkeys(TRIPLE, X)


@pytest.mark.parametrize(
    ("name", "rows", "message"),
    [
        ("Symile", {"image": X}, "at least two modalities"),
        ("Gram volume of two", {"image": X}, "at least two modalities"),
        ("Gram volume", {"image": X, "audio": X}, "no modality 'text' to anchor"),
        ("triangle area", {"image": X, "text": X}, "three corners"),
        ("triangle area", {**THREE, "depth": X}, "three corners"),
        ("triangle area, squared", dict.fromkeys("abc", X), "no modality 'audio'"),
        ("AlignCLIP", {"image": X}, "at least two modalities"),
        ("AlignCLIP, by meaning", {"image": X, "text": X}, "no modality 'audio'"),
        ("gap target", {"image": X}, "at least two modalities"),
        ("cross uniformity", {"image": X, "audio": X}, "no modality 'text'"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused(
    name: str, rows: dict[str, Tensor], message: str
) -> None:
    make: Callable[[], Objective] = ZOO[name].make
    with pytest.raises(ValueError, match=message):
        make()(rows)
