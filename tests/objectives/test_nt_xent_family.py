import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given as from_strategy
from hypothesis import strategies as st
from torch import Tensor
from torch.func import functional_call

from isthmus.objectives import Objective
from isthmus.objectives.cmc import CMC
from isthmus.objectives.cross_self import CrossSelf
from isthmus.objectives.engine import tiles
from isthmus.objectives.sim_clr import SimCLR
from isthmus.objectives.slip import SLIP
from isthmus.objectives.sup_con import SupCon
from tests.objectives.batches import Given, batches, given, saved_bytes, situations
from tests.objectives.zoo import NT_XENT_FAMILY as FAMILY
from tests.objectives.zoo import TRIPLE, TWO_VIEWS
from tests.reference import nt_xent as reference

GRADIENTS = [name for name in FAMILY if not name.endswith(("anchored", "of one modality"))]
LEARNABLE = [name for name, entry in FAMILY.items() if list(entry.make().parameters())]


def own(batch: Given, name: str, tau: float, views: tuple[int, int] = (0, 1)) -> float:
    return reference.nt_xent([batch.set(name, view) for view in views], tau)


def across(batch: Given, tau: float, anchor: str | None = None) -> float:
    sets = {name: batch.set(name) for name in batch.embeddings}
    return reference.mean_over_pairs(sets, tau, anchor)


VALUES: dict[str, tuple[Objective, dict[str, int], Callable[[Given], float]]] = {
    "SimCLR": (
        SimCLR(temperature=0.3),
        TWO_VIEWS,
        lambda b: (own(b, "image", 0.3) + own(b, "text", 0.3)) / 2,
    ),
    "SimCLR of one modality and two of its views": (
        SimCLR(temperature=0.3, modality="image", views=(2, 0)),
        {"text": 1, "image": 3},
        lambda b: own(b, "image", 0.3, (2, 0)),
    ),
    "CMC": (CMC(temperature=0.3), TRIPLE, lambda b: across(b, 0.3)),
    "CMC, anchored": (
        CMC(temperature=0.3, anchor="text"),
        TRIPLE,
        lambda b: across(b, 0.3, "text"),
    ),
    "CrossSelf": (
        CrossSelf(temperature=0.3, weight=0.7),
        dict.fromkeys(TRIPLE, 2),
        lambda b: across(b, 0.3) + 0.7 * float(np.mean([own(b, name, 0.3) for name in TRIPLE])),
    ),
    "SLIP": (
        SLIP(temperature=0.4, self_temperature=0.3, weight=0.7),
        {"image": 3, "text": 1},
        lambda b: (
            reference.info_nce(b.set("image"), b.set("text"), 0.4)
            + 0.7 * own(b, "image", 0.3, (1, 2))
        ),
    ),
    "SupCon": (
        SupCon(temperature=0.3),
        {"image": 2, "text": 1},
        lambda b: reference.nt_xent([b.set("image", 0), b.set("image", 1), b.set("text")], 0.3),
    ),
    "SupCon of one modality": (
        SupCon(temperature=0.3),
        {"image": 1},
        lambda b: reference.nt_xent([b.set("image")], 0.3),
    ),
}


@pytest.mark.parametrize("case", VALUES)
@from_strategy(data=st.data())
def test_values_equal_the_slow_reference(case: str, data: st.DataObject) -> None:
    objective, modalities, expected = VALUES[case]
    batch = data.draw(batches(modalities))
    assert batch.through(objective).total.item() == pytest.approx(expected(batch), abs=1e-10)


@pytest.mark.parametrize(
    ("key", "objective", "take"),
    [
        ("ntxent", SimCLR(temperature=0.1), {"0": ("aug1_0", "aug2_0")}),
        ("cmc", CMC(temperature=0.1), {k: (f"aug1_{k}",) for k in "012"}),
        ("cross_self", CrossSelf(), {k: (f"aug1_{k}", f"aug2_{k}") for k in "01"}),
        ("ntxent", SupCon(temperature=0.1), {"0": ("aug1_0", "aug2_0")}),
    ],
)
def test_values_equal_those_of_the_published_code(
    key: str,
    objective: Objective,
    take: dict[str, tuple[str, ...]],
    published: dict[str, np.ndarray[Any, Any]],
) -> None:
    rows = {
        name: tuple(torch.from_numpy(published[f"comm/{k}"]).double() for k in keys)
        for name, keys in take.items()
    }
    # Published in single precision.
    assert objective(rows).total.item() == pytest.approx(published[f"comm/{key}"].item(), rel=1e-6)


@pytest.mark.parametrize("name", GRADIENTS)
@pytest.mark.parametrize("situation", situations(TRIPLE))
def test_gradients_are_those_of_finite_differences(name: str, situation: str) -> None:
    objective = FAMILY[name].make().double().eval()
    batch = situations(FAMILY[name].modalities)[situation]
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


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize("situation", ["random rows", "all at once"])
def test_rotation_order_and_lengths_do_not_matter(name: str, situation: str) -> None:
    objective = FAMILY[name].make().double()
    batch = situations(FAMILY[name].modalities)[situation]
    rotation = torch.linalg.qr(given({"any": 1}, n=3, seed=1).flat[0])[0]
    lengths = torch.tensor([[0.1], [3.0], [1.0], [20.0], [0.5]]).double()
    expected = batch.through(objective).total.item()
    for changed in (
        batch.each(lambda z: z @ rotation),
        batch.each(lambda z: z * lengths),
        batch.at(torch.tensor([3, 1, 4, 0, 2])),
    ):
        assert changed.through(objective).total.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", FAMILY)
def test_equal_weights_and_items_of_their_own_change_nothing(name: str) -> None:
    objective = FAMILY[name].make().double()
    plain = given(FAMILY[name].modalities)
    every = torch.ones(5, dtype=torch.bool)
    said = Given(
        plain.embeddings,
        torch.arange(5) * 7,
        dict.fromkeys(plain.embeddings, every),
        torch.full((5,), 2.5),
    )
    expected = plain.through(objective).total.item()
    assert said.through(objective).total.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", FAMILY)
def test_single_precision_is_near_double_and_narrow_types_are_finite(name: str) -> None:
    batch = given(FAMILY[name].modalities, n=40, d=16)
    expected = batch.through(FAMILY[name].make().double()).total.item()
    single = batch.each(lambda z: z.float()).through(FAMILY[name].make()).total
    assert single.dtype is torch.float32
    assert single.item() == pytest.approx(expected, rel=1e-5)
    for dtype in (torch.bfloat16, torch.float16):
        narrow = batch.each(lambda z, to=dtype: z.to(to).requires_grad_())
        total = narrow.through(FAMILY[name].make()).total
        total.backward()
        assert total.item() == pytest.approx(expected, rel=0.05)
        grads = [z.grad for z in narrow.flat if z.grad is not None]
        assert grads
        assert all(torch.isfinite(g).all() for g in grads)


@pytest.mark.parametrize("name", FAMILY)
def test_memory_for_backward_is_linear_in_the_batch(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "KEPT_BYTES", 0)
    objective = FAMILY[name].make().double()
    small, large = (saved_bytes(objective, given(FAMILY[name].modalities, n=n)) for n in (128, 512))
    assert large <= 4 * small
    # A single matrix of all pairs would be larger than everything that is kept.
    assert large < 512 * 512 * 8


@pytest.mark.parametrize("name", LEARNABLE)
def test_every_parameter_is_trained(name: str) -> None:
    objective = FAMILY[name].make().double()
    given(FAMILY[name].modalities).through(objective).total.backward()
    for parameter in objective.parameters():
        assert parameter.grad is not None
        assert parameter.grad.abs() > 1e-4


@pytest.mark.parametrize("make", [CMC, SupCon])
@pytest.mark.parametrize("moved", TRIPLE)
def test_every_modality_is_pulled_to_its_items_not_to_its_own_kind(
    make: Callable[..., Objective], moved: str
) -> None:
    same = torch.eye(6, dtype=torch.float64)
    matching = dict.fromkeys(TRIPLE, same)
    apart = {name: torch.full((6, 6), 1.0).double() for name in TRIPLE}  # one point a modality
    apart[moved] = -apart[moved]
    objective = make(temperature=0.1)
    swapped = {**matching, moved: same.roll(1, 0)}
    best = objective(matching).total
    assert best < math.log(2) + 0.01
    assert objective(swapped).total > best + 3
    assert objective(apart).total > best + 1


@pytest.mark.parametrize("name", ["SimCLR", "CMC", "CrossSelf", "SupCon"])
def test_duplicates_that_are_said_to_be_one_item_are_not_pushed_apart(name: str) -> None:
    plain = given(FAMILY[name].modalities)
    objective = FAMILY[name].make().double()

    def loss(groups: Tensor | None, second: int) -> float:
        """Of five items, the second of which has the rows of the first, or rows of its own."""
        batch = plain.each(lambda _: torch.eye(5).double()[[0, second, 1, 2, 3]])
        return Given(batch.embeddings, groups).through(objective).total.item()

    told = torch.tensor([0, 0, 1, 2, 3])
    assert loss(told, 0) < loss(told, 4) - 0.1
    assert loss(None, 0) > loss(None, 4) + 0.1


def test_a_lower_temperature_sharpens() -> None:
    rows = {name: torch.eye(5) for name in TRIPLE}
    values = [CMC(temperature=tau)(rows).total.item() for tau in (1.0, 0.5, 0.1)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 1e-3


def test_schedules_reach_the_weight_and_the_temperature_of_slip() -> None:
    batch = given({"image": 3, "text": 1})
    loss = SLIP(weight=lambda progress: 1 - progress, temperature=lambda progress: 0.1 + progress)
    terms = batch.through(loss.at(0.5))
    expected = terms.values["info_nce"] + 0.5 * terms.values["sim_clr"]
    assert terms.total.item() == pytest.approx(expected.item())
    assert loss.temperature == pytest.approx(0.6)


X = torch.eye(2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SimCLR()({"image": X}), "views 0 and 1 of 'image'.*at least 2.*found 1"),
        (lambda: SimCLR(modality="sound")({"image": (X, X)}), r"'sound'.*found only \['image'\]"),
        (lambda: SimCLR(views=(1, 1)), "two different views"),
        (lambda: SLIP()({"image": (X, X), "text": X}), "views 1 and 2 of 'image'.*found 2"),
        (lambda: SLIP()({"image": (X, X, X)}), "at least two modalities"),
        (lambda: CrossSelf()({"image": (X, X), "text": X}), "two augmented views of 'text'"),
        (lambda: CrossSelf()({"image": (X, X)}), "at least two modalities"),
        (lambda: CMC()({"image": X}), "at least two modalities"),
        (lambda: CMC(anchor="sound")({"image": X, "text": X}), "no modality 'sound'"),
        (lambda: SupCon(temperature=0.0), "temperature"),
    ],
)
def test_wrong_input_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
