import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from isthmus.objectives.engine import within


def dense(x: Tensor, y: Tensor, x_codes: Tensor, y_codes: Tensor) -> tuple[Tensor, Tensor]:
    scores = (x @ y.T).masked_fill(x_codes[:, None] != y_codes, -torch.inf)
    return scores.logsumexp(1), scores.logsumexp(0)


@pytest.mark.parametrize("small", [0, 2, 64])
@given(
    n=st.integers(0, 12), m=st.integers(0, 12), codes=st.integers(1, 6), seed=st.integers(0, 999)
)
def test_it_is_the_masked_log_sum_exp(small: int, n: int, m: int, codes: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x, y = (torch.randn(k, 3, generator=generator).double() for k in (n, m))
    ids = [torch.randint(codes, (k,), generator=generator) for k in (n, m)]
    weights = [torch.rand(k, generator=generator).double() for k in (n, m)]
    results = []
    for function in (lambda *a: within.log_sum_exp_within(*a, codes), dense):
        leaves = [z.clone().requires_grad_() for z in (x, y)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(within, "SMALL", small)
            sums = function(*leaves, *ids)
        kept = [s.isfinite() for s in sums]
        total = sum((w[k] * s[k]).sum() for w, s, k in zip(weights, sums, kept, strict=True))
        total.backward() if total.requires_grad else None
        results.append(
            [*sums, *(torch.zeros_like(z) if z.grad is None else z.grad for z in leaves)]
        )
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected.nan_to_num(0.0, neginf=-torch.inf))
