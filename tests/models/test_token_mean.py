"""Towers that average tokens."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from isthmus.models import Towers
from isthmus.models.token_mean import SequenceMean, TokenMean


def test_the_mean_is_of_tokens_that_are_no_padding() -> None:
    net = TokenMean(encoder=nn.Identity(), width=3, dimension=2)
    x = torch.randn(2, 4, 3)
    valid = torch.tensor([[True, True, False, False], [False] * 4])
    found = net(x, valid)
    torch.testing.assert_close(found[0], net.project(x[0, :2].mean(dim=0)))
    assert found[1].tolist() == [0.0, 0.0]
    torch.testing.assert_close(net(x), net.project(x.mean(dim=1)))


def test_what_stands_in_padding_does_not_matter() -> None:
    torch.manual_seed(0)
    net = SequenceMean(inputs=3, dimension=4, width=10, layers=2, heads=5, positions=False)
    towers = Towers({"text": net}).eval()
    x, valid = torch.randn(2, 5, 3), torch.arange(5) < torch.tensor([[3], [5]])
    junk = torch.where(valid[:, :, None], x, 9.0)
    plain, other = (towers({"text": rows, "text/valid": valid})["text"] for rows in (x, junk))
    assert isinstance(plain, torch.Tensor)
    torch.testing.assert_close(plain, other)
    torch.testing.assert_close(plain[:1], towers({"text": x[:1, :3]})["text"])


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (nn.Linear(3, 5), r"takes \(B, L, C\) with C = 4, its width; found \(2, 6, 5\) from Lin"),
        (nn.Flatten(), r"found \(2, 18\) from Flatten"),
        (nn.Sequential(nn.Flatten(), nn.Linear(18, 4), nn.Unflatten(1, (1, 4))), "6 positions"),
    ],
)
def test_an_encoder_that_gives_no_such_tokens(encoder: nn.Module, message: str) -> None:
    net = TokenMean(encoder=encoder, width=4, dimension=2)
    with pytest.raises(ValueError, match=message):
        net(torch.ones(2, 6, 3), torch.ones(2, 6, dtype=torch.bool))
