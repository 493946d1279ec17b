"""The options of the sequence transformer, a small ViT, and a perceptron's dropout."""

import pytest
import torch
from torch import nn

from isthmus.models import MLP, SequenceTransformer
from isthmus.models.transformer import Block
from isthmus.models.vit import ViT, ViTTokens


def affect(**options: bool) -> SequenceTransformer:
    torch.manual_seed(0)
    return SequenceTransformer(
        inputs=20, dimension=40, layers=5, heads=5, hidden=2048, **options
    ).eval()


def test_the_affect_encoder_of_multibench_can_be_had() -> None:
    """Five blocks of width 40, each with 2,048 hidden: 4·40² + 3·40 of attention without a bias of
    keys, 2·40·2,048 + 2,088 of the perceptron, 160 of both norms."""
    net = affect(positions=False)
    block = 4 * 40**2 + 3 * 40 + 2 * 40 * 2048 + 2048 + 40 + 4 * 40
    assert sum(p.numel() for p in net.parameters()) == 5 * block + (20 * 40 + 40) + 2 * 40
    assert net(torch.randn(3, 50, 20)).shape == (3, 50, 40)


def test_without_positions_steps_are_a_set_and_with_them_a_sequence() -> None:
    x, order = torch.randn(2, 6, 20), torch.tensor([3, 0, 5, 1, 2, 4])
    without = affect(positions=False)
    torch.testing.assert_close(without(x)[:, order], without(x[:, order]), atol=1e-5, rtol=1e-4)
    ordered = affect()
    assert not torch.allclose(ordered(x)[:, order], ordered(x[:, order]), atol=1e-2)


def test_a_block_is_what_it_was_unless_another_hidden_width_is_asked_for() -> None:
    blocks = []
    for hidden in (None, 32):
        torch.manual_seed(0)
        blocks.append(Block(8, heads=2, depth=3, hidden=hidden))
    for one, other in zip(blocks[0].parameters(), blocks[1].parameters(), strict=True):
        assert torch.equal(one, other)
    torch.manual_seed(0)
    wide = Block(8, heads=2, depth=3, hidden=3200)
    x = torch.randn(4, 50, 8)
    with torch.no_grad():
        sizes = [(net(x) - x).std().item() for net in (blocks[0], wide)]
    assert 0.5 < sizes[0] / sizes[1] < 2  # what a block adds does not grow with it


def test_a_vit_knows_where_a_patch_is() -> None:
    torch.manual_seed(0)
    net = ViTTokens(side=8, patch=4, dimension=8, width=8, layers=1, heads=2)
    x = torch.zeros(1, 3, 8, 8)
    x[:, :, :4, :4] = 255
    moved = x.roll(4, dims=3)
    assert not torch.allclose(net(x)[0, 0], net(moved)[0, 1], atol=1e-3)
    assert isinstance(net.project, nn.Identity)
    vector = ViT(side=8, patch=4, dimension=3, width=8, layers=1, heads=2)
    tokens = vector.tokens(x)
    torch.testing.assert_close(vector(x), vector.project(tokens.mean(dim=1)))
    assert tokens.shape == (1, 4, 8)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_perceptron_with_dropout_has_the_width_of_one_without(
    dropout: float, training: bool
) -> None:
    """That of MIMIC's table, 5 to 10 to 10 and here to 7: the released one gives its hidden layer
    where there is dropout."""
    net = MLP(inputs=5, width=10, dimension=7, dropout=dropout).train(training)
    assert net(torch.randn(3, 5)).shape == (3, 7)
