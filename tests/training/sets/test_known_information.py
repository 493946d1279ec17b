"""Worlds of known information as recipes train on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from isthmus.datasets.known_information import known_information
from isthmus.errors import InputError
from isthmus.models import Towers
from isthmus.training.recipe import Recipe
from isthmus.training.run import _build, _prepare
from isthmus.training.sets.known_information import KnownInformation, Redrawn

CLASS = "isthmus.training.sets.known_information.KnownInformation"
SMALL: dict[str, Any] = {"rows": 40, "probe": 30, "held_out": 20}


def data_of(**options: Any) -> KnownInformation:
    return KnownInformation(**(SMALL | options))


def test_views_keep_symbols_and_have_nothing_else_in_common() -> None:
    data = data_of(views=2, nuisance=6)
    plain = data_of(nuisance=6).train.take(np.arange(40))
    views = data.train.take(np.arange(40))
    assert sorted(views) == ["x1", "x1/1", "x2", "x2/1"]
    for name in ("x1", "x1/1"):
        off = views[name] - plain["x1"]
        assert off[:, :48].std() == pytest.approx(0.3, rel=0.1)
        assert (off[:, 48:] != 0).all()
    both = torch.stack([views["x1"][:, 48:].flatten(), views["x1/1"][:, 48:].flatten()])
    assert abs(float(torch.corrcoef(both)[0, 1])) < 0.25


def test_a_share_of_nuisance_stays() -> None:
    rows = torch.randn(4000, 12)
    changed = Redrawn(10, noise=0.0, share=0.25)(rows)
    assert torch.equal(changed[:, :2], rows[:, :2])
    assert (changed[:, 2:] != rows[:, 2:]).float().mean() == pytest.approx(0.25, abs=0.02)
    assert torch.equal(Redrawn(0, noise=0.0)(rows), rows)
    assert torch.equal(Redrawn(12, noise=0.5, share=0.0)(rows), rows)


@pytest.mark.parametrize(("views", "keys"), [(1, 2), (3, 6), ({"x2": 2}, 3)])
def test_as_many_views_as_asked_for(views: Any, keys: int) -> None:
    data = data_of(views=views)
    batch = data.train.take(np.arange(8))
    assert len(batch) == keys
    plain = data_of().train.take(np.arange(8))
    assert torch.equal(batch["x1"], plain["x1"])  # of one view, and of three the first


def test_training_is_biased_and_probing_is_not() -> None:
    data = data_of(shared=1, unique=[1, 1], synergy=4, biased=True, rows=200, probe=400)
    again = known_information("train", data.world, rows=200, biased=True)
    assert torch.equal(data.train.take(np.arange(200))["x2"], torch.from_numpy(again.views["x2"]))
    assert not again.labels["synergy"].any()
    for split in ("train", "validation", "test"):
        assert len(np.unique(data.rows(split).labels["synergy"])) == 4  # type: ignore[arg-type]


def test_features_of_every_split_and_the_held_out_part() -> None:
    data = data_of(part="unique2")
    towers = Towers({name: nn.Linear(64, 3) for name in ("x1", "x2")})
    sizes = {}
    for split in ("train", "validation", "test"):
        found = data.features(towers, split)  # type: ignore[arg-type]
        rows = data.rows(split)  # type: ignore[arg-type]
        sizes[split] = len(found.targets)
        np.testing.assert_array_equal(found.targets, rows.labels["unique2"])
        expected = towers({n: torch.from_numpy(view) for n, view in rows.views.items()})
        for name, own in found.rows.items():
            np.testing.assert_allclose(own, expected[name].detach().numpy(), atol=1e-6)
    assert sizes == {"train": 30, "validation": 20, "test": 20}
    assert data.kind == "classes"
    space = data.embed(towers)
    assert space.labels is not None
    np.testing.assert_array_equal(space.labels["x1"], data.rows("test").labels["unique2"])


def test_what_it_says_of_itself() -> None:
    data = data_of(shared=1, unique=[8, 1], synergy=2, biased=True)
    assert data.about == (
        "A world of known information (bits: unique1 3, synergy 1): 40 biased items to train on, "
        "20 held out"
    )
    assert data.part == "unique1"
    shared, unique, share = data.rows("test").symbols["x1"][3]
    assert data.show("x1", 3) == f"shared {shared}, unique {unique}, share {share}"


@pytest.mark.parametrize("unique", [[2, 2], [2, 2, 2]])
@pytest.mark.parametrize("objective", ["InfoNCE", "CrossSelf", "CoMM"])
def test_recipes_train_on_it(unique: list[int], objective: str) -> None:
    views = 1 if objective == "InfoNCE" else 2
    width = 8
    model = {"fusion": {"width": width}} if objective == "CoMM" else {"towers": {"dimension": 4}}
    tree = {
        "data": {"class": CLASS, **SMALL, "unique": unique, "views": views},
        **model,
        "objective": objective,
        "trainer": {"batch_size": 8},
    }
    data, planned, batches = _prepare(recipe := Recipe.of(tree, name="try"))
    _build(recipe, planned, batches)
    assert data.shapes == {f"x{k + 1}": {"inputs": 64} for k in range(len(unique))}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"part": "unique3"}, "part must be one of which there is anything to know, shared, uni"),
        ({"synergy": 1, "part": "synergy"}, "shared, unique1, unique2; found 'synergy'"),
        ({"shared": 1, "unique": [1, 1], "synergy": 1}, "a world without information"),
        ({"synergy": 1, "biased": True}, "biased is of synergy"),
        ({"views": {"text": 2}}, "views of 'text', which is none of x1, x2"),
        ({"redrawn": 1.5}, "redrawn must be a number in [0, 1]; found 1.5"),
        ({"view_noise": -1}, "view_noise must be a number in"),
        ({"held_out": 0}, "held_out must be a whole number of at least 1"),
        ({"probe": 0}, "probe must be a whole number of at least 1"),
        ({"rows": 0}, "rows must be a whole number of at least 1"),
    ],
    ids=str,
)
def test_wrong_arguments_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        data_of(**options)
    assert message in str(error.value)


def test_some_modalities_are_seen_and_the_others_are_not() -> None:
    options: dict[str, Any] = {"unique": [2, 2, 2], "part": "unique3"}
    data, whole = data_of(modalities=["x3", "x1"], **options), data_of(**options)
    batch, every = data.train.take(np.arange(8)), whole.train.take(np.arange(8))
    assert list(batch) == ["x3", "x1"]
    assert all(torch.equal(batch[name], every[name]) for name in batch)
    assert list(data.encoders) == list(data.shapes) == ["x3", "x1"]
    towers = Towers({name: nn.Linear(64, 3) for name in batch})
    found = data.features(towers, "test")
    assert list(found.rows) == ["x3", "x1"]
    np.testing.assert_array_equal(found.targets, data.rows("test").labels["unique3"])
    assert list(data.embed(towers).arrays) == ["x3", "x1"]


@pytest.mark.parametrize("modalities", [[], ["x1", "x4"], ["x1", "x1"], "x1"])
def test_modalities_that_there_are_not(modalities: Any) -> None:
    with pytest.raises(InputError, match="modalities must be some of x1, x2, each once; found"):
        data_of(modalities=modalities)
