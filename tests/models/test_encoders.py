"""What holds of every encoder: shapes, learning, its place in models, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from isthmus.models import SequenceTransformer, adapters
from isthmus.models.force import ForceEncoder
from isthmus.models.inputs import SequenceEncoder
from isthmus.models.lenet import LeNet
from isthmus.models.normed import NormedMap, NormedNet
from isthmus.models.proprio import ProprioEncoder
from isthmus.models.recurrent import GRU, GRUTokens
from isthmus.models.resnet import ResNet, ResNetMap
from isthmus.models.vit import ViT, ViTTokens


@dataclass(frozen=True)
class Entry:
    """An encoder, what it takes, what it gives, and what it says of other input."""

    make: Callable[[], nn.Module]
    takes: tuple[int, ...]
    gives: tuple[int, ...]
    wrong: tuple[tuple[int, ...], str] | None = None
    pixels: bool = True


def pictures(side: int) -> tuple[int, ...]:
    return (4, 3, side, side)


NO_RGB = r"{} takes \(B, C, H, W\) with C = 3; found \(4, 1, 16, 16\)"
STEPS = r"{} takes \(B, L, C\) with C = 3; found \(4, 5, 2\)"

ZOO = {
    "ResNetMap, 18": Entry(
        lambda: ResNetMap(dimension=32, width=4, stem=3),
        pictures(16),
        (4, 32, 2, 2),
        ((4, 1, 16, 16), NO_RGB.format("ResNetMap")),
    ),
    "ResNetMap, 50, mapped": Entry(
        lambda: ResNetMap(dimension=6, width=4, depth=50, norm="group"), pictures(64), (4, 6, 2, 2)
    ),
    "ResNet": Entry(
        lambda: ResNet(dimension=5, width=4, norm="group"),
        pictures(40),
        (4, 5),
        ((4, 3, 40), r"ResNetMap takes .* found \(4, 3, 40\)"),
    ),
    "ViTTokens": Entry(
        lambda: ViTTokens(side=16, patch=8, dimension=6, width=8, layers=2, heads=2),
        pictures(16),
        (4, 4, 6),
        (pictures(24), r"with C = 3, H = 16, W = 16; found \(4, 3, 24, 24\)"),
    ),
    "ViT": Entry(
        lambda: ViT(side=16, patch=4, dimension=5, width=8, layers=1, heads=2), pictures(16), (4, 5)
    ),
    "NormedMap": Entry(lambda: NormedMap(dimension=8, norm="group"), pictures(32), (4, 8, 2, 2)),
    "NormedNet": Entry(lambda: NormedNet(dimension=5, norm="group"), pictures(32), (4, 5)),
    "LeNet": Entry(
        lambda: LeNet(side=16, channels=3, dimension=5, norm="group"), pictures(16), (4, 5)
    ),
    "GRUTokens": Entry(
        lambda: GRUTokens(inputs=3, dimension=6, layers=2),
        (4, 5, 3),
        (4, 5, 6),
        ((4, 5, 2), STEPS.format("GRUTokens")),
        pixels=False,
    ),
    "GRU": Entry(
        lambda: GRU(inputs=3, dimension=6, width=4),
        (4, 5, 3),
        (4, 6),
        ((4, 5, 2), STEPS.format("GRUTokens")),
        pixels=False,
    ),
    "SequenceTransformer": Entry(
        lambda: SequenceTransformer(inputs=3, dimension=8, hidden=5, positions=False),
        (4, 5, 3),
        (4, 5, 8),
        ((4, 5, 2), STEPS.format("SequenceTransformer")),
        pixels=False,
    ),
    "ForceEncoder": Entry(
        lambda: ForceEncoder(dimension=7),
        (4, 32, 6),
        (4, 7),
        ((4, 6, 32), r"ForceEncoder takes \(B, L, C\) with C = 6; found \(4, 6, 32\)"),
        pixels=False,
    ),
    "ProprioEncoder": Entry(
        lambda: ProprioEncoder(dimension=7),
        (4, 8),
        (4, 7),
        ((4, 7), r"ProprioEncoder takes \(B, C\) with C = 8; found \(4, 7\)"),
        pixels=False,
    ),
}

SEQUENCES = [
    name for name, entry in ZOO.items() if len(entry.takes) == 3 and name != "ForceEncoder"
]


def made(name: str) -> nn.Module:
    torch.manual_seed(0)
    return ZOO[name].make()


def example(name: str) -> Tensor:
    entry = ZOO[name]
    generator = torch.Generator().manual_seed(1)
    if entry.pixels:
        return torch.randint(0, 256, entry.takes, dtype=torch.uint8, generator=generator)
    return torch.randn(entry.takes, generator=generator)


@pytest.mark.parametrize("name", ZOO)
def test_shapes_and_numbers_of_both_kinds(name: str) -> None:
    net, x = made(name).eval(), example(name)
    found = net(x)
    assert found.shape == ZOO[name].gives
    assert found.dtype == torch.float32
    if ZOO[name].pixels:
        torch.testing.assert_close(net(x.float()), found)


@pytest.mark.parametrize("name", ZOO)
def test_the_gradient_reaches_every_weight(name: str) -> None:
    net = made(name)
    found = net(example(name))
    weights = torch.randn(found.shape, generator=torch.Generator().manual_seed(2))
    (found * weights).sum().backward()
    silent = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert not silent


@pytest.mark.parametrize("name", ZOO)
def test_items_do_not_depend_on_each_other(name: str) -> None:
    """But where batch normalisation is asked for, in training."""
    batch_normed = any(isinstance(m, nn.BatchNorm2d) for m in made(name).modules())
    for training in (True, False):
        if not (training and batch_normed):
            net, x = made(name).train(training), example(name)
            torch.testing.assert_close(net(x)[1:3], net(x[1:3]))


@pytest.mark.parametrize("name", ZOO)
def test_what_it_gives_is_what_its_adapter_takes(name: str) -> None:
    net = made(name)
    found = net(example(name))
    kind = getattr(adapters, getattr(net, "adapter", "VectorAdapter"))
    tokens = kind(inputs=ZOO[name].gives[kind.channels], width=8)(found)
    assert tokens.shape == (4, tokens.shape[1], 8)


@pytest.mark.parametrize("name", [name for name, entry in ZOO.items() if entry.wrong])
def test_input_of_another_shape_is_refused_in_one_line(name: str) -> None:
    wrong = ZOO[name].wrong
    assert wrong is not None
    with pytest.raises(ValueError, match=wrong[1]) as caught:
        made(name)(torch.zeros(wrong[0]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("name", SEQUENCES)
def test_what_stands_in_padding_does_not_matter(name: str, training: bool) -> None:
    net, x = made(name).train(training), example(name)
    assert isinstance(net, SequenceEncoder)
    valid = torch.arange(5) < torch.tensor([[5], [3], [1], [0]])
    junk = torch.where(valid[:, :, None], x, 1e3 * torch.ones_like(x))
    found, other = net(x, valid), net(junk, valid)
    if found.ndim == 3:
        for k, length in enumerate((5, 3, 1)):
            torch.testing.assert_close(found[k, :length], net(x[k : k + 1, :length])[0])
        found, other = (z.masked_fill(~valid[:, :, None], 0) for z in (found, other))
    else:
        for k, length in enumerate((5, 3, 1)):
            torch.testing.assert_close(found[k], net(x[k : k + 1, :length])[0])
    torch.testing.assert_close(found, other)
    found.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


WRONG: dict[str, Callable[[], object]] = {
    "a depth of 18 or 50 and a stem of 7 or 3; found 34, 7": lambda: ResNetMap(
        dimension=8,
        depth=34,  # type: ignore[arg-type]
    ),
    "found 18, 5": lambda: ResNet(dimension=8, stem=5),  # type: ignore[arg-type]
    "norm must be 'batch' or 'group'; found 'layer'": lambda: NormedMap(
        dimension=8,
        norm="layer",  # type: ignore[arg-type]
    ),
    "patches of side 16 do not fill a picture of side 40": lambda: ViTTokens(side=40, dimension=8),
    "patches of side 0 do not fill": lambda: ViTTokens(side=40, patch=0, dimension=8),
    "a width divisible by 4; found 6": lambda: ViT(side=32, dimension=8, width=6, heads=2),
    "heads must divide the width, 8; found 3": lambda: ViT(side=32, dimension=8, width=8),
    "layers must be at least 1; found 0": lambda: ViT(side=32, dimension=8, layers=0),
    "layers must be at least 1; found -1": lambda: GRUTokens(inputs=3, dimension=8, layers=-1),
    "hidden must be at least 1; found 0": lambda: SequenceTransformer(
        inputs=3, dimension=8, hidden=0
    ),
}


@pytest.mark.parametrize("message", WRONG)
def test_what_cannot_be_made_is_refused(message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WRONG[message]()
