"""Captions as indices: of the words that training captions use, or of open_clip's tokenizer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from ...errors import InputError
from ...models.inputs import VALID
from ...models.open_clip_towers import explained, import_open_clip, vocabulary

TEXT = "text"
OPEN_CLIP = "open_clip:"
PADDING, UNKNOWN = 0, 1

CLIP_WORDS = 49_408
"""Tokens of CLIP, of which the last two begin and end a text; what follows the end is padding."""

_WORD = re.compile(r"\w+(?:['’]\w+)*")


class Tokenizer(Protocol):
    """From texts to what a text encoder takes."""

    @property
    def shape(self) -> Mapping[str, Any]:
        """What the encoder must know, by the name of the argument."""
        ...

    @property
    def encoder(self) -> str:
        """Its class, where a recipe names none."""
        ...

    def __call__(self, texts: Iterable[str]) -> dict[str, Tensor]:
        """The part of a batch under "text"."""
        ...


@dataclass(frozen=True)
class Words:
    """Words in lower case, as indices: 0 is padding, 1 a word that is not known.

    A word is a run of letters and digits, apostrophes inside it included.

    Attributes
    ----------
    known:
        Word → index, from 2 on.
    length:
        A text is cut after so many words.
    """

    known: Mapping[str, int]
    length: int
    encoder = "BagOfWords"

    @classmethod
    def of(cls, texts: Iterable[str], *, words: int, length: int) -> Words:
        """The most frequent `words` of the texts, equally frequent ones by the alphabet.

        >>> Words.of(["A dog.", "a cat's dog"], words=2, length=9).known
        {'a': 2, 'dog': 3}
        """
        if words < 1 or length < 1:
            raise InputError(f"words and length must be at least 1; found {words} and {length}")
        counts = Counter(word for text in texts for word in _split(text))
        order = sorted(counts, key=lambda word: (-counts[word], word))
        return cls({word: k for k, word in enumerate(order[:words], UNKNOWN + 1)}, length)

    @property
    def shape(self) -> dict[str, int]:
        """How many indices there are, and which is padding."""
        return {"words": len(self.known) + 2, "padding": PADDING}

    def __call__(self, texts: Iterable[str]) -> dict[str, Tensor]:
        """(B, L) int64, L being the most words of any of these texts, and which are no padding.

        A text without any word is one unknown word.
        """
        rows = [
            [self.known.get(word, UNKNOWN) for word in _split(text)[: self.length]] or [UNKNOWN]
            for text in texts
        ]
        padded = torch.full((len(rows), max(map(len, rows))), PADDING)
        for k, row in enumerate(rows):
            padded[k, : len(row)] = torch.tensor(row)
        return {TEXT: padded, TEXT + VALID: padded != PADDING}


class OpenCLIPTokens:
    """The tokens of an open_clip architecture, (B, 77) int64 for most: byte pairs, with an end.

    Of CLIP's own vocabulary it is known which are padding: fusers and encoders of tokens do not
    look there. Of others it is not, and nothing is masked; towers know where a text ends.

    Raises
    ------
    InputError
        No such architecture, or its tokenizer cannot be had.
    MissingDependencyError
        open_clip is not installed.
    """

    encoder = "OpenCLIPText"

    def __init__(self, model: str) -> None:
        self.shape = {"words": vocabulary(model), "model": model}
        with explained(model):
            self._tokenize = import_open_clip().get_tokenizer(model)

    def __call__(self, texts: Iterable[str]) -> dict[str, Tensor]:
        """The tokens of texts."""
        found: Tensor = self._tokenize(list(texts))
        if self.shape["words"] != CLIP_WORDS:
            return {TEXT: found}
        ends = (found == CLIP_WORDS - 1).int().argmax(dim=1, keepdim=True)
        return {TEXT: found, TEXT + VALID: torch.arange(found.shape[1]) <= ends}


def tokenizer(kind: str, texts: Iterable[str], *, words: int, length: int) -> Tokenizer:
    """The tokenizer of an option: "words" of these texts, or "open_clip:ARCHITECTURE"."""
    if kind == "words":
        return Words.of(texts, words=words, length=length)
    if kind.startswith(OPEN_CLIP) and len(kind) > len(OPEN_CLIP):
        return OpenCLIPTokens(kind.removeprefix(OPEN_CLIP))
    raise InputError(f"tokens must be 'words' or 'open_clip:ARCHITECTURE'; found '{kind}'")


def _split(text: str) -> list[str]:
    return _WORD.findall(text.lower())
