"""Towers with heads: the loss sees the head, what is used afterwards comes before it."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from isthmus.models import Towers
from isthmus.models.projector import Projector

BATCH = {"a": torch.randn(6, 3), "a/1": torch.randn(6, 3), "b": torch.randn(6, 5)}


def towers(*headed: str, norm: str = "layer") -> Towers:
    torch.manual_seed(0)
    encoders = {"a": nn.Linear(3, 4), "b": nn.Linear(5, 4)}
    heads = {n: Projector(inputs=4, dimension=2, widths=[8], norm=norm) for n in headed}  # type: ignore[arg-type]
    return Towers(encoders, heads)


def test_without_heads_both_are_the_encoders_output() -> None:
    model = towers()
    seen, features = model(BATCH), model.features(BATCH)
    assert torch.equal(seen["b"], features["b"])
    assert torch.equal(seen["a"][1], functional.normalize(model.encoders["a"](BATCH["a/1"]), dim=1))


def test_a_head_is_between_the_encoder_and_the_loss_alone() -> None:
    model, plain = towers("a"), towers()
    seen, features = model(BATCH), model.features(BATCH)
    for k, key in enumerate(("a", "a/1")):
        z = model.encoders["a"](BATCH[key])
        assert torch.equal(seen["a"][k], functional.normalize(model.projectors["a"](z), dim=1))
        assert torch.equal(features["a"][k], plain(BATCH)["a"][k])
    assert torch.equal(seen["b"], features["b"])
    assert set(dict(model.named_parameters())) > set(dict(plain.named_parameters()))


def test_a_head_with_batch_normalisation_does_not_see_who_lacks_the_modality() -> None:
    model = towers("a", norm="batch")
    present = torch.tensor([True] * 5 + [False])
    other = BATCH["a"].clone()
    other[5] = 100
    found = [
        model({"a": x, "a/present": present})["a"][:5]  # type: ignore[index]
        for x in (BATCH["a"], other)
    ]
    assert torch.equal(*found)


def test_a_head_for_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="a projector for 'c', which has no encoder"):
        Towers({"a": nn.Linear(3, 4)}, {"c": Projector(inputs=4)})
