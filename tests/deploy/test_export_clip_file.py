"""A closed open_clip model as one file: written from the closer, loaded without it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from isthmus.deploy import clip_file
from isthmus.deploy.clip_file import load_open_clip, usage, write_open_clip
from tests.deploy.clip_models import LENGTH, SIDE, WORDS, D, OpenClip, batch, embed, real_open_clip
from tests.deploy.planted import Opaque, both, expected, planted, refusal, some_map

PREPROCESS = {"size": (SIDE, SIDE), "mean": (0.1, 0.2, 0.3), "mode": "RGB"}


def create_model(model: str, **options: Any) -> OpenClip:
    """A stand-in for open_clip's: weights by seed, others without."""
    if model != "tiny":
        raise RuntimeError(f"Model config for '{model}'\nnot found")
    weights = options.get("pretrained")
    torch.manual_seed(99 if weights is None else int(weights))
    found = OpenClip()
    found.visual.preprocess_cfg = PREPROCESS if weights else {}
    return found


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", SimpleNamespace(create_model=create_model))


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(
    ("form", "closed"), [("square", "maps"), ("narrower", "maps"), ("no bias", "folded")]
)
def test_the_file_embeds_closed_rows(tmp_path, form, closed):
    closer, inputs = both(form, D), batch(5)
    path = tmp_path / "deep" / "closed.safetensors"
    assert write_open_clip(closer, path, model="tiny", pretrained="3") == [path]
    assert list(path.parent.iterdir()) == [path]
    with safe_open(path, "pt") as file:
        about = file.metadata()
        assert about["closed"] == closed
        assert about["model"] == "tiny"
        if closed == "folded":
            assert set(file.keys()) == set(OpenClip().state_dict())
    model, before = load_open_clip(path), create_model("tiny", pretrained="3")
    assert not model.training
    assert model.visual.preprocess_cfg == PREPROCESS
    for tower in ("image", "text"):
        z = embed(model, tower, inputs[tower], normalize=True)
        open_rows = embed(before, tower, inputs[tower])
        np.testing.assert_allclose(z, expected(closer, tower, open_rows), atol=1e-5)


@pytest.mark.usefixtures("stand_in")
def test_a_linear_map_to_another_width_goes_along_as_a_map(tmp_path):
    maps = {tower: some_map("narrower", 1, D) for tower in ("image", "text")}
    closer = planted(**{t: type(m)(0 * m.bias, m.matrix) for t, m in maps.items()})
    path = tmp_path / "closed.safetensors"
    write_open_clip(closer, path, model="tiny", pretrained="3")
    assert load_open_clip(path).encode_text(batch(2)["text"]).shape == (2, D - 2)


def tiny_architecture(folder: Path) -> str:
    """A small architecture that open_clip knows from then on."""
    (folder / "tiny-for-tests.json").write_text(
        json.dumps(
            {
                "embed_dim": D,
                "vision_cfg": {
                    "layers": 1,
                    "width": 32,
                    "head_width": 16,
                    "image_size": SIDE,
                    "patch_size": SIDE // 2,
                },
                "text_cfg": {
                    "context_length": LENGTH,
                    "vocab_size": WORDS,
                    "width": 32,
                    "heads": 2,
                    "layers": 1,
                },
            }
        )
    )
    real_open_clip().add_model_config(folder)
    return "tiny-for-tests"


@pytest.mark.parametrize("form", ["square", "no bias"])
def test_open_clip_itself(tmp_path, form):
    name, open_clip = tiny_architecture(tmp_path), real_open_clip()
    torch.manual_seed(5)
    before = open_clip.create_model(name).eval()
    torch.save(before.state_dict(), tmp_path / "weights.pt")
    closer, inputs, path = both(form, D), batch(4), tmp_path / "closed.safetensors"
    write_open_clip(closer, path, model=name, pretrained=str(tmp_path / "weights.pt"))
    models = [load_open_clip(path)]
    assert models[0].visual.preprocess_cfg == before.visual.preprocess_cfg
    if form == "no bias":
        models.append(open_clip.create_model(name, pretrained=str(path)).eval())
    for model in models:
        for tower in ("image", "text"):
            z = embed(model, tower, inputs[tower], normalize=True)
            open_rows = embed(before, tower, inputs[tower])
            np.testing.assert_allclose(z, expected(closer, tower, open_rows), atol=1e-5)


@pytest.mark.usefixtures("stand_in")
def test_the_lines_that_are_printed_embed(tmp_path, monkeypatch):
    path = tmp_path / "closed.safetensors"
    write_open_clip(both("square", D), path, model="tiny", pretrained="3")
    tokens = batch(1)["text"]
    monkeypatch.setattr(
        sys.modules["open_clip"], "get_tokenizer", lambda name: lambda texts: tokens, raising=False
    )
    scope: dict[str, Any] = {}
    exec(usage(path, "tiny"), scope)
    torch.testing.assert_close(scope["z"].norm(dim=1), torch.ones(1))


OUT = "closed.safetensors"

REFUSED = {
    "another suffix": (
        lambda f: write_open_clip(both("square", D), f / "closed.pt", model="tiny"),
        "one file that ends in .safetensors; found",
    ),
    "no weights": (
        lambda f: write_open_clip(both("square", D), f / OUT, model="tiny"),
        "'tiny' is an architecture without weights: name them with --pretrained",
    ),
    "unknown model": (
        lambda f: write_open_clip(both("square", D), f / OUT, model="huge", pretrained="1"),
        "open_clip cannot make the model 'huge': Model config for 'huge' not found",
    ),
    "another width": (
        lambda f: write_open_clip(both("square", 6), f / OUT, model="tiny", pretrained="1"),
        "gives 16 dimensions, the closer takes 6",
    ),
    "unknown modality": (
        lambda f: write_open_clip(
            both("square", D), f / OUT, model="tiny", pretrained="1", text="caption"
        ),
        "not fitted on a modality 'caption'",
    ),
    "not affine": (
        lambda f: write_open_clip(
            planted(Opaque, image=some_map("square", 1, D)), f / OUT, model="tiny", pretrained="1"
        ),
        "cannot be exported",
    ),
}


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_misuse_is_refused_and_writes_nothing(tmp_path, call, message):
    assert message in refusal(lambda: call(tmp_path / "new"))
    assert not (tmp_path / "new").exists()


@pytest.mark.usefixtures("stand_in")
def test_a_model_that_differs_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(clip_file, "close_model", lambda model, *_, **__: model)
    message = refusal(
        lambda: write_open_clip(both("square", D), tmp_path / OUT, model="tiny", pretrained="1")
    )
    assert "the closed model differs from the closer" in message
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "open_clip", None)
    message = refusal(
        lambda: write_open_clip(both("square", D), tmp_path / OUT, model="tiny", pretrained="1")
    )
    assert "'open_clip_torch', which is not installed: pip install 'isthmus[open_clip]'" in message


UNREADABLE = {
    "missing": lambda path: path.unlink(),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-9]),
    "text": lambda path: path.write_text("no model"),
    "other weights": lambda path: save_file({"w": torch.ones(2)}, path),
    "half of them": lambda path: save_file(
        {"visual.proj": torch.ones(12, D)}, path, metadata=about(path)
    ),
    "unknown model": lambda path: save_file(
        {"w": torch.ones(2)}, path, metadata=about(path) | {"model": "huge"}
    ),
    "flat map": lambda path: save_file(
        {"closed_text.linear.weight": torch.ones(3)}, path, metadata=about(path)
    ),
}


def about(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return dict(file.metadata())


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("change", UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_is_no_closed_model_is_refused(tmp_path, change):
    path = tmp_path / OUT
    write_open_clip(both("square", D), path, model="tiny", pretrained="1")
    change(path)
    refusal(lambda: load_open_clip(path))
