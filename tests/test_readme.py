"""The README's library example runs as it stands."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import ROOT

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)


def test_measure_and_close_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = np.random.default_rng(0).normal(size=(20, 4))
    np.save("image.npy", rows)
    np.save("text.npy", rows + 1)
    scope: dict[str, object] = {}
    exec(BLOCKS[0], scope)
    assert np.shape(scope["closed"]) == (20, 4)
    assert Path("closer.safetensors").exists()


def test_objective_example() -> None:
    logged: list[dict[str, float]] = []
    rows = {
        f"z_{name}": torch.randn(6, 4, requires_grad=True) for name in ("image", "text", "audio")
    }
    exec(BLOCKS[1], {**rows, "ids": torch.arange(6), "log": logged.append})
    totals = [name for name in logged[0] if "/" not in name]
    assert totals == ["loss", "info_nce", "align", "centroid_uniformity"]
    assert "info_nce/text–audio" in logged[0]
    assert all(z.grad is not None for z in rows.values())
