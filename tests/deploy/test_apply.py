"""What `apply` writes is what closing in memory gives."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from isthmus import Embeddings, InputError, measure
from isthmus.closers import Centering, Closer, DriftWarning
from isthmus.deploy import apply_job, apply_sink, parquet_sink
from isthmus.deploy.apply import apply
from isthmus.readers import read_embeddings, read_raw, write_embeddings
from tests.deploy.apply_spaces import (
    ROWS,
    WIDTH,
    Diagonal,
    Generic,
    Narrow,
    fitted,
    rows,
    save_folder,
)

PLACES = ["closed", "closed.parquet", "closed.lance"]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Blocks of 8 rows, row groups of 4 blocks: a small source has many."""
    if "lance" in request.node.name:
        pytest.importorskip("lancedb")
    monkeypatch.setattr(apply_sink, "_BLOCK_BYTES", 8 * 4 * WIDTH)
    monkeypatch.setattr(parquet_sink, "_GROUP_BLOCKS", 4)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refusal(*arguments: object, **options: object) -> str:
    with pytest.raises(InputError) as caught:
        apply(*arguments, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8"])
def test_what_is_read_back_is_what_closing_in_memory_gives(tmp_path, place, dtype):
    pairs = {"image": rows(0, dtype=dtype), "text": rows(1, dtype=dtype)}
    closer = fitted()
    want = closer.close(Embeddings(pairs))
    kept = "float32" if dtype == "int8" else dtype
    done = apply(closer, save_folder(tmp_path / "open", pairs), tmp_path / place)
    got = read_embeddings(tmp_path / place)
    assert done.shapes == {"image": (ROWS, WIDTH), "text": (ROWS, WIDTH)}
    assert done.resumed == 0
    for name in pairs:
        assert got[name].dtype == kept == done.dtypes[name]
        np.testing.assert_array_equal(got[name], want[name].astype(kept))
    assert names_in(tmp_path) == sorted([place, "open"])
    l2m = [measure(space, fast=True).pairs[0].l2m for space in (got, want)]
    assert abs(l2m[0] - l2m[1]) < 1e-3


@pytest.mark.parametrize("kind", [Narrow, Diagonal, Generic])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_every_kind_of_map_gives_the_rows_of_transform(tmp_path, kind, dtype):
    pairs = {"image": rows(0, dtype=dtype), "text": rows(1, dtype=dtype)}
    closer: Closer = kind().fit(Embeddings({"image": rows(2), "text": rows(3)}))
    apply(closer, save_folder(tmp_path / "open", pairs), tmp_path / "closed")
    for name, x in pairs.items():
        got = np.load(tmp_path / "closed" / f"{name}.npy")
        want = closer.transform(x, modality=name)
        assert got.shape == want.shape == (ROWS, 5 if kind is Narrow else WIDTH)
        atol = {"float16": 2**-11, "float32": 2e-6, "float64": 1e-14}[dtype]
        np.testing.assert_allclose(got, want, rtol=0, atol=atol)
        if kind is not Narrow:  # a product's order of adding depends on the number of rows
            np.testing.assert_array_equal(got, want.astype(dtype))


@pytest.mark.parametrize("scale", [1e-25, 1e-12, 1e12, 1e25])
def test_rows_whose_squares_leave_single_precision_are_closed_too(tmp_path, scale):
    x = rows(0)
    x[[5, 100]] *= np.float32(scale)
    np.save(tmp_path / "new.npy", x)
    apply(fitted(), f"image={tmp_path / 'new.npy'}", tmp_path / "closed")
    want = fitted().transform(x, modality="image")
    np.testing.assert_allclose(np.load(tmp_path / "closed" / "image.npy"), want, atol=1e-6)


@pytest.mark.parametrize(("given", "out"), [("float16", "float32"), ("float32", "float16")])
@pytest.mark.parametrize("place", PLACES)
def test_another_dtype_on_demand(tmp_path, place, given, out):
    pairs = {"image": rows(0, dtype=given), "text": rows(1, dtype=given)}
    source = save_folder(tmp_path / "open", pairs)
    apply(fitted(), source, tmp_path / place, dtype=out)
    want = fitted().transform(pairs["image"], modality="image").astype(out)
    np.testing.assert_array_equal(read_embeddings(tmp_path / place)["image"], want)


@pytest.mark.parametrize("strings", [False, True])
@pytest.mark.parametrize("place", PLACES)
def test_ids_and_labels_come_along(tmp_path, place, strings):
    counts = {"image": 40, "text": 90}
    groups = {"image": np.arange(40), "text": np.arange(90) % 40}
    labels = {name: ids % 3 for name, ids in groups.items()}
    if strings:
        groups = {name: np.char.add("item ", ids.astype(str)) for name, ids in groups.items()}
    arrays = {name: rows(k, counts[name]) for k, name in enumerate(counts)}
    beside = {f"{name}.groups": ids for name, ids in groups.items()}
    beside |= {f"{name}.labels": classes for name, classes in labels.items()}
    source = save_folder(tmp_path / "open", arrays | beside)
    apply(fitted(), source, tmp_path / place)
    want, got = read_embeddings(source), read_embeddings(tmp_path / place)
    assert got.labels is not None
    for name in counts:
        assert got.groups[name].tolist() == want.groups[name].tolist()
        assert got.labels[name].tolist() == labels[name].tolist()


def test_equally_many_rows_share_those_of_a_parquet_file_with_their_ids(tmp_path):
    ids = np.array([f"item {k}" for k in range(ROWS)])
    pairs = {"image": rows(0), "text": rows(1)}
    source = save_folder(tmp_path / "open", pairs | {"id": ids})
    apply(fitted(), source, tmp_path / "c.parquet", groups=["id"], labels=["id"])
    got = read_raw(tmp_path / "c.parquet")
    assert got.groups is not None
    assert got.labels is not None
    assert got.groups["text"].tolist() == got.labels["image"].tolist() == ids.tolist()


@pytest.mark.parametrize("place", PLACES)
def test_one_modality_alone_under_another_name(tmp_path, place):
    np.save(tmp_path / "captions.npy", rows(1))
    done = apply(fitted(), f"text={tmp_path / 'captions.npy'}", tmp_path / place)
    assert done.shapes == {"text": (ROWS, WIDTH)}
    want = fitted().transform(rows(1), modality="text")
    np.testing.assert_array_equal(read_raw(tmp_path / place, fewest=1).arrays["text"], want)


@pytest.mark.parametrize("layout", ["npz", "parquet", "safetensors", "fortran"])
def test_every_layout_of_source(tmp_path, layout):
    pairs = {"image": rows(0), "text": rows(1)}
    folder = save_folder(tmp_path / "open", pairs)
    source: Path = tmp_path / f"space.{layout}"
    if layout == "npz":
        np.savez(source, **pairs)
    elif layout == "fortran":
        source = save_folder(source, {n: np.asfortranarray(x) for n, x in pairs.items()})
    else:
        write_embeddings(source, Embeddings(pairs))
    apply(fitted(), source, tmp_path / "closed")
    apply(fitted(), folder, tmp_path / "want")
    for name in pairs:
        got = (tmp_path / "closed" / f"{name}.npy").read_bytes()
        assert got == (tmp_path / "want" / f"{name}.npy").read_bytes()


@pytest.mark.parametrize("ending", [".parquet", ".arrow"])
def test_a_long_table_in_any_order_is_read_by_modality(tmp_path, ending):
    import pyarrow as pa
    import pyarrow.parquet as pq

    order = np.random.default_rng(0).permutation(2 * ROWS)
    names = np.repeat(["image", "text"], ROWS)[order]
    ids = np.tile(np.arange(ROWS), 2)[order]
    vectors = np.concatenate([rows(0), rows(1)])[order]
    columns = {
        "modality": pa.array(names),
        "id": pa.array(ids),
        "label": pa.array(ids % 3),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), WIDTH),
        "note": pa.array(ids % 7),
    }
    path = tmp_path / f"table{ending}"
    if ending == ".parquet":
        pq.write_table(pa.table(columns), path)
    else:
        with (
            pa.OSFile(str(path), "wb") as file,
            pa.ipc.new_file(file, pa.table(columns).schema) as w,
        ):
            w.write_table(pa.table(columns))
    space = read_embeddings(path)
    for name, whole in (("image", rows(0)), ("text", rows(1))):
        np.testing.assert_array_equal(space[name], whole[space.groups[name]])
        assert space.labels is not None
        assert space.labels[name].tolist() == (space.groups[name] % 3).tolist()
    noted = read_embeddings(path, labels=["image=image.note", "text=text.note"])
    assert noted.labels is not None
    assert noted.labels["text"].tolist() == (space.groups["text"] % 7).tolist()


def spoiled(kind: str) -> np.ndarray:
    x = rows(0)
    x[150] = {"NaN": np.nan, "infinity": np.inf, "zeros": 0}[kind]
    return x


BAD = {
    "NaN": "has NaN or infinity in row 150",
    "infinity": "has NaN or infinity in row 150",
    "zeros": "has only zeros in row 150",
}


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", BAD)
def test_a_row_without_direction_is_named_by_its_number_and_nothing_stays(
    tmp_path, place, kind, dtype
):
    np.save(tmp_path / "new.npy", spoiled(kind).astype(dtype))
    message = refusal(fitted(), f"image={tmp_path / 'new.npy'}", tmp_path / "to" / place)
    assert BAD[kind] in message
    assert "new.npy" in message
    assert names_in(tmp_path) == ["new.npy"]


def at_a_point(x: np.ndarray) -> Centering:
    """A closer whose mean is, but for rounding, the direction of row 150."""
    far = np.repeat(x[150:151], 3, axis=0)
    return Centering().fit(Embeddings({"image": far, "text": -far}))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_row_that_the_closer_maps_to_the_origin_is_named_by_its_number(tmp_path, dtype):
    x = rows(0, dtype=dtype)
    np.save(tmp_path / "new.npy", x)
    message = refusal(at_a_point(x), f"image={tmp_path / 'new.npy'}", tmp_path / "closed")
    assert "no direction is left of row 150 of modality 'image'" in message
    assert names_in(tmp_path) == ["new.npy"]


def test_a_set_that_stood_there_stays_after_an_error_and_is_replaced_after_none(tmp_path):
    out = save_folder(tmp_path / "closed", {"image": np.ones(3), "image.labels": np.ones(3)})
    np.save(tmp_path / "new.npy", spoiled("NaN"))
    refusal(fitted(), f"image={tmp_path / 'new.npy'}", out)
    assert np.load(out / "image.npy").tolist() == [1, 1, 1]
    assert names_in(out) == ["image.labels.npy", "image.npy"]
    np.save(tmp_path / "new.npy", rows(0))
    apply(fitted(), f"image={tmp_path / 'new.npy'}", out)
    assert names_in(out) == ["image.npy"]
    assert len(np.load(out / "image.npy")) == ROWS


REFUSED = {
    "unknown modality": ({"sound": rows(0)}, "closed", {}, "fitted on image, text, not on 'sound'"),
    "another width": ({"image": rows(0)[:, :3]}, "closed", {}, "fitted on 16 dimensions"),
    "no rows": ({"image": rows(0)[:0]}, "closed", {}, "no rows"),
    "no matrix": ({"image": np.arange(3)}, "closed", {}, "one 2-D array"),
    "a dtype of no kind": ({"image": rows(0)}, "closed", {"dtype": "int8"}, "float16, float32"),
    "a file to write to": ({"image": rows(0)}, "closed.npy", {}, "NAME.parquet or NAME.lance"),
    "a source to write to": ({"image": rows(0)}, "text=b", {}, "NAME.parquet or NAME.lance"),
    "the source itself": ({"image": rows(0)}, "open", {}, "is the source"),
    "short labels": (
        {"image": rows(0), "classes": np.arange(7)},
        "closed",
        {"labels": ["classes"]},
        "labels of modality 'image' must be",
    ),
    "no ids for a table": (
        {"image": rows(0), "text": rows(1)[:50]},
        "closed.parquet",
        {},
        "different numbers of rows",
    ),
    "ids of two kinds": (
        {
            "image": rows(0),
            "text": rows(1)[:50],
            "image.groups": np.arange(ROWS),
            "text.groups": np.arange(50).astype(str),
        },
        "closed.parquet",
        {},
        "of one kind",
    ),
    "ids for some": (
        {"image": rows(0), "text": rows(1)[:50], "image.groups": np.arange(ROWS)},
        "closed.parquet",
        {},
        "missing for modality 'text'",
    ),
}


@pytest.mark.parametrize(("arrays", "out", "options", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_is_said_and_leaves_nothing(tmp_path, arrays, out, options, message):
    source = save_folder(tmp_path / "open", arrays)
    before = names_in(source)
    assert message in refusal(fitted(), source, tmp_path / out, **options)
    assert names_in(tmp_path) == ["open"]
    assert names_in(source) == before


def test_a_closer_that_is_not_fitted_or_not_there_is_refused(tmp_path):
    source = save_folder(tmp_path / "open", {"image": rows(0)})
    assert "not fitted" in refusal(Centering(), source, tmp_path / "closed")
    assert "nothing.safetensors" in refusal("nothing.safetensors", source, tmp_path / "closed")


def test_a_table_that_is_there_is_replaced_only_on_demand(tmp_path):
    pytest.importorskip("lancedb")
    source = save_folder(tmp_path / "open", {"image": rows(0)})
    apply(fitted(), source, tmp_path / "closed.lance")
    assert "there is a table" in refusal(fitted(), source, tmp_path / "closed.lance")
    save_folder(source, {"image": rows(4)})
    apply(fitted(), source, tmp_path / "closed.lance", fresh=True)
    got = read_raw(tmp_path / "closed.lance", fewest=1).arrays["image"]
    np.testing.assert_array_equal(got, fitted().transform(rows(4), modality="image"))
    assert names_in(tmp_path) == ["closed.lance", "open"]


def test_a_full_disk_is_said_before_the_work(tmp_path, monkeypatch):
    source = save_folder(tmp_path / "open", {"image": rows(0)})
    monkeypatch.setattr(apply_job.shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    assert "needs 12,992 bytes more, and 0 are free" in refusal(fitted(), source, tmp_path / "c")
    assert names_in(tmp_path) == ["open"]


def test_rows_from_elsewhere_are_warned_of(tmp_path):
    source = save_folder(tmp_path / "open", {"image": -rows(0), "text": rows(1)})
    with pytest.warns(DriftWarning, match="203 rows of modality 'image' lies") as caught:
        done = apply(fitted(), source, tmp_path / "closed")
    assert len(caught) == 1
    drift = fitted().drift(-rows(0), modality="image")
    assert done.drift["image"].shift == pytest.approx(drift.shift, rel=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        apply(fitted(), save_folder(source, {"image": rows(0)}), tmp_path / "closed")
