"""`isthmus apply CLOSER SOURCE OUT` as a user meets it."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from isthmus.readers import read_embeddings, read_raw
from tests.deploy.apply_spaces import ROWS, fitted, rows, save_folder


@pytest.fixture
def apply(run, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Run `isthmus apply`; its exit code, output and errors."""
    monkeypatch.setenv("COLUMNS", "200")
    return partial(run, "apply")


@pytest.fixture
def closer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A saved closer, in the working folder, with a source `open` beside it."""
    monkeypatch.chdir(tmp_path)
    save_folder(Path("open"), {"image": rows(0), "text": rows(1)})
    fitted().save("closer.safetensors")
    return "closer.safetensors"


def test_a_folder_is_closed_and_said(apply, closer):  # type: ignore[no-untyped-def]
    code, out, err = apply(closer, "open", "closed", "--dtype", "float16")
    assert (code, err) == (0, "")
    size = f"({ROWS} x 16 float16)"
    assert out.strip() == f"• Written to closed: image {size}, text {size}"
    want = fitted().close(read_embeddings("open"))
    np.testing.assert_array_equal(
        read_embeddings("closed")["text"], want["text"].astype(np.float16)
    )


def test_several_files_with_ids_and_labels(apply, closer):  # type: ignore[no-untyped-def]
    np.save("ids.npy", np.arange(ROWS) + 7)
    source = ["image=open/image.npy", "text=open/text.npy"]
    code, _, err = apply(
        closer, *source, "c.parquet", "--groups", "ids.npy", "--labels", "image=ids.npy"
    )
    assert code == 0, err
    got = read_raw("c.parquet")
    assert got.groups is not None
    assert got.labels is not None
    assert got.groups["text"][0] == 7
    assert set(got.labels) == {"image"}


def test_one_modality_of_several(apply, closer):  # type: ignore[no-untyped-def]
    assert apply(closer, "open", "closed", "--modalities", "text")[0] == 0
    assert [path.name for path in Path("closed").iterdir()] == ["text.npy"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["image=open/image.npy", "text=open/text.npy"], "place to write to is a folder"),
        (["open", "closed.npz"], "NAME.parquet or NAME.lance; found closed.npz"),
        (["nothing", "closed"], "no such file or folder: nothing"),
        (["images=open/image.npy", "closed"], "fitted on image, text, not on 'images'"),
        (["open", "closed", "--modalities", "sound"], "no array 'sound'"),
        (["open", "open"], "is the source and would be replaced"),
        (["open", "closed", "--dtype", "half"], "dtype is float16, float32, float64; found half"),
    ],
)
def test_what_cannot_be_done_is_one_line(apply, closer, arguments, message):  # type: ignore[no-untyped-def]
    code, out, err = apply(closer, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("isthmus: error: ")
    assert err.count("\n") == 1
    assert message in err
    assert sorted(path.name for path in Path().iterdir()) == ["closer.safetensors", "open"]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_arguments_are_named(apply, closer, count):  # type: ignore[no-untyped-def]
    code, _, err = apply(*[closer, "open"][:count])
    assert code == 2
    assert "Missing argument" in err
    assert not Path("closed").exists()


def test_rows_from_elsewhere_are_told(apply, closer):  # type: ignore[no-untyped-def]
    np.save("open/image.npy", -rows(0))
    code, out, err = apply(closer, "open", "closed")
    assert (code, err) == (0, "")
    assert "Warning: the mean of 203 rows of modality 'image' lies" in out
