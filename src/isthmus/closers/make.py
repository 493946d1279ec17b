"""Closers by a line of text, as the command line gives it."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, get_args, get_type_hints

from ..errors import InputError
from .base import Closer
from .pipeline import Pipeline


def make_closer(spec: str) -> Closer:
    """An unfitted closer: "centering", "ridge:strength=0.1,to=image", "centering+procrustes".

    A kind, after a colon its parameters, and several of these joined by + for a pipeline.
    Values are numbers, true or false, none, or names as they are; a name that holds one of
    `+`, `,` cannot be given so.

    Raises
    ------
    InputError
        An unknown kind or parameter; a value that is not of the parameter's type, or not
        allowed.

    Examples
    --------
    >>> make_closer("ridge:strength=0.1,to=image").parameters()
    {'to': 'image', 'center': True, 'strength': 0.1, 'prior': 'identity'}
    >>> [step["kind"] for step in make_closer("centering+procrustes").steps]
    ['centering', 'procrustes']
    """
    made = [_one(part.strip(), spec) for part in spec.split("+")]
    return made[0] if len(made) == 1 else Pipeline(made)


def _one(part: str, spec: str) -> Closer:
    from . import KINDS

    name, colon, given = (found.strip() for found in part.partition(":"))
    known = [kind for kind in KINDS if kind != Pipeline.kind]
    if name == Pipeline.kind:
        raise InputError("a pipeline is written as its steps: for example centering+procrustes")
    if name not in known:
        where = "" if part == spec else f" in '{spec}'"
        raise InputError(
            f"no closer '{name}'{where}{_meant(name, known)}; there are: {', '.join(known)}"
        )
    kind = KINDS[name]
    if colon and not given:
        raise InputError(f"nothing after the colon of '{part}': write {name}:parameter=value")
    types = get_type_hints(kind.__init__)
    types.pop("return", None)
    parameters: dict[str, Any] = {}
    for pair in given.split(",") if given else ():
        parameter, equals, text = (found.strip() for found in pair.partition("="))
        if not equals:
            raise InputError(f"'{pair}' of '{part}' is not of the form parameter=value")
        if parameter not in types:
            have = f"it has: {', '.join(types)}" if types else "it has none"
            raise InputError(
                f"{name} has no parameter '{parameter}'{_meant(parameter, types)}; {have}"
            )
        if parameter in parameters:
            raise InputError(f"parameter '{parameter}' is given twice in '{part}'")
        parameters[parameter] = _value(text, types[parameter], f"{name}: {parameter}")
    try:
        return kind(**parameters)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def _meant(name: str, known: Any) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def _flag(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


_READ: dict[type, tuple[str, Callable[[str], Any]]] = {
    bool: ("true or false", _flag),
    int: ("a whole number", int),
    float: ("a number", float),
    str: ("a name", str),
}


def _value(text: str, wanted: Any, what: str) -> Any:
    """The text as a parameter's type: one of those above, or that or None."""
    kinds = get_args(wanted) or (wanted,)
    if type(None) in kinds and text.lower() == "none":
        return None
    (words, read) = next(_READ[kind] for kind in _READ if kind in kinds)
    try:
        if not text:
            raise ValueError
        return read(text)
    except (KeyError, ValueError):
        also = " or none" if type(None) in kinds else ""
        raise InputError(f"{what} must be {words}{also}; found '{text}'") from None
