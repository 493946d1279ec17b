"""Recurrent encoders against torch's cell, step by step, and padding wherever it stands."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from isthmus.models.recurrent import GRU, GRUTokens


def test_a_token_is_the_state_after_a_step() -> None:
    torch.manual_seed(0)
    net, x = GRUTokens(inputs=3, dimension=4), torch.randn(2, 5, 3)
    cell = nn.GRUCell(3, 4)
    cell.load_state_dict({n.removesuffix("_l0"): w for n, w in net.gru.state_dict().items()})
    state = torch.zeros(2, 4)
    for step, token in zip(x.unbind(1), net(x).unbind(1), strict=True):
        state = cell(step, state)
        torch.testing.assert_close(token, state)
    last = GRU(inputs=3, dimension=4)
    last.steps = net
    torch.testing.assert_close(last(x), last.project(state))


@settings(max_examples=20)
@given(bits=st.lists(st.booleans(), min_size=6, max_size=6))
def test_padding_is_passed_over_wherever_it_stands(bits: list[bool]) -> None:
    torch.manual_seed(0)
    net, vector = GRUTokens(inputs=3, dimension=4, layers=2), GRU(inputs=3, dimension=4)
    x, valid = torch.randn(1, 6, 3), torch.tensor([bits])
    found = net(x, valid)
    torch.testing.assert_close(found[valid], net(x[:, valid[0]])[0])
    assert not found[~valid].any()
    torch.testing.assert_close(vector(x, valid), vector(x[:, valid[0]]))
    if not any(bits):
        torch.testing.assert_close(vector(x, valid)[0], vector.project.bias)


def test_without_items_or_steps_there_is_nothing_and_the_order_counts() -> None:
    net = GRUTokens(inputs=3, dimension=4)
    assert net(torch.zeros(0, 5, 3)).shape == (0, 5, 4)
    assert net(torch.zeros(2, 0, 3), torch.zeros(2, 0, dtype=torch.bool)).shape == (2, 0, 4)
    assert GRU(inputs=3, dimension=4)(torch.zeros(2, 0, 3)).shape == (2, 4)
    x = torch.randn(1, 4, 3)
    assert not torch.allclose(net(x)[0, -1], net(x.flip(1))[0, -1], atol=1e-4)
