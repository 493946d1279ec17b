"""A part of a recipe that several runs share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .build import Spec


@dataclass(frozen=True)
class Once(Spec):
    """A class whose instance is made at the first call, and is the same at every later one.

    For data: they are only read, and what is drawn from them is a function of seed and step.
    """

    @classmethod
    def of(cls, spec: Spec) -> Once:
        """The same class and arguments."""
        return cls(spec.name, spec.cls, spec.arguments, spec.at)

    @cached_property
    def _made(self) -> Any:
        return super().make()

    def make(self, *positional: Any) -> Any:
        """The one instance; it takes nothing from the run."""
        return self._made
