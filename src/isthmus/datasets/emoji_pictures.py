"""Folders of pictures as arrays: found by code, put on a background, made square, resized."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..progress import tracked
from ..readers.guard import reading
from .images import check_pillow

_SELECTOR = "fe0f"  # asks for a coloured picture of a character; names hold it or not


def style_folders(folder: Path, styles: Sequence[str] | None) -> dict[str, Path]:
    """Style → its folder: those asked for, in that order, or all that there are, by name."""
    there = {
        path.name: path
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith(".")
    }
    if not there:
        raise InputError(f"{folder} has no folder of pictures: put STYLE/CODE.png in it")
    if styles is None:
        return there
    wanted = [styles] if isinstance(styles, str) else list(styles)
    if unknown := [style for style in wanted if style not in there]:
        raise InputError(f"no style '{unknown[0]}' in {folder}; there are {', '.join(there)}")
    if not wanted or len(set(wanted)) < len(wanted):
        raise InputError(f"styles must name each folder once; found {wanted}")
    return {style: there[style] for style in wanted}


def find_pictures(folder: Path, codes: Sequence[str]) -> list[Path | None]:
    """The PNG of each code, or None; case and the variation selector make no difference."""
    paths = [path for path in sorted(folder.iterdir()) if path.suffix.lower() == ".png"]
    alike = {_plain(path.stem): path for path in reversed(paths)}
    exact = {path.stem: path for path in paths}
    return [exact.get(code) or alike.get(_plain(code)) for code in codes]


def read_pictures(
    paths: Sequence[Path], *, side: int | None, background: str
) -> tuple[NDArray[np.uint8], list[bytes]]:
    """(N, side, side, 3) pictures on a background, and a digest of each, equal where they are.

    Raises
    ------
    InputError
        A picture that cannot be read; without a side, one that is not square, or not as wide as
        the first; a background that is no colour.
    """
    colour = _colour(background)
    size = _open(paths[0]).width if side is None else side
    pictures = np.empty((len(paths), size, size, 3), np.uint8)
    digests = []
    for k, path in enumerate(tracked(paths, len(paths))):
        picture = _open(path)
        if side is None and picture.size != (size, size):
            raise InputError(
                f"{path} is {picture.width} x {picture.height} pixels, not {size} x {size}: give "
                "a side, to which all are brought"
            )
        content = picture.convert("RGBa").tobytes()  # what is transparent has no colour
        digests.append(blake2b(content, digest_size=16).digest())
        pictures[k] = _square(picture, size, colour)
    return pictures, digests


def _plain(code: str) -> str:
    return "-".join(part for part in code.lower().split("-") if part != _SELECTOR)


def _open(path: Path) -> Any:
    """The picture as RGBA."""
    check_pillow()
    from PIL import Image

    with reading(path, "a picture"), Image.open(path) as picture:
        return picture.convert("RGBA")


def _square(picture: Any, size: int, colour: tuple[int, ...]) -> NDArray[np.uint8]:
    """(size, size, 3): in the middle of a square of background, resized to size."""
    from PIL import Image

    longest = max(picture.size)
    canvas = Image.new("RGBA", (longest, longest), (*colour, 255))
    place = ((longest - picture.width) // 2, (longest - picture.height) // 2)
    canvas.alpha_composite(picture, place)
    flat = canvas.convert("RGB")
    if longest != size:
        flat = flat.resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(flat)


def _colour(background: str) -> tuple[int, ...]:
    check_pillow()
    from PIL import ImageColor

    try:
        return tuple(ImageColor.getrgb(background)[:3])
    except (ValueError, AttributeError, TypeError) as error:
        raise InputError(
            f"background must be a colour, a name or '#rrggbb'; found {background!r}"
        ) from error
