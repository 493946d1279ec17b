"""Encoders of a robot's touch and state."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from isthmus.models.force import ForceEncoder
from isthmus.models.proprio import ProprioEncoder


def force(**options: int) -> ForceEncoder:
    torch.manual_seed(0)
    return ForceEncoder(dimension=5, **options)


def reach(net: nn.Module, x: Tensor) -> list[int]:
    """The readings that the vector depends on."""
    x = x.clone().requires_grad_()
    net(x).square().sum().backward()
    assert x.grad is not None
    return x.grad.abs().sum(dim=(0, 2)).nonzero().flatten().tolist()


def test_every_one_of_the_readings_has_part_in_the_vector() -> None:
    """In the released code nothing but the first reaches it, by padding in front at stride 2."""
    x = torch.randn(3, 32, 6)
    assert reach(force(), x) == list(range(32))

    class Released(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            x = x.transpose(1, 2)
            for conv in force().convolutions:
                padded = isinstance(conv, nn.Conv1d)
                x = conv(functional.pad(x, (1, 1)))[:, :, :-1] if padded else conv(x)
            return x[:, :, 0]

    assert reach(Released(), x) == [0]


@pytest.mark.parametrize("length", [1, 20, 32, 50])
def test_the_last_readings_count_and_few_are_led_by_zeros(length: int) -> None:
    net, x = force(), torch.randn(2, 50, 6)
    last = x[:, -length:]
    padded = functional.pad(last[:, -32:], (0, 0, max(0, 32 - length), 0))
    torch.testing.assert_close(net(last), net(padded))
    earlier = last.clone()
    earlier[:, : max(0, length - 32)] = 7
    torch.testing.assert_close(net(earlier), net(last))


def test_a_convolution_is_a_linear_map_of_two_steps_and_a_leaky_relu() -> None:
    torch.manual_seed(0)
    net, x = ForceEncoder(dimension=2, inputs=3, widths=(4,)), torch.randn(5, 4, 3)
    first, second = net.convolutions[0], net.convolutions[2]
    assert isinstance(first, nn.Conv1d)
    assert isinstance(second, nn.Conv1d)
    pairs = x.reshape(5, 2, 2, 3)
    hidden = torch.einsum("btkc,ock->bto", pairs, first.weight) + first.bias
    hidden = torch.where(hidden > 0, hidden, 0.1 * hidden)
    last = torch.einsum("bkc,ock->bo", hidden, second.weight) + second.bias
    torch.testing.assert_close(net(x), torch.where(last > 0, last, 0.1 * last))


def test_the_widths_are_the_published_ones() -> None:
    shapes = [tuple(p.shape) for p in force().parameters() if p.ndim == 3]
    assert shapes == [(16, 6, 2), (32, 16, 2), (64, 32, 2), (128, 64, 2), (5, 128, 2)]
    shapes = [tuple(p.shape) for p in ProprioEncoder(dimension=512).parameters() if p.ndim == 2]
    assert shapes == [(32, 8), (64, 32), (128, 64), (512, 128)]


def test_a_state_goes_through_linear_maps_and_leaky_relus() -> None:
    torch.manual_seed(0)
    net, x = ProprioEncoder(dimension=3, inputs=4, widths=(5,)), torch.randn(6, 4)
    hidden = x
    for linear in (net.layers[0], net.layers[2]):
        hidden = linear(hidden)
        hidden = torch.where(hidden > 0, hidden, 0.1 * hidden)
    torch.testing.assert_close(net(x), hidden)
    assert (hidden < 0).any()
