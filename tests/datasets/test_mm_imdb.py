"""MM-IMDb, from a small set in the official layout."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus.datasets.mm_imdb import GENRES, mm_imdb
from isthmus.errors import InputError
from tests.datasets import official_mm_imdb as official

module = import_module("isthmus.datasets.mm_imdb")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return official.write_mm_imdb(tmp_path)


@pytest.mark.parametrize(("split", "start"), [("train", 0), ("validation", 12), ("test", 16)])
def test_rows_of_everything_belong_together(home: Path, split: Any, start: int) -> None:
    found = mm_imdb(split, root=home.parents[1])
    count = official.SPLITS["dev" if split == "validation" else split]
    assert (len(found.names), len(found)) == (count, 3 * count)
    for k in range(count):
        own = official.movie(start + k)
        assert found.names[k] == f"{1000 + start + k:07d}"
        rows = np.flatnonzero(found.items == k)
        assert found.captions[rows].tolist() == [
            f"A long plot of number {start + k}, told twice.",
            f"Short {start + k}.",
            f"Another {start + k}",
        ]
        told = [GENRES[g] for g in np.flatnonzero(found.genres[k])]
        assert sorted(told) == sorted(genre for genre in own["genres"] if genre != "News")
        pixel = found.image(int(rows[0]))[15, 10]
        np.testing.assert_allclose(pixel, official.colour(start + k), atol=4)


def test_one_plot_of_each_is_the_longest(home: Path) -> None:
    found = mm_imdb("test", root=home.parents[1]).one_each()
    assert len(found) == 6
    assert all(text.startswith("A long plot") for text in found.captions)


def test_there_are_23_genres_and_none_of_the_rare() -> None:
    assert len(GENRES) == len(set(GENRES)) == 23
    assert not set(GENRES) & set(module.RARE)


@pytest.mark.parametrize("inside", [".", "mmimdb", "mmimdb/mmimdb"])
def test_the_layouts_that_unpacking_gives(tmp_path: Path, inside: str) -> None:
    official.write_mm_imdb(tmp_path, inside=inside)
    assert len(mm_imdb("train", root=tmp_path, limit=5).names) == 5


def test_the_archive_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = official.write_mm_imdb(tmp_path / "elsewhere")
    target = tmp_path / "mm_imdb" / module.ARCHIVE.name
    target.parent.mkdir()
    with tarfile.open(target, "w:gz") as archive:
        archive.add(home, "mmimdb")
    with pytest.raises(InputError, match="is not the file that it should be: its sha256 is"):
        mm_imdb("test", root=tmp_path, download=False)
    monkeypatch.setattr(module, "ARCHIVE", module.Resource(target.name, module.ARCHIVE.urls))
    assert len(mm_imdb("test", root=tmp_path, download=False).names) == 6


def movie(**values: Any) -> Callable[[Path], None]:
    def change(home: Path) -> None:
        path = home / "dataset" / "0001002.json"
        path.write_text(json.dumps({**official.movie(2), **values}))

    return change


def split(**values: Any) -> Callable[[Path], None]:
    def change(home: Path) -> None:
        found = json.loads((home / "split.json").read_text())
        (home / "split.json").write_text(json.dumps({**found, **values}))

    return change


def write(name: str, content: bytes | None) -> Callable[[Path], None]:
    def change(home: Path) -> None:
        if content is None:
            (home / name).unlink()
        else:
            (home / name).write_bytes(content)

    return change


BROKEN: list[tuple[Callable[[Path], None], str]] = [
    (
        movie(genres=["Drama", "Dramedy"]),
        r"0001002\.json has the genre 'Dramedy', which is none of",
    ),
    (movie(genres="Drama"), r"0001002\.json must list genres under 'genres'; found 'Drama'"),
    (movie(plot=[]), r"0001002\.json has no plot; found \[\]"),
    (movie(plot=[" \n", ""]), r"0001002\.json has no plot"),
    (movie(plot=[3]), r"0001002\.json must have texts under 'plot'; found \[3\]"),
    (movie(plot=None), r"0001002\.json must have texts under 'plot'; found None"),
    (write("dataset/0001002.json", b"{"), r"cannot read .+0001002\.json as JSON"),
    (write("dataset/0001002.json", b"\xff\xfe"), r"cannot read .+0001002\.json as JSON"),
    (write("dataset/0001002.json", b"[1]"), r"as JSON: it must be an object; found \[1\]"),
    (write("dataset/0001002.json", None), r"no such file: .+0001002\.json"),
    (write("dataset/0001002.jpeg", None), r"1 of 12 posters of MM-IMDb train are missing, .+1002"),
    (write("split.json", b"nothing"), r"cannot read .+split\.json as JSON"),
    (write("split.json", None), r"mmimdb holds no split\.json: put it there, or remove the folder"),
    (split(dev=[]), r"split\.json must list movies under 'dev'; found \[\]"),
    (split(dev=["0001000"]), r"lists the movie 0001000 under 'train' and 'dev'"),
    (split(test=["../secret"]), r"must name movies by their number in IMDb.+'\.\./secret'"),
    (split(train=[7]), r"must name movies by their number in IMDb.+found 7"),
]


@pytest.mark.parametrize(("harm", "message"), BROKEN, ids=range(len(BROKEN)))
def test_damage_is_one_line_that_names_the_file(
    home: Path, harm: Callable[[Path], None], message: str
) -> None:
    harm(home)
    with pytest.raises(InputError, match=message) as refused:
        mm_imdb("train", root=home.parents[1], download=False)
    assert "\n" not in str(refused.value)


def test_a_damaged_poster_is_named_when_it_is_read(home: Path) -> None:
    (home / "dataset" / "0001002.jpeg").write_bytes(b"\xff\xd8\xff\xe0rubbish")
    found = mm_imdb("train", root=home.parents[1])
    with pytest.raises(InputError, match=r"0001002\.jpeg is no picture that can be read"):
        found.check()
    with pytest.raises(InputError, match=r"0001002\.jpeg is no picture that can be read"):
        found.take_images(np.flatnonzero(found.items == 2)[:1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "dev"}, "split must be one of train, validation, test; found 'dev'"),
        ({"limit": 0}, "limit must be a whole number of at least 1; found 0"),
        ({"root": "nowhere"}, r"no nowhere/mm_imdb/mmimdb\.tar\.gz, and downloading is off: save "),
    ],
)
def test_wrong_options_are_refused(
    home: Path, options: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    with pytest.raises(InputError, match=message):
        mm_imdb(**({"split": "train", "root": home.parents[1], "download": False} | options))
