"""Residual networks against their published sizes, and a block against its formula."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from isthmus.models.pixels import Pixels
from isthmus.models.resnet import ResNetMap


@pytest.mark.parametrize(
    ("depth", "last", "weights"), [(18, 512, 11_176_512), (50, 2048, 23_508_032)]
)
def test_the_originals_have_their_number_of_weights(depth: int, last: int, weights: int) -> None:
    """11,689,512 and 25,557,032 in torchvision, less classifiers of 1,000 classes."""
    with torch.device("meta"):
        net = ResNetMap(dimension=last, depth=depth)  # type: ignore[arg-type]
        small = ResNetMap(dimension=last, depth=depth, stem=3)  # type: ignore[arg-type]
    assert sum(p.numel() for p in net.parameters()) == weights
    assert sum(p.numel() for p in small.parameters()) == weights - 64 * 3 * (49 - 9)
    assert isinstance(net.head, nn.Identity)


@pytest.mark.parametrize(
    ("stem", "side", "places"),
    [
        (7, 224, 7),
        (7, 128, 4),
        (7, 65, 3),
        (7, 1, 1),
        (3, 64, 8),
        (3, 32, 4),
        (3, 28, 4),
        (3, 1, 1),
    ],
)
def test_the_map_of_a_picture(stem: int, side: int, places: int) -> None:
    net = ResNetMap(dimension=5, width=2, stem=stem).eval()  # type: ignore[arg-type]
    x = torch.zeros(1, 3, side, side, dtype=torch.uint8)
    assert net(x).shape == (1, 5, places, places)


@pytest.mark.parametrize("depth", [18, 50])
def test_every_block_adds_to_its_shortcut(depth: int) -> None:
    """The network again, from its weights, in plain functions."""
    torch.manual_seed(0)
    last = 32 if depth == 18 else 128
    net = ResNetMap(dimension=last, width=4, depth=depth, stem=3).eval()  # type: ignore[arg-type]
    x = 255 * torch.rand(2, 3, 20, 20)
    convs = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    wide = {m.out_channels for m in convs}
    assert wide == ({4, 8, 16, 32} if depth == 18 else {4, 8, 16, 32, 64, 128})
    h = functional.relu(net.stem[2](net.stem[1](Pixels()(x))))
    for stage in net.stages:
        for block in stage:  # type: ignore[attr-defined]
            *path, conv, norm = block.path
            inner = h
            for layer in path:
                inner = layer(inner)
            h = (norm(conv(inner)) + block.shortcut(h)).clamp(min=0)
    torch.testing.assert_close(net(x), h)
    strides = [conv.stride[0] for conv in convs]
    assert strides.count(2) == 6  # three stages, path and shortcut
    threes = [conv for conv in convs if conv.kernel_size == (3, 3) and conv.stride == (2, 2)]
    assert len(threes) == 3  # in both depths it is a 3 × 3 that halves


def test_numbers_keep_their_size_through_all_layers() -> None:
    torch.manual_seed(0)
    x = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
    for norm in ("batch", "group"):
        found = ResNetMap(dimension=64, width=8, stem=3, norm=norm)(x)  # type: ignore[arg-type]
        assert 0.1 < found.std() < 10
