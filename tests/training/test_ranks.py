"""Two processes train as one does, with the same batches and to the same weights."""

import csv
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from isthmus.training import Batches
from isthmus.training.run import _is_first
from tests.training.support import finish, recipe, start, train


def torchrun(path: Path, out: Path, *, processes: int) -> None:
    """What torchrun does: a process for each rank, told of the others by the environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "TORCHELASTIC_RUN_ID": "test",
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "GROUP_RANK": "0",
    }
    started = [
        start(train, path, out, {}, environment={**common, "RANK": str(r), "LOCAL_RANK": str(r)})
        for r in range(processes)
    ]
    assert [finish(process) for process in started] == [0] * processes


def losses(out: Path) -> list[float]:
    return [
        float(row["loss"]) for row in csv.DictReader((out / "metrics.csv").read_text().splitlines())
    ]


@pytest.mark.parametrize("options", [{}, {"chunk": 3}], ids=["whole", "in chunks"])
def test_two_processes_end_with_the_loss_and_weights_of_one(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    path = recipe(tmp_path, steps=3, batch_size=11, **options)  # six rows and five
    path.write_text(path.read_text().replace("every: 4", "every: null"))
    torchrun(path, tmp_path / "two", processes=2)
    assert finish(start(train, path, tmp_path / "one", {})) == 0
    np.testing.assert_allclose(losses(tmp_path / "two"), losses(tmp_path / "one"), atol=1e-5)
    one, two = (load_file(tmp_path / name / "weights.safetensors") for name in ("one", "two"))
    assert list(one) == list(two)
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=1e-5, atol=1e-5)
    for name in ("image", "text"):
        np.testing.assert_allclose(
            np.load(tmp_path / "two" / "embeddings" / f"{name}.npy"),
            np.load(tmp_path / "one" / "embeddings" / f"{name}.npy"),
            atol=1e-5,
        )


@pytest.mark.parametrize(
    ("environment", "first"),
    [
        ({}, True),
        ({"RANK": "0", "LOCAL_RANK": "0"}, True),
        ({"RANK": "8", "LOCAL_RANK": "0"}, False),
        ({"SLURM_PROCID": "0"}, True),
        ({"SLURM_PROCID": "3"}, False),
        ({"SLURM_PROCID": "0", "LOCAL_RANK": "1"}, False),
        ({"NODE_RANK": "1"}, False),
    ],
)
def test_one_process_writes(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], first: bool
) -> None:
    for name in ("RANK", "SLURM_PROCID", "NODE_RANK", "GROUP_RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert _is_first() is first


@pytest.mark.parametrize("world_size", [1, 2, 3, 4])
@pytest.mark.parametrize("step", [0, 4, 11])
def test_ranks_share_every_batch_without_overlap(world_size: int, step: int) -> None:
    batches = Batches({"row": torch.arange(31)}, batch_size=7, seed=3)
    parts = [
        batches.at(step, rank=rank, world_size=world_size)["row"] for rank in range(world_size)
    ]
    assert torch.equal(torch.cat(parts), batches.at(step)["row"])
    assert len(set(torch.cat(parts).tolist())) == 7


def test_a_step_has_the_same_batch_however_it_is_reached() -> None:
    data = {"row": torch.arange(31)}
    straight = Batches(data, batch_size=7, seed=3)
    rows = [straight.at(step)["row"] for step in range(13)]
    for step in (12, 3, 7, 0):
        again = Batches(data, batch_size=7, seed=3)
        assert torch.equal(again.at(step)["row"], rows[step])
        assert torch.equal(straight.at(step)["row"], rows[step])
    stream = iter(Batches(data, batch_size=7, seed=3).stream(5))
    assert torch.equal(next(stream)["row"], rows[5])
    assert torch.equal(next(stream)["row"], rows[6])
