from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from isthmus.objectives import align_true_pairs, centroid_uniformity, info_nce

# Golden losses are stored in double precision, their gradients in single. They are those with
# respect to unit rows, so the plain functions are compared, which take rows as they are.
LOSS, GRADIENT = {"abs": 1e-9}, {"rtol": 1e-5, "atol": 1e-7}

CASES = {
    "clip_t0.07": lambda z: info_nce(z["x"], z["y"], scale=1 / 0.07),
    "align": align_true_pairs,
    "centroid_uniformity": centroid_uniformity,
}


@pytest.mark.parametrize("key", CASES)
def test_loss_and_gradients_equal_those_of_the_published_code(
    key: str, golden: dict[str, np.ndarray[Any, Any]]
) -> None:
    rows: dict[str, Tensor] = {
        name: torch.from_numpy(golden[f"pairs/{name}"][:96]).double().requires_grad_()
        for name in "xy"
    }
    loss = CASES[key](rows)
    loss.backward()
    assert loss.item() == pytest.approx(golden[f"loss/{key}"].item(), **LOSS)
    for name, z in rows.items():
        np.testing.assert_allclose(z.grad.numpy(), golden[f"loss/{key}_g{name}"], **GRADIENT)
