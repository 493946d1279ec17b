import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given as from_strategy
from hypothesis import strategies as st
from torch import Tensor

from isthmus.objectives import CMC, SLIP, CrossSelf, Objective, SimCLR, SupCon
from tests.objectives.batches import Given, batches, given
from tests.objectives.zoo import TRIPLE, TWO_VIEWS, ZOO
from tests.reference import nt_xent as reference


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
    plain = given(ZOO[name].modalities)
    objective = ZOO[name].make().double()

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
