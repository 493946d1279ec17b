"""Tiled reductions against dense ones: values, every gradient, memory, refusals."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from isthmus.objectives.engine import log_sum_exp, self_log_sum_exp, softplus_sum, tiles

TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-6}


def dense_log_sum_exp(
    x: Tensor, y: Tensor, exclude: tuple[Tensor, Tensor] | None
) -> tuple[Tensor, Tensor]:
    found = x @ y.T
    if exclude is not None:
        found = found.masked_fill(exclude[0][:, None] == exclude[1][None, :], -math.inf)
    return found.logsumexp(1), found.logsumexp(0)


def dense_self(x: Tensor, bias: Tensor, exclude: Tensor | None) -> Tensor:
    ids = torch.arange(len(x)) if exclude is None else exclude
    found = x @ x.T + bias[:, None] + bias[None, :]
    return found.masked_fill(ids[:, None] == ids[None, :], -math.inf).logsumexp(1)


def dense_softplus(x: Tensor, y: Tensor, bias: Tensor, weights: Tensor) -> Tensor:
    return weights @ functional.softplus(x @ y.T + bias, threshold=40).sum(1)


def finite(values: Tensor) -> Tensor:
    return torch.where(torch.isneginf(values), torch.zeros_like(values), values)


def unit(rows: int, width: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(rows, width, generator=generator, dtype=torch.float64)
    return functional.normalize(z, dim=1).to(dtype)


@pytest.fixture(params=["kept", "recomputed"])
def memory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Scores kept for backward, or computed again in tiles of 4 x 4."""
    if request.param == "recomputed":
        monkeypatch.setattr(tiles, "KEPT_BYTES", 0)
    monkeypatch.setattr(tiles, "CPU_TILE_BYTES", 1)
    return str(request.param)


def assert_equal(
    values: tuple[Tensor, ...],
    expected: tuple[Tensor, ...],
    inputs: tuple[Tensor, ...],
    *,
    scale: float = 1.0,
) -> None:
    """Values, and gradients of a random weighting of them, in the precision that scores have.

    Scores of size `scale` are rounded by so much more, and so are exponentials of them.
    """
    tolerance = TOLERANCE[inputs[0].dtype] * max(1.0, scale / 10)
    generator = torch.Generator().manual_seed(7)
    totals = []
    for found in (values, expected):
        generator.manual_seed(7)
        weights = [torch.randn(v.shape, generator=generator, dtype=torch.float64) for v in found]
        totals.append(
            sum((finite(v).double() * w).sum() for v, w in zip(found, weights, strict=True))
        )
    gradients = [torch.autograd.grad(total, inputs, retain_graph=True) for total in totals]
    pairs = [*zip(values, expected, strict=True), *zip(*gradients, strict=True)]
    for found, wanted in pairs:
        size = max(1.0, float(finite(wanted.detach()).abs().max()))
        torch.testing.assert_close(
            found.double() / size, wanted.double() / size, rtol=0, atol=tolerance
        )


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("scale", [1.0, 14.3, 100.0])
@pytest.mark.parametrize("exclude", [False, True])
@pytest.mark.parametrize("shape", [(50, 37), (16, 32), (1, 5), (3, 1)])
@pytest.mark.usefixtures("memory")
def test_log_sum_exp_of_both_directions_is_the_dense_one(
    dtype: torch.dtype, scale: float, exclude: bool, shape: tuple[int, int]
) -> None:
    x, y = (unit(n, 7, k, dtype).requires_grad_() for k, n in enumerate(shape))
    ids = (torch.arange(shape[0]) % 9, torch.arange(shape[1]) % 7) if exclude else None
    ours = log_sum_exp(scale * x, y, exclude=ids)
    theirs = dense_log_sum_exp(scale * x.double(), y.double(), ids)
    assert_equal(ours, theirs, (x, y), scale=scale)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("scale", [1.0, 14.3, 100.0])
@pytest.mark.parametrize("groups", [None, 3, 50])
@pytest.mark.usefixtures("memory")
def test_log_sum_exp_of_rows_with_themselves_is_the_dense_one(
    dtype: torch.dtype, scale: float, groups: int | None
) -> None:
    x = unit(50, 7, 0, dtype).requires_grad_()
    bias = unit(1, 50, 1, dtype)[0].requires_grad_()
    ids = None if groups is None else torch.arange(50) % groups
    ours = self_log_sum_exp(math.sqrt(scale) * x, bias=bias, exclude=ids)
    theirs = dense_self(math.sqrt(scale) * x.double(), bias.double(), ids)
    assert_equal((ours,), (theirs,), (x, bias), scale=scale)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("scale", "bias"), [(1.0, 0.0), (10.0, -10.0), (100.0, 5.0)])
@pytest.mark.usefixtures("memory")
def test_a_weighted_sum_of_softplus_is_the_dense_one(
    dtype: torch.dtype, scale: float, bias: float
) -> None:
    x, y = unit(50, 7, 0, dtype).requires_grad_(), unit(37, 7, 1, dtype).requires_grad_()
    b = torch.tensor(bias, dtype=dtype, requires_grad=True)
    weights = torch.rand(50, generator=torch.Generator().manual_seed(2)).to(dtype)
    ours = softplus_sum(scale * x, y, b, weights)
    theirs = dense_softplus(scale * x.double(), y.double(), b.double(), weights.double())
    assert_equal((ours,), (theirs,), (x, y, b), scale=scale)


@given(
    n=st.integers(1, 40),
    m=st.integers(1, 40),
    width=st.integers(1, 6),
    scale=st.floats(0.01, 300),
    groups=st.integers(1, 12),
    side=st.sampled_from([16, 1000]),
    seed=st.integers(0, 2**16),
)
@settings(deadline=None)
def test_any_shape_scale_tile_and_exclusion_gives_the_dense_result(
    n: int, m: int, width: int, scale: float, groups: int, side: int, seed: int
) -> None:
    x, y = unit(n, width, seed).requires_grad_(), unit(m, width, seed + 1).requires_grad_()
    generator = torch.Generator().manual_seed(seed)
    ids = tuple(torch.randint(groups, (k,), generator=generator) for k in (n, m))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "CPU_TILE_BYTES", 8 * side**2)
        patch.setattr(tiles, "KEPT_BYTES", 0 if seed % 2 else 2**20)
        ours = log_sum_exp(scale * x, y, exclude=(ids[0], ids[1]))
        theirs = dense_log_sum_exp(scale * x, y, (ids[0], ids[1]))
        assert_equal(ours, theirs, (x, y), scale=scale)


def test_rows_with_nothing_left_are_minus_infinity_with_zero_gradient() -> None:
    x = torch.ones(3, 2, dtype=torch.float64, requires_grad=True)
    ids = torch.tensor([0, 0, 0])
    sums = self_log_sum_exp(x, exclude=ids)
    assert torch.isneginf(sums).all()
    (gradient,) = torch.autograd.grad(finite(sums).sum(), x)
    assert gradient.abs().max() == 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.usefixtures("memory")
def test_narrow_rows_are_added_up_in_single_precision(dtype: torch.dtype) -> None:
    x, y = unit(200, 64, 0, dtype).requires_grad_(), unit(150, 64, 1, dtype).requires_grad_()
    rows, columns = log_sum_exp(x, y)
    assert rows.dtype == columns.dtype == torch.float32
    expected = dense_log_sum_exp(x.double(), y.double(), None)
    torch.testing.assert_close(rows.double(), expected[0], rtol=1e-6, atol=0)
    gradient, wanted = (
        torch.autograd.grad(total, x, retain_graph=True)[0]
        for total in (rows.sum() + columns.sum(), expected[0].sum() + expected[1].sum())
    )
    assert gradient.dtype == dtype
    torch.testing.assert_close(gradient.double(), wanted.double(), rtol=2e-2, atol=2e-3)


def calls() -> dict[str, Callable[[Tensor], Tensor]]:
    return {
        "log_sum_exp": lambda x: torch.cat(log_sum_exp(x, x * 0.5)).sum(),
        "self_log_sum_exp": lambda x: self_log_sum_exp(x).sum(),
        "softplus_sum": lambda x: softplus_sum(x, x * 0.5, x.sum() * 0),
    }


@pytest.mark.parametrize("name", calls())
def test_second_derivatives_are_refused_in_words(name: str) -> None:
    x = unit(4, 3, 0).requires_grad_()
    with pytest.raises(RuntimeError, match="second derivatives of a tiled loss"):
        torch.autograd.grad(calls()[name](x), x, create_graph=True)


@pytest.mark.parametrize("name", calls())
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    assert torch.autograd.gradcheck(calls()[name], (unit(5, 3, 0).requires_grad_(),))


@pytest.mark.parametrize("name", calls())
def test_bytes_kept_for_backward_grow_with_the_rows_and_not_with_the_pairs(name: str) -> None:
    def kept(rows: int) -> int:
        sizes: dict[int, int] = {}

        def note(saved: Tensor) -> Tensor:
            sizes[saved.data_ptr()] = saved.untyped_storage().nbytes()
            return saved

        x = unit(rows, 8, 0, torch.float32).requires_grad_()
        with torch.autograd.graph.saved_tensors_hooks(note, lambda saved: saved):
            total = calls()[name](x)
        total.backward()
        return sum(sizes.values())

    few, many = kept(4096), kept(16384)
    assert few < 4096**2 * 4 / 3  # a third of the scores
    assert many < 4.5 * few


@pytest.mark.parametrize("name", calls())
def test_a_graph_can_be_walked_twice(name: str) -> None:
    x = unit(6, 3, 0).requires_grad_()
    total = calls()[name](x)
    first, second = (torch.autograd.grad(total, x, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("name", calls())
def test_mixed_precision_regions_do_not_round_the_scores(name: str) -> None:
    x = unit(6, 3, 0, torch.float32).requires_grad_()
    plain = torch.autograd.grad(calls()[name](x), x)[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = torch.autograd.grad(calls()[name](x), x)[0]
    assert torch.equal(plain, inside)


def test_a_sum_of_softplus_without_gradients_is_the_same() -> None:
    x, y, b = unit(5, 3, 0), unit(4, 3, 1), torch.tensor(-1.0, dtype=torch.float64)
    expected = dense_softplus(x, y, b, torch.ones(5, dtype=torch.float64)).item()
    for leaf in (x, y, b):
        assert softplus_sum(x, y, b).item() == pytest.approx(expected, rel=1e-12)
        leaf.requires_grad_()
        value = softplus_sum(x, y, b)
        assert value.item() == pytest.approx(expected, rel=1e-12)
        assert torch.autograd.gradcheck(lambda *_: softplus_sum(x, y, b), (leaf,))
        leaf.requires_grad_(False)
