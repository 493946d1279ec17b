"""YAML without surprises: plain values alone, no key twice, errors in one line."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from ..errors import InputError


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a file.

    Raises
    ------
    InputError
        No such file; not YAML; a tag, a repeated key, or anything else but a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InputError(f"cannot read the recipe {path}: {reason}") from error
    tree = _parse(text, str(path))
    if not isinstance(tree, dict):
        raise InputError(
            f"{path}: a recipe is a mapping with the keys data, objective, …; "
            f"found {'nothing' if tree is None else type(tree).__name__}"
        )
    return tree


def override(tree: dict[str, Any], text: str) -> str:
    """Set `key.key=VALUE` in a recipe; VALUE is YAML. The key."""
    key, equals, value = text.partition("=")
    parts = key.split(".")
    if not equals or not all(parts):
        raise InputError(f"--set takes key.key=VALUE, such as trainer.steps=100; found {text}")
    node = tree
    for depth, part in enumerate(parts[:-1], 1):
        child = node.get(part)
        if child is None or isinstance(child, str):  # a string is the name of a class
            child = {} if child is None else {"class": child}
        if not isinstance(child, dict):
            raise InputError(f"--set: {'.'.join(parts[:depth])}: holds no keys; found {text}")
        node[part] = child
        node = child
    node[parts[-1]] = _parse(value, "--set")
    return key


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Refuses a key that is there twice, of which YAML would keep the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key '{key.value}' is there twice", problem_mark=key.start_mark
                )
            if isinstance(key.value, str):
                seen.add(key.value)
        found: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return found


def _parse(text: str, where: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f"line {mark.line + 1}: "
        reason = getattr(error, "problem", None) or str(error)
        raise InputError(f"{where}: {line}{' '.join(str(reason).split())}") from error
    except RecursionError as error:
        raise InputError(f"{where}: nested too deeply") from error
