import random
import warnings
from collections.abc import Iterator
from math import log
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger, Logger
from lightning.pytorch.strategies import FSDPStrategy
from torch import Tensor, nn

from isthmus.embeddings import Embeddings
from isthmus.errors import InputError
from isthmus.metrics.entropy import softmax_entropy
from isthmus.metrics.measure import measure
from isthmus.metrics.neighbours import knn_accuracy
from isthmus.objectives import CloseGap, InfoNCE, Objective
from isthmus.training import (
    ContrastiveModule,
    GapMonitor,
    TrainingAlarm,
    embed,
    find_alarms,
    held_out_metrics,
)

N, D = 64, 8
PER_PAIR = {"l2m a–b", "rmg a–b", "pair_cosine a–b", "recall@1 a→b", "recall@1 b→a"}
ENTROPIES = {"entropy a→b", "entropy b→a"}
PER_MODALITY = {
    f"{metric} {name}" for metric in ("mean_angular_value", "effective_rank") for name in "ab"
}

LABELLED = {"v_measure", "knn a", "knn b"}


def space(n: int = N, *, labels: bool = True) -> Embeddings:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, D))
    y = x + rng.normal(size=(n, D)) + 1
    return Embeddings({"a": x, "b": y}, labels=np.arange(n) % 4 if labels else None)


def test_metrics_are_those_of_measure() -> None:
    rows = space()
    found = held_out_metrics(rows, temperature=0.1)
    expected = measure(rows)
    pair = expected.pairs[0]
    assert set(found) == PER_PAIR | ENTROPIES | PER_MODALITY | LABELLED
    assert found["l2m a–b"] == pytest.approx(pair.l2m)
    assert found["rmg a–b"] == pytest.approx(pair.rmg)
    assert found["pair_cosine a–b"] == pytest.approx(pair.pair_cosine)
    assert [found["recall@1 a→b"], found["recall@1 b→a"]] == [pair.recall(0), pair.recall(1)]
    for modality in expected.modalities:
        assert found[f"mean_angular_value {modality.name}"] == modality.mean_angular_value
        assert found[f"effective_rank {modality.name}"] == modality.effective_rank
    entropies = softmax_entropy(rows["b"], rows["a"], temperature=0.1)
    assert found["entropy b→a"] == pytest.approx(entropies.mean())
    assert 0 <= found["v_measure"] <= 1
    assert rows.labels is not None
    for name in "ab":
        knn = knn_accuracy(rows[name], rows.labels[name], np.arange(N), k=5)
        assert found[f"knn {name}"] == knn


def test_too_few_rows_to_vote_are_not_classified() -> None:
    assert "knn a" not in held_out_metrics(space(5))
    assert "knn a" in held_out_metrics(space(8))


def test_without_temperature_and_labels_there_is_no_entropy_and_no_v_measure() -> None:
    assert set(held_out_metrics(space(labels=False))) == PER_PAIR | PER_MODALITY


def test_a_sample_draws_queries_and_not_candidates() -> None:
    rows = space(400)
    whole = held_out_metrics(rows, temperature=1.0, sample=None)
    part = held_out_metrics(rows, temperature=1.0, sample=200)
    assert part == held_out_metrics(rows, temperature=1.0, sample=200)
    assert part["recall@1 a→b"] == pytest.approx(whole["recall@1 a→b"], abs=0.1)
    assert part["entropy a→b"] == pytest.approx(whole["entropy a→b"], abs=0.05)  # ln 2 if fewer
    assert part["entropy a→b"] != whole["entropy a→b"]
    assert part["rmg a–b"] == whole["rmg a–b"]


def test_pairs_without_a_common_group_are_left_out() -> None:
    x = np.eye(4)
    groups = {"a": [0, 1, 2, 3], "b": [0, 1, 2, 9], "c": [9, 10, 11, 12]}
    found = held_out_metrics(Embeddings({"a": x, "b": x, "c": x}, groups=groups))
    assert "l2m a–b" in found
    assert "l2m b–c" in found
    assert "l2m a–c" not in found


class Recorder(Logger):
    """A logger that keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.logged: list[tuple[int | None, dict[str, float]]] = []

    name = "recorder"
    version = 0

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        if any(key.startswith("monitor/") for key in metrics):
            self.logged.append((step, dict(metrics)))

    def log_hyperparams(self, params: Any, *_: Any, **__: Any) -> None:
        pass


class Linears(nn.Module):
    """Two linear towers, with dropout, of a given spread around a common point."""

    def __init__(self, spread: float = 1.0) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict({name: nn.Linear(D, 128) for name in "ab"})
        self.dropout = nn.Dropout(0.1)
        self.frozen = nn.BatchNorm1d(D).eval()
        self.spread = spread

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        return {
            name: self.dropout(1 - self.spread + self.spread * encoder(batch[name]))
            for name, encoder in self.encoders.items()
        }


def tensors() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(N, D, generator=generator)
    return {"a": x, "b": x + 0.1 * torch.randn(N, D, generator=generator)}


DATA = tensors()


def drawn() -> list[float]:
    """A number from every global generator."""
    return [torch.rand(1).item(), random.random(), np.random.rand()]  # noqa: NPY002


def held_out(towers: nn.Module) -> Embeddings:
    assert not any(part.training for part in towers.modules())
    assert not torch.is_grad_enabled()
    assert len(drawn()) == 3  # a careless embed
    return embed(towers, DATA, labels=np.arange(N) % 4)


def batches() -> Iterator[dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    while True:
        rows = torch.randperm(N, generator=generator)[:32]
        yield {name: x[rows] for name, x in DATA.items()}


def train(
    monitor: GapMonitor | None,
    objective: Objective | None = None,
    *,
    steps: int = 40,
    rate: float = 1e-2,
    temperature_rate: float = 3e-2,
    spread: float = 1.0,
    logger: Any = False,
    folder: Path | None = None,
    resume: Path | None = None,
    stop: Callback | None = None,
) -> ContrastiveModule:
    torch.manual_seed(0)
    module = ContrastiveModule(
        Linears(spread),
        objective or InfoNCE(temperature=0.1),
        learning_rate=rate,
        temperature_learning_rate=temperature_rate,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning.*")
        trainer = Trainer(
            accelerator="cpu",
            max_steps=steps,
            callbacks=[part for part in (monitor, stop) if part is not None],
            logger=logger,
            log_every_n_steps=10,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
        )
        trainer.fit(module, batches(), ckpt_path=resume)
        if folder is not None:
            trainer.save_checkpoint(folder / "run.ckpt")
    return module


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    monitor, recorder = GapMonitor(held_out, every=10), Recorder()
    csv = CSVLogger(tmp_path_factory.mktemp("csv"))
    module = train(monitor, CloseGap(learnable=True), steps=45, logger=[recorder, csv])
    return SimpleNamespace(
        monitor=monitor, recorder=recorder, csv=Path(csv.log_dir) / "metrics.csv", module=module
    )


def test_history_has_a_record_before_every_so_many_steps_and_at_the_end(
    healthy: SimpleNamespace,
) -> None:
    history = healthy.monitor.history
    assert [record["step"] for record in history] == [0, 10, 20, 30, 40, 45]
    measured = PER_PAIR | ENTROPIES | PER_MODALITY | LABELLED
    first = {"step", "loss", "temperature", "alarms"}
    assert set(history[0]) == measured | first
    assert history[0]["loss"] is None
    for record in history[1:]:
        assert set(record) == measured | first | {"info_nce", "loss_at_chance"}
        assert record["loss_at_chance"] == log(32)
        assert record["info_nce"] > record["loss"]  # uniformity is negative
    assert history[-1]["temperature"] == pytest.approx(healthy.module.temperature)


def test_a_healthy_run_has_no_alarm(healthy: SimpleNamespace) -> None:
    assert [record["alarms"] for record in healthy.monitor.history] == [[]] * 6


def test_every_logger_receives_the_metrics(healthy: SimpleNamespace) -> None:
    keys = PER_PAIR | ENTROPIES | PER_MODALITY | LABELLED | {"temperature"}
    logged = healthy.recorder.logged
    assert [step for step, _ in logged] == [0, 10, 20, 30, 40, 45]
    for (_, metrics), record in zip(logged, healthy.monitor.history, strict=True):
        assert metrics == {f"monitor/{key}": record[key] for key in keys}
    header, *rows = healthy.csv.read_text(encoding="utf-8").splitlines()
    place = header.split(",").index("monitor/l2m a–b")
    values = [float(value) for row in rows if (value := row.split(",")[place])]
    assert values == [record["l2m a–b"] for record in healthy.monitor.history]


def test_training_is_the_same_with_and_without_a_monitor() -> None:
    weights, modes = [], []
    for monitor in (None, GapMonitor(held_out, every=3)):
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002
        module = train(monitor, steps=7)
        weights.append(torch.cat([p.flatten() for p in module.parameters()]))
        modes.append([part.training for part in module.modules()])
        weights.append(torch.tensor(drawn()))
    assert torch.equal(weights[0], weights[2])
    assert torch.equal(weights[1], weights[3])
    assert modes[0] == modes[1]
    assert False in modes[0]  # the part that stands in evaluation mode does so after, too


def test_a_resumed_run_has_the_whole_history(tmp_path: Path) -> None:
    first, second = (GapMonitor(held_out, every=4) for _ in range(2))
    train(first, steps=6, folder=tmp_path)
    train(second, steps=10, resume=tmp_path / "run.ckpt")
    assert [record["step"] for record in second.history] == [0, 4, 6, 8, 10]
    assert second.history[:3] == first.history


def test_a_run_that_is_stopped_early_is_measured_at_its_end() -> None:
    class Stop(Callback):
        def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
            trainer.should_stop = trainer.global_step == 6

    monitor = GapMonitor(held_out, every=4)
    train(monitor, stop=Stop())
    assert [record["step"] for record in monitor.history] == [0, 4, 6]
    assert monitor.history[-1]["loss"] > 0


def test_a_run_at_rate_zero_stays_at_chance_and_is_warned_of_once() -> None:
    monitor = GapMonitor(held_out, every=5)
    with pytest.warns(TrainingAlarm, match=r"log\(batch\) = 3.466") as caught:
        train(monitor, InfoNCE(temperature=1.0), rate=0.0)
    assert len(caught) == 1
    causes = [record["alarms"] for record in monitor.history]
    assert causes == [[]] * 3 + [["chance"]] * 6  # from step 15 of 40 on


def test_a_collapsed_tower_is_warned_of() -> None:
    monitor = GapMonitor(held_out, every=10)
    with pytest.warns(TrainingAlarm) as caught:
        train(monitor, spread=0.01, rate=1e-6)
    assert monitor.history[-1]["alarms"] == ["chance", "collapse"]
    messages = [str(warning.message) for warning in caught]
    assert "rows of 'a' had a mean cosine of 1.000; rows of 'b' had" in messages[1]
    assert len(messages) == 2


def test_a_temperature_on_its_bound_is_warned_of() -> None:
    objective = InfoNCE(temperature=0.1, learnable=True, bounds=(0.09, 0.11))
    monitor = GapMonitor(held_out, every=10)
    with pytest.warns(TrainingAlarm, match="temperature sat on its bound 0.09"):
        train(monitor, objective, temperature_rate=1.0)
    assert "temperature" in monitor.history[-1]["alarms"]


def test_rows_that_cannot_be_measured_are_an_alarm_and_training_goes_on() -> None:
    calls = iter([False, True, False])

    def sometimes(towers: nn.Module) -> Embeddings:
        rows = held_out(towers)
        return rows.map(lambda _, x: x * np.nan) if next(calls) else rows

    monitor = GapMonitor(sometimes, every=10)
    with pytest.warns(TrainingAlarm, match="could not be measured: .*row 0"):
        train(monitor, steps=20)
    assert [record["alarms"] for record in monitor.history] == [[], ["unmeasured"], []]
    assert "l2m a–b" not in monitor.history[1]


def test_what_is_wrong_from_the_start_is_an_error() -> None:
    def wrong(towers: nn.Module) -> Embeddings:
        return Embeddings({"a": np.eye(3)})

    with pytest.raises(InputError, match="at least two modalities"):
        train(GapMonitor(wrong))
    with pytest.raises(InputError, match="at least 1; found 0"):
        GapMonitor(held_out, every=0)


def test_other_ranks_than_the_first_measure_nothing() -> None:
    monitor = GapMonitor(lambda _: pytest.fail("measured"), every=1)
    trainer: Any = SimpleNamespace(is_global_zero=False, global_step=1, max_steps=1, strategy=None)
    module = LightningModule()
    monitor.on_train_start(trainer, module)
    monitor.on_train_batch_end(trainer, module, {"loss": torch.ones(())}, {"a": torch.eye(2)}, 0)
    monitor.on_train_end(trainer, module)
    assert monitor.history == []


def test_a_sharded_model_is_refused() -> None:
    trainer: Any = SimpleNamespace(strategy=FSDPStrategy.__new__(FSDPStrategy))
    with pytest.raises(InputError, match="shards the model"):
        GapMonitor(held_out).on_train_start(trainer, LightningModule())


def run(**series: list[Any]) -> list[dict[str, Any]]:
    """Records at steps 10, 20, … from values by key."""
    length = len(next(iter(series.values())))
    return [
        {
            "step": 10 * (k + 1),
            "loss": 1.0,
            **{key.replace("__", " "): value[k] for key, value in series.items()},
        }
        for k in range(length)
    ]


CHANCE = {"loss_at_chance": [4.0] * 4}
FLAT = {"effective_rank__a": [9.0] * 3}
BOUNDS = (0.01, 1.0)


def matched(recall: float) -> dict[str, list[float]]:
    """Some rows of a find their match in c, and none in b."""
    return {"recall@1__a→b": [0.0] * 3, "recall@1__a→c": [recall] * 3}


@pytest.mark.parametrize(
    ("history", "options", "causes"),
    [
        ([], {}, []),
        (run(loss=[4.0] * 4, **CHANCE), {}, ["chance"]),
        (run(loss=[4.0] * 4, **CHANCE)[:2], {}, []),
        (run(loss=[4.0, 4.07, 3.93, 4.0], **CHANCE), {}, ["chance"]),
        (run(loss=[4.0, 4.0, 4.0, 3.9], **CHANCE), {}, []),
        (run(loss=[9.0, 4.0, 4.0, 4.0], **CHANCE), {}, ["chance"]),
        (run(loss=[4.0] * 4, info_nce=[1.0] * 4, **CHANCE), {}, []),
        (run(loss=[1.0] * 4, info_nce=[4.0] * 4, **CHANCE), {}, ["chance"]),
        (run(loss=[0.0] * 4, loss_at_chance=[0.0] * 4), {}, []),  # a batch of one
        (run(loss=[4.0] * 4), {}, []),
        (run(loss=[4.0] * 4, **CHANCE), {"steps": 100}, ["chance"]),
        (run(loss=[4.0] * 4, **CHANCE), {"steps": 150}, []),  # not yet three tenths of the run
        (run(loss=[4.0] * 4, **CHANCE), {"steps": 133}, ["chance"]),
        (run(loss=[3.0] * 4 + [4.0] * 6, loss_at_chance=[4.0] * 10), {"steps": 333}, []),
        (run(mean_angular_value__a=[0.995] * 3, **FLAT), {}, ["collapse"]),
        (run(mean_angular_value__a=[0.995, 0.98, 0.995], **FLAT), {}, []),
        (run(mean_angular_value__a=[0.995] * 3, **FLAT, **matched(0.05)), {}, ["collapse"]),
        (run(mean_angular_value__a=[0.995] * 3, **FLAT, **matched(0.3)), {}, []),
        (
            run(mean_angular_value__a=[0.1] * 3, effective_rank__a=[1.5] * 3),
            {"dimension": 8},
            ["collapse"],
        ),
        (
            run(mean_angular_value__a=[0.1] * 3, effective_rank__a=[1.5] * 3),
            {"dimension": 2},
            [],
        ),
        (run(temperature=[0.01] * 3), {"temperature_bounds": BOUNDS}, ["temperature"]),
        (run(temperature=[1.0] * 3), {"temperature_bounds": BOUNDS}, ["temperature"]),
        (run(temperature=[0.01, 0.011, 0.01]), {"temperature_bounds": BOUNDS}, []),
        (run(temperature=[0.01] * 3), {}, []),  # fixed
        (run(error=[None, None, "NaN"]), {}, ["unmeasured"]),
    ],
)
def test_alarms(history: list[dict[str, Any]], options: dict[str, Any], causes: list[str]) -> None:
    assert list(find_alarms(history, **options)) == causes
