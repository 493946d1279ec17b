import importlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from isthmus.errors import InputError
from isthmus.models import Towers
from isthmus.objectives import CachedStep, InfoNCE, Objective, Terms
from isthmus.training import Part, Profile, profile
from isthmus.training.profile_meter import Meter

B, D = 64, 16


class Raw(nn.Module):
    """Encoders whose outputs are taken as they are."""

    def __init__(self, **encoders: nn.Module) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict(encoders)

    def forward(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: encoder(batch[name]) for name, encoder in self.encoders.items()}


class Whole(Raw):
    """The same, as one thing."""

    def __init__(self, **encoders: nn.Module) -> None:
        super().__init__(**encoders)
        self.nets = self.encoders
        del self._modules["encoders"]

    def forward(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: net(batch[name]) for name, net in self.nets.items()}


class Checkpointed(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return checkpoint(super().forward, x, use_reentrant=False)


class Dense(Objective):
    """Every score by itself, and several copies of all of them: quadratic, on purpose."""

    def forward(self, embeddings: Any, **_: Any) -> Terms:
        (a,), (b,) = ((z if isinstance(z, tuple) else (z,)) for z in embeddings.values())
        found = a @ b.T
        for _ in range(4):
            found = found.sin()
        return Terms(found.mean(), {})


def mlp(width: int = 32) -> nn.Sequential:
    return nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, D))


def data(n: int = B) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(n, 8, generator=generator) for name in "ab"}


def by_name(found: Profile) -> dict[str, Part]:
    return {part.name: part for part in found.parts}


def test_a_linear_layer_holds_its_input_and_the_first_one_the_batch_which_is_there_anyway() -> None:
    found = profile(Raw(a=mlp(32), b=nn.Linear(8, D)), InfoNCE(), data(), repeats=1)
    parts = by_name(found)
    assert list(parts) == [
        "encoder a",
        "encoder b",
        "rest of the towers",
        "loss",
        "optimiser",
    ]
    assert parts["encoder a"].kept == 4 * B * 32  # what ReLU gives, for itself and for the next
    assert parts["encoder b"].kept == 0
    assert parts["rest of the towers"].kept == 0
    assert found.items == B
    assert all(part.seconds > 0 for part in found.parts)
    assert all(part.peak is None for part in found.parts)


def test_a_storage_that_is_saved_several_times_is_counted_once() -> None:
    class Twice(nn.Module):
        """Saves the exponential of its input for two products, and a view of it for another."""

        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(8))

        def forward(self, x: Tensor) -> Tensor:
            e = x.exp()
            return e * self.weight + e[:, :8] * self.weight + (e * self.weight) * e

    found = by_name(profile(Raw(a=Twice(), b=nn.Linear(8, 8)), InfoNCE(), data(), repeats=1))
    assert found["encoder a"].kept == 4 * B * 8


@pytest.mark.parametrize("towers", [Raw, Whole])
def test_towers_without_a_dict_of_encoders_are_one_part(towers: type[Raw]) -> None:
    found = by_name(profile(towers(a=mlp(), b=mlp()), InfoNCE(), data(), repeats=1))
    if towers is Raw:
        assert found["encoder a"].kept == found["encoder b"].kept == 4 * B * 32
    else:
        assert list(found) == ["towers", "loss", "optimiser"]
        assert found["towers"].kept == 2 * 4 * B * 32


def test_a_shared_encoder_is_one_part() -> None:
    shared = mlp()
    found = by_name(profile(Raw(a=shared, b=shared), InfoNCE(), data(), repeats=1))
    assert found["encoder a and b"].kept == 2 * 4 * B * 32
    assert found["encoder a and b"].backward > 0


def test_the_optimiser_holds_gradients_and_two_states_of_adam() -> None:
    towers = Raw(a=mlp(), b=mlp())
    weights = sum(p.nbytes for p in towers.parameters())
    adam = by_name(profile(towers, InfoNCE(), data(), repeats=1))["optimiser"]
    steps = 4 * len(list(towers.parameters()))
    assert adam.kept == 3 * weights + steps
    plain = profile(towers, InfoNCE(), data(), repeats=1, optimizer=lambda p: torch.optim.SGD(p))
    assert by_name(plain)["optimiser"].kept == weights


def test_a_checkpointed_encoder_holds_nothing_and_takes_its_time_in_backward() -> None:
    deep = [nn.Linear(8, 8) if k % 2 else nn.Tanh() for k in range(20)]
    towers = Raw(a=Checkpointed(*deep), b=nn.Sequential(*deep))
    found = by_name(profile(towers, InfoNCE(), data(), repeats=1))
    assert found["encoder a"].kept == 0
    assert found["encoder b"].kept == 10 * 4 * B * 8


def test_where_encoders_dominate_the_advice_is_cached_step() -> None:
    found = profile(Towers({"a": mlp(2048), "b": mlp(64)}), InfoNCE(), data(256), repeats=1)
    encoders = 4 * 256 * (2048 + 64)
    assert found.largest == "encoder"
    assert found.slowest in ("encoder", "loss", "optimiser")
    assert found.cached_step_saves(64) == pytest.approx(0.75 * encoders, rel=0.1)
    assert found.cached_step_saves(999) == 0
    assert "the encoders hold 2." in found.advice
    assert "most of it the encoder a; what helps is CachedStep" in found.advice
    assert "CachedStep with chunk=32 would save" in found.advice


def test_where_a_quadratic_loss_dominates_the_advice_is_a_linear_one() -> None:
    dense = profile(Towers({"a": nn.Linear(8, 4), "b": nn.Linear(8, 4)}), Dense(), data(512))
    loss = by_name(dense)["loss"]
    assert loss.kept == 4 * 4 * 512**2 + 2 * 4 * 512 * 4  # what sines are taken of, and rows
    assert (dense.largest, dense.slowest) == ("loss", "loss")
    assert "the loss holds 4.0 MiB" in dense.advice
    assert "what helps is an objective of isthmus.objectives" in dense.advice
    linear = replace(dense, linear_loss=True)
    assert "narrower embedding: the loss is linear in the batch already" in linear.advice


def test_the_estimate_of_cached_step_is_what_it_saves() -> None:
    towers, batch, chunk = Raw(a=mlp(512), b=mlp(512)), data(), B // 4
    whole = sum(p.kept for p in profile(towers, InfoNCE(), batch, repeats=1).parts[:2])
    most, now = 0, 0
    own = {p.untyped_storage().data_ptr() for p in (*towers.parameters(), *batch.values())}

    class Held:
        """A tensor that is saved, until its graph is gone."""

        def __init__(self, tensor: Tensor) -> None:
            nonlocal most, now
            self.tensor, self.size = tensor, 0
            pointer = tensor.untyped_storage().data_ptr()
            if pointer not in own and pointer not in alive:
                self.size, alive[pointer] = tensor.untyped_storage().nbytes(), self
            self.pointer = pointer
            now += self.size
            most = max(most, now)

        def __del__(self) -> None:
            nonlocal now
            now -= self.size
            if self.size:
                del alive[self.pointer]

    alive: Any = WeakValueDictionary()
    with torch.autograd.graph.saved_tensors_hooks(Held, lambda held: held.tensor):
        CachedStep(towers, Nothing(), chunk=chunk)(batch)
    saved = profile(towers, InfoNCE(), batch, repeats=1).cached_step_saves(chunk)
    assert whole - most == pytest.approx(saved, rel=0.1)


class Nothing(Objective):
    """A loss that holds next to nothing itself."""

    def forward(self, embeddings: Any, **_: Any) -> Terms:
        return Terms(sum(z.sum() for (z,) in embeddings.values()), {})  # type: ignore[arg-type]


def test_nothing_is_different_afterwards() -> None:
    net = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, D))
    towers, objective = Raw(a=net, b=mlp()), InfoNCE(learnable=True)
    batch = data()
    objective(towers(batch)).total.backward()
    objective.tau.log_scale.grad = None  # type: ignore[union-attr]
    both = nn.ModuleList([towers, objective])
    before = {name: value.clone() for name, value in both.state_dict().items()}
    gradients = [p.grad for p in both.parameters()]
    copies = [None if g is None else g.clone() for g in gradients]
    torch.manual_seed(3)
    profile(towers, objective, batch, repeats=2)
    drawn = torch.rand(3)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(3))
    assert all(torch.equal(value, before[name]) for name, value in both.state_dict().items())
    for p, gradient, copy in zip(both.parameters(), gradients, copies, strict=True):
        assert p.grad is gradient
        assert gradient is None or torch.equal(gradient, copy)  # type: ignore[arg-type]
    assert not net._forward_hooks
    assert not net._forward_pre_hooks


def test_on_several_ranks_the_gather_is_a_part_and_no_more_of_the_loss(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = importlib.import_module("isthmus.training.profile")
    monkeypatch.setattr(module, "world_size", lambda: 2)
    found = profile(Raw(a=mlp(), b=mlp()), InfoNCE(), data(), repeats=1)
    assert found.linear_loss
    assert [part.kind for part in found.parts][3:] == ["gather", "loss", "optimiser"]
    gather, loss = found.parts[3:5]
    assert gather.forward > 0
    assert loss.forward >= 0
    assert (gather.backward, gather.kept) == (0.0, 0)


def test_on_cuda_peaks_are_above_what_was_in_use_when_the_part_went_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    used, peak = 100, 100

    def allocate(size: int, *, then_free: int = 0) -> None:
        nonlocal used, peak
        used += size
        peak = max(peak, used)
        used -= then_free

    def reset(_: Any) -> None:
        nonlocal peak
        peak = used

    monkeypatch.setattr(torch.cuda, "synchronize", lambda _: None)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: used)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _: peak)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", reset)
    meter = Meter(torch.device("cuda"), own=())
    with meter.timed_run(), meter.part("outer", "forward"):
        allocate(10, then_free=5)
        with meter.part("inner", "forward"):
            allocate(1000, then_free=400)
        allocate(20)
    assert dict(meter.peaks) == {"outer": 20, "inner": 1000}


def test_frozen_encoders_two_views_and_groups() -> None:
    class Views(Raw):
        def forward(self, batch: Mapping[str, Tensor]) -> dict[str, Any]:
            a, b = super().forward(batch).values()
            return {"a": a, "b": (b,)}

    towers = Views(a=mlp(), b=mlp())
    towers.encoders["b"].requires_grad_(False)
    found = by_name(profile(towers, InfoNCE(), data(), groups=torch.arange(B) % 7, repeats=1))
    assert found["encoder b"].kept == 0
    assert found["encoder a"].kept == 4 * B * 32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"repeats": 0}, "at least once; found repeats=0"),
        ({"batch": {"a": torch.zeros(0, 8)}}, "empty batch"),
        ({"batch": {}}, "empty batch"),
        ({"towers": Raw(a=nn.Identity(), b=nn.Identity())}, "no parameter to train"),
    ],
)
def test_what_cannot_be_profiled_is_refused(change: dict[str, Any], message: str) -> None:
    given = {"towers": Raw(a=mlp(), b=mlp()), "batch": data(), "repeats": 1, **change}
    with pytest.raises(InputError, match=message):
        profile(given["towers"], InfoNCE(), given["batch"], repeats=given["repeats"])


def test_a_profile_prints_itself() -> None:
    found = Profile(
        (
            Part("encoder image", "encoder", 1.0, 2.0, 3 * 2**30, 4 * 2**30),
            Part("encoder text", "encoder", 0.25, 0.25, 2**30, 2**30),
            Part("gather", "gather", 0.25, 0.0, 0, 0),
            Part("loss", "loss", 0.5, 0.5, 2**20, 2**21),
            Part("optimiser", "optimiser", 0.25, 0.0, 500, None),
        ),
        items=1000,
        device="cuda:0",
    )
    lines = [" ".join(line.split()) for line in str(found).splitlines()]
    assert lines[0] == "One training step of 1,000 items on cuda:0"
    assert "forward s backward s time holds memory peak" in lines
    assert "encoder image 1.0000 2.0000 60% 3.0 GiB 75% 4.0 GiB" in lines
    assert "optimiser 0.2500 – 5% 500 B 0% –" in lines
    assert lines[-1] == (
        "Memory: the encoders hold 4.0 GiB of 4.0 GiB (100%), most of it the encoder image; what "
        "helps is CachedStep, gradient checkpointing inside the encoder, or a smaller encoder. "
        "CachedStep with chunk=125 would save 3.5 GiB (87%) for about 1.25 s more a step. "
        "Time: the encoders take 3.5 s of 5 s (70%), most of it the encoder image; what helps is "
        "a smaller encoder, smaller inputs or mixed precision."
    )


def test_without_any_time_or_memory_shares_are_dashes() -> None:
    found = Profile((Part("loss", "loss", 0.0, 0.0, 0),), items=1, device="cpu")
    assert "(–)" in found.advice
