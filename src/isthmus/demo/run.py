"""The whole way once, on embedded data: build captioned digits, train, measure, close, report.

Three models with the same towers, data and steps differ in their objective alone. The
learnable temperature starts at 0.01, where long CLIP training ends, and has a learning rate 15
times that of the weights, so that it moves within a short run. At such temperatures the towers
tell pairs apart without ever coming together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from torch import nn

from ..closers import Centering
from ..datasets.digits import SIDE, WORDS
from ..embeddings import Embeddings
from ..files import check_writable
from ..metrics.measure import measure
from ..metrics.measurement import Measurement, plain
from ..models import BagOfWords, SmallConvNet, Towers
from ..objectives import CloseGap, InfoNCE
from ..readers import write_embeddings
from ..report import rich_table, write_json, write_parquet
from ..training import ContrastiveModule, GapMonitor, fit
from .data import Split
from .page import demo_report
from .story import demo_findings

Value = TypeVar("Value")

DIMENSION = 64
RATE = 2e-3
TEMPERATURE_RATE = 3e-2

OBJECTIVES: dict[str, tuple[str, Callable[[], nn.Module]]] = {
    "clip-learnable": (
        "CLIP, learnable τ",
        lambda: InfoNCE(temperature=0.01, learnable=True),
    ),
    "clip-fixed": ("CLIP, fixed τ", lambda: InfoNCE(temperature=0.1)),
    "close-gap": ("Gap-closing", lambda: CloseGap(temperature=0.1)),
}
"""Name in files → title, and the objective."""

CLOSED = "clip-learnable-closed"
TITLES = {name: title for name, (title, _) in OBJECTIVES.items()} | {CLOSED: "Learnable τ, closed"}
"""Name in files → title in tables, of the models and of the closed one."""


@dataclass(frozen=True)
class Size:
    """How much data, and how many steps of which batch size."""

    scans: int | None
    train_variants: int
    test_variants: int
    steps: int
    batch_size: int
    measure_every: int

    def limit(self, share: float) -> int | None:
        """Scans of a split that has this share of all."""
        return None if self.scans is None else round(share * self.scans)


FULL = Size(
    scans=None, train_variants=4, test_variants=4, steps=400, batch_size=256, measure_every=20
)
QUICK = Size(
    scans=450, train_variants=2, test_variants=2, steps=140, batch_size=112, measure_every=20
)


def run_demo(
    out: Path | str, *, seed: int = 0, quick: bool = False, console: Console | None = None
) -> dict[str, Measurement]:
    """Run the demonstration, write everything into `out`, and return the measurements.

    Writes `report.html`, `results.json`, `results.parquet`, `embeddings/NAME/` (which
    `isthmus measure` reads), `closer.safetensors` and `checkpoints/`. The same seed on the
    same machine gives the same `results.json`.
    """
    console = console or Console()
    folder = check_writable(out)
    size = QUICK if quick else FULL
    with console.status("Drawing captioned digits …"):
        train = Split.draw("train", variants=size.train_variants, limit=size.limit(0.8), seed=seed)
        test = Split.draw("test", variants=size.test_variants, limit=size.limit(0.2), seed=seed)
    console.print(
        f"{len(train.digits):,} captioned digits to train on, {len(test.digits):,} held out "
        f"(no scan in both), such as [italic]{test.digits.captions[0]}[/]"
    )
    spaces: dict[str, Embeddings] = {}
    histories: dict[str, list[dict[str, Any]]] = {}
    for name, (title, objective) in OBJECTIVES.items():
        monitor = GapMonitor(test.embed, every=size.measure_every)
        module = fit(
            lambda objective=objective: _module(objective()),  # type: ignore[misc]
            train.batches(batch_size=size.batch_size, seed=seed),
            steps=size.steps,
            seed=seed,
            folder=folder / "checkpoints",
            name=name,
            title=title,
            callbacks=[monitor],
            console=console,
        )
        spaces[name], histories[name] = test.embed(module.towers), monitor.history
        if name == "clip-learnable":
            closer = Centering().fit(train.embed(module.towers))
            closer.save(folder / "closer.safetensors")
    spaces[CLOSED] = closer.close(spaces["clip-learnable"])

    with console.status("Measuring and writing the report …"):
        measurements = {name: measure(space, seed=seed) for name, space in spaces.items()}
        sentences = demo_findings(*(measurements[name] for name in TITLES))
        for name, space in spaces.items():
            write_embeddings(folder / "embeddings" / name, space)
        write_parquet(folder / "results.parquet", measurements)
        write_json(
            folder / "results.json",
            measurements,
            seed=seed,
            quick=quick,
            findings=sentences,
            training=plain(histories),
        )
        demo_report(
            _titled(measurements),
            findings=sentences,
            histories=_titled(histories),
            spaces=_titled(spaces),
            setting=(
                f"{len(test.digits):,} held-out captioned digits, {size.steps} training steps, "
                f"seed {seed}"
            ),
            rate_ratio=TEMPERATURE_RATE / RATE,
            seed=seed,
        ).write(folder / "report.html")
    console.print(rich_table(_titled(measurements)))
    for sentence in sentences:
        console.print(f"• {sentence}", highlight=False, markup=False)
    console.print(f"\nThe report: {folder / 'report.html'}", highlight=False, soft_wrap=True)
    return measurements


def _module(objective: nn.Module) -> ContrastiveModule:
    towers = Towers(
        {
            "image": SmallConvNet(side=SIDE, dimension=DIMENSION),
            "text": BagOfWords(words=len(WORDS), dimension=DIMENSION),
        }
    )
    return ContrastiveModule(
        towers, objective, learning_rate=RATE, temperature_learning_rate=TEMPERATURE_RATE
    )


def _titled(values: Mapping[str, Value]) -> dict[str, Value]:
    """The same values by title instead of by name in files."""
    return {TITLES[name]: value for name, value in values.items()}
