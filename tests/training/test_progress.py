"""What the progress bar says of a step."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rich.console import Console

from isthmus.training.progress import StepProgress


@pytest.mark.parametrize(
    ("temperature", "said"), [(0.07, "loss  1.235  τ 0.0700"), (None, "loss  1.235 ")]
)
def test_a_temperature_is_shown_where_there_is_one(temperature: float | None, said: str) -> None:
    seen = io.StringIO()
    bar = StepProgress("digits", Console(file=seen, force_terminal=True, width=120))
    trainer: Any = SimpleNamespace(max_steps=3, global_step=2)
    module: Any = SimpleNamespace(temperature=temperature)
    bar.on_train_start(trainer, module)
    bar.on_train_batch_end(trainer, module, {"loss": torch.tensor(1.2345)}, None, 0)
    bar.teardown(trainer, module, "fit")
    text = seen.getvalue()
    assert said in text
    assert "3/3" in text
    assert ("τ" in text) == (temperature is not None)
    assert "nan" not in text
