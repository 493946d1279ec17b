"""Hateful Memes, from a small set in the official layouts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus.datasets.hateful_memes import CLASSES, hateful_memes
from isthmus.errors import InputError
from tests.datasets import official_mm_imdb as official

SPLITS: Any = ("train", "validation", "test")


@pytest.mark.parametrize("first", [False, True])
def test_rows_of_everything_belong_together(tmp_path: Path, first: bool) -> None:
    official.write_hateful_memes(tmp_path, first=first)
    start = 0
    for split, count in zip(SPLITS, (12, 4, 6), strict=True):
        found = hateful_memes(split, root=tmp_path)
        assert len(found) == len(found.names) == count
        for k in range(count):
            assert found.names[k] == f"{start + k:05d}"
            assert found.captions[k] == f"look how many {start + k}"
            assert found.image(k)[0, 0].tolist() == list(official.colour(start + k))
        if split == "test" and first:
            assert found.hateful is None
            assert found.labels is None
        else:
            assert found.hateful is not None
            assert found.labels is not None
            assert found.hateful.tolist() == [(start + k) % 2 for k in range(count)]
            assert found.labels[1] == CLASSES[found.hateful[1]]
        start += count


def test_a_folder_in_between_will_do_and_few_can_be_had(tmp_path: Path) -> None:
    home = official.write_hateful_memes(tmp_path)
    (home / "data").mkdir()
    for path in [home / "img", *home.glob("*.jsonl")]:
        path.rename(home / "data" / path.name)
    assert len(hateful_memes("train", root=tmp_path, limit=3)) == 3


def lines(*given: Any) -> Callable[[Path], None]:
    def change(home: Path) -> None:
        official.write_lines(home / "test_seen.jsonl", given)

    return change


def raw(content: bytes) -> Callable[[Path], None]:
    return lambda home: (home / "test_seen.jsonl").write_bytes(content) and None


def removed(name: str) -> Callable[[Path], None]:
    return lambda home: (home / name).unlink()


M = official.meme
BROKEN: list[tuple[Callable[[Path], None], str]] = [
    (raw(b'{"id": 1'), r"line 1 of .+test_seen\.jsonl is no JSON"),
    (raw(b"\xff\xfe{}"), r"cannot read .+test_seen\.jsonl as JSON lines"),
    (raw(b"\n\n"), r"test_seen\.jsonl holds no memes"),
    (lines(M(16), [3]), r"line 2 of .+ must be an object with an 'id'; found \[3\]"),
    (lines(M(16), {**M(17), "text": " "}), r"line 2 of .+ has no text under 'text'"),
    (lines({**M(16), "img": None}), r"line 1 of .+ has no text under 'img'"),
    (lines({**M(16), "img": "../x.png"}), r"names the picture \.\./x\.png, which is outside"),
    (lines({**M(16), "img": "/x.png"}), r"names the picture /x\.png, which is outside"),
    (lines(M(16), M(17), M(16)), r"line 3 of .+ has the id 00016 a second time"),
    (
        lines(M(16), M(17, label=False)),
        r"meme 00017 of .+ must have the 'label' 0 or 1; found None",
    ),
    (lines(M(16), {**M(17), "label": 2}), r"meme 00017 of .+ 0 or 1; found 2"),
    (lines({**M(16), "label": "1"}), r"meme 00016 of .+ 0 or 1; found '1'"),
    (removed("img/00017.png"), r"1 of 6 pictures of .+ are missing, the first is .+00017\.png"),
    (removed("test_seen.jsonl"), r"no test_seen\.jsonl or test\.jsonl in .+: take it from where"),
]


@pytest.mark.parametrize(("harm", "message"), BROKEN, ids=range(len(BROKEN)))
def test_damage_is_one_line_that_names_the_place(
    tmp_path: Path, harm: Callable[[Path], None], message: str
) -> None:
    harm(official.write_hateful_memes(tmp_path))
    with pytest.raises(InputError, match=message) as refused:
        hateful_memes("test", root=tmp_path)
    assert "\n" not in str(refused.value)


def test_only_the_test_split_may_lack_labels(tmp_path: Path) -> None:
    home = official.write_hateful_memes(tmp_path)
    official.write_lines(home / "train.jsonl", [M(k, label=False) for k in range(3)])
    with pytest.raises(InputError, match=r"meme 00000 of .+train\.jsonl must have the 'label'"):
        hateful_memes("train", root=tmp_path)


def test_a_damaged_picture_is_named_when_it_is_read(tmp_path: Path) -> None:
    home = official.write_hateful_memes(tmp_path)
    (home / "img" / "00017.png").write_bytes(b"\x89PNG rubbish")
    with pytest.raises(InputError, match=r"00017\.png is no picture that can be read"):
        hateful_memes("test", root=tmp_path).take_images(np.arange(6), size=8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "dev"}, "split must be one of train, validation, test; found 'dev'"),
        ({"limit": True}, "limit must be a whole number of at least 1; found True"),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    official.write_hateful_memes(tmp_path)
    with pytest.raises(InputError, match=message):
        hateful_memes(**({"split": "train", "root": tmp_path} | options))
