from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given as from_strategy
from hypothesis import settings
from torch import Tensor
from torch.func import functional_call

from isthmus.objectives.factor_cl import FactorCL
from tests.objectives.batches import Given, batches, given, situations
from tests.objectives.zoo import TWO_VIEWS
from tests.reference.beyond_pairs import club, contrast_within
from tests.reference.losses import Rows, unit
from tests.reference.nt_xent import Set, info_nce, nt_xent

NAMES = ("image", "text")
ONE_VIEW = {"image": 1, "text": 1}
TAU = 0.5


def make(width: int = 3, *, supervised: bool = False, learnable: bool = False) -> FactorCL:
    torch.manual_seed(0)
    return FactorCL(
        NAMES,
        width=width,
        factor_width=4,
        temperature=TAU,
        supervised=supervised,
        learnable=learnable,
    ).double()


class Slow:
    """The terms from a model's weights, row by row."""

    def __init__(self, loss: FactorCL, batch: Given) -> None:
        self.loss, self.batch, self.supervised = loss, batch, loss.supervised
        self.weights = {name: p.detach().numpy() for name, p in loss.named_parameters()}

    def seen(self, factor: str, critic: str, k: int, views: tuple[int, ...]) -> Set:
        """Rows of a modality as a critic sees them; several views follow each other."""
        sets = [self.batch.set(NAMES[k], view) for view in views]
        w, parts = self.weights, []
        for s in sets:
            z = np.maximum(
                unit(s.rows) @ w[f"heads.{factor}.{k}.0.weight"].T
                + w[f"heads.{factor}.{k}.0.bias"],
                0,
            )
            z = z @ w[f"heads.{factor}.{k}.2.weight"].T + w[f"heads.{factor}.{k}.2.bias"]
            parts.append(unit(z @ w[f"critics.{critic}.{k}.weight"].T))
        found = replaced(sets[0], np.concatenate(parts, axis=1))
        if not self.supervised:
            return found
        have = (
            self.batch.mask[NAMES[k]].numpy() if self.batch.mask else np.ones(self.batch.rows, bool)
        )
        return Set(found.rows, np.arange(self.batch.rows)[have], found.weights)

    def both(self, factor: str, critic: str, views: tuple[int, ...]) -> tuple[Set, Set]:
        return self.seen(factor, critic, 0, views), self.seen(factor, critic, 1, views)

    def terms(self) -> dict[str, float]:
        labels = (self.batch.set("image").codes, self.batch.set("text").codes)
        condition = labels if self.supervised else None
        given_views = (0,) if self.supervised else (0, 1)
        excess = self.both("shared", "shared_excess", given_views)
        unique = self.both("unique", "unique_given", given_views)
        alone = self.both("unique", "unique_excess", (0,))
        nce: Callable[[Set, Set], float] = (
            (lambda x, y: contrast_within(x, y, TAU, labels))
            if self.supervised
            else (lambda x, y: info_nce(x, y, TAU))
        )
        own = []
        for k in range(2):
            views = [
                self.seen("unique", "unique", k, (v,))
                for v in range(len(self.batch.embeddings[NAMES[k]]))
            ]
            labelled = [Set(s.rows, labels[k], s.weights) for s in views]
            own.append(nt_xent(labelled, TAU) if self.supervised else info_nce(*views, TAU))
        return {
            "shared": info_nce(*self.both("shared", "shared", (0,)), TAU),
            "shared_excess": club(*excess, TAU, condition),
            "unique": sum(own),
            "unique_excess": club(*alone, TAU, None),
            "unique_given": nce(*unique),
            "critics": info_nce(*alone, TAU) + nce(*excess),
        }


def replaced(s: Set, rows: Rows) -> Set:
    return Set(rows, s.codes, s.weights)


@pytest.mark.parametrize(
    ("modalities", "supervised"),
    [(TWO_VIEWS, False), (TWO_VIEWS, True), (ONE_VIEW, True), ({"image": 2, "text": 1}, True)],
)
def test_values_equal_the_slow_reference(modalities: Mapping[str, int], supervised: bool) -> None:
    @settings(max_examples=15)
    @from_strategy(batch=batches(modalities))
    def check(batch: Given) -> None:
        if supervised and batch.groups is None:
            batch = replace(batch, groups=torch.arange(batch.rows) % 2)
        loss = make(batch.flat[0].shape[1], supervised=supervised)
        terms, expected = batch.through(loss), Slow(loss, batch).terms()
        assert list(terms.values) == list(expected)
        for name, value in expected.items():
            assert terms.values[name].item() == pytest.approx(value, abs=1e-9), name
        assert terms.total.item() == pytest.approx(sum(expected.values()), abs=1e-9)

    check()


def differentiate(loss: FactorCL, batch: Given, terms: list[str], trained: list[str]) -> None:
    """Compare the slopes of some terms in some parameters, and in the embeddings if in none."""
    parameters = dict(loss.named_parameters())
    inputs = [parameters[name] for name in trained] or batch.flat

    def total(numbers: Tensor) -> Tensor:
        parts = numbers.split([x.numel() for x in inputs])
        arrays = [part.view(x.shape) for part, x in zip(parts, inputs, strict=True)]
        changed = batch if trained else batch.of(arrays)
        keywords = {"groups": batch.groups, "mask": batch.mask, "weights": batch.weights}
        moved = dict(zip(trained, arrays, strict=False))
        found = functional_call(loss, moved, (changed.embeddings,), keywords).values
        return torch.stack([found[term] for term in terms]).sum()

    numbers = torch.cat([x.detach().flatten() for x in inputs]).requires_grad_()
    assert torch.autograd.gradcheck(total, numbers, fast_mode=True, check_undefined_grad=False)
    (gradient,) = torch.autograd.grad(total(numbers), numbers)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("supervised", [False, True])
@pytest.mark.parametrize("situation", situations(TWO_VIEWS))
def test_gradients_are_those_of_finite_differences(situation: str, supervised: bool) -> None:
    batch = situations(TWO_VIEWS)[situation]
    if supervised and batch.groups is None:
        batch = replace(batch, groups=torch.arange(batch.rows) % 2)
    loss = make(supervised=supervised, learnable=True).eval()
    names = [name for name, _ in loss.named_parameters()]
    bounds = ["shared", "shared_excess", "unique", "unique_excess", "unique_given"]
    critics = [name for name in names if "critics" in name and "excess" in name]
    lower = ["shared", "unique", "unique_given"]
    differentiate(loss, batch, bounds, [])  # embeddings
    if situation != "all at once":
        return
    differentiate(loss, batch, bounds, [name for name in names if "heads" in name])
    differentiate(loss, batch, ["critics"], critics)
    differentiate(loss, batch, [*lower, "critics"], ["tau.log_scale"])


def slopes(loss: FactorCL, term: str, batch: Given) -> set[str]:
    """Parts of the model that a term moves."""
    loss.zero_grad()
    batch.through(loss).values[term].backward()
    return {
        ".".join(name.split(".")[:2])
        for name, p in loss.named_parameters()
        if p.grad is not None and p.grad.abs().max() > 1e-9
    }


@pytest.mark.parametrize("supervised", [False, True])
def test_bounds_train_heads_or_critics_as_they_should(supervised: bool) -> None:
    batch = replace(given(TWO_VIEWS, n=6), groups=torch.arange(6) % 2 if supervised else None)
    loss = make(supervised=supervised, learnable=True)
    tau = "tau.log_scale"
    assert {term: slopes(loss, term, batch) for term in batch.through(loss).values} == {
        "shared": {"heads.shared", "critics.shared", tau},
        "shared_excess": {"heads.shared"},
        "unique": {"heads.unique", "critics.unique", tau},
        "unique_excess": {"heads.unique"},
        "unique_given": {"heads.unique", "critics.unique_given", tau},
        "critics": {"critics.shared_excess", "critics.unique_excess", tau},
    }


def test_what_a_critic_of_an_upper_bound_learns_moves_no_embedding() -> None:
    batch = given(TWO_VIEWS).each(lambda z: z.requires_grad_())
    critics = batch.through(make()).values["critics"]
    assert torch.autograd.grad(critics, batch.flat, allow_unused=True) == (None,) * 4


def test_shared_spaces_hold_what_is_common_rather_than_what_is_private() -> None:
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    loss = FactorCL(NAMES, width=8, factor_width=4, temperature=0.2)
    optimiser = torch.optim.Adam(loss.parameters(), lr=0.02)

    def draw(n: int) -> tuple[dict[str, tuple[Tensor, ...]], dict[str, Tensor]]:
        """Four columns that both modalities have, and four of each alone."""
        common, *private = torch.randn(3, n, 4, generator=generator)
        noise = 0.1 * torch.randn(2, 2, n, 8, generator=generator)
        views = {
            name: tuple(torch.cat([common, own], dim=1) + noise[k])
            for k, (name, own) in enumerate(zip(NAMES, private, strict=True))
        }
        return views, {"common": common, **dict(zip(NAMES, private, strict=True))}

    for _ in range(80):
        optimiser.zero_grad()
        loss(draw(32)[0]).total.backward()
        optimiser.step()
    views, sources = draw(1000)
    factors = {name: z.detach() for name, z in loss.factors(views).items()}
    assert sorted(factors) == ["image/shared", "image/unique", "text/shared", "text/unique"]

    def explained(source: Tensor, z: Tensor) -> float:
        """Share of the variance of a source that is linear in a factor."""
        z = torch.cat([z, torch.ones(len(z), 1)], dim=1)
        rest = source - z @ torch.linalg.lstsq(z, source).solution
        return 1 - float(rest.square().sum() / source.square().sum())

    common, private = (
        np.mean([explained(sources[of or name], factors[f"{name}/shared"]) for name in NAMES])
        for of in ("common", None)
    )
    assert common > private + 0.15


X = torch.eye(3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FactorCL(("a", "b", "c"), width=3), "factorises two modalities"),
        (lambda: FactorCL(("a", "a"), width=3), "factorises two modalities"),
        (lambda: FactorCL(NAMES, width=3)({"image": (X, X), "sound": (X, X)}), "factorises only"),
        (lambda: FactorCL(NAMES, width=3)({"image": (X, X)}), "factorises only .* found"),
        (lambda: FactorCL(NAMES, width=3)({"image": (X, X), "text": X}), "two augmented views of"),
        (
            lambda: FactorCL(NAMES, width=3, supervised=True)({"image": X, "text": X}),
            "needs labels: give `groups`",
        ),
    ],
)
def test_wrong_input_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
