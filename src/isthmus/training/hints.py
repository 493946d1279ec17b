"""Values from YAML against type hints."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from ..errors import InputError

WRONG = object()
"""In place of a value that a hint does not admit."""

Classes = Callable[[Any, Any, str], Any]
"""From a value, a hint and a place to what a named class becomes; None where the hint is none."""

_OTHER = "{class: NAME, …}"
_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def convert(value: Any, hint: Any, at: str, classes: Classes) -> Any:
    """A value as its hint asks for, or an error that names the key.

    Numbers may be written as 1e-3, which YAML takes for text; a whole number stands for a
    number; lists stand for tuples.
    """
    found = _convert(value, hint, at, classes)
    if found is WRONG:
        raise InputError(
            f"{at}: must be {_describe(hint)}; found {show(value)}{_meant(value, hint)}"
        )
    return found


def check_keys(given: Mapping[Any, Any], known: Sequence[str], at: str, of: str) -> None:
    """Refuse a key that is not known, and say which one may have been meant."""
    for key, value in given.items():
        if key not in known:
            where = f"{at}.{key}" if at else str(key)
            raise InputError(
                f"{where}: no such key {of}, found {show(value)}; {suggest(key, known)}"
            )


def suggest(name: Any, known: Sequence[str]) -> str:
    """What may have been meant, or all that there is."""
    folded = {k.lower(): k for k in known}
    if close := get_close_matches(str(name).lower(), list(folded), n=1, cutoff=0.6):
        return f"did you mean '{folded[close[0]]}'?"
    return f"there are {', '.join(known) or 'none'}"


def show(value: Any) -> str:
    """A value in a message: short, and of one line."""
    text = "null" if value is None else " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def is_plain(value: Any) -> bool:
    """Whether a value can be written to YAML and read again."""
    if isinstance(value, list | tuple):
        return all(map(is_plain, value))
    if isinstance(value, Mapping):
        return all(isinstance(k, str) and is_plain(v) for k, v in value.items())
    return value is None or type(value) in (bool, int, float, str)


def _convert(value: Any, hint: Any, at: str, classes: Classes) -> Any:
    if (made := classes(value, hint, at)) is not None:
        return made
    origin, inner = get_origin(hint), get_args(hint)
    if hint in (Any, inspect.Parameter.empty):
        return value if is_plain(value) else WRONG
    if origin in (Union, UnionType):
        return next(
            (v for h in inner if (v := _convert(value, h, at, classes)) is not WRONG), WRONG
        )
    if origin is Literal:
        return next((arm for arm in inner if arm == value or arm == str(value)), WRONG)
    if hint in (None, NoneType):
        return WRONG if value is not None else None
    if hint is float:
        return _number(value)
    if hint in (bool, int, str):
        return value if type(value) is hint else WRONG
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(value, inner[1], at, classes)
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return _sequence(value, origin, inner, at, classes)
    return WRONG


def _mapping(value: Any, hint: Any, at: str, classes: Classes) -> Any:
    if not isinstance(value, Mapping):
        return WRONG
    found = {str(k): _convert(v, hint, f"{at}.{k}", classes) for k, v in value.items()}
    return WRONG if any(v is WRONG for v in found.values()) else found


def _sequence(value: Any, origin: type, inner: Any, at: str, classes: Classes) -> Any:
    if not isinstance(value, list | tuple):
        return WRONG
    hints = inner
    if origin is not tuple or inner[-1] is Ellipsis:
        hints = [inner[0]] * len(value)
    if len(hints) != len(value):
        return WRONG
    pairs = zip(value, hints, strict=True)
    found = [_convert(v, h, f"{at}[{k}]", classes) for k, (v, h) in enumerate(pairs)]
    return WRONG if any(v is WRONG for v in found) else found


def _number(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return WRONG
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return WRONG
    return float(value)


def _describe(hint: Any) -> str:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        arms = [_describe(h) for h in inner if h is not NoneType]
        known = [arm for arm in dict.fromkeys(arms) if arm != _OTHER] or [_OTHER]
        return " or ".join([*known, *(["null"] if NoneType in inner else [])])
    if origin is Literal:
        return f"one of {', '.join(map(str, inner))}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"a mapping from names, each to {_describe(inner[1])}"
    if isinstance(origin, type) and issubclass(origin, Sequence):
        if origin is tuple and inner[-1] is not Ellipsis:
            return f"a list of {len(inner)}: {', '.join(map(_describe, inner))}"
        return f"a list, each {_describe(inner[0])}"
    if hint in (Any, inspect.Parameter.empty):
        return "a plain value"
    if origin is Callable or hint is Callable:
        return "a schedule, as {class: NAME, …}"
    return _WORDS.get(hint, _OTHER)


def _meant(value: Any, hint: Any) -> str:
    if get_origin(hint) is Literal and isinstance(value, str):
        found = suggest(value, list(map(str, get_args(hint))))
        return f"; {found}" if found.startswith("did") else ""
    return ""
