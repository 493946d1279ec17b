"""Texts as indices with a mask among them: words, open_clip's tokens, those of transformers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...errors import InputError, missing
from ...models.inputs import VALID
from ...readers.guard import one_line
from .tokens import CLIP_WORDS, OPEN_CLIP, PADDING, TEXT, Tokenizer, Words, tokenizer

TRANSFORMERS = "transformers:"


@dataclass(frozen=True)
class MaskedTokens:
    """Tokens (B, L), a share of which is replaced by the mask; those in `kept` never are."""

    mask: int
    kept: tuple[int, ...] = ()
    share: float = 0.15

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1:
            raise InputError(f"mask is the share of masked tokens, in [0, 1); found {self.share}")

    def __call__(self, tokens: Tensor) -> Tensor:
        """Other tokens."""
        hidden = torch.rand(tokens.shape, device=tokens.device) < self.share
        for special in self.kept:
            hidden &= tokens != special
        return tokens.masked_fill(hidden, self.mask)


class TransformersTokens:
    """The tokens of a tokenizer of transformers, (B, L) int64, and which are no padding.

    Raises
    ------
    InputError
        No such tokenizer, or it cannot be had.
    MissingDependencyError
        transformers is not installed.
    """

    encoder = "WordTokens"

    def __init__(self, name: str, *, length: int) -> None:
        try:
            from transformers import AutoTokenizer  # type: ignore[import-not-found, unused-ignore]
        except ImportError:
            raise missing("transformers", extra="transformers") from None
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(name)
        except Exception as error:  # of its own, of the hub's client, of files and networks
            raise InputError(
                f"transformers has no tokenizer '{name}': {one_line(error)}"
            ) from error
        self._length = length
        self.shape = {"words": len(self._tokenizer), "padding": self._tokenizer.pad_token_id}

    def __call__(self, texts: Iterable[str]) -> dict[str, Tensor]:
        """The tokens of texts, cut after `length`."""
        found = self._tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self._length,
            return_tensors="pt",
        )
        return {TEXT: found["input_ids"], TEXT + VALID: found["attention_mask"].bool()}

    def masked(self, share: float) -> MaskedTokens:
        """The masking of its tokens."""
        mask = self._tokenizer.mask_token_id
        if mask is None:
            raise InputError("this tokenizer has no mask: take another, or one view of text")
        return MaskedTokens(mask, tuple(self._tokenizer.all_special_ids), share)


def text_tokens(kind: str, texts: Iterable[str], *, words: int, length: int) -> Tokenizer:
    """The tokenizer of an option: as in `tokenizer`, or "transformers:NAME"."""
    if kind.startswith(TRANSFORMERS) and len(kind) > len(TRANSFORMERS):
        return TransformersTokens(kind.removeprefix(TRANSFORMERS), length=length)
    if kind != "words" and not kind.startswith(OPEN_CLIP):
        raise InputError(
            "tokens must be 'words', 'open_clip:ARCHITECTURE' or 'transformers:NAME'; found "
            f"'{kind}'"
        )
    return tokenizer(kind, texts, words=words, length=length)


def masked(tokens: Tokenizer, share: float) -> tuple[MaskedTokens, dict[str, Any]]:
    """The masking of a tokenizer's tokens, and what an encoder must know of them with the mask.

    The mask of "words" is an index of its own. CLIP has none: its padding stands for it, and the
    marks of beginning and end stay.
    """
    shape = dict(tokens.shape)
    if isinstance(tokens, TransformersTokens):
        return tokens.masked(share), shape
    words = int(shape["words"])
    if isinstance(tokens, Words):
        return MaskedTokens(words, (PADDING,), share), shape | {"words": words + 1}
    if words != CLIP_WORDS:
        raise InputError(
            f"of tokens of {shape.get('model', 'this kind')} it is not known which is the mask: "
            "take those of a CLIP, or one view of text"
        )
    return MaskedTokens(PADDING, (words - 2, words - 1), share), shape
