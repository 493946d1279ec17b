"""Tokens with a mask among them."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from isthmus.errors import InputError, MissingDependencyError
from isthmus.training.sets.text_tokens import MaskedTokens, masked, text_tokens
from isthmus.training.sets.tokens import OpenCLIPTokens


class Letters:
    """What transformers' tokenizers are, of letters: 0 pads, 1 begins, 2 ends, 3 masks."""

    pad_token_id, mask_token_id, all_special_ids = 0, 3, [0, 1, 2, 3]

    def __len__(self) -> int:
        return 30

    def __call__(self, texts: list[str], *, max_length: int, **asked: Any) -> dict[str, Any]:
        assert asked == {"padding": True, "truncation": True, "return_tensors": "pt"}
        rows = [[1, *(ord(c) - 93 for c in text[: max_length - 2]), 2] for text in texts]
        longest = max(map(len, rows))
        ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
        return {"input_ids": ids, "attention_mask": (ids != 0).long()}


@pytest.fixture
def transformers(monkeypatch: pytest.MonkeyPatch) -> type[Letters]:
    class Own(Letters):
        pass

    def from_pretrained(name: str) -> Letters:
        if name != "letters":
            raise OSError(f"{name} is not a local folder\nand no model either")
        return Own()

    module = ModuleType("transformers")
    module.AutoTokenizer = SimpleNamespace(from_pretrained=from_pretrained)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "transformers", module)
    return Own


def test_tokens_of_transformers(transformers: type[Letters]) -> None:
    known = text_tokens("transformers:letters", [], words=9, length=5)
    batch = known(["abcdef", "g"])
    assert batch["text"].tolist() == [[1, 4, 5, 6, 2], [1, 10, 2, 0, 0]]
    assert batch["text/valid"].tolist() == [[True] * 5, [True] * 3 + [False] * 2]
    assert known.shape == {"words": 30, "padding": 0}
    change, shape = masked(known, 0.9)
    torch.manual_seed(0)
    changed = change(batch["text"].repeat(50, 1))
    assert shape == known.shape
    assert changed[::2, [0, 4]].unique(dim=0).tolist() == [[1, 2]]
    assert changed[1::2, [0, 2, 3, 4]].unique(dim=0).tolist() == [[1, 2, 0, 0]]
    assert set(changed[::2, 1].tolist()) == {3, 4}


def test_what_a_tokenizer_lacks_is_said(transformers: type[Letters]) -> None:
    with pytest.raises(InputError, match="no tokenizer 'gpt': gpt is not a local folder and no"):
        text_tokens("transformers:gpt", [], words=9, length=5)
    transformers.mask_token_id = None  # type: ignore[assignment]
    with pytest.raises(InputError, match="this tokenizer has no mask: take another"):
        masked(text_tokens("transformers:letters", [], words=9, length=5), 0.1)


def test_without_transformers_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingDependencyError, match="transformers"):
        text_tokens("transformers:letters", [], words=9, length=5)


@pytest.mark.parametrize("kind", ["letters", "transformers:", ""])
def test_other_kinds_are_refused(kind: str) -> None:
    with pytest.raises(InputError, match=f"'transformers:NAME'; found '{kind}'"):
        text_tokens(kind, [], words=9, length=5)


def test_words_have_a_mask_of_their_own() -> None:
    known = text_tokens("words", ["a b c"], words=9, length=5)
    change, shape = masked(known, 0.5)
    assert (shape["words"], known.shape["words"]) == (6, 5)
    assert change == MaskedTokens(5, (0,), 0.5)


@pytest.mark.parametrize("words", [49_408, 32_000])
def test_only_the_tokens_of_a_clip_can_be_masked(words: int) -> None:
    known: Any = SimpleNamespace(shape={"words": words, "model": "SigLIP"}, encoder="OpenCLIPText")
    if words == 49_408:
        change, shape = masked(known, 0.5)
        tokens = torch.tensor([[49_406, 320, 49_407, 0]]).repeat(50, 1)
        changed = change(tokens)
        assert changed.unique(dim=0).tolist() == [[49_406, 0, 49_407, 0], [49_406, 320, 49_407, 0]]
        assert shape == known.shape
    else:
        with pytest.raises(
            InputError, match="of tokens of SigLIP it is not known which is the mask"
        ):
            masked(known, 0.5)


@pytest.mark.parametrize("words", [49_408, 32_000])
def test_padding_is_known_of_the_tokens_of_a_clip(
    words: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = torch.tensor([[49_406, 0, 320, 49_407, 0], [49_406, 49_407, 0, 0, 0]])
    monkeypatch.setattr("isthmus.training.sets.tokens.vocabulary", lambda _: words)
    tokenizers = SimpleNamespace(get_tokenizer=lambda _: lambda texts: given[: len(texts)])
    monkeypatch.setattr("isthmus.training.sets.tokens.import_open_clip", lambda: tokenizers)
    found = OpenCLIPTokens("ViT-B-32")(["! a", ""])
    assert torch.equal(found["text"], given)
    if words == 49_408:  # "!" is 0, as padding is
        assert found["text/valid"].sum(dim=1).tolist() == [4, 2]
        assert found["text/valid"][0].tolist() == [True] * 4 + [False]
    else:
        assert "text/valid" not in found


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_the_share_that_is_masked(share: float) -> None:
    torch.manual_seed(0)
    changed = MaskedTokens(7, share=share)(torch.ones(200, 100, dtype=torch.int64))
    assert abs(float((changed == 7).float().mean()) - share) < 0.02
