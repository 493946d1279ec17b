"""Tables with ids as features: what is read, joined and scaled, what is refused, what is fused."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import csv, parquet

from isthmus import InputError
from isthmus.models import Fusion
from isthmus.readers.read import Raw
from isthmus.training import Features
from isthmus.training.recipe import Recipe
from isthmus.training.tables import Tables

AGES = "id,age,pulse,ward\np1,40,60,a\np2,50,,b\np3,60,80,a\n"


def write(path: Path, content: str | dict[str, Any]) -> str:
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    else:
        parquet.write_table(pa.table(content), path)
    return str(path)


def read(path: Path, content: str | dict[str, Any], **options: Any) -> Raw:
    name = "t.csv" if isinstance(content, str) else "t.parquet"
    return Tables(**options).read({"t": write(path / name, content)})


def half(rows: list[Any]) -> Any:
    return pa.array(rows, pa.list_(pa.float16()))


SAME: dict[str, tuple[Any, dict[str, Any]]] = {
    "csv": ("id,a,b\n1,2,3.5\n2,4,5\n", {}),
    "any order, spaces, quotes, a byte order mark": ('\ufeffb,id,a\n3.5," 1 ",2\n"5",2, 4\n', {}),
    "tabs": ("id\ta\tb\n1\t2\t3.5\n2\t4\t5\n", {}),
    "another column of ids": ("case,a,b\n1,2,3.5\n2,4,5\n", {"id": "case"}),
    "what is left out": ("id,a,note,b\n1,2,x,3.5\n2,4,,5\n", {"leave_out": ["note"]}),
    "row numbers of pandas": (",id,a,b\n0,1,2,3.5\n1,2,4,5\n", {}),
    "columns": ({"id": [1, 2], "a": [2, 4], "b": [3.5, 5]}, {}),
    "an index of pandas": ({"id": [1.0, 2.0], "x": [[2, 3.5], [4, 5]]}, {}),
    "single precision": (
        {"id": ["1", "2"], "x": pa.array([[2, 3.5], [4, 5]], pa.list_(pa.float32(), 2))},
        {},
    ),
    "half precision": ({"id": ["1", "2"], "x": half([[2, 3.5], [4, 5]])}, {}),
    "lists and columns": (
        {"id": ["1", "2"], "a": [2, 4], "x": half([[3.5], [5]]), "__index_level_0__": [7, 8]},
        {},
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_numbers_in_any_table(tmp_path: Path, name: str) -> None:
    content, options = SAME[name]
    raw = read(tmp_path, content, **options)
    assert raw.groups is not None
    assert raw.groups["t"].tolist() == ["1", "2"]
    assert sorted(map(sorted, raw.arrays["t"].tolist())) == [[2, 3.5], [4, 5]]
    assert raw.labels is None


def test_a_matrix_has_its_ids_beside_it(tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", np.float32([[1, 2], [3, 4], [np.nan, np.nan]]))
    np.save(tmp_path / "t.groups.npy", np.array([7, 9, 8]))
    raw = Tables().read({"t": tmp_path / "t.npy", "u": write(tmp_path / "u.csv", "id,a\n8,1\n")})
    assert raw.groups is not None
    assert raw.groups["t"].tolist() == ["7", "9"]
    assert raw.arrays["t"].tolist() == [[1, 2], [3, 4]]
    assert raw.arrays["t"].dtype == np.float32


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(
        st.lists(st.none() | st.floats(-1e30, 1e30), min_size=2, max_size=2), min_size=1, max_size=9
    )
)
def test_csv_and_parquet_say_the_same_and_empty_rows_are_left_out(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[float | None]]
) -> None:
    folder = tmp_path_factory.mktemp("same")
    rows = [[1.0, 2.0], *rows]
    columns = dict(zip("ab", map(list, zip(*rows, strict=True)), strict=True))
    table = pa.table({"id": [f"p{k}" for k in range(len(rows))], **columns})
    table = table.cast(pa.schema([("id", pa.string()), ("a", pa.float64()), ("b", pa.float64())]))
    csv.write_csv(table, folder / "t.csv")
    parquet.write_table(table, folder / "t.parquet")
    kept = [k for k, row in enumerate(rows) if row != [None, None]]
    write(folder / "u.csv", "id,x\n" + "".join(f"p{k},1\n" for k in range(len(rows))))
    for name in ("t.csv", "t.parquet"):
        raw = Tables(empty="mean").read({"t": folder / name, "u": folder / "u.csv"})
        assert raw.groups is not None
        assert raw.groups["t"].tolist() == [f"p{k}" for k in kept]
        wanted = np.array([rows[k] for k in kept], dtype=float)
        np.testing.assert_array_equal(raw.arrays["t"], wanted)


TWO = {"id": ["a", "b"], "x": [[1.0, 2.0], [3.0, 4.0]]}

REFUSED: dict[str, tuple[Any, dict[str, Any]]] = {
    r"line 4 of .*t.csv: the id 'p1' is there already, in line 2 of .*t.csv": (
        "id,a\np1,1\np2,1\np1,1\n",
        {},
    ),
    r"row 1 of .*t.parquet: the id '7' is there already, in row 0": (
        {"id": [7, 7], "a": [1, 2]},
        {},
    ),
    r"line 5 of .*: 'b' must be a number; found 'high'; .* leave_out=\[b\]": (
        'id,a,b\np1,1,1\n\n"p\n2",1,high\n',
        {},
    ),
    r"line 3 of .*: 'a' must be a number; found '3,5'": ('id,a\np1,1\np2,"3,5"\n', {}),
    r"line 2 of .*t.csv: 'a' is infinite or too large": ("id,a\np1,inf\n", {}),
    r"t.csv as a csv file: line 3 has 3 columns, the first has 2": ("id,a\np1,1\np2,1,1\n", {}),
    r"two of its columns have one name": ("id,a,a\np1,1,1\n", {}),
    r"line 3 of .*t.csv has no id; every row needs one": ("id,a\np1,1\n ,1\n", {}),
    r"line 3 of .*t.csv: 'pulse' is empty, and others of the row are not; .* empty=mean": (
        AGES,
        {"leave_out": ["ward"]},
    ),
    r"row 1 of .*t.parquet: 'x\[1\]' is empty": (
        {"id": [1, 2], "x": [[1.0, 2.0], [1.0, None]]},
        {},
    ),
    r"line 3 of .*: the id 'p2' has no number in any table; leave it out": (
        "id,a\np1,1\np2,\n",
        {},
    ),
    r"t.csv has no column 'id', .* there are case, a": ("case,a\np1,1\n", {}),
    r"t.csv has no column 'idd', .* did you mean 'id'": ("id,a\np1,1\n", {"id": "idd"}),
    r"leave_out: no table has a column 'wrd'; did you mean 'ward'": (AGES, {"leave_out": ["wrd"]}),
    r"labels: no table has a column 'clas'; there are id, age": (AGES, {"label": "clas"}),
    r"t.csv has no column of numbers beside id, ward": ("id,ward\np1,1\n", {"label": "ward"}),
    r"t.csv has no rows": ("id,a\n", {}),
    r"t.parquet has no rows": ({"id": pa.array([], pa.string()), "a": pa.array([], pa.int8())}, {}),
    r"row 1 of .*: the lists of 'x' hold 2 numbers, here are 1; all must": (
        {"id": ["a", "b"], "x": [[1.0, 2.0], [3.0]]},
        {},
    ),
    r"t.parquet: 'x' is empty in every row": (
        {"id": ["a"], "x": pa.array([[]], pa.list_(pa.float32()))},
        {},
    ),
    r"t.parquet: 'unit' holds string, and no numbers .* leave_out=\[unit\]": (
        {**TWO, "unit": ["g", "g"]},
        {},
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_wrong_table_is_refused_in_one_line_with_its_place(tmp_path: Path, message: str) -> None:
    content, options = REFUSED[message]
    with pytest.raises(InputError, match=message) as refused:
        read(tmp_path, content, **options)
    assert "\n" not in str(refused.value)


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", np.eye(2))
    np.save(tmp_path / "v.npy", np.arange(2))
    for source, message in {
        "t.npy": "t.npy needs its ids, .* in .*t.groups.npy",
        "v.npy": r"must be a 2-D array of numbers; found shape \(2,\)",
        "t.xlsx": "must end in .csv, .tsv, .parquet, .npy to be read as a table",
        "none.csv": "no such file: .*none.csv",
    }.items():
        (tmp_path / "t.xlsx").touch()
        with pytest.raises(InputError, match=message):
            Tables().read({"t": tmp_path / source})
    np.save(tmp_path / "t.groups.npy", np.arange(3))
    with pytest.raises(InputError, match=r"one value for each of the 2 rows .* found shape \(3,\)"):
        Tables().read({"t": tmp_path / "t.npy"})


def test_classes_come_from_any_table_or_another_file(tmp_path: Path) -> None:
    one = write(tmp_path / "one.csv", "id,a,ward\np1,1,x\np2,1,\np3,1,y\n")
    two = write(tmp_path / "two.csv", "id,b,ward\np1,1,x\np4,1,z\n")
    classes = write(tmp_path / "classes.csv", "id,ward\np2,q\np4,r\n")
    labels = Tables(label="ward").read({"one": one, "two": two}).labels
    assert labels is not None
    assert {name: own.tolist() for name, own in labels.items()} == {
        "one": ["x", "", "y"],
        "two": ["x", "z"],
    }
    beside = Tables(label=f"{classes}:ward").read({"one": one, "two": two})
    assert beside.labels is not None
    assert beside.labels["two"].tolist() == ["", "r"]
    assert beside.arrays["one"].shape == (3, 1)  # ward is no feature there either
    write(tmp_path / "two.csv", "id,b,ward\np1,1,y\n")
    with pytest.raises(InputError, match=r"the ward of id 'p1' is 'y' in .*two.csv and 'x'"):
        Tables(label="ward").read({"one": one, "two": two})


def tables(folder: Path, items: int = 60) -> dict[str, str]:
    """Three tables of what is partly the same; a third of the items lack one of them."""
    rng = np.random.default_rng(0)
    state, ids = rng.normal(size=(items, 2)), np.array([f"p{k}" for k in range(items)])
    a, b, c = (
        state @ rng.normal(size=(2, w)) + 0.1 * rng.normal(size=(items, w)) for w in (3, 4, 5)
    )
    lacks = np.arange(items) % 9
    a[lacks == 0] = np.nan
    columns = {f"a{k}": pa.array(100 + 10 * x, from_pandas=True) for k, x in enumerate(a.T)}
    csv.write_csv(pa.table({"id": ids, **columns, "ward": np.arange(items) % 3}), folder / "a.csv")
    kept = rng.permutation(np.flatnonzero(lacks != 1))
    parquet.write_table(pa.table({"id": ids[kept], "v": list(b[kept])}), folder / "b.parquet")
    np.save(folder / "c.npy", c[lacks != 2])
    np.save(folder / "c.groups.npy", ids[lacks != 2])
    return {"a": str(folder / "a.csv"), "b": str(folder / "b.parquet"), "c": str(folder / "c.npy")}


def test_items_are_joined_by_id_and_lack_what_has_no_row(tmp_path: Path) -> None:
    source = tables(tmp_path)
    data = Features(source=source, labels="ward", incomplete=True, views=2, held_out=0.2)
    assert data.shapes == {"a": {"inputs": 3}, "b": {"inputs": 4}, "c": {"inputs": 5}}
    assert data.held_out == round(0.2 * 60 * 6 / 9)
    batch = data.train.take(np.arange(len(data.train)))
    assert len(data.train) == 60 - data.held_out
    absent = torch.stack([~batch[f"{name}/present"] for name in "abc"])
    assert absent.sum(dim=0).max() == 1
    assert absent.sum(dim=1).tolist() == [7, 7, 7]
    assert batch["a"].isfinite().all()
    whole = Features(source=source, leave_out="ward")
    assert not any(key.endswith("/present") for key in whole.train.take(np.arange(3)))
    assert Features(source=source, modalities=["b", "c"]).shapes.keys() == {"b", "c"}


def test_columns_are_scaled_by_what_is_trained_on_and_gaps_get_the_mean(tmp_path: Path) -> None:
    x = 1e6 + 10 * np.random.default_rng(0).normal(size=(40, 2))
    lines = [f"{k},{a},{b},5\n" for k, (a, b) in enumerate(x.tolist())]
    source = {
        "x": write(tmp_path / "x.csv", "id,a,b,same\n" + "".join(lines)),
        "y": write(tmp_path / "y.csv", "id,a\n" + "".join(f"{k},{k}\n" for k in range(40))),
    }
    given: dict[str, Any] = {"source": source, "empty": "mean", "held_out": 0.5}
    trained = Features(**given).train.take(np.arange(20))["y"][:, 0].int().tolist()
    lines[trained[0]] = f"{trained[0]},{x[trained[0], 0]},,5\n"
    write(tmp_path / "x.csv", "id,a,b,same\n" + "".join(lines))
    plain = Features(**given).train.take(np.arange(20))
    batch = Features(standardise=True, **given).train.take(np.arange(20))
    first, second, same = batch["x"].T
    assert first.mean().item() == pytest.approx(0, abs=1e-5)
    assert first.std(correction=0).item() == pytest.approx(1, abs=1e-5)
    assert not same.any()
    assert (second == 0).tolist() == [True] + [False] * 19
    others = plain["x"][1:, 1].double().mean().item()
    assert plain["x"][0, 1].item() == pytest.approx(others, abs=0.1)


def test_items_without_a_class_are_trained_on_and_never_held_out(tmp_path: Path) -> None:
    source = tables(tmp_path)
    classes = write(tmp_path / "w.csv", "id,w\n" + "".join(f"p{k},x\n" for k in range(3, 9)))
    given: dict[str, Any] = {"labels": f"{classes}:w", "leave_out": "ward", "held_out": 0.5}
    for incomplete, items in ((False, 39), (True, 60)):
        data = Features(source=source, incomplete=incomplete, **given)
        assert (data.held_out, len(data.train)) == (3, items - 3)
    write(tmp_path / "w.csv", "id,w\np3,x\n")
    with pytest.raises(InputError, match=r"only 1 groups have rows of every .* and a class"):
        Features(source=source, **given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": "case"}, r"a.csv has no column 'case'.* there are id, a0"),
        ({"groups": ["id", "case"]}, "groups: tables take one column; found id, case"),
        ({"modalities": ["a", "d"]}, "no modality 'd'; there are a, b, c"),
        ({"labels": "wrad"}, "did you mean 'ward'"),
    ],
)
def test_what_does_not_fit_the_tables_is_refused(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Features(source=tables(tmp_path), **options)


def test_tables_without_a_common_id_are_refused(tmp_path: Path) -> None:
    source = tables(tmp_path)
    source["c"] = write(tmp_path / "c.csv", "id,x\n1,1\n2,1\n")
    message = r"c.csv has no id in common with .*: its first is '1', theirs 'p1', 'p\d+'"
    with pytest.raises(InputError, match=message):
        Features(source=source, leave_out=["ward"])


RECIPE = """
data:
  class: Features
  source: {source}
  labels: ward
  standardise: true
  incomplete: true
  views: 2
fusion: {{width: 8, fuser: {{heads: 2}}, projector: {{widths: [6], dimension: 4}}}}
objective: CoMM
"""


def model_of(folder: Path, source: dict[str, str]) -> tuple[Features, Fusion]:
    (folder / "r.yaml").write_text(RECIPE.format(source=source))
    recipe = Recipe.load(folder / "r.yaml")
    data = recipe.data.make()
    torch.manual_seed(0)
    return data, recipe.model.for_data(data).make()  # type: ignore[return-value]


def test_other_tables_are_fused_as_held_out_items_are(tmp_path: Path) -> None:
    source = tables(tmp_path)
    data, model = model_of(tmp_path, source)
    space = data.embed(model)
    ids, rows = data.fuse(model, source)
    assert ids[:3].tolist() == ["p1", "p2", "p3"]  # as they come; p0 has an empty row in the first
    assert sorted(ids.tolist()) == sorted(f"p{k}" for k in range(60))
    places = {item: k for k, item in enumerate(ids.tolist())}
    own = [places[item] for item in space.groups["fused"].tolist()]
    np.testing.assert_allclose(rows[own], space["fused"], atol=1e-6)


def test_an_item_is_fused_of_what_it_has(tmp_path: Path) -> None:
    source = tables(tmp_path)
    data, model = model_of(tmp_path, source)
    ids, rows = data.fuse(model, source)
    table = csv.read_csv(source["a"])
    found = []
    for chosen in (["a0", "id", "a2", "a1", "ward"], ["id", "a0", "a1", "a2"]):
        csv.write_csv(table.select(chosen).slice(4, 1), tmp_path / "one.csv")
        one, alone = data.fuse(model, {"a": str(tmp_path / "one.csv")})
        assert one.tolist() == ["p4"]
        assert np.abs(alone - rows[ids == "p4"]).max() > 1e-3
        found.append(alone)
    np.testing.assert_array_equal(*found)
    lacking = rows[ids == "p0"]  # its row in the first table is empty
    two = {name: source[name] for name in "bc"}
    ids, rows = data.fuse(model, two)
    np.testing.assert_allclose(rows[ids == "p0"], lacking, atol=1e-6)


def test_tables_that_are_not_those_of_training_are_refused(tmp_path: Path) -> None:
    source = tables(tmp_path)
    data, model = model_of(tmp_path, source)
    other = write(tmp_path / "other.csv", "id,a0,a2,a3\np1,1,1,1\n")
    with pytest.raises(InputError, match=r"other.csv has no column 'a1', which the model was"):
        data.fuse(model, {"a": other})
    with pytest.raises(InputError, match="no modality 'd'; there are a, b, c"):
        data.fuse(model, {"d": other})
    np.save(tmp_path / "n.npy", np.eye(3))
    np.save(tmp_path / "n.groups.npy", np.arange(3))
    with pytest.raises(InputError, match=r"n.npy has 3 numbers in a row; .* trained on 5"):
        data.fuse(model, {"c": str(tmp_path / "n.npy")})
    with pytest.raises(InputError, match="fuse takes a fusion model, and tables"):
        data.fuse(model.encoders["a"], source)
