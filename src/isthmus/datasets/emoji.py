"""Drawings of the same concepts in several styles, with text: emoji, or any set of that layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..progress import steps
from .emoji_pictures import find_pictures, read_pictures, style_folders
from .emoji_table import read_concepts
from .labelled import Split
from .root import data_root

_HOMES = (
    "Twemoji's pictures are at https://github.com/jdecked/twemoji (assets/72x72), OpenMoji's at "
    "https://github.com/hfg-gmuend/openmoji (color/72x72; its data/openmoji.csv will do as "
    "emoji.csv)"
)

# Code points that change who is drawn, not what.
_PEOPLE = dict.fromkeys(("1f468", "1f469", "1f9d1"), "person")
_PEOPLE |= dict.fromkeys(("1f466", "1f467", "1f9d2"), "child")
_SIGNS = {"200d", "fe0f", "2640", "2642", "1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff"}


@dataclass(frozen=True)
class DrawnConcepts:
    """Concepts, each drawn in every style; row i of everything belongs together.

    Attributes
    ----------
    drawings:
        Style → (N, side, side, 3) uint8.
    names:
        (N,) str.
    keywords:
        For each concept a tuple of words, perhaps empty.
    groups:
        (N,) str, the class of each concept; "" where the table gives none.
    codes:
        (N,) str, what the pictures are called.
    left_out:
        Codes of the table that a style lacks, in either split: they are left out of both.
    """

    drawings: Mapping[str, NDArray[np.uint8]]
    names: NDArray[np.str_]
    keywords: tuple[tuple[str, ...], ...]
    groups: NDArray[np.str_]
    codes: NDArray[np.str_]
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.codes)


def emoji(
    split: Split,
    *,
    root: Path | str | None = None,
    styles: Sequence[str] | None = None,
    side: int | None = None,
    background: str = "white",
    held_out: float = 0.2,
    seed: int = 0,
) -> DrawnConcepts:
    """Read drawings of the same concepts in several styles: emoji, or a folder of your own.

    Nothing in it is peculiar to emoji: `ROOT/emoji/STYLE/CODE.png` for every style, and a table
    `ROOT/emoji/emoji.csv` (or `.json`, a list of objects, or `.parquet`) with the columns
    `code`, `name` and, if there are any, `keywords` (separated by `|`, `;` or `,`, or a list)
    and `group`, the class. OpenMoji's own names of columns will do. A picture is found by its
    code in upper or lower case, with or without the variation selector `fe0f`, since Twemoji
    and OpenMoji differ in both.

    Splits are drawn by family: concepts that differ only in skin tone, gender sign, or the kind
    of person or child shown, and concepts that some style draws with the very same picture, are
    never on both sides. In a seeded order, a family is held out while it fits the share.

    Parameters
    ----------
    split:
        "train" or "test". Which concept falls in which depends on the files, `styles`,
        `held_out` and `seed`.
    root:
        The folder of all data sets; see `isthmus.datasets.root.data_root`.
    styles:
        Folders to read, in this order; all of them by name if not given.
    side:
        Height and width in pixels: pictures are made square with background, and resized. If
        not given, all must be square and of one size, which they keep.
    background:
        What shows through where a picture is transparent: a name or "#rrggbb".
    held_out:
        Share of the concepts in the test split, in (0, 1).

    Raises
    ------
    InputError
        No folder, table or pictures, and where to get them; a style that is not there; a damaged
        table or picture; pictures of several sizes without a `side`; a split of no concept.

    Notes
    -----
    A concept that one of the styles lacks is left out, and listed in `left_out`. Identical
    drawings within a split remain: R@1 from drawing to drawing stays below 1.

    References
    ----------
    Nothing is downloaded. Twemoji: https://github.com/jdecked/twemoji, `assets/72x72` (CC BY
    4.0). OpenMoji: https://github.com/hfg-gmuend/openmoji, `color/72x72` and `data/openmoji.csv`
    (CC BY-SA 4.0). Names and keywords: Unicode CLDR, https://github.com/unicode-org/cldr,
    `common/annotations/en.xml`; groups: `emoji-test.txt` of https://unicode.org/Public/emoji
    (Unicode licence).

    Examples
    --------
    >>> emoji("test").drawings["twemoji"].shape  # doctest: +SKIP
    (377, 72, 72, 3)
    """
    if split not in ("train", "test"):
        raise InputError(f"split must be 'train' or 'test'; found {split!r}")
    if not isinstance(held_out, Real) or not 0 < held_out < 1:
        raise InputError(f"held_out must be a share between 0 and 1; found {held_out!r}")
    if side is not None and (isinstance(side, bool) or not isinstance(side, int) or side < 1):
        raise InputError(f"side must be a whole number of pixels; found {side!r}")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise InputError(f"seed must be a whole number of at least 0; found {seed!r}")
    folder = data_root(root) / "emoji"
    if not folder.is_dir():
        raise InputError(f"no folder {folder}: make it, with STYLE/CODE.png in it. {_HOMES}")
    folders = style_folders(folder, styles)
    concepts = read_concepts(folder)
    codes = [concept.code for concept in concepts]
    found = {style: find_pictures(own, codes) for style, own in folders.items()}
    drawn = [k for k, paths in enumerate(zip(*found.values(), strict=True)) if None not in paths]
    if not drawn:
        lacks, own = next((style, own) for style, own in found.items() if None in own)
        raise InputError(
            f"no concept of {folder} is drawn in every style: {lacks} lacks, for one, "
            f"{codes[own.index(None)]}.png. {_HOMES}"
        )
    drawings, keys = {}, [[_base(codes[k])] for k in drawn]
    with steps(dict.fromkeys(found, 1.0)) as step:
        for style, own in found.items():
            with step(style):
                paths = [path for k in drawn if (path := own[k]) is not None]
                drawings[style], digests = read_pictures(paths, side=side, background=background)
            for key, digest in zip(keys, digests, strict=True):
                key.append(f"{style} {digest.hex()}")
    test = _held_out(_families(keys), held_out, seed)
    rows = np.flatnonzero(test == (split == "test"))
    if not len(rows):
        raise InputError(
            f"the {split} split of {len(drawn)} concepts is empty at held_out = {held_out:g}: "
            "give another share, or more drawings"
        )
    kept = [concepts[drawn[k]] for k in rows]
    return DrawnConcepts(
        drawings={style: own[rows] for style, own in drawings.items()},
        names=np.array([concept.name for concept in kept]),
        keywords=tuple(concept.keywords for concept in kept),
        groups=np.array([concept.group for concept in kept]),
        codes=np.array([concept.code for concept in kept]),
        left_out=tuple(code for k, code in enumerate(codes) if k not in set(drawn)),
    )


def _base(code: str) -> str:
    """The code without what tells skin tones, genders and ages apart.

    >>> _base("1f468-1f3fd-200d-1f393"), _base("1f469-200d-1f393"), _base("2640-fe0f")
    ('person-1f393', 'person-1f393', '2640-fe0f')
    """
    parts = code.lower().split("-")
    return "-".join(_PEOPLE.get(part, part) for part in parts if part not in _SIGNS) or code


def _families(keys: Sequence[Sequence[str]]) -> NDArray[np.int64]:
    """(N,) family of each row: rows are of one family that a chain of shared keys connects."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(keys)
    owner = np.repeat(np.arange(n), [len(own) for own in keys])
    _, code = np.unique([key for own in keys for key in own], return_inverse=True)
    size = n + int(code.max()) + 1
    links = coo_array((np.ones(len(owner)), (owner, n + code)), shape=(size, size))
    _, family = connected_components(links, directed=False)
    return np.asarray(family[:n], dtype=np.int64)


def _held_out(families: NDArray[np.int64], share: float, seed: int) -> NDArray[np.bool_]:
    """(N,) whether each row is held out: whole families, in a random order, while they fit."""
    _, family, sizes = np.unique(families, return_inverse=True, return_counts=True)
    room = round(share * len(families))
    chosen = np.zeros(len(sizes), dtype=bool)
    for own in np.random.default_rng(seed).permutation(len(sizes)):
        if sizes[own] <= room:
            chosen[own] = True
            room -= sizes[own]
    return chosen[family]
