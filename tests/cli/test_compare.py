"""`isthmus compare`: sets of the same items by their differences, others by their intervals."""

import json
import re
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def compare(run, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Run `isthmus compare`; its exit code, output with single spaces, and errors."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: object) -> tuple[int, str, str]:
        code, out, err = run("compare", *arguments)
        return code, " ".join(out.split()), err

    return call


ITEMS = np.random.default_rng(0).normal(size=(60, 6)).astype(np.float32)


def write(
    folder: Path, *, offset: float = 2.0, items: int = 60, ids: object = None, width: int = 6
) -> Path:
    """A set of images and texts, offset against each other, of the first of the items."""
    rng = np.random.default_rng(1)
    rows = ITEMS[:items] if width == 6 else ITEMS[:items] @ rng.normal(size=(6, width))
    arrays = {"image": rows, "text": rows + 0.5 * rng.normal(size=rows.shape) + offset}
    if ids is not None:
        arrays["image.groups"] = arrays["text.groups"] = np.asarray(ids)
    np.savez(folder, **arrays)
    return folder.with_suffix(".npz")


def told(path: Path) -> dict[str, object]:
    (found,) = json.loads(path.read_text())["differences"]
    assert isinstance(found, dict)
    return found


def test_sets_of_the_same_items_are_compared_item_by_item_everywhere(compare, tmp_path):  # type: ignore[no-untyped-def]
    a, b = write(tmp_path / "open"), write(tmp_path / "closed", offset=0.0)
    page, path = tmp_path / "c.html", tmp_path / "c.json"
    code, out, err = compare(a, b, "--html", page, "--json", path)
    assert code == 0, err
    found = told(path)
    metrics = found["metrics"]
    assert isinstance(metrics, dict)
    assert (found["paired"], found["groups"], found["base"]) == (True, 60, "open")
    assert metrics["l2m"]["verdict"] == "lower"
    assert re.search(r"L2M [\d.]+ → [\d.]+ −[\d.]+ \[−[\d.]+, −[\d.]+\] lower", out)
    assert "Paired by group id (60 groups); ids only count them" in out
    html = page.read_text()
    assert "<h1>Modality gaps compared</h1>" in html
    assert "closed against open, image and text: L2M lower, −" in html
    assert "What differs between open and closed? image – text" in html


@pytest.mark.parametrize(
    ("second", "groups"),
    [
        ({"width": 9}, 60),
        ({"ids": range(60)}, 60),
        ({"ids": [*range(45), *range(100, 115)]}, 45),
    ],
    ids=["another width", "ids as the positions", "most ids in common"],
)
def test_sets_pair_by_the_ids_that_they_share(compare, tmp_path, second, groups):  # type: ignore[no-untyped-def]
    options = ["--json", tmp_path / "c.json"]
    sets = write(tmp_path / "a"), write(tmp_path / "b", **second)
    code, out, err = compare(*sets, *options)
    assert code == 0, err
    assert told(tmp_path / "c.json")["groups"] == groups
    assert f"Paired by group id ({groups} groups)" in out


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ({"items": 40}, "60 and 40 groups, whose ids only count them"),
        ({"ids": range(40, 100)}, "20 groups in common, of 60 and 60"),
        (
            {"ids": [f"item {k}" for k in range(60)]},
            "ids are numbers in one set and strings in the other",
        ),
    ],
    ids=["fewer rows", "few ids in common", "ids of another kind"],
)
def test_sets_of_other_items_are_compared_by_separate_intervals(compare, tmp_path, second, reason):  # type: ignore[no-untyped-def]
    options = ["--json", tmp_path / "c.json"]
    sets = write(tmp_path / "a"), write(tmp_path / "b", **second)
    code, out, err = compare(*sets, *options)
    assert code == 0, err
    assert told(tmp_path / "c.json")["paired"] is False
    assert re.search(r"b against a, image and text: L2M .*, [\d.]+ \[.*\] against [\d.]+ \[", out)
    assert f"Not the same items: {reason}: compared by separate intervals." in out


def test_ids_can_be_named(compare, tmp_path):  # type: ignore[no-untyped-def]
    ids = [f"item {k}" for k in range(60)]
    for name, order in (("a", slice(None)), ("b", slice(None, None, -1))):
        np.savez(tmp_path / name, image=ITEMS[order], text=ITEMS[order] + 1, id=ids[order])
    code, out, err = compare(tmp_path / "a.npz", tmp_path / "b.npz", "--groups", "id")
    assert code == 0, err
    assert "Paired by group id (60 groups). In brackets" in out
    assert out.count("equal to three decimals") == 5


def test_matched_sizes_leave_the_pairs_of_items_alone(compare, tmp_path):  # type: ignore[no-untyped-def]
    ids = np.random.default_rng(3).permutation(60) + 7
    a, b = write(tmp_path / "a", ids=ids), write(tmp_path / "b", items=40, ids=ids[:40])
    code, out, err = compare(a, b, "--matched", "--json", tmp_path / "c.json")
    assert code == 0, err
    assert told(tmp_path / "c.json")["groups"] == 40
    assert "those that both have of 60 and 40" in out


def test_other_modalities_are_left_out_and_said_if_nothing_is_left(compare, tmp_path):  # type: ignore[no-untyped-def]
    a = write(tmp_path / "a")
    np.savez(tmp_path / "three", text=ITEMS + 1, audio=ITEMS + 2, image=ITEMS)
    np.savez(tmp_path / "apart", image=ITEMS, audio=ITEMS + 2)
    code, out, err = compare(a, tmp_path / "three.npz", tmp_path / "apart.npz")
    assert code == 0, err
    assert "What differs between a and three? image – text" in out
    assert "apart against a: no pair of modalities in common." in out


def test_equally_many_groups_can_be_measured(compare, tmp_path):  # type: ignore[no-untyped-def]
    path = tmp_path / "c.json"
    sets = write(tmp_path / "a"), write(tmp_path / "half", items=30)
    assert compare(*sets, "--matched", "--json", path)[0] == 0
    found = json.loads(path.read_text())["measurements"]
    assert {m["modalities"][0]["rows"] for m in found.values()} == {30}
    assert told(path)["paired"] is False


def test_two_sets_with_names_of_their_own_are_needed(compare, tmp_path):  # type: ignore[no-untyped-def]
    a = write(tmp_path / "a")
    code, _, err = compare(a)
    assert (code, "at least two sets" in err) == (2, True)
    code, _, err = compare(a, a)
    assert (code, "two sets are called 'a'" in err) == (2, True)
