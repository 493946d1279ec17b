"""Normalisation of maps: torch's on one process, the same on several, and none of it in groups."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed, nn

from isthmus.models.batch_norm import BatchNormMap, counting
from isthmus.models.lenet import LeNet
from isthmus.models.map_norm import map_norm
from isthmus.models.normed import NormedMap, NormedNet
from isthmus.models.resnet import ResNetMap
from isthmus.models.towers import Towers
from tests.training.support import finish, start

SHARES = [(4, 2), (6, 0), (1, 5)]
"""Rows of the two ranks."""


def step(norm: nn.Module, rows: slice) -> dict[str, Tensor]:
    """What comes out of some of six maps, and all gradients of a sum over them."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6, 3, 5, 2, generator=generator, dtype=torch.float64) * 3 + 2
    weights = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    own = x[rows].clone().requires_grad_()
    found = norm(own)
    (found * weights[rows]).sum().backward()
    assert own.grad is not None
    parameters = {n: p.grad for n, p in norm.named_parameters() if p.grad is not None}
    return {"found": found.detach(), "x": own.grad, **parameters, **dict(norm.named_buffers())}


def make(kind: Callable[[int], nn.Module] = BatchNormMap) -> nn.Module:
    norm = kind(3).double()
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([1.0, 2.0, -0.5]))  # type: ignore[operator, union-attr]
        norm.bias.copy_(torch.tensor([0.0, 1.0, 3.0]))  # type: ignore[operator, union-attr]
    return norm


def rank(number: int, folder: Path) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=number, world_size=2
    )
    try:
        steps = []
        for first, _ in SHARES:
            rows = slice(first) if number == 0 else slice(first, 6)
            steps.append(step(make(), rows))
        torch.save(steps, folder / f"{number}.pt")
    finally:
        distributed.destroy_process_group()


def test_two_processes_have_the_numbers_and_gradients_of_one(tmp_path: Path) -> None:
    started = [start(rank, number, tmp_path, {}) for number in (0, 1)]
    assert [finish(process) for process in started] == [0, 0]
    one = step(make(nn.BatchNorm2d), slice(6))
    found = [torch.load(tmp_path / f"{number}.pt") for number in (0, 1)]
    for first, second in zip(*found, strict=True):
        for name, expected in one.items():
            if name in ("found", "x"):
                together = torch.cat([first[name], second[name]])
            elif name in ("weight", "bias"):
                together = first[name] + second[name]
            else:
                assert torch.equal(first[name], second[name])
                together = first[name]
            torch.testing.assert_close(together, expected)


def test_on_one_process_it_is_torch_s_to_the_bit() -> None:
    for name, value in step(make(nn.BatchNorm2d), slice(6)).items():
        assert torch.equal(step(make(), slice(6))[name], value), name
    ours, theirs = make().eval(), make(nn.BatchNorm2d).eval()
    x = torch.randn(2, 3, 4, 4).double()
    assert torch.equal(ours(x), theirs(x))


def test_items_that_are_not_counted_change_nothing() -> None:
    kept = torch.tensor([True, False, True, True, False, True])
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6, 3, 5, 2, generator=generator, dtype=torch.float64)
    some, alone = make(), make(nn.BatchNorm2d)
    with counting(kept):
        found = some(x)
    torch.testing.assert_close(found[kept], alone(x[kept]))
    frames = make()  # two maps of each item, one after the other
    with counting(kept[::2]):
        found = frames(x)
    of_frames = kept[::2].repeat_interleave(2)
    torch.testing.assert_close(found[of_frames], make(nn.BatchNorm2d)(x[of_frames]))
    for name, value in some.state_dict().items():
        torch.testing.assert_close(value, alone.state_dict()[name])
    with counting(torch.zeros(6, dtype=torch.bool)):
        some(x)
    for name in ("running_mean", "running_var"):
        torch.testing.assert_close(some.state_dict()[name], alone.state_dict()[name])
    with counting(None):
        assert torch.equal(make()(x), make(nn.BatchNorm2d)(x))


def test_a_model_counts_the_items_that_have_the_modality() -> None:
    torch.manual_seed(0)
    have = torch.tensor([True, False, True, True])
    images = torch.randint(0, 256, (4, 3, 16, 16), dtype=torch.uint8)
    features = torch.randn(4, 5)

    def made() -> Towers:
        torch.manual_seed(1)
        net = NormedNet(dimension=4, widths=(4,), features=6)
        return Towers({"image": net, "text": nn.Linear(5, 4)})

    with_gaps, alone = made(), made()
    found = with_gaps({"image": images, "image/present": have, "text": features})["image"]
    expected = alone({"image": images[have], "text": features[have]})["image"]
    torch.testing.assert_close(found[have], expected)
    for name, value in with_gaps.state_dict().items():
        torch.testing.assert_close(value, alone.state_dict()[name])


def test_a_single_place_becomes_the_bias() -> None:
    found = make()(torch.tensor([[5.0, -3.0, 1.0]]).double()[:, :, None, None])
    assert found.flatten().tolist() == [0.0, 1.0, 3.0]
    assert make()(torch.zeros(0, 3, 4, 4).double()).shape == (0, 3, 4, 4)
    with pytest.raises(ValueError, match="expected 4D input"):
        make()(torch.zeros(1, 3).double())


@pytest.mark.parametrize(
    ("width", "groups"), [(64, 4), (512, 32), (2048, 128), (6, 1), (24, 1), (40, 2), (1, 1)]
)
def test_groups_are_of_sixteen_channels_or_more(width: int, groups: int) -> None:
    norm = map_norm("group", width)
    assert isinstance(norm, nn.GroupNorm)
    assert norm.num_groups == groups


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: NormedMap(dimension=8, widths=(4,)), ["1.weight", "2.weight", "2.running_mean"]),
        (lambda: LeNet(side=8, dimension=3, blocks=1), ["1.bias", "2.running_var", "2.weight"]),
        (
            lambda: ResNetMap(dimension=8, width=1),
            ["stem.2.num_batches_tracked", "stages.0.0.path.1.running_mean"],
        ),
    ],
)
def test_weights_that_are_saved_already_keep_their_names(
    make: Callable[[], nn.Module], names: list[str]
) -> None:
    net = make()
    assert set(names) <= set(net.state_dict())
    assert any(isinstance(part, BatchNormMap) for part in net.modules())


def test_the_small_encoders_are_what_they_were() -> None:
    """To the bit, on one process: recipes and checkpoints stay what they are."""
    x = torch.randint(0, 256, (4, 3, 16, 16), dtype=torch.uint8)
    torch.manual_seed(0)
    net = NormedMap(dimension=8, widths=(4,))
    torch.manual_seed(0)
    before = [nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU()]
    before += [nn.Conv2d(4, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
    assert torch.equal(net(x), nn.Sequential(net[0], *before)(x))
