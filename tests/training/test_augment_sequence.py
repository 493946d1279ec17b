"""Augmentations of sequences: how much is changed, where, and in how many items."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from isthmus.errors import InputError
from isthmus.training.augment_sequence import (
    AlignedViews,
    GaussianNoise,
    InTurn,
    StepDrop,
    without,
)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def lengths(count: int, longest: int) -> torch.Tensor:
    """(count, longest) valid steps of items with 1, 2, … of them, over and over."""
    return torch.arange(longest) < (torch.arange(count) % longest + 1)[:, None]


@pytest.mark.parametrize("most", [0.0, 0.3, 0.8, 1.0])
def test_as_many_steps_are_dropped_as_they_may(most: float) -> None:
    valid = lengths(4000, 20)
    dropped = StepDrop(most, 1.0).dropped(valid)
    assert not (dropped & ~valid).any()
    steps, count = valid.sum(1), dropped.sum(1)
    assert (count <= most * steps).all()
    assert (count < steps).all()  # something is left
    expected = torch.stack([(most * u * steps).floor() for u in torch.linspace(0, 0.999, 1000)])
    assert abs(count.float().mean() - expected.mean()) < 0.15
    whole = dropped[steps == 20].float().mean(0)  # no place is dropped more than another
    assert (whole - whole.mean()).abs().max() < 0.12


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_a_share_of_the_items_is_changed(share: float) -> None:
    """P2-16: the share that is asked for is the share that is taken."""
    rows = torch.ones(4000, 30, 2)
    some = (StepDrop(0.8, share)(rows) == 0).any(dim=(1, 2)).float().mean()
    assert abs(some - share * (1 - 1 / 24)) < 0.03  # of 30 steps none is lost with u < 1/24
    noisy = GaussianNoise(0.1, share)(rows) != rows
    assert abs(noisy.any(dim=(1, 2)).float().mean() - share) < 0.03
    assert (noisy.all(dim=(1, 2)) == noisy.any(dim=(1, 2))).all()


def test_the_size_of_noise() -> None:
    rows = torch.full((500, 40), 7.0)
    moved = GaussianNoise(0.1, 1.0)(rows) - rows
    assert abs(moved.std() - 0.1) < 2e-3
    assert abs(moved.mean()) < 2e-3


def test_dropped_steps_are_zero_in_all_features_and_others_untouched() -> None:
    rows = torch.randn(50, 10, 3)
    found = StepDrop(0.8, 1.0)(rows)
    gone = (found == 0).any(2)
    assert gone.any()
    assert (found[gone] == 0).all()
    assert torch.equal(found[~gone], rows[~gone])
    assert torch.equal(without(rows, gone), found)


def test_changes_in_turn() -> None:
    assert InTurn((lambda x: x + 1, lambda x: 2 * x))(torch.ones(2)).tolist() == [4, 4]


def sentences() -> dict[str, torch.Tensor]:
    return {"vision": torch.ones(200, 12, 4), "text": torch.ones(200, 12, 3)}


def aligned(counts: dict[str, int], **options: Any) -> dict[str, torch.Tensor]:
    options = {"drop": StepDrop(0.8, 1.0), "noise": GaussianNoise(0.0), **options}
    return AlignedViews(counts, **options)(sentences(), lengths(200, 12))


def zeros(x: torch.Tensor) -> torch.Tensor:
    return (x == 0).all(2)


def test_joint_views_drop_the_same_steps_of_all_modalities() -> None:
    """P2-16: what is asked to be joint is joint, and what is drawn apart is apart."""
    both = {"vision": 2, "text": 2}
    found = aligned(both)
    assert set(found) == {"vision", "text", "vision/1", "text/1"}
    assert torch.equal(zeros(found["vision"]), zeros(found["text"]))
    assert torch.equal(zeros(found["vision/1"]), zeros(found["text/1"]))
    assert not torch.equal(zeros(found["vision"]), zeros(found["vision/1"]))
    apart = aligned(both, joint=False)
    assert not torch.equal(zeros(apart["vision"]), zeros(apart["text"]))


def test_each_modality_keeps_its_own_number_of_views() -> None:
    """Of one and of three the first is as it is; of two both are changed."""
    found = aligned({"vision": 3, "text": 1})
    assert set(found) == {"vision", "text", "vision/1", "vision/2"}
    given = sentences()
    assert torch.equal(found["vision"], given["vision"])
    assert torch.equal(found["text"], given["text"])
    assert zeros(found["vision/1"]).any()
    assert zeros(found["vision/2"]).any()
    assert zeros(aligned({"text": 2})["text"]).any()


def test_noise_comes_after_steps_are_dropped() -> None:
    found = aligned({"text": 2}, noise=GaussianNoise(0.1, 1.0))["text"]
    assert (found.abs() < 0.5).any()
    assert (found != 0).all()


@pytest.mark.parametrize("make", [lambda: StepDrop(1.1), lambda: StepDrop(0.5, -0.1)])
def test_parts_that_are_none(make: Any) -> None:
    with pytest.raises(InputError, match=r"must be a number in \[0, 1\]"):
        make()


@pytest.mark.parametrize("make", [lambda: GaussianNoise(-1), lambda: GaussianNoise(0.1, 2)])
def test_noise_that_is_none(make: Any) -> None:
    with pytest.raises(InputError, match="must be a number in"):
        make()
