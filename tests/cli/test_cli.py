"""The command as a user meets it: exit codes, one-line errors, files."""

import json
import os
import re
import stat
from pathlib import Path

import numpy as np
import pytest


def broken(folder: Path, case: str) -> list[object]:
    """Arguments of `measure` for a source with one thing wrong."""
    image = np.load(folder / "image.npy")
    if case == "missing file":
        return [folder / "nothing.npz"]
    if case == "missing modality":
        return [f"image={folder / 'image.npy'}", f"text={folder / 'nothing.npy'}"]
    if case == "different row counts":
        np.save(folder / "text.npy", image[:-1])
    if case == "different widths":
        np.save(folder / "text.npy", image[:, :-1])
    if case == "NaN row":
        image[17, 2] = np.nan
        np.save(folder / "text.npy", image)
    if case == "zero vector":
        image[5] = 0
        np.save(folder / "text.npy", image)
    if case == "one row":
        np.save(folder / "image.npy", image[:1])
        np.save(folder / "text.npy", image[:1])
    if case == "pickled npy":
        np.save(folder / "text.npy", np.array([{}], dtype=object), allow_pickle=True)
    if case == "wrong key":
        return [folder, "--modalities", "image,sound"]
    if case == "one modality":
        (folder / "text.npy").unlink()
    if case == "labels too short":
        np.save(folder.parent / "labels.npy", np.arange(7))
        return [folder, "--labels", folder.parent / "labels.npy"]
    if case == "nothing by that name":
        return [folder, "--labels", "nothing"]
    return [folder]


EXPECTED = {
    "missing file": "no such file or folder: .*nothing.npz",
    "missing modality": "no such file: .*nothing.npy",
    "different row counts": "image has 30, text has 29",
    "different widths": "image has 6, text has 5",
    "NaN row": "'text' has NaN or infinity in row 17;",
    "zero vector": "'text' has only zeros in row 5;",
    "one row": "at least two rows",
    "pickled npy": "text.npy holds pickled objects",
    "wrong key": "no array 'sound'; there are image, text",
    "one modality": "at least two modalities.*found image",
    "labels too short": r"labels of modality 'image' must be one per row.*\(7,\)",
    "nothing by that name": "'nothing' is neither an array of the source",
}


@pytest.mark.parametrize("case", EXPECTED)
@pytest.mark.parametrize("verb", ["measure", "close"])
def test_bad_input_is_one_line_and_exit_code_2_and_writes_nothing(run, folder, verb, case):  # type: ignore[no-untyped-def]
    out = folder.parent / "out"
    options = ["--out", out] if verb == "close" else ["--json", out / "r.json", "--html", out / "r"]
    arguments = broken(folder, case)
    result = run(verb, *arguments, *options)
    assert result.code == 2
    assert result.err.startswith("isthmus: error: ")
    assert result.err.count("\n") == 1
    assert re.search(EXPECTED[case], result.err)
    assert result.out == ""
    assert not out.exists()


def test_measure_prints_the_table_and_writes_json_and_page(run, folder):  # type: ignore[no-untyped-def]
    json_path, html_path = folder.parent / "m.json", folder.parent / "m.html"
    labels = folder.parent / "labels.npy"
    result = run("measure", folder, "--labels", labels, "--json", json_path, "--html", html_path)
    assert result.code == 0, result.err
    content = json.loads(json_path.read_text())
    (pair,) = content["measurements"]["vectors"]["pairs"]
    assert f"{pair['l2m']:.3f}" in result.out
    assert content["measurements"]["vectors"]["clustering"]["n_clusters"] == 3
    assert "<h1>Modality gap report</h1>" in html_path.read_text()


def test_attributes_and_a_temperature_bring_their_tables(run, folder):  # type: ignore[no-untyped-def]
    red = folder.parent / "red.txt"
    red.write_text("\n".join("true" if k % 2 else "false" for k in range(30)))
    labels = folder.parent / "labels.npy"
    options = ["--labels", labels, "--attributes", red, "--temperature", 0.1]
    result = run("measure", folder, *options)
    assert result.code == 0, result.err
    assert "Objects or attributes?" in result.out
    assert "How sure is the softmax?" in result.out


@pytest.mark.parametrize("form", ["folder", "npz", "named files"])
def test_every_form_of_source_gives_the_same_numbers(run, folder, form):  # type: ignore[no-untyped-def]
    arrays = {name: np.load(folder / f"{name}.npy") for name in ("image", "text")}
    np.savez(folder.parent / "set.npz", **arrays)
    source = {
        "folder": [folder],
        "npz": [folder.parent / "set.npz"],
        "named files": [f"{name}={folder / name}.npy" for name in arrays],
    }[form]
    assert run("measure", *source, "--json", folder.parent / "r.json").code == 0
    content = json.loads((folder.parent / "r.json").read_text())
    (measurement,) = content["measurements"].values()
    assert measurement["pairs"][0]["retrieval"]["image→text"]["recall"]["1"] > 0.3


def test_no_permission_to_write_is_said_and_nothing_is_written(run, folder):  # type: ignore[no-untyped-def]
    blocked = folder.parent / "blocked"
    blocked.mkdir()
    blocked.chmod(stat.S_IRUSR | stat.S_IXUSR)
    if os.access(blocked, os.W_OK):  # root may write anywhere: a file in the way stands in
        blocked.rmdir()
        blocked.write_text("in the way")
    result = run("close", folder, "--out", blocked / "out")
    assert result.code == 2
    assert result.err.startswith("isthmus: error: cannot write ")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("option", ["--json", "--html", "--save-state"])
def test_a_place_that_cannot_be_written_is_refused_before_the_work(  # type: ignore[no-untyped-def]
    run, folder, monkeypatch, option
):
    blocked = folder.parent / "file"
    blocked.write_text("in the way")

    def no_work(*_: object, **__: object) -> None:
        pytest.fail("measured before the output was checked")

    monkeypatch.setattr("isthmus.metrics.state.GapState.of", no_work)
    result = run("measure", folder, option, blocked / "out.x")
    assert result.code == 2
    assert result.err.startswith("isthmus: error: cannot write ")


def test_folder_of_folders_gives_a_row_each(run, folder):  # type: ignore[no-untyped-def]
    run("close", folder, "--out", folder.parent / "sets" / "closed")
    folder.rename(folder.parent / "sets" / "open")
    result = run("measure", folder.parent / "sets")
    assert result.code == 0, result.err
    assert re.search(r"^ ?closed +0\.", result.out, re.M)
    assert re.search(r"^ ?open +[01]\.", result.out, re.M)


def test_known_values_of_real_clip_vectors(run, real_data):  # type: ignore[no-untyped-def]
    path = real_data("clip_coco500/coco_val500_clip_vitb16.npz")
    result = run("measure", path, "--modalities", "image,text")
    assert result.code == 0, result.err
    (row,) = re.findall(r"^ ?coco_val500_clip_vitb16.*$", result.out, re.M)
    cells = row.split()
    assert cells[1] == "0.851"
    assert cells[4:6] == ["0.552", "0.506"]


def test_merged_shards_are_the_whole(run, folder):  # type: ignore[no-untyped-def]
    states = [folder.parent / f"{k}.state" for k in range(3)]
    for k, state in enumerate(states):
        result = run("measure", folder, "--shard", f"{k}/3", "--save-state", state)
        assert result.code == 0, result.err
    assert run("merge", *states, "--json", folder.parent / "merged.json").code == 0
    assert run("measure", folder, "--fast", "--json", folder.parent / "whole.json").code == 0
    found = [
        json.loads((folder.parent / f"{name}.json").read_text())["measurements"]
        for name in ("merged", "whole")
    ]
    assert found[0]["merged"] == found[1]["vectors"]


@pytest.mark.parametrize("shard", ["3/3", "x/2", "1", "-1/2"])
def test_a_shard_that_does_not_exist_is_refused(run, folder, shard):  # type: ignore[no-untyped-def]
    result = run("measure", folder, f"--shard={shard}")
    assert result.code == 2
    assert "shard" in result.err


def test_doctor_finds_a_lost_row_and_exits_with_1(run, folder):  # type: ignore[no-untyped-def]
    healthy = run("doctor", folder)
    assert healthy.code == 0
    np.save(folder / "text.npy", np.roll(np.load(folder / "text.npy"), 1, axis=0))
    sick = run("doctor", folder)
    assert sick.code == 1
    assert "no more alike than random" in sick.out
    assert "row i+1 of text" in " ".join(sick.out.split())


def test_doctor_reads_what_measure_refuses(run, folder):  # type: ignore[no-untyped-def]
    image = np.load(folder / "image.npy")
    image[3] = np.nan
    np.save(folder / "image.npy", image)
    result = run("doctor", folder)
    assert result.code == 1
    assert "NaN or infinity in 1 of 30 rows: 3" in result.out


def test_version(run):  # type: ignore[no-untyped-def]
    import isthmus

    assert run("--version").out == f"isthmus {isthmus.__version__}\n"


def test_files_are_written_before_the_terminal_can_break(run, folder, monkeypatch):  # type: ignore[no-untyped-def]
    def broken(*_: object, **__: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("rich.console.Console.print", broken)
    path = folder.parent / "r.json"
    with pytest.raises(BrokenPipeError):
        run("measure", folder, "--json", path, "--html", folder.parent / "r.html")
    assert json.loads(path.read_text())["measurements"]
    assert (folder.parent / "r.html").exists()
