"""Vision&Touch, from small files of the official layout."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus.datasets.vision_touch import vision_touch
from isthmus.errors import InputError, MissingDependencyError
from tests.datasets import official_vision_touch as official

module = import_module("isthmus.datasets.vision_touch")

h5py = pytest.importorskip("h5py", reason="needs h5py")

SPLITS: Any = ("train", "validation", "test")
FILES = 20


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    official.write_vision_touch(root)
    return root


def numbers(root: Path, **options: Any) -> dict[str, list[int]]:
    """The files of each split, told by the first channel of their pictures."""
    found = {}
    for split in SPLITS:
        data = vision_touch(split, root=root, **options)
        found[split] = sorted(set(data.images(np.arange(len(data)))[:, 0, 0, 0].tolist()))
    return found


@pytest.mark.parametrize("copy", [False, True])
def test_rows_are_the_steps_and_what_comes_next(written: Path, copy: bool) -> None:
    data = vision_touch("test", root=written, copy=copy)
    assert len(data) == 4 * (official.STEPS - 1)
    rows = np.array([7, 0, 11, 1, 7])
    images, force, proprio = data.images(rows), data.force(rows), data.proprio(rows)
    assert (images.shape, images.dtype) == ((5, 3, 128, 128), np.uint8)
    for k, row in enumerate(rows):
        number, t = int(images[k, 0, 0, 0]), int(row) % 3
        own = official.arrays(number)
        assert (
            data.names[row]
            == sorted(official.name(r, p) for r in range(5) for p in (0, 1, 10, 2))[number]
        )
        np.testing.assert_array_equal(images[k].transpose(1, 2, 0), own["image"][t])
        np.testing.assert_allclose(
            force[k], np.tanh(own["ee_forces_continuous"][t, -32:]), atol=1e-6
        )
        np.testing.assert_allclose(proprio[k], own["proprio"][t], rtol=1e-6)
        np.testing.assert_allclose(data.targets[row], own["proprio"][t + 1, :4], rtol=1e-6)
    assert force.max() == 1


def test_contact_is_that_of_the_next_step(written: Path) -> None:
    data = vision_touch("train", root=written, task="contact")
    assert data.targets.dtype == np.int64
    images = data.images(np.arange(len(data)))
    number, t = images[:, 0, 0, 0].astype(int), images[:, 1, 0, 0].astype(int)
    np.testing.assert_array_equal(data.targets, (t + 1 + number) % 2 == 0)


def test_splits_share_no_file_and_the_test_split_is_the_released_one(written: Path) -> None:
    found = numbers(written)
    assert sorted(k for own in found.values() for k in own) == list(range(FILES))
    order = np.arange(FILES)
    np.random.default_rng(42).shuffle(order)
    assert found["test"] == sorted(order[16:])
    assert found["validation"] == sorted(order[14:16])
    assert numbers(written, validation=0.3)["test"] == found["test"]
    assert numbers(written, seed=1) != found


def test_recordings_can_be_kept_whole(written: Path) -> None:
    found = numbers(written, whole="recording", validation=0.2)
    of = {split: {k // 4 for k in own} for split, own in found.items()}
    assert [len(of[split]) for split in SPLITS] == [3, 1, 1]
    assert sum(map(len, of.values())) == 5
    divided = numbers(written)
    assert {k // 4 for k in divided["train"]} & {k // 4 for k in divided["test"]}


def test_depth_and_flow_are_not_needed_and_small_arrays_are_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    official.write_vision_touch(tmp_path)
    before = vision_touch("train", root=tmp_path)
    opened = []
    own = h5py.File
    monkeypatch.setattr(
        h5py, "File", lambda path, *a, **k: opened.append(path) or own(path, *a, **k)
    )
    after = vision_touch("validation", root=tmp_path, task="contact")
    assert len(opened) == 1  # the first, for the number of steps
    after.images(np.array([0, 1]))
    assert len(opened) == 2
    np.testing.assert_array_equal(
        before.force(np.arange(3)), vision_touch("train", root=tmp_path).force(np.arange(3))
    )
    assert not before.recordings._small.flags.writeable


@pytest.mark.parametrize("options", [{"compression": "gzip"}, {"chunks": True}, {}])
def test_pictures_are_found_however_they_are_stored(tmp_path: Path, options: Any) -> None:
    official.write_vision_touch(tmp_path, **options)
    for path in (tmp_path / "vision_touch").rglob("*.h5"):
        with h5py.File(path, "r+") as file:
            first = file["image"][()].transpose(0, 3, 1, 2)
            del file["image"]
            file["image"] = first
    data = vision_touch("test", root=tmp_path)
    image = data.images(np.array([2]))[0]
    np.testing.assert_array_equal(
        image.transpose(1, 2, 0), official.arrays(image[0, 0, 0])["image"][2]
    )


def test_the_archive_is_unpacked(tmp_path: Path) -> None:
    official.write_vision_touch(tmp_path)
    home = tmp_path / "vision_touch"
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in sorted(home.rglob("*.h5")):
            archive.write(path, path.relative_to(home))
            path.unlink()
    (home / "triangle_real_data").rmdir()
    (tmp_path / "all.zip").rename(home / module.ARCHIVE.name)
    assert len(vision_touch("test", root=tmp_path, download=False)) == 12


def changed(key: str, values: Any) -> Callable[[list[Path]], None]:
    def change(paths: list[Path]) -> None:
        with h5py.File(paths[3], "r+") as file:
            del file[key]
            if values is not None:
                file[key] = values

    return change


def cut(paths: list[Path]) -> None:
    paths[3].write_bytes(paths[3].read_bytes()[:5000])


def text(paths: list[Path]) -> None:
    paths[3].write_text("no HDF5")


def fewer(paths: list[Path]) -> None:
    for path in paths[4:]:
        path.unlink()


def none(paths: list[Path]) -> None:
    for path in paths:
        path.unlink()


def gone(paths: list[Path]) -> None:
    none(paths)
    paths[0].parent.rmdir()


BROKEN: list[tuple[Callable[[list[Path]], None], str]] = [
    (cut, r"_2_1000\.h5 as an HDF5 file of Vision&Touch: .+"),
    (text, r"_2_1000\.h5 as an HDF5 file of Vision&Touch: .+"),
    (changed("proprio", None), r"_2_1000\.h5 has no data set 'proprio'.*it has action, "),
    (
        changed("proprio", np.zeros((4, 7))),
        r"'proprio' of .+ shape \(4, 8 or more\); found \(4, 7\)",
    ),
    (changed("proprio", np.full((4, 8), np.nan)), r"'proprio' of .+ has NaN or Inf at step 0"),
    (
        changed("ee_forces_continuous", np.zeros((4, 9, 6))),
        r"\(4, 32 or more, 6\); found \(4, 9, 6\)",
    ),
    (changed("contact", np.array([b"a"] * 4)), r"'contact' of .+ numbers of shape"),
    (
        changed("proprio", np.zeros((5, 8))),
        r"must be numbers of shape \(4, 8 or more\); found \(5, 8\)",
    ),
    (fewer, r"holds 4 files: 4 files are too few for three splits"),
    (none, r"holds no \*\.h5: put the files there, or remove it"),
    (gone, r"no .+triangle_real_data\.zip, and downloading is off: save https://downloads"),
]


@pytest.mark.parametrize(("harm", "message"), BROKEN, ids=lambda v: getattr(v, "__name__", "x"))
def test_damage_is_one_line_that_names_the_file(
    tmp_path: Path, harm: Callable[[list[Path]], None], message: str
) -> None:
    paths = official.write_vision_touch(tmp_path, recordings=3)
    harm(paths)
    with pytest.raises(InputError, match=message) as refused:
        vision_touch("train", root=tmp_path, download=False)
    assert "\n" not in str(refused.value)
    assert not list((tmp_path / "vision_touch").glob("steps-*"))


@pytest.mark.parametrize("values", [np.zeros((4, 64, 64, 3), np.uint8), np.zeros((4, 128, 128, 3))])
def test_pictures_of_another_kind_are_refused_when_they_are_read(
    tmp_path: Path, values: Any
) -> None:
    paths = official.write_vision_touch(tmp_path, recordings=3)
    changed("image", values)(paths)
    data = vision_touch("train", root=tmp_path)
    with pytest.raises(InputError, match=r"_2_1000\.h5 must be \(4, 128, 128, 3\) of uint8"):
        data.recordings.images(np.arange(12, 16))
    with pytest.raises(InputError, match=r"must be \(4, 128, 128, 3\) of uint8"):
        vision_touch("train", root=tmp_path, copy=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "val"}, "split must be one of train, validation, test; found 'val'"),
        ({"task": "ee"}, "task must be one of end_effector, contact; found 'ee'"),
        ({"whole": "step"}, "whole must be one of file, recording; found 'step'"),
        ({"validation": 0.8}, r"validation must be a number in \[0, 0.8\); found 0.8"),
        ({"validation": 0.0}, "too few for three splits, of which validation has a share of 0"),
        ({"seed": -1}, "seed must be a whole number of at least 0; found -1"),
        ({"copy": 1}, "copy must be True or False; found 1"),
    ],
)
def test_wrong_options_are_refused(written: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        vision_touch(**({"split": "train", "root": written} | options))


def test_without_h5py_it_says_how_to_get_it(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingDependencyError, match="h5py"):
        vision_touch("train", root=written)
