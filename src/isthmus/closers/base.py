"""What all closers share: scikit-learn's shape, and one safe file format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..embeddings import Embeddings
from ..errors import InputError
from ..files import atomic_write

FORMAT = "isthmus-closer"


class Affine(NamedTuple):
    """x ↦ matrix · x + bias on column vectors; rows as `x @ matrix.T + bias`."""

    matrix: NDArray[np.float64]
    bias: NDArray[np.float64]


class Closer(ABC):
    """A transform, fitted on embeddings, that brings their modalities together.

    The constructor stores parameters; `fit` learns attributes that end in `_`; `transform`
    applies them to new rows of a named modality.
    """

    kind: ClassVar[str]
    """Name of the method, as on the command line and in saved files."""

    @abstractmethod
    def fit(self, embeddings: Embeddings) -> Self:
        """Learn from embeddings; returns the closer itself."""

    @abstractmethod
    def transform(self, x: Array, *, modality: str) -> Array:
        """Rows of one modality, (N, D), moved to where the gap is closed."""

    @abstractmethod
    def state(self) -> dict[str, NDArray[Any]]:
        """The learned arrays, by name, for saving."""

    @abstractmethod
    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take learned arrays back; an InputError if they do not fit together."""

    def close(self, embeddings: Embeddings) -> Embeddings:
        """`transform` on every modality."""
        return embeddings.map(lambda name, x: self.transform(x, modality=name))

    def save(self, path: Path | str) -> None:
        """Write the fitted closer as one safetensors file."""
        from safetensors.numpy import save_file

        arrays = {name: np.ascontiguousarray(array) for name, array in self.state().items()}
        with atomic_write(path) as temporary:
            save_file(arrays, temporary, metadata={"format": FORMAT, "kind": self.kind})


def load_closer(path: Path | str) -> Closer:
    """Read a closer that `save` wrote.

    Raises
    ------
    InputError
        The file is missing, damaged, not a closer, or of a kind that this version lacks.
    """
    from safetensors import SafetensorError, safe_open

    from . import KINDS

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise InputError(f"{path} is a safetensors file but not a closer saved by Isthmus")
            kind = metadata.get("kind", "")
            if kind not in KINDS:
                known = ", ".join(KINDS)
                raise InputError(f"{path} holds a closer of kind '{kind}'; known are {known}")
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, TypeError, SafetensorError) as error:  # TypeError: a dtype numpy lacks
        raise InputError(f"cannot read the closer {path}: {error}") from error
    closer = KINDS[kind]()
    try:
        closer.load_state(state)
    except InputError as error:
        raise InputError(f"{path} is damaged: {error}") from error
    return closer
