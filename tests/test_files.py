from __future__ import annotations

import os
from pathlib import Path

import pytest

from isthmus.errors import InputError, MissingDependencyError, missing
from isthmus.files import atomic_write, check_writable, write_together


def everything_under(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_a_successful_write_replaces_the_file(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with atomic_write(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
        assert (tmp_path / "a.txt").read_text() == "old"
    assert (tmp_path / "a.txt").read_text() == "new"
    assert everything_under(tmp_path) == {"a.txt"}


def test_missing_parents_are_made(tmp_path):
    with atomic_write(str(tmp_path / "b" / "c" / "a.txt")) as temporary:
        temporary.write_text("new")
    assert (tmp_path / "b" / "c" / "a.txt").read_text() == "new"


def interrupted_write(path: Path, error: type[BaseException]) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text("half")
        raise error


@pytest.mark.parametrize("error", [RuntimeError, OSError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, error):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(error):
        interrupted_write(tmp_path / "a.txt", error)
    assert (tmp_path / "a.txt").read_text() == "old"
    assert everything_under(tmp_path) == {"a.txt"}


def test_the_temporary_file_keeps_the_ending(tmp_path):
    with atomic_write(tmp_path / "a.npy") as temporary:
        assert temporary.suffix == ".npy"
        assert temporary.parent == tmp_path


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_a_written_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "plain.txt").write_text("")
    with atomic_write(tmp_path / "a.txt") as temporary:
        temporary.write_text("")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "plain.txt").stat().st_mode


def test_a_folder_in_the_file_s_place_is_refused(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with (
        pytest.raises(InputError, match=r"cannot write .*a\.txt"),
        atomic_write(tmp_path / "a.txt") as temporary,
    ):
        temporary.write_text("new")
    assert everything_under(tmp_path) == {"a.txt"}


def test_a_parent_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match="cannot write"),
        atomic_write(tmp_path / "file" / "a.txt"),
    ):
        pytest.fail("the block must not run")


def test_write_together_writes_all(tmp_path):
    write_together({tmp_path / n: lambda p, n=n: p.write_text(n) and None for n in "abc"})
    assert {n: (tmp_path / n).read_text() for n in "abc"} == {"a": "a", "b": "b", "c": "c"}
    assert everything_under(tmp_path) == {"a", "b", "c"}


def fail(path: Path) -> None:
    path.write_text("half")
    raise RuntimeError("disk on fire")


@pytest.mark.parametrize("failing", ["a", "b", "c"])
def test_one_failing_writer_leaves_all_files_as_they_were(tmp_path, failing):
    (tmp_path / "a").write_text("old")
    writers = {tmp_path / n: lambda p: p.write_text("new") and None for n in "abc"}
    with pytest.raises(RuntimeError, match="disk on fire"):
        write_together(writers | {tmp_path / failing: fail})
    assert everything_under(tmp_path) == {"a"}
    assert (tmp_path / "a").read_text() == "old"


@pytest.mark.parametrize("blocked", ["a", "b", "c"])
def test_one_place_that_cannot_be_taken_leaves_all_files_as_they_were(tmp_path, blocked):
    (tmp_path / blocked).mkdir()
    with pytest.raises(InputError, match="cannot write"):
        write_together({tmp_path / n: lambda p: p.write_text("new") and None for n in "abc"})
    assert everything_under(tmp_path) == {blocked}


def test_check_writable_makes_the_folder_and_leaves_it_empty(tmp_path):
    assert check_writable(str(tmp_path / "a" / "b")) == tmp_path / "a" / "b"
    assert everything_under(tmp_path) == {"a", "a/b"}


@pytest.mark.parametrize("below", ["file", "file/inner", "file/inner/deep"])
def test_check_writable_refuses_a_file_on_the_way(tmp_path, below):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(InputError, match="cannot write") as caught:
        check_writable(tmp_path / below)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_check_writable_refuses_a_read_only_folder(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(InputError, match="cannot write"):
        check_writable(tmp_path / "locked")


def test_a_missing_package_names_the_install_command():
    error = missing("torch", extra="train")
    assert isinstance(error, MissingDependencyError)
    assert "pip install 'isthmus[train]'" in str(error)
