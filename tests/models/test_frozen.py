"""Encoders that stay as they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from isthmus.models import AttentionFuser, Fusion, SequenceTransformer, TokenAdapter, VectorAdapter
from isthmus.models.frozen import FrozenTokens
from isthmus.models.normed import NormedMap


class Normed(nn.Module):
    """Tokens that change in training: dropout, and running numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.norm, self.dropout = nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        z: Tensor = self.dropout(self.norm(self.linear(x).transpose(1, 2)))
        return z.transpose(1, 2)


def fusion() -> Fusion:
    torch.manual_seed(0)
    return Fusion(
        {"text": FrozenTokens(encoder=Normed(), dimension=8), "sound": nn.Linear(4, 8)},
        adapters={
            "text": TokenAdapter(inputs=8, width=8),
            "sound": VectorAdapter(inputs=8, width=8),
        },
        fuser=AttentionFuser(width=8, heads=2),
    )


def test_nothing_of_it_changes_in_training() -> None:
    model = fusion().train()
    frozen = model.encoders["text"]
    assert isinstance(frozen, FrozenTokens)
    assert frozen.training
    assert not any(part.training for part in frozen.encoder.modules())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = model({"text": torch.randn(4, 5, 3), "sound": torch.randn(4, 4)})["fused"]
    assert isinstance(found, Tensor)
    (found * torch.randn(4, 8)).sum().backward()
    assert all(p.grad is None and not p.requires_grad for p in frozen.parameters())
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter -= parameter.grad
    changed = {n for n, value in model.state_dict().items() if not torch.equal(value, before[n])}
    assert "encoders.sound.weight" in changed
    assert not any(name.startswith("encoders.text") for name in changed)


@pytest.mark.parametrize("mode", [True, False], ids=["training", "evaluation"])
def test_its_tokens_are_those_of_evaluation_and_have_no_graph(mode: bool) -> None:
    torch.manual_seed(0)
    encoder, x = Normed().eval(), torch.randn(4, 5, 3, requires_grad=True)
    expected = encoder(x)
    encoder.train()
    found = FrozenTokens(encoder=encoder, dimension=8).train(mode)(x)
    assert not found.requires_grad
    torch.testing.assert_close(found, expected)


def test_padding_is_told_to_an_encoder_of_sequences() -> None:
    torch.manual_seed(0)
    encoder = SequenceTransformer(inputs=3, dimension=8)
    x, valid = torch.randn(2, 5, 3), torch.arange(5) < torch.tensor([[3], [5]])
    found = FrozenTokens(encoder=encoder, dimension=8)(x, valid)
    torch.testing.assert_close(found[0, :3], encoder(x[:1, :3])[0])
    junk = torch.where(valid[:, :, None], x, 9.0)
    again = FrozenTokens(encoder=encoder, dimension=8)(junk, valid)
    torch.testing.assert_close(found[valid], again[valid])


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x


WRONG: dict[str, Callable[[], object]] = {
    r"tokens \(B, L, C\) with C = 7, .* found \(4, 5, 8\) from Normed": lambda: FrozenTokens(
        encoder=Normed(), dimension=7
    )(torch.zeros(4, 5, 3)),
    r"found \(2, 8, 4, 4\) from NormedMap": lambda: FrozenTokens(
        encoder=NormedMap(dimension=8), dimension=8
    )(torch.zeros(2, 3, 64, 64)),
    "found tuple from Pair": lambda: FrozenTokens(encoder=Pair(), dimension=8)(torch.zeros(2, 3)),
}


@pytest.mark.parametrize("message", WRONG)
def test_an_encoder_that_gives_no_tokens_is_refused(message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WRONG[message]()
