"""The torch module: what the closer does, in every precision, with gradients, as a file."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional

from isthmus import Embeddings
from isthmus.closers import Centering
from isthmus.deploy import torch_module
from isthmus.deploy.torch_module import ClosingMap, as_module, load_module, usage, write_torch
from tests.deploy.planted import FORMS, Opaque, both, expected, planted, refusal, rows, some_map

HALF = {torch.float16: 2**-11, torch.bfloat16: 2**-8}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("n", [0, 1, 7])
def test_the_module_does_what_the_closer_does(form, n):
    closer = both(form)
    for name in closer.names:
        z = as_module(closer, name)(torch.from_numpy(rows(n)))
        assert z.dtype == torch.float32
        np.testing.assert_allclose(z, expected(closer, name, rows(n)), atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("whole", [True, False], ids=["half module", "half rows"])
def test_half_precision_costs_its_own_rounding_only(form, dtype, whole):
    closer = both(form)
    x = torch.from_numpy(rows(50)).to(dtype)
    module = as_module(closer, "image").to(dtype if whole else torch.float32)
    z = module(x)
    assert z.dtype == dtype
    bound = HALF[dtype] * (8 if whole else 1)
    np.testing.assert_allclose(
        z.double(), expected(closer, "image", x.double()), atol=bound * (1 + 1e-3)
    )


def test_double_precision():
    closer = both("square")
    z = as_module(closer, "image").double()(torch.from_numpy(rows(dtype="float64")))
    assert z.dtype == torch.float64
    np.testing.assert_allclose(z, expected(closer, "image", rows(dtype="float64")), atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_gradients_reach_the_rows_and_not_the_map(form):
    module = as_module(both(form), "image").double()
    assert not any(p.requires_grad for p in module.parameters())
    x = torch.from_numpy(rows(3, "float64")).requires_grad_()
    assert torch.autograd.gradcheck(module, x)
    module.requires_grad_()
    module(x).sum().backward()
    assert all(p.grad is not None for p in module.parameters())


def test_any_leading_shape():
    module = as_module(both("wider"), "text")
    x = torch.from_numpy(rows(12)).reshape(2, 2, 3, 6)
    np.testing.assert_allclose(module(x), module(x.reshape(12, 6)).reshape(2, 2, 3, 9), atol=1e-6)
    np.testing.assert_allclose(module(x[0, 0, 0]), module(x)[0, 0, 0], atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_rows_without_direction(form):
    closer = both(form)
    x = torch.from_numpy(rows(6))
    x[1], x[2, 3], x[4, 0] = 0, torch.nan, torch.inf
    z = as_module(closer, "image")(x)
    assert not z[1].any()
    assert z[[2, 4]].isnan().all()
    good = [0, 3, 5]
    np.testing.assert_allclose(z[good], expected(closer, "image", x[good]), atol=1e-6)


@pytest.mark.parametrize("scale", [1e-38, 1e-30, 1e-20, 1e20, 1e37])
def test_the_length_of_a_row_does_not_matter(scale):
    x = rows(5) * np.float32(scale)
    z = as_module(both("square"), "image")(torch.from_numpy(x))
    np.testing.assert_allclose(z, expected(both("square"), "image", x), atol=1e-5)


def test_a_row_that_the_closer_loses_gives_zeros():
    point = np.repeat(np.random.default_rng(0).normal(size=(1, 16)), 20, axis=0)
    closer = Centering().fit(Embeddings({"image": point, "text": rows(20, width=16)}))
    z = as_module(closer, "image")(torch.from_numpy(point[:1]).float())
    assert not z.any()
    assert as_module(closer, "text")(torch.from_numpy(point[:1]).float()).any()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_it_can_be_scripted_traced_and_exported():
    module, x = as_module(both("narrower"), "image"), torch.from_numpy(rows())
    batch = torch.export.Dim("batch", min=2)
    programs = {
        "script": torch.jit.script(module),
        "trace": torch.jit.trace(module, x),
        "export": torch.export.export(module, (x,), dynamic_shapes=({0: batch},)).module(),
    }
    for name, program in programs.items():
        other = torch.from_numpy(rows(11))
        np.testing.assert_allclose(program(other), module(other), atol=1e-7, err_msg=name)


@pytest.mark.parametrize("form", FORMS)
def test_files_load_as_the_module_and_as_a_plain_linear_layer(tmp_path, form):
    closer, x = both(form), torch.from_numpy(rows())
    paths = write_torch(closer, tmp_path / "out")
    assert [path.name for path in paths] == ["image.linear.safetensors", "text.linear.safetensors"]
    for path, name in zip(paths, closer.names, strict=True):
        loaded, module = load_module(path), as_module(closer, name)
        for key, values in module.state_dict().items():
            torch.testing.assert_close(loaded.state_dict()[key], values, rtol=0, atol=0)
        state = load_file(path)
        linear = nn.Linear(state["weight"].shape[1], state["weight"].shape[0])
        linear.load_state_dict(state)
        z = functional.normalize(linear(functional.normalize(x, dim=1)), dim=1)
        np.testing.assert_allclose(z.detach(), module(x), atol=1e-6)


def test_a_state_dict_carries_everything():
    module = as_module(both("wider"), "image")
    blank = ClosingMap(6, 9)
    blank.load_state_dict(module.state_dict())
    assert blank.least == module.least > 0


def test_the_lines_that_are_printed_close_rows(tmp_path):
    (path,) = write_torch(both("wider"), tmp_path / "x.safetensors", modality="text")
    scope = {"x": torch.from_numpy(rows())}
    exec(usage(path, "text"), scope)
    np.testing.assert_allclose(scope["z"], expected(both("wider"), "text", rows()), atol=1e-6)


def damaged(path, change):
    (path,) = write_torch(both("square"), path, modality="image")
    change(path)
    return path


UNREADABLE = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-9]),
    "other weights": lambda path: save_file({"weight": torch.ones(2, 2)}, path),
    "no bias": lambda path: save_file(
        {"weight": torch.ones(2, 2)}, path, metadata={"format": torch_module.FORMAT, "least": "0"}
    ),
    "flat": lambda path: save_file(
        {"weight": torch.ones(2), "bias": torch.ones(2)},
        path,
        metadata={"format": torch_module.FORMAT, "least": "0"},
    ),
    "no bound": lambda path: save_file(
        {"weight": torch.ones(2, 2), "bias": torch.ones(2)},
        path,
        metadata={"format": torch_module.FORMAT, "least": "much"},
    ),
}


@pytest.mark.parametrize("change", UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_is_no_map_is_refused(tmp_path, change):
    path = damaged(tmp_path / "map.safetensors", change)
    assert "map.safetensors" in refusal(lambda: load_module(path))


def test_misuse_is_refused_and_writes_nothing(tmp_path):
    opaque = planted(Opaque, image=some_map("square"))
    assert "cannot be exported" in refusal(lambda: as_module(opaque, "image"))
    assert "modality 'audio'" in refusal(lambda: as_module(both("square"), "audio"))
    file = tmp_path / "new" / "m.safetensors"
    assert "one file for" in refusal(lambda: write_torch(both("square"), file))
    assert not list(tmp_path.iterdir())


def test_a_module_that_differs_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(torch_module, "_apply", lambda x, module: -module(torch.tensor(x)).numpy())
    assert "nothing was written" in refusal(lambda: write_torch(both("square"), tmp_path / "out"))
    assert not (tmp_path / "out").exists()
