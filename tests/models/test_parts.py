"""Adapters, positions, blocks, projector and batch normalisation, each against a known answer."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from isthmus.models import (
    ConvMap,
    FeatureAdapter,
    PatchAdapter,
    Projector,
    SequenceTransformer,
    TokenAdapter,
    Towers,
    VectorAdapter,
    WordTokens,
)
from isthmus.models.batch_norm import BatchNorm
from isthmus.models.inputs import SequenceEncoder, views
from isthmus.models.positions import grid_positions, positions
from isthmus.models.tokens import Tokens
from isthmus.models.transformer import Block


def test_features_become_their_value_times_a_weight_and_a_bias() -> None:
    adapter = FeatureAdapter(inputs=2, width=3)
    with torch.no_grad():
        adapter.weight.copy_(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
        adapter.bias.fill_(1.0)
    tokens = adapter(torch.tensor([[2.0, -1.0]]))
    assert tokens.tolist() == [[[3.0, 5.0, 7.0], [-3.0, -4.0, -5.0]]]


def test_tokens_of_the_right_width_are_left_as_they_are() -> None:
    x = torch.randn(2, 3, 4)
    assert TokenAdapter(inputs=4, width=4)(x) is x
    assert TokenAdapter(inputs=4, width=6)(x).shape == (2, 3, 6)


def test_a_vector_is_one_token() -> None:
    adapter, x = VectorAdapter(inputs=4, width=6), torch.randn(2, 4)
    torch.testing.assert_close(adapter(x)[:, 0], adapter.project(x))


def test_patches_are_projected_places_and_told_apart() -> None:
    adapter = PatchAdapter(inputs=3, width=8)
    x = torch.randn(2, 3, 4, 5)
    tokens = adapter(x).unflatten(1, (4, 5))
    where = grid_positions(4, 5, 8, like=x).unflatten(0, (4, 5))
    torch.testing.assert_close(tokens[1, 2, 3], adapter.project(x[1, :, 2, 3]) + where[2, 3])
    flat = where.flatten(0, 1)
    assert torch.cdist(flat, flat).add(torch.eye(20)).min() > 0.1
    torch.testing.assert_close(where[2, 3, :4], positions(4, 4, like=x)[2])
    torch.testing.assert_close(where[2, 3, 4:], positions(5, 4, like=x)[3])


def test_positions_on_a_grid_need_a_width_in_quarters() -> None:
    with pytest.raises(ValueError, match="divisible by 4; found 6"):
        PatchAdapter(inputs=3, width=6)


@pytest.mark.parametrize("side", [28, 29, 8])
def test_a_map_halves_the_picture_with_every_convolution(side: int) -> None:
    half = (((side + 1) // 2 + 1) // 2 + 1) // 2
    found = ConvMap(dimension=6)(torch.zeros(2, 3, side, side, dtype=torch.uint8))
    assert found.shape == (2, 6, half, half)


def test_words_have_an_order() -> None:
    net = WordTokens(words=5, dimension=4)
    first, second = net(torch.tensor([[1, 2], [2, 1]]))
    assert first.shape == (2, 4)
    assert not torch.allclose(first, second.flip(0))


def test_a_block_is_pre_norm_residual_attention_and_perceptron() -> None:
    torch.manual_seed(0)
    block, x, c = Block(4, heads=2).double(), torch.randn(1, 2, 4).double(), torch.randn(1, 3, 4)
    c, seen = c.double(), torch.tensor([[[[True, False, True]]]])
    kept = block.before_attention(c)[0, [0, 2]]
    q, k, v = block.query(block.before_attention(x))[0], block.key(kept), block.value(kept)
    heads = []
    for part in (slice(0, 2), slice(2, 4)):
        weights = (q[:, part] @ k[:, part].T / 2**0.5).softmax(dim=1)
        heads.append(weights @ v[:, part])
    middle = x[0] + block.merge(torch.cat(heads, dim=1))
    hidden = block.rise(block.before_mlp(middle))
    expected = middle + block.fall(hidden * torch.sigmoid(1.702 * hidden))
    torch.testing.assert_close(block(x, c, seen)[0], expected)


@pytest.mark.parametrize("queries", [1, 3])
def test_a_class_token_sees_the_same_whether_keys_are_projected_or_not(queries: int) -> None:
    torch.manual_seed(0)
    block = Block(24, heads=2).double()
    x, c = torch.randn(3, queries, 24).double(), torch.randn(3, 40, 24).double()
    seen = torch.rand(3, 1, 1, 40) > 0.3
    parameters = [p for part in (block.query, block.key, block.value) for p in part.parameters()]

    def found(attend: Callable[[Tensor, Tensor, Tensor | None], Tensor]) -> list[Tensor]:
        """What is seen, with and without a mask, and the gradients of the latter."""
        masked = attend(x, c, seen)
        gradients = torch.autograd.grad(masked.square().sum(), parameters)
        return [attend(x, c, None), masked, *gradients]

    absorbed = found(block._absorbed)
    for one, other in zip(found(block._attention), absorbed, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
    # 40 queries project every key: the shorter way is that for few alone.
    plain = found(lambda x, c, seen: block._attention(x.repeat(1, 40, 1), c, seen)[:, :queries])
    for one, other in zip(plain[:2], absorbed[:2], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_a_sequence_is_encoded_as_if_there_were_no_padding() -> None:
    torch.manual_seed(0)
    net = SequenceTransformer(inputs=3, dimension=8, heads=2)
    x, valid = torch.randn(3, 6, 3), torch.arange(6) < torch.tensor([[2], [6], [0]])
    found = net(x, valid)
    torch.testing.assert_close(found[0, :2], net(x[:1, :2])[0])
    torch.testing.assert_close(found[1], net(x[1:2])[0])
    found.sum().backward()
    gradients = [p.grad for p in net.parameters()]
    assert all(g is not None and g.isfinite().all() for g in gradients)


class Pooled(SequenceEncoder):
    """The mean of what is no padding: a tower of one's own."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        return Tokens(self.linear(x), valid).mean()


def test_towers_tell_an_encoder_of_sequences_what_is_padding() -> None:
    towers, x = Towers({"text": Pooled()}), torch.randn(2, 4, 3)
    valid = torch.tensor([[True, True, False, False], [True] * 4])
    found = towers({"text": x, "text/valid": valid})["text"]
    alone = towers({"text": x[:1, :2]})["text"]
    assert isinstance(found, Tensor)
    assert isinstance(alone, Tensor)
    torch.testing.assert_close(found[:1], alone)


def test_a_view_has_padding_of_its_own_or_that_of_the_first() -> None:
    batch = {
        "text": torch.ones(1, 2),
        "text/1": torch.ones(1, 2),
        "text/2": torch.ones(1, 2),
        "text/valid": torch.tensor([[True, False]]),
        "text/1/valid": torch.tensor([[False, True]]),
    }
    assert [view.x.tolist() for view in views(batch, "text")] == [[[1, 0]], [[0, 1]], [[1, 0]]]


def test_joined_tokens_know_which_there_are() -> None:
    one = Tokens(torch.zeros(2, 3, 4))
    other = Tokens(torch.ones(2, 1, 4), torch.tensor([[True], [False]]))
    assert Tokens.joined([one, one]).valid is None
    joined = Tokens.joined([one, other])
    assert joined.valid is not None
    assert joined.valid.tolist() == [[True] * 4, [True] * 3 + [False]]
    assert other.items is not None
    assert other.items.tolist() == [True, False]


@pytest.mark.parametrize("norm", ["layer", "batch"])
def test_a_projector_is_linear_maps_norms_and_relus(norm: str) -> None:
    torch.manual_seed(0)
    head = Projector(inputs=5, dimension=2, widths=(4, 3), norm=norm)  # type: ignore[arg-type]
    x = torch.randn(6, 5)
    hidden = x
    for linear, width in zip(head.linears, (4, 3), strict=True):
        plain = nn.BatchNorm1d(width) if norm == "batch" else nn.LayerNorm(width)
        hidden = plain(linear(hidden)).relu()
    torch.testing.assert_close(head(x), head.last(hidden))
    with pytest.raises(ValueError, match="'layer' or 'batch'; found 'group'"):
        Projector(inputs=5, norm="group")  # type: ignore[arg-type]


def test_batch_normalisation_is_that_of_torch_and_leaves_out_what_is_not_counted() -> None:
    torch.manual_seed(0)
    ours, theirs = BatchNorm(4), nn.BatchNorm1d(4)
    x, counted = torch.randn(9, 4) * 3 + 2, torch.arange(9) < 6
    given, expected = x.clone().requires_grad_(), x[:6].clone().requires_grad_()
    found, wanted = ours(given, counted), theirs(expected)
    torch.testing.assert_close(found[:6], wanted)
    weights = torch.randn(6, 4)
    (found[:6] * weights).sum().backward()
    (wanted * weights).sum().backward()
    assert given.grad is not None
    torch.testing.assert_close(given.grad[:6], expected.grad)
    assert not given.grad[6:].any()
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)
    torch.testing.assert_close(ours.mean, theirs.running_mean)
    torch.testing.assert_close(ours.variance - 0.9, (theirs.running_var - 0.9) * 5 / 6)
    ours.eval()
    expected = (x - ours.mean) / (ours.variance + 1e-5).sqrt()
    torch.testing.assert_close(ours(x), expected)


def test_batch_normalisation_of_one_row_or_none_is_its_bias() -> None:
    norm = BatchNorm(2)
    with torch.no_grad():
        norm.bias.copy_(torch.tensor([1.0, 2.0]))
    assert norm(torch.tensor([[5.0, -3.0]])).tolist() == [[1.0, 2.0]]
    assert norm(torch.zeros(0, 2)).shape == (0, 2)
    assert norm(torch.ones(3, 2), torch.zeros(3, dtype=torch.bool)).isfinite().all()
