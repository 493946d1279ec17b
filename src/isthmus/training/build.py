"""Classes by name, and their arguments checked against their signatures.

A recipe names a class and its keyword arguments: `{class: InfoNCE, temperature: 0.05}`. A short
name is looked up in the package, any other is `package.module.Class`. Nothing is ever called but
a class of the kind that its place asks for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import GenericAlias
from typing import Any, get_origin, get_type_hints

from torch import nn
from torch.optim import Optimizer

from ..errors import InputError
from ..models import Adapter, Fuser
from ..objectives import Objective
from .data import Data
from .hints import WRONG, check_keys, convert, is_plain, show, suggest

CLASS = "class"


@dataclass(frozen=True)
class Kind:
    """What may stand in a place of a recipe.

    Attributes
    ----------
    what:
        Its name, for messages.
    base:
        What the class must inherit from; None for anything that can be called.
    modules:
        Where short names are looked up.
    given:
        Arguments that the run brings.
    beside:
        Keys that are no arguments, but stand beside them.
    """

    what: str
    base: type | None
    modules: tuple[str, ...]
    given: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    @property
    def must_be(self) -> str:
        """What a class must be to fit."""
        if self.base is None:
            return "a class with __call__"
        return f"a class that inherits from {self.base.__module__}.{self.base.__qualname__}"

    def names(self) -> dict[str, type]:
        """The classes that have short names."""
        found = {}
        for module in map(import_module, self.modules):
            public = getattr(module, "__all__", None)
            for name in dir(module) if public is None else public:
                value = getattr(module, name)
                own = public is not None or getattr(value, "__module__", "") == module.__name__
                if own and not name.startswith("_") and value is not self.base and self.fits(value):
                    found[name] = value
        return found

    def fits(self, value: object) -> bool:
        """Whether it is a class of this kind."""
        if not isinstance(value, type) or inspect.isabstract(value):
            return False
        if self.base is None:
            return any("__call__" in vars(parent) for parent in value.__mro__)
        return issubclass(value, self.base)


DATA = Kind(
    "data set",
    Data,
    ("isthmus.training.data", "isthmus.training.features", "isthmus.training.sets"),
)
ENCODER = Kind(
    "encoder",
    nn.Module,
    (
        *("isthmus.models.alex_net", "isthmus.models.normed", "isthmus.models.resized"),
        *("isthmus.models.features", "isthmus.models.frame_mean", "isthmus.models.lenet"),
        *("isthmus.models.open_clip_towers", "isthmus.models.pooled", "isthmus.models.small"),
        *("isthmus.models.text_transformer", "isthmus.models.transformer"),
        *("isthmus.models.force", "isthmus.models.frozen", "isthmus.models.hugging_face"),
        *("isthmus.models.open_clip_tokens", "isthmus.models.proprio", "isthmus.models.recurrent"),
        *("isthmus.models.resnet", "isthmus.models.vit"),
    ),
)
ADAPTER = Kind("adapter", Adapter, ("isthmus.models.adapters",))
FUSER = Kind("fuser", Fuser, ("isthmus.models.fusers",))
PROJECTOR = Kind("projector", nn.Module, ("isthmus.models.projector",))
OBJECTIVE = Kind("objective", Objective, ("isthmus.objectives",))
OPTIMISER = Kind("optimiser", Optimizer, ("torch.optim",), ("params",), ("objective_lr",))
RATES = Kind("schedule of the learning rate", None, ("isthmus.training.module",))
SCHEDULE = Kind("schedule", None, ("isthmus.objectives.schedules",))


@dataclass(frozen=True)
class Spec:
    """A class and its checked arguments: what a recipe says, and how to make it."""

    name: str
    cls: type
    arguments: Mapping[str, Any]
    at: str

    def plain(self) -> dict[str, Any]:
        """As it stands in a recipe, defaults included."""
        return {CLASS: self.name, **{k: _plain(v) for k, v in self.arguments.items()}}

    def make(self, *positional: Any) -> Any:
        """The instance."""
        given = {name: _made(value) for name, value in self.arguments.items()}
        for parameter in _parameters(self.cls):
            if parameter.kind is parameter.VAR_POSITIONAL:
                positional += tuple(given.pop(parameter.name, ()))
        try:
            return self.cls(*positional, **given)
        except InputError as error:
            raise type(error)(f"{self.at}: {error}") from error
        except (ValueError, TypeError) as error:
            raise InputError(f"{self.at}: {error}") from error


def resolve(value: Any, kind: Kind, at: str, *, context: Mapping[str, Any] | None = None) -> Spec:
    """Check what a recipe says in a place, and fill in the defaults.

    `context` holds values, by name, for arguments that have no default; a given value must not
    contradict it. Without a context such arguments may be left open.

    Raises
    ------
    InputError
        No class of that name, or of another kind; unknown or missing arguments; values that the
        type hints do not admit. In one line that begins with the key.
    """
    if isinstance(value, str):
        value = {CLASS: value}
    if not isinstance(value, Mapping) or not isinstance(value.get(CLASS), str):
        raise InputError(f"{at}: must name the {kind.what} as 'class: NAME'; found {show(value)}")
    cls = find(value[CLASS], kind, f"{at}.{CLASS}")
    hints = _hints(cls)
    parameters = {p.name: p for p in _parameters(cls) if p.name not in kind.given}
    given = {key: found for key, found in value.items() if key != CLASS}
    check_keys(given, [*parameters, *kind.beside], at, f"of {value[CLASS]}")
    arguments = {}
    for name, parameter in parameters.items():
        hint = hints.get(name, Any)
        wanted = None if context is None else context.get(name)
        if name in given:
            repeated = parameter.kind is parameter.VAR_POSITIONAL
            expected = GenericAlias(list, (hint,)) if repeated else hint
            arguments[name] = convert(given[name], expected, f"{at}.{name}", _named_class)
            if wanted is not None and arguments[name] != wanted:
                raise InputError(
                    f"{at}.{name}: must be {wanted}, by the data and the rest of the recipe; found "
                    f"{show(given[name])}"
                )
        elif wanted is not None:
            arguments[name] = wanted
        elif parameter.default is not parameter.empty:
            if is_plain(parameter.default):
                arguments[name] = parameter.default
        elif context is not None and parameter.kind is not parameter.VAR_POSITIONAL:
            raise InputError(f"{at}: {value[CLASS]} needs '{name}', which is not given")
    return Spec(value[CLASS], cls, arguments, at)


def find(name: str, kind: Kind, at: str) -> type:
    """The class of a short name, or of package.module.Class."""
    known = kind.names()
    if name in known:
        return known[name]
    module, _, last = name.rpartition(".")
    if not module:
        raise InputError(
            f"{at}: no {kind.what} of that name, found '{name}'; "
            f"{suggest(name, list(known))} (one of your own: package.module.Class)"
        )
    try:
        value = getattr(import_module(module), last, None)
    except Exception as error:
        raise InputError(
            f"{at}: cannot import '{module}' ({type(error).__name__}: {error}); its folder must be "
            "installed or on PYTHONPATH"
        ) from error
    if not kind.fits(value):
        raise InputError(f"{at}: no {kind.what}, found '{name}'; it must be {kind.must_be}")
    assert isinstance(value, type)
    return value


def _named_class(value: Any, hint: Any, at: str) -> Any:
    """What a class in an argument becomes; None where the argument takes none."""
    kind = None
    if isinstance(hint, type) and issubclass(hint, nn.Module):
        kind = OBJECTIVE if issubclass(hint, Objective) else ENCODER
    elif get_origin(hint) is Callable or hint is Callable:
        kind = SCHEDULE
    if kind is None:
        return None
    named = isinstance(value, Mapping) and CLASS in value
    text = isinstance(value, str) and kind is not SCHEDULE
    return resolve(value, kind, at, context={}) if named or text else WRONG


def _parameters(cls: type) -> list[inspect.Parameter]:
    """What a class is made with, but for arguments without names."""
    try:
        found = list(inspect.signature(cls).parameters.values())
    except (ValueError, TypeError):
        return []
    return [p for p in found if p.kind not in (p.VAR_KEYWORD, p.POSITIONAL_ONLY)]


def _hints(cls: type) -> dict[str, Any]:
    try:
        return get_type_hints(cls.__init__)  # type: ignore[misc]
    except Exception:  # a hint that only exists for type checkers
        return {}


def _plain(value: Any) -> Any:
    if isinstance(value, Spec):
        return value.plain()
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


def _made(value: Any) -> Any:
    if isinstance(value, Spec):
        return value.make()
    if isinstance(value, Mapping):
        return {k: _made(v) for k, v in value.items()}
    return [_made(v) for v in value] if isinstance(value, list) else value
