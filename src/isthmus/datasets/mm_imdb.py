"""MM-IMDb: 25,959 movies with poster, plots, and any of 23 genres.

Arevalo, Solorio, Montes-y-Gómez and González, *Gated Multimodal Units for Information Fusion*
(ICLR workshop 2017). Home: http://lisi1.unal.edu.co/mmimdb/, mirrored by its author at
https://archive.org/details/mmimdb. No licence is given; plots and posters are those of IMDb.
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
from ..progress import tracked
from ..readers.guard import check_file, one_line, reading
from .archives import extract
from .captioned import texts
from .captions import CaptionSet
from .download import Resource, fetch
from .picture_files import PictureFiles
from .root import data_root
from .splits import Split

GENRES = (
    *("Drama", "Comedy", "Romance", "Thriller", "Crime", "Action", "Adventure", "Horror"),
    *("Documentary", "Mystery", "Sci-Fi", "Fantasy", "Family", "Biography", "War", "History"),
    *("Music", "Animation", "Musical", "Western", "Sport", "Short", "Film-Noir"),
)
"""The genres that are told apart, the most frequent first."""

RARE = ("News", "Adult", "Talk-Show", "Reality-TV")
"""Genres that a few movies have beside theirs, which the benchmark leaves out."""

# Checksum as in MMF (facebookresearch/mmf), mmf/datasets/builders/mmimdb/builder.py of 2020.
ARCHIVE = Resource(
    "mmimdb.tar.gz",
    (
        "https://archive.org/download/mmimdb/mmimdb.tar.gz",
        "http://lisi1.unal.edu.co/mmimdb/mmimdb.tar.gz",
    ),
    sha256="7facb412f84e8e707cf5c15bb58e4cf3ac12d33e6e944e1bdefebada1259a253",
)

_KEYS: Mapping[str, str] = {"train": "train", "validation": "dev", "test": "test"}
_FOLDERS = (".", "mmimdb", "mmimdb/mmimdb")


@dataclass(frozen=True, eq=False, kw_only=True)
class MovieSet(CaptionSet):
    """Plots with their movies' posters, which are decoded when they are asked for.

    Rows are plots, each movie's longest first: `one_each()` has one plot of each movie. `items`
    holds the number of each row's movie.

    Attributes
    ----------
    genres:
        (M, 23) int64, 1 where a movie is of a genre, in the order of `GENRES`.
    names:
        (M,) the number of each movie in IMDb.
    """

    genres: NDArray[np.int64]
    names: tuple[str, ...]


def mm_imdb(
    split: Split,
    *,
    root: Path | str | None = None,
    download: bool = True,
    limit: int | None = None,
) -> MovieSet:
    """Read a split's plots and genres, and find its posters.

    The folder is `ROOT/mm_imdb/`, with `split.json` and `dataset/NUMBER.json`, `NUMBER.jpeg`, or
    `mmimdb/` with these. What is not there is downloaded (8.1 GB) and unpacked.

    Which of a movie's plots is read is no matter of chance: the longest comes first, the earlier of
    two, as the authors of the set take it. Others are there for training.

    Parameters
    ----------
    split:
        "train", "validation" (dev in the files) or "test": 15,552, 2,608 and 7,799 movies.
    limit:
        At most so many movies, the first.

    Raises
    ------
    InputError
        Another split; files that are missing or damaged; a movie in two splits, without a plot, or
        of a genre that the set does not have.

    Notes
    -----
    "News", "Adult", "Talk-Show" and "Reality-TV" are genres of a few movies, and are left out, as
    all published numbers do.
    """
    if split not in _KEYS:
        raise InputError(f"split must be one of {', '.join(_KEYS)}; found {split!r}")
    if limit is not None:
        check_count("limit", limit)
    home = _home(data_root(root) / "mm_imdb", download=download)
    names = _split(home / "split.json", split)[:limit]
    folder = home / "dataset"
    pictures = PictureFiles(folder, [f"{name}.jpeg" for name in names])
    if gone := pictures.missing():
        raise InputError(
            f"{len(gone)} of {len(names)} posters of MM-IMDb {split} are missing, the first is "
            f"{pictures.name(gone[0])}: unpack {ARCHIVE.name} again"
        )
    plots: list[str] = []
    items: list[int] = []
    genres = np.zeros((len(names), len(GENRES)), np.int64)
    for k, name in enumerate(tracked(names, len(names))):
        movie = _read(folder / f"{name}.json")
        own = _plots(movie, folder / f"{name}.json")
        plots += own
        items += [k] * len(own)
        genres[k, _genres(movie, folder / f"{name}.json")] = 1
    rows = np.array(items, np.int64)
    return MovieSet(
        captions=texts(plots),
        items=rows,
        groups=rows,
        splits=np.full(len(rows), split),
        rows=np.arange(len(rows)),
        source=str(home / "split.json"),
        pictures=pictures,
        genres=genres,
        names=tuple(names),
    )


def _home(folder: Path, *, download: bool) -> Path:
    """Where split.json is."""
    for place in _FOLDERS:
        if (folder / place / "split.json").is_file():
            return folder / place
    inner = folder / "mmimdb"
    if inner.is_dir():
        raise InputError(
            f"{inner} holds no split.json: put it there, or remove the folder to have it unpacked "
            f"from {ARCHIVE.urls[0]}"
        )
    extract(fetch(ARCHIVE, folder, download=download), inner)
    return _home(folder, download=download)


def _split(path: Path, split: Split) -> list[str]:
    """The movies of a split, which are in no other."""
    found = _read(path)
    seen: dict[str, str] = {}
    for key in _KEYS.values():
        names = found.get(key)
        if not isinstance(names, list) or not names:
            raise InputError(
                f"{path} must list movies under '{key}'; found {one_line(repr(names))}"
            )
        for name in names:
            if not isinstance(name, str) or not name.isalnum():
                raise InputError(
                    f'{path} must name movies by their number in IMDb, as "0111161"; found '
                    f"{one_line(repr(name))} under '{key}'"
                )
            if name in seen:
                raise InputError(f"{path} lists the movie {name} under '{seen[name]}' and '{key}'")
            seen[name] = key
    return [name for name, key in seen.items() if key == _KEYS[split]]


def _plots(movie: Mapping[str, Any], path: Path) -> list[str]:
    """The plots of a movie, the longest first."""
    found = movie.get("plot")
    several = [found] if isinstance(found, str) else found
    if not isinstance(several, list) or not all(isinstance(plot, str) for plot in several):
        raise InputError(f"{path} must have texts under 'plot'; found {one_line(repr(found))}")
    plots = [text for plot in several if (text := " ".join(plot.split()))]
    if not plots:
        raise InputError(f"{path} has no plot; found {one_line(repr(found))}")
    first = max(range(len(plots)), key=lambda k: len(plots[k]))
    return [plots[first], *plots[:first], *plots[first + 1 :]]


def _genres(movie: Mapping[str, Any], path: Path) -> list[int]:
    """The places of a movie's genres in `GENRES`."""
    found = movie.get("genres")
    if not isinstance(found, list):
        raise InputError(f"{path} must list genres under 'genres'; found {one_line(repr(found))}")
    if unknown := [genre for genre in found if genre not in (*GENRES, *RARE)]:
        raise InputError(
            f"{path} has the genre {one_line(repr(unknown[0]))}, which is none of MM-IMDb: "
            f"{', '.join(GENRES)}"
        )
    return [GENRES.index(genre) for genre in found if genre in GENRES]


def _read(path: Path) -> Mapping[str, Any]:
    """A JSON object."""
    check_file(path)
    with reading(path, "JSON"):
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError(f"it must be an object; found {one_line(repr(found))}")
    return found
