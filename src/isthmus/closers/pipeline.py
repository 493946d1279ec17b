"""Several closers, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from array_api_compat import is_numpy_array
from numpy.typing import NDArray

from ..arrays import Array, join_rows, row_chunks, working_dtype
from ..embeddings import Embeddings
from ..errors import InputError
from ..metrics.moments import Moments
from ..progress import steps as progress_steps
from .affine import Affine
from .base import Arrays, Closer

_ROUNDING = 1e-12


class Pipeline(Closer):
    """Apply closers in turn, each fitted on what those before it give.

    z = f_k(… f_2(f_1(x))): rows are scaled to unit length after every step.

    Parameters
    ----------
    steps:
        Closers, fitted or not, of which only kind and parameters count; or, as `parameters`
        gives them, {"kind": …, parameter: …}. No pipelines: list their steps.

    Attributes
    ----------
    steps_:
        The fitted closers.

    Notes
    -----
    Needs pairs or labels where one of its steps does. Fitted on the whole calibration set, not
    shard by shard: a step needs the rows that the one before it gives. Those are kept between
    steps, in a temporary file where they are many. The drift guard looks at the rows as they
    come, so at the first step's calibration. The inverse is that of each step, backwards.

    It is one affine map per modality only where no step after the first adds a constant, or
    the steps before that one only turn rows: a constant that is added to rows of unit length
    is not the same for all once that scaling is undone. A second centring adds one, small as
    it may be: for `as_affine`, give later steps `center=False`.

    Raises
    ------
    InputError
        No steps; a step that is no closer, or another pipeline; an unknown kind or parameter.

    Examples
    --------
    >>> from isthmus import Embeddings
    >>> from isthmus.closers import Centering, Procrustes
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(50, 3))
    >>> space = Embeddings({"image": x + 1, "text": x[:, ::-1] - 1})
    >>> both = Pipeline([Centering(), Procrustes(center=False)]).fit(space)
    >>> both.as_affine("text").matrix.shape
    (3, 3)
    >>> both.parameters()["steps"][0]
    {'kind': 'centering'}
    """

    kind: ClassVar[str] = "pipeline"

    steps_: list[Closer]

    def __init__(self, steps: Sequence[Closer | Mapping[str, Any]]) -> None:
        if isinstance(steps, str | Mapping) or not isinstance(steps, Sequence) or not steps:
            raise InputError(f"steps must be a list of closers, at least one; found {steps!r}")
        self._made = [_unfitted(step, number) for number, step in enumerate(steps, 1)]
        self.steps = [{"kind": step.kind, **step.parameters()} for step in self._made]

    @property
    def pairs(self) -> bool:  # type: ignore[override]  # a pipeline's depends on its steps
        """Whether a step learns from matched rows."""
        return any(step.pairs for step in self._made)

    @property
    def labels(self) -> bool:  # type: ignore[override]
        """Whether a step learns from class labels."""
        return any(step.labels for step in self._made)

    @property
    def equivariant(self) -> bool:  # type: ignore[override]
        """Whether a rotated space closes to the rotated result, in every step."""
        return all(step.equivariant for step in self._made)

    def fit(self, embeddings: Embeddings) -> Self:
        """Learn from embeddings, forgetting what was learnt before."""
        fitted = [_unfitted(step, number) for number, step in enumerate(self._made, 1)]
        labels = [f"{number}. {step.kind}" for number, step in enumerate(fitted, 1)]
        with progress_steps(dict.fromkeys(labels, 1.0)) as progress:
            for label, closer in zip(labels, fitted, strict=True):
                with progress(label):
                    closer.fit(embeddings)
                    if closer is not fitted[-1]:
                        embeddings = _moved(closer, embeddings)
        self.steps_ = fitted
        self.calibration_ = fitted[0].calibration_
        return self

    def move(self, x: Array, *, modality: str, first: int = 0) -> tuple[Array, Moments]:
        """`transform` without the guard, and the moments of the rows as they came."""
        self.check_rows(x, modality)
        found = Moments(0, np.zeros(self.dimension))

        def parts() -> Iterator[Array]:
            nonlocal found
            for rows in row_chunks(x):
                start = first + rows.start
                part, moments = self.steps_[0].move(x[rows, :], modality=modality, first=start)
                found = found.merge(moments)
                for closer in self.steps_[1:]:
                    part, _ = closer.move(part, modality=modality, first=start)
                yield part

        return join_rows(parts(), int(x.shape[0])), found

    def inverse_transform(self, z: Array, *, modality: str) -> Array:
        """Unit rows (N, D) whose `transform` gives the directions of z (N, K).

        Raises
        ------
        InputError
            Where a step has no inverse.
        """
        self.check_modality(modality)
        for closer in reversed(self.steps_):
            z = closer.inverse_transform(z, modality=modality)
        return z

    def as_affine(self, modality: str) -> Affine:
        """Matrix (K, D) and bias (K,): z = unit(matrix · x̂ + bias), with unit rows x̂.

        Raises
        ------
        InputError
            Where a step is not affine, or adds a constant to rows that were scaled before it.
        """
        self.check_modality(modality)
        matrix, bias = self.steps_[0].as_affine(modality)
        for number, closer in enumerate(self.steps_[1:], 2):
            own, constant = closer.as_affine(modality)
            if np.linalg.norm(constant) > _ROUNDING * (1 + np.linalg.norm(own)):
                if not _only_turns(matrix, bias):
                    raise InputError(
                        f"these steps are not one affine map: step {number} ({closer.kind}) adds "
                        "a constant to rows that were scaled to unit length before it; give it "
                        "center=False where it has that, or use the steps one by one"
                    )
                bias = constant
            else:
                bias = own @ bias
            matrix = own @ matrix
        return Affine(matrix, bias)

    @property
    def dimension(self) -> int:
        """D, of the rows that it takes."""
        self.check_fitted()
        return self.steps_[0].dimension

    def state(self) -> dict[str, NDArray[Any]]:
        """What every step learned, by its number and name."""
        self.check_fitted()
        return {
            f"{number}.{name}": array
            for number, step in enumerate(self.steps_, 1)
            for name, array in step.state().items()
        }

    def load_state(self, state: Arrays, names: tuple[str, ...]) -> None:
        """Take back what `state` gave."""
        fitted = [_unfitted(step, number) for number, step in enumerate(self._made, 1)]
        for number, closer in enumerate(fitted, 1):
            start = f"{number}."
            own = {key.removeprefix(start): a for key, a in state.items() if key.startswith(start)}
            try:
                closer.load_state(own, names)
            except InputError as error:
                raise InputError(f"step {number} ({closer.kind}): {error}") from error
        self.steps_, self.calibration_ = fitted, fitted[0].calibration_


def _unfitted(step: Closer | Mapping[str, Any], number: int) -> Closer:
    """A closer with the parameters of a step."""
    from . import KINDS

    if isinstance(step, Pipeline):
        raise InputError(f"step {number} is a pipeline itself: list its steps instead")
    if isinstance(step, Closer):
        return type(step)(**step.parameters())
    if not isinstance(step, Mapping) or not isinstance(step.get("kind"), str):
        raise InputError(f"step {number} must be a closer, or its kind and parameters")
    parameters = {name: value for name, value in step.items() if name != "kind"}
    kind = KINDS.get(step["kind"])
    if kind is None or kind is Pipeline:
        known = ", ".join(name for name in KINDS if name != Pipeline.kind)
        raise InputError(f"step {number} is of kind '{step['kind']}'; known are {known}")
    try:
        return kind(**parameters)
    except TypeError as error:
        raise InputError(f"step {number}: parameters do not fit '{kind.kind}': {error}") from error


def _moved(closer: Closer, embeddings: Embeddings) -> Embeddings:
    """What a closer gives of each modality, in a temporary file where it is large."""
    from ..readers.spool import block_rows, collect

    def moved(name: str, x: Array) -> Array:
        if not is_numpy_array(x):
            return closer.move(x, modality=name)[0]
        dtype = np.dtype(working_dtype(x))
        width = closer.move(x[:1, :], modality=name)[0].shape[1]
        step = block_rows(width * dtype.itemsize)
        blocks = (
            closer.move(x[start : start + step, :], modality=name, first=start)[0]
            for start in range(0, len(x), step)
        )
        return collect(f"closed rows of '{name}'", blocks, rows=len(x), width=width, dtype=dtype)

    return embeddings.map(moved)


def _only_turns(matrix: NDArray[np.float64], bias: NDArray[np.float64]) -> bool:
    """Whether images of unit rows are unit rows: columns are orthonormal, and no constant."""
    product = matrix.T @ matrix
    return bool(
        np.linalg.norm(bias) <= _ROUNDING and np.abs(product - np.eye(len(product))).max() < 1e-9
    )
