"""Zero-shot classification: each image goes to the class whose prompts lie nearest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import ArrayLike, NDArray

from ..arrays import Array, like, to_numpy, unit_rows
from ..errors import InputError
from .class_moments import ClassMoments
from .gap import encode_groups
from .recall import ranks, recalls


@dataclass(frozen=True)
class Prototypes:
    """One unit row for each class, (C, D), and the classes, (C,), in sorted order."""

    rows: Array
    classes: NDArray[Any]


def class_prototypes(prompts: Array, classes: ArrayLike) -> Prototypes:
    r"""Mean direction of each class's prompts.

    w_c = Σ_{i: class_i = c} p̂_i, scaled to unit length: the average of the unit embeddings of
    all templates ("a photo of a {}", "a drawing of a {}", …), so that each template counts
    the same.

    Parameters
    ----------
    prompts:
        (P, D) embeddings of prompts.
    classes:
        (P,) class of each prompt, integers or strings; any number of prompts per class.

    Raises
    ------
    InputError
        Classes that do not fit the rows; prompts of a class that cancel out.

    Notes
    -----
    With one prompt per class, a prototype is that prompt's unit row.

    References
    ----------
    Radford et al., *Learning Transferable Visual Models From Natural Language Supervision*
    (2021), section 3.1.4.

    Examples
    --------
    >>> found = class_prototypes(np.array([[1.0, 0.0], [0.0, 5.0], [1.0, 0.0]]), ["a", "a", "b"])
    >>> found.classes.tolist(), found.rows.round(3).tolist()
    (['a', 'b'], [[0.707, 0.707], [1.0, 0.0]])
    """
    given = to_numpy(classes)
    if prompts.ndim != 2 or given.shape != (prompts.shape[0],):
        raise InputError(
            f"classes must be one per prompt, shape ({prompts.shape[0]},); "
            f"found shape {given.shape}"
        )
    names, codes = np.unique(given, return_inverse=True)
    moments = ClassMoments.of(prompts, codes, len(names))
    total = like(moments.totals, prompts)  # (C, D)
    xp = array_namespace(total)
    size = to_numpy(xp.max(xp.abs(total), axis=1))
    if (empty := size <= 8 * float(xp.finfo(total.dtype).eps) * moments.counts).any():
        raise InputError(
            f"the prompts of class '{names[empty.argmax()]}' cancel out: their mean has no "
            "direction; check that they belong to one class"
        )
    return Prototypes(unit_rows(total), names)


def zero_shot_accuracy(
    images: Array,
    prompts: Array,
    labels: ArrayLike,
    *,
    classes: ArrayLike | None = None,
    k: Sequence[int] = (1, 5),
) -> dict[int, float]:
    """k → share of images whose class is among the k nearest prototypes, in [0, 1].

    Parameters
    ----------
    images:
        (N, D).
    prompts:
        (P, D) prompts, averaged by class as in `class_prototypes`, or one prototype per class.
    labels:
        (N,) class of each image.
    classes:
        (P,) class of each prompt. Without them, row c of `prompts` stands for class c.
    k:
        The k of top-k; one that reaches the number of classes gives 1.

    Raises
    ------
    InputError
        A k below 1; labels or classes that do not fit the rows; a label that no prompt has.

    Notes
    -----
    Prototypes that score level, up to rounding, count as their mean rank, as in retrieval:
    classes whose prompts coincide are not told apart, and score no hit. With one class, every
    image is right.

    Examples
    --------
    >>> images = np.array([[1.0, 0.1], [0.2, 1.0], [1.0, 0.9]])
    >>> zero_shot_accuracy(images, np.eye(2), [0, 1, 1], k=(1,))
    {1: 0.666666666666...}
    """
    if wrong := [each for each in k if each < 1]:
        raise InputError(f"k must be at least 1; found {wrong[0]}")
    own = np.arange(prompts.shape[0]) if classes is None else to_numpy(classes)
    prototypes = class_prototypes(prompts, own)
    given = to_numpy(labels)
    codes = encode_groups(images, prototypes.rows, (given, prototypes.classes))
    assert codes is not None
    unknown = ~np.isin(*codes)
    if unknown.any():
        raise InputError(
            f"label '{given[unknown.argmax()]}' of row {unknown.argmax()} is the class of no "
            f"prompt; there are {len(prototypes.classes)} classes, the first of them "
            f"'{prototypes.classes[0]}'"
        )
    return recalls(ranks(images, prototypes.rows, codes), k)
