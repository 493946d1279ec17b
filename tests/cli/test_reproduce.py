"""`isthmus reproduce` as a user meets it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from isthmus.datasets import download
from isthmus.datasets.transfer import TransferError
from isthmus.papers import PAPERS


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No data and no network; the addresses that were tried."""
    tried = []

    def refuse(url: str, *_: Any, **__: Any) -> None:
        tried.append(url)
        raise TransferError("there is no network")

    monkeypatch.setattr(download, "transfer", refuse)
    monkeypatch.setenv("ISTHMUS_DATA_ROOT", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tried


def test_without_a_name_everything_is_listed_and_nothing_run(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    found = run("reproduce")
    assert found.code == 0
    for paper in PAPERS:
        assert f"{paper.name}: " in found.out
        for artefact in paper.artefacts:
            assert artefact.name in found.out
    assert "not run" in found.out
    assert "planned" in found.out
    assert "isthmus reproduce PAPER/NAME" in " ".join(found.out.split())
    assert not (tmp_path / "reproduced").exists()


def test_a_quick_run_from_the_list_to_the_page_and_back(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    found = run("reproduce", "closing-gap/theory/", "--quick")
    assert (found.code, found.err) == (0, "")
    assert "theory not run: " in found.out  # on stand-in data nothing is judged
    assert "(stand-in: largest error of the slope" in found.out
    out = Path("reproduced/closing-gap-theory")
    assert f"Written to {out}: index.html" in found.out
    assert (out / "closing-gap/theory/page.html").exists()
    assert "quick" in run("reproduce").out.split("theory")[1][:200]

    again = run("reproduce", "closing-gap/theory", "--quick")
    assert again.code == 2
    assert f"the folder {out} is not empty: --resume" in again.err
    assert run("reproduce", "closing-gap/theory", "--quick", "--resume").code == 0
    assert run("reproduce", "--out", str(out)).code == 0


def test_several_are_run_together_each_once(run) -> None:  # type: ignore[no-untyped-def]
    both = ["closing-gap/theory", "comm/partial-information"]
    found = run("reproduce", *both, "closing-gap/theory", "--quick")
    assert (found.code, found.err) == (0, "")
    out = Path("reproduced/closing-gap-theory+comm-partial-information")
    assert f"Written to {out}: index.html" in found.out
    assert found.out.count("theory not run: ") == 1
    assert all((out / target / "page.html").exists() for target in both)


def test_what_lacks_its_data_does_not_stop_the_rest(run, alone: list[str]) -> None:  # type: ignore[no-untyped-def]
    found = run("reproduce", "closing-gap", "--seeds", 1, "--out", "here", "--jobs", 1)
    assert found.code == 0
    assert "• theory holds: " in found.out
    for name in ("table1-av-mnist", "table1-cifar10", "table1-emoji", "fig4-emoji", "ablation"):
        assert f"closing-gap/{name} was not run: " in found.out
    assert "data/mnist" in found.out
    page = Path("here/index.html").read_text("utf-8").partition("<script")[0]
    assert "closing-gap/table1-emoji, not run: " in page
    assert "theory holds" in page
    assert all("://" in url for url in alone)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            "closing-gap/table1-av-mnist",
            r"train-images\S+: .*there is no network.* save https?://\S+ as \S+/data/mnist/",
        ),
        (
            "closing-gap/table1-cifar10",
            r"cifar.*there is no network.* save https?://\S+ as \S+/data/cifar10/",
        ),
        ("closing-gap/table1-emoji", "data/emoji"),
    ],
)
def test_missing_data_are_named_with_the_place_to_put_them(run, target: str, message: str) -> None:  # type: ignore[no-untyped-def]
    found = run("reproduce", target)
    assert found.code == 2
    assert found.err.count("\n") == 1
    assert re.search(message, found.err), found.err
    assert run("reproduce", target).err == found.err  # the folder is still as good as empty


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["closing-gaps"],
            "there is no paper or artefact 'closing-gaps'; did you mean 'closing-gap'?",
        ),
        (["closing-gap", "fig1"], "did you mean 'closing-gap/fig1'?"),
        (["fig1"], "did you mean 'closing-gap/fig1'?"),
        (["two-effects"], "two-effects cannot be run: planned"),
        (["closing-gap/captioning"], "closing-gap/captioning cannot be run: out of scope"),
        (["closing-gap", "--all"], "--all runs all papers, and 'closing-gap' names one"),
        (["closing-gap", "--seeds", "0"], "--seeds must be at least 1; found 0"),
        (
            ["closing-gap", "--quick", "--scale", "paper"],
            "--quick and --scale paper are two scales",
        ),
        (
            ["closing-gap/table1-emoji", "--scale", "paper"],
            "closing-gap/table1-emoji does not run at the scale paper: --quick or --scale cpu",
        ),
        (["closing-gap/theory", "--out", "full"], "the folder full is not empty: --resume"),
        (["closing-gap/theory", "--out", "full", "--resume"], "there is no reproduction in full"),
        (["closing-gap/theory", "--out", "full/file"], "cannot write full/file"),
        (
            ["closing-gap/table1-emoji", "--data-root", "full/file"],
            "the data root full/file is a file",
        ),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(  # type: ignore[no-untyped-def]
    run, arguments: list[str], message: str
) -> None:
    Path("full").mkdir()
    Path("full/file").write_text("")
    found = run("reproduce", *arguments)
    assert found.code == 2
    assert found.err.startswith("isthmus: error: ")
    assert found.err.count("\n") == 1
    assert message in found.err
    assert [path.name for path in Path("full").iterdir()] == ["file"]


def test_a_scale_that_there_is_not(run) -> None:  # type: ignore[no-untyped-def]
    found = run("reproduce", "closing-gap", "--scale", "huge")
    assert found.code == 2
    assert "'cpu', 'paper'" in found.err


def test_without_the_packages_for_training_it_says_how_to_install_them(  # type: ignore[no-untyped-def]
    run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("isthmus.cli.reproduce.find_spec", lambda name: None)
    found = run("reproduce", "closing-gap/theory")
    assert found.code == 2
    assert "pip install 'isthmus[train]'" in found.err
    assert run("reproduce").code == 0
