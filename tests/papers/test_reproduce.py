"""Artefacts from start to end: what is written, what is refused, what goes on."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pyarrow.parquet
import pytest
from rich.console import Console

from isthmus.errors import InputError
from isthmus.papers import Needs, Setting, reproduce
from isthmus.papers.bench import CELLS
from isthmus.papers.cell import Cell
from isthmus.papers.reproduce import INDEX, finished
from isthmus.papers.result import OUTCOME, PAGE, RESULTS, TABLE, Result
from tests.papers.tiny import Tiny, stopped, trainings

__all__ = ["trainings"]

SETTING = Setting("cpu", 1)


class Untrained(Tiny):
    """Without cells."""

    def cells(self, setting: Setting) -> list[Cell]:
        return []


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run without interruption."""
    out = tmp_path_factory.mktemp("whole")
    reproduce([Tiny()], SETTING, out)
    return out


@pytest.fixture
def copied(whole: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return shutil.copytree(whole, tmp_path / "copied")


def numbers(out: Path) -> bytes:
    content = json.loads((out / "tests" / "tiny" / OUTCOME).read_text("utf-8"))
    return json.dumps([content["values"], content["verdicts"]]).encode()


def test_a_run_leaves_pages_tables_and_numbers(whole: Path) -> None:
    assert {path.name for path in whole.iterdir()} == {INDEX, RESULTS, TABLE, CELLS, "tests"}
    text = (whole / TABLE).read_text("utf-8")
    own = (whole / "tests/tiny" / TABLE).read_text("utf-8")
    assert text.startswith("# Reproduced\n\n## tests/tiny: ")
    assert re.sub("^##", "#", text, flags=re.MULTILINE) == f"# Reproduced\n\n{own}"
    folder = whole / "tests" / "tiny"
    assert {path.name for path in folder.iterdir()} == {OUTCOME, PAGE, RESULTS, TABLE}
    result = Result.load(folder)
    assert result.values.rows == ["CLIP", "closing"]
    assert result.verdicts[0].holds == (
        result.values.mean("closing", "gap") < result.values.mean("CLIP", "gap")
    )
    one, all_of_them = (pyarrow.parquet.read_table(f / RESULTS) for f in (folder, whole))
    assert one.equals(all_of_them)
    assert f'href="tests/tiny/{PAGE}"' in (whole / INDEX).read_text("utf-8")
    assert [*finished(whole)[0]] == ["tests/tiny"]


def test_a_folder_that_holds_something_is_refused_unless_resumed(
    copied: Path, trainings: list[tuple[str, bool]]
) -> None:
    with pytest.raises(InputError, match=r"copied is not empty: --resume takes over .* --out"):
        reproduce([Tiny()], SETTING, copied)
    before = numbers(copied)
    results, refused = reproduce([Tiny()], SETTING, copied, resume=True)
    assert (trainings, refused) == ([], {})
    assert numbers(copied) == before
    assert results[0].seconds > 0


def test_an_interrupted_table_goes_on_where_it_stopped(
    tmp_path: Path, whole: Path, trainings: list[tuple[str, bool]]
) -> None:
    with (
        stopped(KeyboardInterrupt(), training=2, step=3),
        pytest.raises((KeyboardInterrupt, SystemExit)),
    ):
        reproduce([Tiny()], SETTING, tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == [CELLS]
    trainings.clear()
    reproduce([Tiny()], SETTING, tmp_path / "out", resume=True)
    assert trainings == [("closing, seed 0", True)]
    assert numbers(tmp_path / "out") == numbers(whole)
    for name in (TABLE, PAGE):
        first, second = (
            (out / "tests" / "tiny" / name).read_text("utf-8") for out in (whole, tmp_path / "out")
        )
        assert first.split("Run on")[0] == second.split("Run on")[0]


def test_more_seeds_train_no_more_than_what_is_new(
    copied: Path, trainings: list[tuple[str, bool]]
) -> None:
    results, _ = reproduce([Tiny()], Setting("cpu", 2), copied, resume=True)
    assert [title for title, _ in trainings] == ["CLIP, seed 1", "closing, seed 1"]
    assert results[0].seeds == 2
    assert len(results[0].values.of("CLIP", "gap")) == 2


def test_a_refused_run_leaves_a_folder_that_can_be_used(tmp_path: Path) -> None:
    class Refused(Tiny):
        def cells(self, setting: Setting):  # type: ignore[no-untyped-def]
            raise InputError("no data at all")

    for _ in range(2):  # the second finds the place for cells that the first has made
        with pytest.raises(InputError, match=r"^no data at all$"):
            reproduce([Refused()], SETTING, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [CELLS]


@pytest.mark.parametrize(
    ("put", "resume", "message"),
    [
        ("notes.txt", False, "is not empty: --resume"),
        ("notes.txt", True, "there is no reproduction in .* to resume: it has no cells"),
        ("cells", False, "is not empty: --resume"),
        ("cells", True, "there is no reproduction in"),
    ],
)
def test_a_folder_of_something_else_is_left_alone(
    tmp_path: Path, put: str, resume: bool, message: str
) -> None:
    (tmp_path / put).write_text("mine")
    with pytest.raises(InputError, match=message):
        reproduce([Tiny()], SETTING, tmp_path, resume=resume)
    assert [path.name for path in tmp_path.iterdir()] == [put]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write .*Not a directory"):
        reproduce([Tiny()], SETTING, tmp_path / "file")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_is_read_only(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match=r"cannot write .*Permission denied"):
        reproduce([Tiny()], SETTING, tmp_path)


def test_one_that_is_refused_does_not_stop_the_others(
    copied: Path, trainings: list[tuple[str, bool]], capsys: pytest.CaptureFixture[str]
) -> None:
    class Large(Tiny):
        needs = Needs((), {"quick": 1, "paper": 90})

    given = [Tiny("first", refused="there is no <mnist>"), Tiny(), Large("large")]
    results, refused = reproduce(given, SETTING, copied, resume=True, console=Console(width=200))
    assert [result.artefact for result in results] == ["tests/tiny"]
    assert refused == {
        "tests/first": "there is no <mnist>",
        "tests/large": "tests/large does not run at the scale cpu: --quick or --scale paper",
    }
    assert trainings == []
    page = (copied / INDEX).read_text("utf-8")
    assert "tests/first, not run: there is no &lt;mnist&gt;." in page
    shown = capsys.readouterr().out
    assert "tests/tiny: <b>Gaps</b> | of [two] rows" in shown
    assert "not run: there is no <mnist>" in shown


def test_nothing_that_could_be_run_is_an_error_with_every_reason(tmp_path: Path) -> None:
    given = [Untrained("a", refused="no b"), Untrained("c", refused="no d")]
    message = "^nothing could be run: tests/a: no b; tests/c: no d$"
    with pytest.raises(InputError, match=message):
        reproduce(given, SETTING, tmp_path / "out")


def test_artefacts_share_what_they_have_in_common(
    copied: Path, trainings: list[tuple[str, bool]]
) -> None:
    results, _ = reproduce([Tiny("other"), Tiny()], SETTING, copied, resume=True)
    assert trainings == []
    assert results[0].values.values == results[1].values.values
    assert len(list((copied / CELLS).glob("*/done.json"))) == 2


def test_the_summary_keeps_what_earlier_runs_came_to(copied: Path) -> None:
    shutil.copytree(copied / "tests" / "tiny", copied / "closing-gap" / "theory")
    path = copied / "closing-gap" / "theory" / OUTCOME
    path.write_text(path.read_text("utf-8").replace("tests/tiny", "closing-gap/theory"), "utf-8")
    damaged = copied / "closing-gap" / "fig1" / OUTCOME
    damaged.parent.mkdir()
    damaged.write_text("{")
    results, _ = reproduce([Tiny()], SETTING, copied, resume=True)
    assert [result.artefact for result in results] == ["tests/tiny"]
    page = (copied / INDEX).read_text("utf-8")
    assert f'href="closing-gap/theory/{PAGE}"' in page
    assert "closing-gap/fig1, not run: cannot read" in page
    table = pyarrow.parquet.read_table(copied / RESULTS)
    assert set(table["artefact"].to_pylist()) == {"tests/tiny", "closing-gap/theory"}


def test_the_machine_is_the_one_that_trained(copied: Path) -> None:
    for k, path in enumerate(sorted((copied / CELLS).glob("*/done.json"))):
        told = json.loads(path.read_text("utf-8"))
        path.write_text(json.dumps({**told, "machine": f"machine {k}", "seconds": 6000}), "utf-8")
    results, _ = reproduce([Tiny()], SETTING, copied, resume=True)
    assert set(results[0].machine.split("; ")) == {"machine 0", "machine 1"}
    assert results[0].seconds == 12_000
    page = (copied / "tests" / "tiny" / PAGE).read_text("utf-8")
    assert "in 200.0 minutes" in page
