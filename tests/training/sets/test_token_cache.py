"""Tokens of frozen encoders, kept on disk."""

from __future__ import annotations

import os
import resource
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from isthmus.errors import InputError
from isthmus.models import WordTokens
from isthmus.models.text_transformer import TextTransformer
from isthmus.training.batches import TensorItems
from isthmus.training.sets.token_cache import TokenCache, fingerprint

LENGTHS = (3, 5, 1, 2, 5, 4, 2)


class Counting(nn.Module):
    """Words times a weight, and how many it has seen; breaks off after so many calls."""

    def __init__(self, weight: float = 1.0, *, most: int | None = None, scale: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, weight]))
        self.most, self.scale, self.calls = most, scale, 0

    def forward(self, x: Tensor) -> Tensor:
        if self.most is not None and self.calls >= self.most:
            raise KeyboardInterrupt
        self.calls += 1
        assert not self.training
        return self.scale * x[:, :, None].float() * self.weight


def texts() -> TensorItems:
    words = torch.arange(1, 36).reshape(7, 5)
    valid = torch.arange(5) < torch.tensor(LENGTHS)[:, None]
    return TensorItems({"text": words, "text/valid": valid})


def cache(folder: Path, encoder: nn.Module, **options: Any) -> TokenCache:
    return TokenCache(folder, "text", encoder, chunk=3, batch_size=2, **options)


def stored(cache: TokenCache, split: str = "train", **data: Any) -> Any:
    return cache.of(texts(), split=split, data=data)


def test_tokens_are_those_of_the_encoder_without_padding(tmp_path: Path) -> None:
    found = stored(cache(tmp_path, Counting(0.5)))
    rows = np.array([6, 1, 0, 3])
    tokens, valid = found.take(rows)
    assert (len(found), found.width, tokens.shape, tokens.dtype) == (7, 2, (4, 5, 2), torch.float32)
    for k, row in enumerate(rows):
        own = torch.arange(1, 36).reshape(7, 5)[row, : LENGTHS[row]].float()
        torch.testing.assert_close(tokens[k, : len(own)], own[:, None] * torch.tensor([1.0, 0.5]))
        assert valid[k].tolist() == [place < LENGTHS[row] for place in range(5)]
        assert not tokens[k, len(own) :].any()
    assert found.take(np.array([1, 4]))[1] is None
    size = sum(path.stat().st_size for path in tmp_path.rglob("*.safetensors"))
    assert size < 3 * 400 + sum(LENGTHS) * 2 * 2 + 7 * 8


def test_an_encoder_that_looks_across_positions_is_told_of_padding(tmp_path: Path) -> None:
    torch.manual_seed(0)

    class Tokens(TextTransformer):
        def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
            assert valid is not None
            return super().forward(x, valid)[:, None]

    net = Tokens(words=40, dimension=4, width=8, layers=1, heads=2)
    found = stored(cache(tmp_path, net, precision="float32"))
    items = texts().take(np.arange(7))
    expected = net.eval()(items["text"].masked_fill(~items["text/valid"], 0), items["text/valid"])
    torch.testing.assert_close(found.take(np.arange(7))[0], expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("change", "again"),
    [
        (lambda c: c, 0),
        (lambda c: replace(c, encoder=Counting(1.0)), 0),
        (lambda c: replace(c, encoder=Counting(1.5)), 5),
        (lambda c: replace(c, encoder=WordTokens(words=50, dimension=2)), None),
        (lambda c: replace(c, precision="float32"), 5),
        (lambda c: replace(c, modality="text", folder=c.folder / "b"), 5),
    ],
)
def test_they_are_computed_once_for_each_encoder(
    tmp_path: Path, change: Any, again: int | None
) -> None:
    first = cache(tmp_path, Counting())
    stored(first)
    assert first.encoder.calls == 5
    second = change(first)
    before = getattr(second.encoder, "calls", 0)
    folders = len(list(tmp_path.rglob("tokens-*")))
    stored(second)
    if again is not None:
        assert second.encoder.calls - before == again
    assert len(list(tmp_path.rglob("tokens-*"))) == folders + (again != 0)


def test_splits_and_data_are_told_apart(tmp_path: Path) -> None:
    own = cache(tmp_path, Counting())
    for k in range(2):
        stored(own)
        stored(own, split="test")
        stored(own, side=3)
        assert own.encoder.calls == 15, k  # type: ignore[comparison-overlap]
    names = sorted(path.name for path in tmp_path.iterdir())
    assert [name.rpartition("-")[0] for name in names] == [
        "tokens-text-test",
        "tokens-text-train",
        "tokens-text-train",
    ]


def test_what_breaks_off_goes_on_from_there(tmp_path: Path) -> None:
    whole = stored(cache(tmp_path / "whole", Counting())).take(np.arange(7))
    with pytest.raises(KeyboardInterrupt):
        stored(cache(tmp_path / "parts", Counting(most=3)))
    (home,) = (tmp_path / "parts").iterdir()
    assert [path.name for path in sorted(home.glob("*.safetensors"))] == ["00000.safetensors"]
    rest = Counting()
    found = stored(cache(tmp_path / "parts", rest))
    assert rest.calls == 3  # of five
    assert all(torch.equal(a, b) for a, b in zip(found.take(np.arange(7)), whole, strict=True))


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other", "gone"])
def test_a_damaged_file_is_computed_again(tmp_path: Path, damage: str) -> None:
    whole = stored(cache(tmp_path, Counting())).take(np.arange(7))[0]
    stored(cache(tmp_path, Counting()), split="test")
    path = next(tmp_path.glob("tokens-text-train-*")) / "00001.safetensors"
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[-9] ^= 1
    if damage == "other":
        content = bytearray((path.parent / "00000.safetensors").read_bytes())
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"cut": content[:-4], "empty": b""}.get(damage, content))
        os.utime(path, (1, 1))
    again = Counting()
    assert torch.equal(stored(cache(tmp_path, again)).take(np.arange(7))[0], whole)
    assert again.calls == 2


def test_a_whole_cache_that_cannot_be_written_to_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(cache(tmp_path, Counting()))

    def refuse(*_: Any) -> Any:
        raise AssertionError("nothing is to be written")

    monkeypatch.setattr("isthmus.training.sets.token_cache.check_writable", refuse)
    monkeypatch.setattr("isthmus.training.sets.token_cache.alone", refuse)
    stored(cache(tmp_path, Counting()))


class Wrong(nn.Module):
    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, x: Tensor) -> Tensor:
        tokens = x[:, :, None].float()
        return {
            "flat": tokens[:, 0],
            "few": tokens[:1],
            "nan": tokens / 0 * 0,
            "big": tokens * 1e5,
        }[self.how]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (
            "flat",
            r"Wrong must give tokens \(B, L, D\) of 'text'; of 2 items from 0 on it gives \(2, 1\)",
        ),
        ("few", r"of 2 items from 0 on it gives \(1, 5, 1\)"),
        ("nan", "items from 0 on, cannot be kept as float16: not all are finite"),
        ("big", r"items from 0 on, cannot be kept as float16: up to 1e\+06"),
    ],
)
def test_what_is_no_token_is_refused_and_leaves_nothing(
    tmp_path: Path, how: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        stored(cache(tmp_path, Wrong(how)))
    assert not list(tmp_path.rglob("*.safetensors"))
    if how == "big":
        assert (
            float(
                stored(cache(tmp_path, Wrong(how), precision="float32")).take(np.arange(1))[0].max()
            )
            == 3e5
        )


def test_a_full_disk_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("isthmus.training.sets.token_store.save_arrays", full)
    with pytest.raises(
        InputError, match="No space left on device; it and 2 others need 36 bytes each"
    ):
        stored(cache(tmp_path, Counting()))


def test_the_encoder_keeps_its_mode(tmp_path: Path) -> None:
    encoder = Counting().train()
    stored(cache(tmp_path, encoder))
    assert encoder.training


def test_a_fingerprint_is_that_of_class_layout_weights_and_buffers() -> None:
    torch.manual_seed(0)
    nets = [
        nn.Linear(2, 2),
        nn.Linear(2, 2),
        nn.Linear(2, 2, bias=False),
        nn.Sequential(nn.Linear(2, 2)),
        nn.BatchNorm1d(2),
        nn.BatchNorm1d(2, eps=0.1),
        nn.Linear(2, 2).bfloat16(),
    ]
    assert len({fingerprint(net) for net in nets}) == len(nets)
    before = fingerprint(nets[4])
    nets[4](torch.ones(3, 2))  # its running mean is a buffer
    assert fingerprint(nets[4]) != before


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=9))
def test_any_rows_in_any_order(tmp_path_factory: pytest.TempPathFactory, rows: list[int]) -> None:
    folder = tmp_path_factory.getbasetemp() / "shared-tokens"
    tokens, valid = stored(cache(folder, Counting())).take(np.array(rows))
    lengths = [LENGTHS[row] for row in rows]
    assert tokens.shape == (len(rows), max(lengths), 2)
    assert tokens[:, 0, 0].tolist() == [5 * row + 1 for row in rows]
    counted = [tokens.shape[1]] * len(rows) if valid is None else valid.sum(dim=1).tolist()
    assert counted == lengths


def test_files_are_mapped_and_not_read(tmp_path: Path) -> None:
    words = torch.ones(64, 4096, dtype=torch.int64)

    class Wide(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[:, :, None].float().expand(-1, -1, 64)

    found = TokenCache(tmp_path, "text", Wide(), chunk=16, batch_size=4).of(
        TensorItems({"text": words}), split="train", data={}
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for row in range(64):
        found.take(np.array([row]))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.safetensors")) > 32 * 2**20
    assert grown < 64 * 2**10
