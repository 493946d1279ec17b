"""Closed CLIP models: what they embed is what the closer makes of the open model's rows."""

from __future__ import annotations

import copy
import io
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from isthmus import Embeddings
from isthmus.closers import Centering
from isthmus.deploy.clip_fold import fold_model
from isthmus.deploy.clip_model import close_model
from tests.deploy.clip_models import (
    MODELS,
    D,
    HuggingFace,
    OpenClip,
    batch,
    embed,
    make,
    open_clip_model,
)
from tests.deploy.planted import Opaque, both, expected, planted, refusal, some_map

TOWERS = ("image", "text")
FOLDED = tuple(name for name in MODELS if "CoCa" not in name)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("form", "n"), [("identity", 1), ("square", 5), ("narrower", 3)])
def test_a_closed_model_embeds_what_the_closer_makes_of_the_open_ones(name, form, n):
    closer, model, inputs = both(form, D), make(name), batch(n)
    before = {tower: embed(model, tower, inputs[tower]) for tower in TOWERS}
    kind = type(model)
    assert close_model(model, closer) is model
    assert isinstance(model, kind)
    for tower in TOWERS:
        closed = expected(closer, tower, before[tower])
        np.testing.assert_allclose(embed(model, tower, inputs[tower]), closed, atol=1e-5)
        if hasattr(model, "encode_image"):
            for normalize in (True, False):
                z = embed(model, tower, inputs[tower], normalize=normalize)
                np.testing.assert_allclose(z, closed, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in MODELS if "Hugging" not in name])
def test_forward_is_closed_too(name):
    closer, inputs = both("square", D), batch(4)
    model = close_model(make(name), closer)
    with torch.no_grad():
        found = model(inputs["image"], inputs["text"])
    for tower, z in zip(TOWERS, found, strict=False):
        torch.testing.assert_close(z, embed(model, tower, inputs[tower]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ["stand-in Hugging Face", "Hugging Face CLIPModel"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_hugging_face_in_half_precision(name, dtype):
    half(name, dtype)


@pytest.mark.parametrize("name", ["stand-in open_clip", "open_clip CLIP"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_open_clip_in_half_precision(name, dtype):
    half(name, dtype)


def half(name: str, dtype: torch.dtype) -> None:
    """The dtype is kept, and the map costs one rounding of its own."""
    closer, model, inputs = both("square", D), make(name).to(dtype), batch(5, dtype)
    before = {tower: embed(model, tower, inputs[tower]) for tower in TOWERS}
    close_model(model, closer)
    for tower in TOWERS:
        z = embed(model, tower, inputs[tower])
        assert z.dtype == dtype
        closed = torch.from_numpy(expected(closer, tower, before[tower].double())).to(dtype)
        torch.testing.assert_close(z, closed, atol=torch.finfo(dtype).eps, rtol=0)


@pytest.mark.parametrize("name", MODELS)
def test_a_state_dict_carries_the_maps(name):
    model, inputs = close_model(make(name), both("square", D)), batch(3)
    other = close_model(make(name, seed=1), both("no bias", D))
    other.load_state_dict(model.state_dict())
    for tower in TOWERS:
        z = embed(model, tower, inputs[tower])
        torch.testing.assert_close(embed(other, tower, inputs[tower]), z, atol=0, rtol=0)


@pytest.mark.parametrize("name", MODELS)
def test_a_closed_model_can_be_copied_and_pickled(name):
    model, inputs = close_model(make(name), both("square", D)), batch(3)
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    others = (copy.deepcopy(model), torch.load(file, weights_only=False))
    z = embed(model, "text", inputs["text"])
    for other in others:
        assert type(other) is type(model)
        torch.testing.assert_close(embed(other, "text", inputs["text"]), z, atol=0, rtol=0)


def test_the_open_models_weights_and_class_stay():
    model, other = make("stand-in open_clip"), make("stand-in open_clip")
    weights = {name: values.clone() for name, values in model.state_dict().items()}
    close_model(model, both("square", D))
    for name, values in weights.items():
        torch.testing.assert_close(model.state_dict()[name], values, atol=0, rtol=0)
    assert type(other) is OpenClip
    assert "closed_image" not in dict(other.named_modules())
    assert not any(p.requires_grad for n, p in model.named_parameters() if "closed" in n)
    assert model.visual.proj.requires_grad


def test_one_tower_alone():
    closer, inputs = both("square", D), batch(3)
    for name in ("stand-in open_clip", "stand-in Hugging Face"):
        model = make(name)
        before = {tower: embed(model, tower, inputs[tower]) for tower in TOWERS}
        close_model(model, closer, image=None)
        z = embed(model, "image", inputs["image"])
        torch.testing.assert_close(z, before["image"], atol=0, rtol=0)
        closed = expected(closer, "text", before["text"])
        np.testing.assert_allclose(embed(model, "text", inputs["text"]), closed, atol=1e-5)


def test_modalities_may_have_other_names():
    closer = planted(photo=some_map("square", 1, D), caption=some_map("square", 2, D))
    model, inputs = make("stand-in open_clip"), batch(3)
    before = embed(model, "image", inputs["image"])
    close_model(model, closer, image="photo", text="caption")
    closed = expected(closer, "photo", before)
    np.testing.assert_allclose(embed(model, "image", inputs["image"]), closed, atol=1e-5)


@pytest.mark.parametrize("name", FOLDED)
@pytest.mark.parametrize("form", ["no bias", "narrower"])
def test_a_linear_closer_folds_into_the_weights(name, form):
    maps = {t: some_map(form, k, D) for k, t in enumerate(TOWERS)}
    closer = planted(**{t: type(m)(0 * m.bias, m.matrix) for t, m in maps.items()})
    model, inputs = make(name), batch(5)
    before = {tower: embed(model, tower, inputs[tower]) for tower in TOWERS}
    keys = list(model.state_dict())
    kind = type(model)
    assert type(fold_model(model, closer)) is kind
    assert list(model.state_dict()) == keys
    for tower in TOWERS:
        z = nn.functional.normalize(embed(model, tower, inputs[tower]), dim=-1)
        np.testing.assert_allclose(z, expected(closer, tower, before[tower]), atol=1e-5)


def timm_like() -> nn.Module:
    model = OpenClip()
    model.visual = nn.Sequential()
    model.visual.head = nn.Sequential()
    model.visual.head.proj = nn.Linear(8, D)
    model.text_projection = None
    model.text = nn.Sequential()
    model.text.proj = nn.Sequential(nn.Linear(8, 4), nn.GELU(), nn.Linear(4, D))
    return model


def test_folding_finds_layers_with_a_bias_of_their_own():
    closer, model, h = both("no bias", D), timm_like(), torch.randn(5, 8)
    layers = {"image": model.visual.head.proj, "text": model.text.proj}
    before = {tower: layers[tower](h).detach() for tower in TOWERS}
    fold_model(model, closer)
    for tower in TOWERS:
        z = nn.functional.normalize(layers[tower](h).detach(), dim=-1)
        np.testing.assert_allclose(z, expected(closer, tower, before[tower]), atol=1e-5)


def closed_twice() -> Any:
    return close_model(close_model(OpenClip(), both("square", D)), both("square", D))


def twice_hugging_face() -> Any:
    return close_model(close_model(HuggingFace(), both("square", D)), both("square", D))


REFUSED = {
    "twice": (closed_twice, "closed already"),
    "twice, Hugging Face": (twice_hugging_face, "closed already"),
    "no CLIP": (lambda: close_model(nn.Linear(2, 2), both("square", D)), "a Linear cannot be clos"),
    "scripted": (
        lambda: close_model(torch.jit.script(nn.Linear(2, 2)), both("square", D)),
        "scripted model cannot be changed",
    ),
    "another width": (
        lambda: close_model(OpenClip(), both("square", 6)),
        "text tower gives 16 dimensions, the closer takes 6",
    ),
    "another width, Hugging Face": (
        lambda: close_model(HuggingFace(), both("square", 6)),
        "image tower gives 16 dimensions, the closer takes 6",
    ),
    "not affine": (
        lambda: close_model(OpenClip(), planted(Opaque, image=some_map("square", 1, D))),
        "cannot be exported",
    ),
    "unknown modality": (
        lambda: close_model(OpenClip(), planted(image=some_map("square", 1, D))),
        "not fitted on a modality 'text'",
    ),
    "intermediates": (
        lambda: close_model(OpenClip(), both("square", D)).forward_intermediates(None),
        "gives open rows",
    ),
    "fold with bias": (
        lambda: fold_model(OpenClip(), both("square", D)),
        "adds a bias (of length 0.",
    ),
    "fold another width": (lambda: fold_model(OpenClip(), both("no bias", 6)), "takes 6"),
    "fold nothing linear": (
        lambda: fold_model(nn.Linear(2, 2), both("no bias", D)),
        "no linear map found at the end of the image tower of this Linear",
    ),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_misuse_is_refused(call, message):
    assert message in refusal(call)


def test_a_refused_model_is_left_as_it_was():
    model = OpenClip()
    refusal(lambda: close_model(model, planted(image=some_map("square", 1, D))))
    refusal(lambda: close_model(model, both("square", 6)))
    refusal(lambda: fold_model(model, planted(image=some_map("no bias", 1, D))))
    assert type(model) is OpenClip
    assert list(model.state_dict()) == list(OpenClip().state_dict())
    close_model(model, both("square", D))


def test_gradients_reach_the_tower():
    model = close_model(OpenClip(), both("square", D))
    model.encode_image(batch(2)["image"])[:, 0].sum().backward()
    assert model.visual.proj.grad.abs().sum() > 0


def test_what_the_length_of_rows_would_do_to_a_folded_bias():
    """Why a bias is not folded: with ‖Wh‖ replaced by its mean, rows come out elsewhere."""
    torch.manual_seed(0)
    h = torch.nn.functional.normalize(torch.randn(200, D), dim=1) * (1 + torch.rand(200, 1))
    closer = both("square", D)
    matrix, bias = closer.maps_["image"].affine
    folded = h.numpy() @ matrix.T + float(h.norm(dim=1).mean()) * bias
    folded /= np.linalg.norm(folded, axis=1, keepdims=True)
    assert (folded * expected(closer, "image", h)).sum(1).min() < 0.999


def test_a_real_closer_on_open_clip(tmp_path):
    model = open_clip_model("CLIP").eval()
    inputs = batch(40)
    space = Embeddings({tower: embed(model, tower, inputs[tower]).numpy() for tower in TOWERS})
    closer = Centering().fit(space)
    close_model(model, closer)
    for tower in TOWERS:
        z = embed(model, tower, inputs[tower])
        closed = closer.transform(space[tower], modality=tower)
        np.testing.assert_allclose(z, closed, atol=1e-5)
