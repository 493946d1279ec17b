"""What a recipe trains: towers, or a fusion model. Checked in two steps, without data and with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from torch import nn

from ..errors import InputError
from ..models import Fusion, Towers
from .build import ADAPTER, CLASS, ENCODER, FUSER, PROJECTOR, Kind, Spec, resolve
from .data import Data
from .hints import check_keys, convert, show

FUSED_ENCODER = replace(ENCODER, beside=("adapter",))
"""An encoder of a fusion model, with its adapter beside its arguments."""

ONE_TOKEN = "VectorAdapter"  # noqa: S105 - the name of a class
"""The adapter of an encoder that says nothing else."""


class Model(Protocol):
    """A model whose classes and arguments are all known."""

    def make(self) -> nn.Module:
        """The model."""
        ...

    def plain(self) -> dict[str, Any]:
        """The section of a recipe that makes it, defaults included."""
        ...


class Plan(Protocol):
    """What a recipe says of its model, checked as far as it can be without data."""

    section: str
    """Its key in a recipe."""

    def for_data(self, data: Data) -> Model:
        """With what only the data know filled in."""
        ...


def plan_of(tree: Mapping[str, Any]) -> Plan:
    """The plan of a recipe: `fusion`, or else `towers`."""
    if "fusion" not in tree:
        return TowersPlan.of(section(tree, "towers"))
    if tree.get("towers") is not None:
        raise InputError(
            "fusion: a recipe trains a fusion model or towers; found both, so leave one out"
        )
    return FusionPlan.of(section(tree, "fusion"))


def section(tree: Mapping[str, Any], name: str, at: str = "") -> dict[str, Any]:
    """A section of a recipe, empty if it is not there."""
    value = tree.get(name)
    if value is not None and not isinstance(value, Mapping):
        raise InputError(f"{at}{name}: must be a mapping of keys to values; found {show(value)}")
    return dict(value or {})


@dataclass(frozen=True)
class TowersPlan:
    """An encoder for each modality, into a space of this dimension; a projector or none."""

    dimension: int
    encoders: Mapping[str, Any]
    projector: Mapping[str, Any] | None
    section = "towers"

    @classmethod
    def of(cls, given: dict[str, Any]) -> TowersPlan:
        """The plan in a section."""
        dimension = _size(given.pop("dimension", 64), "towers.dimension")
        projector = _projector(given.pop("projector", None), "towers.projector")
        _check_encoders(given, "towers", ENCODER)
        return cls(dimension, given, projector)

    def for_data(self, data: Data) -> TowersModel:
        """The towers of these data."""
        values = _by_modality(self.encoders, data, "towers")
        return TowersModel(
            self.dimension,
            {
                name: resolve(
                    value,
                    ENCODER,
                    f"towers.{name}",
                    context={"dimension": self.dimension, **data.shapes.get(name, {})},
                )
                for name, value in values.items()
            },
            _sized(self.projector, self.dimension, "towers.projector"),
        )


@dataclass(frozen=True)
class TowersModel:
    """Encoders, and the projector that each has, whose arguments are known."""

    dimension: int
    encoders: Mapping[str, Spec]
    projector: Spec | None

    def make(self) -> Towers:
        """The towers."""
        encoders = {name: spec.make() for name, spec in self.encoders.items()}
        if self.projector is None:
            return Towers(encoders)
        return Towers(encoders, {name: self.projector.make() for name in encoders})

    def plain(self) -> dict[str, Any]:
        """The section `towers`."""
        encoders = {name: spec.plain() for name, spec in self.encoders.items()}
        head = {} if self.projector is None else {"projector": self.projector.plain()}
        return {"towers": {"dimension": self.dimension, **head, **encoders}}


@dataclass(frozen=True)
class FusionPlan:
    """An encoder and an adapter for each modality, a fuser, and a projector or none."""

    width: int
    encoders: Mapping[str, Any]
    fuser: Mapping[str, Any]
    projector: Mapping[str, Any] | None
    section = "fusion"

    @classmethod
    def of(cls, given: dict[str, Any]) -> FusionPlan:
        """The plan in a section."""
        check_keys(given, ("width", "encoders", "fuser", "projector"), "fusion", "of fusion")
        encoders = section(given, "encoders", "fusion.")
        _check_encoders(encoders, "fusion.encoders", FUSED_ENCODER)
        for name, value in encoders.items():
            if isinstance(value, Mapping) and "adapter" in value:
                resolve(value["adapter"], ADAPTER, f"fusion.encoders.{name}.adapter")
        fuser = _named(given.get("fuser") or {}, "AttentionFuser", "fusion.fuser")
        resolve(fuser, FUSER, "fusion.fuser")
        projector = _projector(given.get("projector", {}), "fusion.projector")
        width = _size(given.get("width", 64), "fusion.width")
        return cls(width, encoders, fuser, projector)

    def for_data(self, data: Data) -> FusionModel:
        """The fusion model of these data."""
        encoders, adapters = {}, {}
        for name, value in _by_modality(self.encoders, data, "fusion.encoders").items():
            at, given = f"fusion.encoders.{name}", value if isinstance(value, Mapping) else {}
            context = {**data.shapes.get(name, {}), "dimension": given.get("dimension", self.width)}
            encoders[name] = spec = resolve(value, FUSED_ENCODER, at, context=context)
            adapters[name] = resolve(
                given.get("adapter", getattr(spec.cls, "adapter", ONE_TOKEN)),
                ADAPTER,
                f"{at}.adapter",
                context={"width": self.width, "inputs": spec.arguments.get("dimension")},
            )
        context = {"width": self.width, "modalities": list(encoders)}
        fuser = resolve(self.fuser, FUSER, "fusion.fuser", context=context)
        projector = _sized(self.projector, self.width, "fusion.projector")
        return FusionModel(self.width, encoders, adapters, fuser, projector)


@dataclass(frozen=True)
class FusionModel:
    """The parts of a fusion model, their arguments known."""

    width: int
    encoders: Mapping[str, Spec]
    adapters: Mapping[str, Spec]
    fuser: Spec
    projector: Spec | None

    def make(self) -> Fusion:
        """The fusion model."""
        encoders = {name: spec.make() for name, spec in self.encoders.items()}
        adapters = {name: spec.make() for name, spec in self.adapters.items()}
        fuser = self.fuser.make()
        projector = None if self.projector is None else self.projector.make()
        try:
            return Fusion(encoders, adapters=adapters, fuser=fuser, projector=projector)
        except ValueError as error:
            raise InputError(f"fusion: {error}") from error

    def plain(self) -> dict[str, Any]:
        """The section `fusion`."""
        encoders = {
            name: {**spec.plain(), "adapter": self.adapters[name].plain()}
            for name, spec in self.encoders.items()
        }
        return {
            "fusion": {
                "width": self.width,
                "encoders": encoders,
                "fuser": self.fuser.plain(),
                "projector": None if self.projector is None else self.projector.plain(),
            }
        }


def _check_encoders(encoders: Mapping[str, Any], at: str, kind: Kind) -> None:
    for name, value in encoders.items():
        if isinstance(value, Mapping) and CLASS not in value:
            continue  # arguments of the data's own choice, which only the data know
        resolve(value, kind, f"{at}.{name}")


def _by_modality(encoders: Mapping[str, Any], data: Data, at: str) -> dict[str, Any]:
    """What is said of the encoder of each of the data's modalities, in their order."""
    check_keys(encoders, list(data.encoders), at, "among the data's modalities")
    found = {}
    for name, default in data.encoders.items():
        value = encoders.get(name, default)
        found[name] = {CLASS: default, **value} if isinstance(value, Mapping) else value
    return found


def _named(value: Any, default: str, at: str) -> dict[str, Any]:
    """A class and its arguments, the default class where none is named."""
    if isinstance(value, str):
        return {CLASS: value}
    if not isinstance(value, Mapping):
        raise InputError(f"{at}: must be a mapping or a name; found {show(value)}")
    return {CLASS: default, **value}


def _projector(value: Any, at: str) -> dict[str, Any] | None:
    """What a recipe says of a projector; None for none."""
    if value is None:
        return None
    named = _named(value, "Projector", at)
    resolve(named, PROJECTOR, at)
    return named


def _sized(projector: Mapping[str, Any] | None, inputs: int, at: str) -> Spec | None:
    """A projector of features of this width."""
    return (
        None if projector is None else resolve(projector, PROJECTOR, at, context={"inputs": inputs})
    )


def _size(value: Any, at: str) -> int:
    found: int = convert(value, int, at, lambda *_: None)
    if found < 1:
        raise InputError(f"{at}: must be at least 1; found {found}")
    return found
