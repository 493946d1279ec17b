"""Hateful Memes: 10,000 pictures with a text in them, hateful or not as both together are.

Kiela, Firooz, Mohan, Goswami, Singh, Ringshia and Testuggine, *The Hateful Memes Challenge:
Detecting Hate Speech in Multimodal Memes* (NeurIPS 2020). Home: https://hatefulmemeschallenge.com,
https://ai.meta.com/tools/hatefulmemes/. For research, under the licence that comes with it, which
forbids to pass it on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arguments import check_count
from ..errors import InputError
from ..readers.guard import check_file, one_line, reading
from .captioned import texts
from .captions import CaptionSet
from .picture_files import PictureFiles
from .root import data_root
from .splits import Split

CLASSES = ("not hateful", "hateful")

_FILES: Mapping[str, tuple[str, ...]] = {
    "train": ("train.jsonl",),
    "validation": ("dev_seen.jsonl", "dev.jsonl"),
    "test": ("test_seen.jsonl", "test.jsonl"),
}
_HOW = (
    "take it from where you accepted its licence (https://hatefulmemeschallenge.com; it cannot be "
    "downloaded freely) and put img/, train.jsonl, dev_seen.jsonl and test_seen.jsonl into {home}"
)


@dataclass(frozen=True, eq=False, kw_only=True)
class MemeSet(CaptionSet):
    """Memes: their texts, and their pictures, which are decoded when they are asked for.

    Attributes
    ----------
    hateful:
        (N,) int64, 1 where a meme is hateful; None where the file of the split has no labels.
    names:
        (N,) the number of each meme.
    """

    hateful: NDArray[np.int64] | None
    names: tuple[str, ...]


def hateful_memes(
    split: Split, *, root: Path | str | None = None, limit: int | None = None
) -> MemeSet:
    """Read the memes of a split, in the order of its file.

    The folder is `ROOT/hateful_memes/` (or `data/` in it), with `img/` and a file of JSON lines for
    each split: `train.jsonl` (8,500 memes), `dev_seen.jsonl` (500) and `test_seen.jsonl` (1,000);
    in the set's first edition they are `dev.jsonl` and `test.jsonl`. Nothing is downloaded.

    The first edition keeps the labels of the test split back: `hateful` is then None, and what is
    scored on the test split needs `test_seen.jsonl` of the second. The measure is the area under
    the ROC curve.

    Parameters
    ----------
    split:
        "train", "validation" or "test".
    limit:
        At most so many memes, the first.

    Raises
    ------
    InputError
        Another split; files that are missing or damaged; a line without text or picture, a label
        that is not 0 or 1, labels in some lines alone, or none where there must be.
    """
    if split not in _FILES:
        raise InputError(f"split must be one of {', '.join(_FILES)}; found {split!r}")
    if limit is not None:
        check_count("limit", limit)
    home = data_root(root) / "hateful_memes"
    path = _file(home, split)
    memes = _lines(path)[:limit]
    pictures = PictureFiles(path.parent, [str(meme["img"]) for meme in memes])
    if gone := pictures.missing():
        raise InputError(
            f"{len(gone)} of {len(memes)} pictures of {path} are missing, the first is "
            f"{pictures.name(gone[0])}: {_HOW.format(home=home)}"
        )
    hateful = _labels(memes, path, split)
    rows = np.arange(len(memes))
    return MemeSet(
        captions=texts([" ".join(str(meme["text"]).split()) for meme in memes]),
        items=rows,
        groups=rows,
        labels=None if hateful is None else np.array(CLASSES)[hateful],
        splits=np.full(len(memes), split),
        rows=rows,
        source=str(path),
        pictures=pictures,
        hateful=hateful,
        names=tuple(str(meme["id"]) for meme in memes),
    )


def _file(home: Path, split: Split) -> Path:
    """The file of a split."""
    for folder in (home, home / "data"):
        for name in _FILES[split]:
            if (folder / name).is_file():
                return folder / name
    names = " or ".join(_FILES[split])
    raise InputError(f"no {names} in {home}: {_HOW.format(home=home)}")


def _lines(path: Path) -> list[dict[str, Any]]:
    """The memes of a file."""
    check_file(path)
    found: list[dict[str, Any]] = []
    seen = set()
    with reading(path, "JSON lines"), path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            meme = _meme(line, f"line {number} of {path}")
            if meme["id"] in seen:
                raise InputError(f"line {number} of {path} has the id {meme['id']} a second time")
            seen.add(meme["id"])
            found.append(meme)
    if not found:
        raise InputError(f"{path} holds no memes")
    return found


def _meme(line: str, where: str) -> dict[str, Any]:
    try:
        meme = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is no JSON: {one_line(error)}") from error
    if not isinstance(meme, dict) or not isinstance(meme.get("id"), int | str):
        raise InputError(f"{where} must be an object with an 'id'; found {one_line(line)}")
    for name in ("img", "text"):
        if not isinstance(meme.get(name), str) or not meme[name].strip():
            raise InputError(f"{where} has no text under '{name}'; found {one_line(line)}")
    picture = Path(meme["img"])
    if picture.is_absolute() or ".." in picture.parts:
        raise InputError(
            f"{where} names the picture {one_line(meme['img'])}, which is outside of its folder"
        )
    return meme


def _labels(memes: list[dict[str, Any]], path: Path, split: Split) -> NDArray[np.int64] | None:
    """1 where a meme is hateful; None if no line of a test split says so."""
    labels = [meme.get("label") for meme in memes]
    if split == "test" and all(label is None for label in labels):
        return None
    for meme, label in zip(memes, labels, strict=True):
        if isinstance(label, bool) or label not in (0, 1):
            raise InputError(
                f"meme {meme['id']} of {path} must have the 'label' 0 or 1; found {label!r}"
            )
    return np.array(labels, np.int64)
