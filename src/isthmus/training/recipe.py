"""Recipes: what is trained on what, how, in one YAML file that is checked before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, get_type_hints

import yaml  # type: ignore[import-untyped]

from ..errors import InputError
from .build import CLASS, DATA, OBJECTIVE, OPTIMISER, RATES, Spec, resolve
from .hints import check_keys, convert, show
from .model_plan import Model, Plan, plan_of, section
from .yaml_file import override, read_yaml

Section = TypeVar("Section")

SECTIONS = (
    *("data", "towers", "fusion", "start", "objective", "optimiser", "schedule", "trainer"),
    "monitor",
)
"""The keys of a recipe."""

ADAM_W = {CLASS: "AdamW", "lr": 1e-3, "betas": [0.9, 0.98], "weight_decay": 0.1}
"""The optimiser, where a recipe says nothing else; of AdamW, what it does not say."""

Precision = Literal[
    "32-true", "16-mixed", "bf16-mixed", "bf16-true", "16-true", "64-true", "32", "16", "bf16", "64"
]


@dataclass(frozen=True)
class Trainer:
    """How long, on what, and how much at a time.

    `batch_size` is that of all ranks together. The weights of every `keep_every` steps stay, so
    that the course of training can be looked at afterwards.
    """

    steps: int = 1000
    batch_size: int = 256
    chunk: int | None = None
    seed: int = 0
    gradient_clip: float | None = None
    checkpoint_every: int = 100
    keep_every: int | None = None
    log_every: int = 10
    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps", "tpu"] = "auto"
    devices: int | str | Sequence[int] = "auto"
    nodes: int = 1
    strategy: str = "auto"
    precision: Precision = "32-true"

    def __post_init__(self) -> None:
        at_least = {"steps": 1, "batch_size": 2, "chunk": 1, "seed": 0, "nodes": 1}
        for name, low in (
            at_least | {"checkpoint_every": 1, "log_every": 1, "keep_every": 1}
        ).items():
            value = getattr(self, name)
            if value is not None and value < low:
                raise InputError(f"{name}: must be at least {low}; found {value}")
        if self.gradient_clip is not None and self.gradient_clip <= 0:
            raise InputError(f"gradient_clip: must be positive; found {self.gradient_clip}")
        if self.strategy.startswith(("fsdp", "deepspeed", "xla")):
            raise InputError(
                f"strategy: checkpoints and measurements need whole towers on every rank; found "
                f"'{self.strategy}'; did you mean 'ddp'?"
            )
        if "spawn" in self.strategy:
            raise InputError(
                f"strategy: spawned processes cannot take over data and monitor; found "
                f"'{self.strategy}'; did you mean 'ddp' (or 'ddp_fork' without GPUs)?"
            )


@dataclass(frozen=True)
class Monitor:
    """Steps between two measurements of the held-out data; null for none during training."""

    every: int | None = 100

    def __post_init__(self) -> None:
        if self.every is not None and self.every < 1:
            raise InputError(f"every: must be at least 1, or null; found {self.every}")


@dataclass(frozen=True)
class Recipe:
    """A checked recipe. `Recipe.load` reads one; `text` is all of it, defaults filled in.

    `start` are weights that training begins from, `weights.safetensors` of a run.
    """

    data: Spec
    model: Plan
    objective: Spec
    optimiser: Spec
    objective_lr: float
    schedule: Spec
    trainer: Trainer
    monitor: Monitor
    path: Path
    overridden: tuple[str, ...] = ()
    start: str | None = None

    @classmethod
    def load(cls, path: Path | str, overrides: Sequence[str] = ()) -> Recipe:
        """Read a recipe, with `key.key=VALUE` overriding what the file says.

        Raises
        ------
        InputError
            In one line that names the file (or --set), the key, what was found, and what may
            have been meant.
        """
        path = Path(path)
        tree = read_yaml(path)
        keys = tuple(override(tree, text) for text in overrides)
        with _naming(path, keys):
            return cls._of(tree, path, keys)

    @classmethod
    def of(cls, tree: Mapping[str, Any], *, name: str) -> Recipe:
        """A recipe that is no file; `name` stands in messages and beside the progress bar.

        >>> Recipe.of({"data": "Digits", "objective": "InfoNCE"}, name="mine").trainer.steps
        1000
        """
        with _naming(Path(name), ()):
            return cls._of(dict(tree), Path(name), ())

    @classmethod
    def _of(cls, tree: dict[str, Any], path: Path, overridden: tuple[str, ...]) -> Recipe:
        check_keys(tree, SECTIONS, "", "of a recipe")
        for needed, example in (("data", "Digits"), ("objective", "InfoNCE")):
            if tree.get(needed) is None:
                raise InputError(f"{needed}: is missing; for instance '{needed}: {example}'")
        optimiser = tree.get("optimiser") or {}
        if isinstance(optimiser, str):
            optimiser = {CLASS: optimiser}
        if not isinstance(optimiser, Mapping):
            raise InputError(f"optimiser: must be a mapping or a name; found {show(optimiser)}")
        if optimiser.get(CLASS, "AdamW") == "AdamW":
            optimiser = {**ADAM_W, **optimiser}
        rate = optimiser.get("objective_lr", 3e-2)
        return cls(
            data=resolve(tree["data"], DATA, "data", context={}),
            model=plan_of(tree),
            objective=resolve(tree["objective"], OBJECTIVE, "objective", context={}),
            optimiser=resolve(optimiser, OPTIMISER, "optimiser", context={}),
            objective_lr=convert(rate, float, "optimiser.objective_lr", _no_class),
            schedule=resolve(tree.get("schedule") or "WarmUpCosine", RATES, "schedule", context={}),
            trainer=_typed(Trainer, section(tree, "trainer"), "trainer"),
            monitor=_typed(Monitor, section(tree, "monitor"), "monitor"),
            path=path,
            overridden=overridden,
            start=convert(tree.get("start"), str | None, "start", _no_class),
        )

    @property
    def title(self) -> str:
        """Its name: of a file without folder and ending."""
        return self.path.stem if self.path.suffix in (".yaml", ".yml") else str(self.path)

    def plain(self, model: Model) -> dict[str, Any]:
        """The whole recipe as YAML holds it: read again, it is the same run."""
        return {
            "data": self.data.plain(),
            **model.plain(),
            **({} if self.start is None else {"start": self.start}),
            "objective": self.objective.plain(),
            "optimiser": {**self.optimiser.plain(), "objective_lr": self.objective_lr},
            "schedule": self.schedule.plain(),
            "trainer": asdict(self.trainer),
            "monitor": asdict(self.monitor),
        }

    @contextmanager
    def naming(self) -> Iterator[None]:
        """Errors inside name the file of the recipe."""
        with _naming(self.path, self.overridden):
            yield


def to_yaml(tree: Mapping[str, Any]) -> str:
    """A recipe as text."""
    text: str = yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    def ignore_aliases(self, data: Any) -> bool:
        return True


@contextmanager
def _naming(path: Path, overridden: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        key = str(error).partition(":")[0]
        by_option = any(key == given or key.startswith(f"{given}.") for given in overridden)
        raise type(error)(f"{'--set' if by_option else path}: {error}") from error


def _typed(cls: type[Section], given: Mapping[str, Any], at: str) -> Section:
    hints = get_type_hints(cls)
    check_keys(given, [field.name for field in fields(cls)], at, f"of {at}")  # type: ignore[arg-type]
    values = {k: convert(v, hints[k], f"{at}.{k}", _no_class) for k, v in given.items()}
    try:
        return cls(**values)
    except InputError as error:
        raise InputError(f"{at}.{error}") from error


def _no_class(value: Any, hint: Any, at: str) -> None:
    """No value in these places is a class."""
