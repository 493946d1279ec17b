"""Damaged files of every format give embeddings or one InputError: no crash, no warning."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from isthmus import Embeddings, InputError
from isthmus.readers import read_embeddings

from .sources import FILES, FOLDERS, write

MUTATIONS = 2_000
"""Of each format; a LanceDB table is left out: opening one takes milliseconds and threads."""

MUTATORS: list[Callable[[random.Random, bytearray], None]] = []
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 2**31 - 1, 2**31, 2**32 - 1, 10**12, 2**62, 2**63 - 1, 2**64 - 1)


def mutator(function: Callable[[random.Random, bytearray], None]) -> None:
    MUTATORS.append(function)


def position(rng: random.Random, content: bytearray) -> int:
    """Anywhere, but headers and footers as often as all that lies between."""
    near = min(len(content), 200)
    places = (
        rng.randrange(len(content)),
        rng.randrange(near),
        len(content) - 1 - rng.randrange(near),
    )
    return rng.choice(places)


@mutator
def flip_bits(rng: random.Random, content: bytearray) -> None:
    for _ in range(rng.randint(1, 4)):
        content[position(rng, content)] ^= 1 << rng.randrange(8)


@mutator
def set_bytes(rng: random.Random, content: bytearray) -> None:
    content[position(rng, content)] = rng.randrange(256)


@mutator
def truncate(rng: random.Random, content: bytearray) -> None:
    del content[position(rng, content) :]


@mutator
def cut_out(rng: random.Random, content: bytearray) -> None:
    start = position(rng, content)
    del content[start : start + rng.randint(1, 16)]


@mutator
def splice(rng: random.Random, content: bytearray) -> None:
    start, source = position(rng, content), position(rng, content)
    piece = bytes(content[source : source + rng.randint(1, 64)])
    if rng.random() < 0.5:
        content[start:start] = piece
    else:
        content[start : start + len(piece)] = piece


@mutator
def edit_number(rng: random.Random, content: bytearray) -> None:
    size = rng.choice((1, 2, 4, 8))
    value = rng.choice(NUMBERS) % 256**size
    start = position(rng, content)
    content[start : start + size] = value.to_bytes(size, rng.choice(("little", "big")))


@mutator
def edit_digits(rng: random.Random, content: bytearray) -> None:
    digits = [i for i, byte in enumerate(content) if 48 <= byte <= 57]
    if digits:
        start = rng.choice(digits)
        content[start : start + 1] = rng.choice((b"0", b"9", b"-", b"1000000000000", b"16", b"2"))


def mutations(content: bytes, *, seed: str, count: int) -> Iterator[bytes]:
    rng = random.Random(seed)
    for _ in range(count):
        mutated = bytearray(content)
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            if mutated:
                rng.choice(MUTATORS)(rng, mutated)
        yield bytes(mutated)


def read_or_refuse(path: Path) -> bool:
    """Whether the source could be read; anything but embeddings or one InputError fails."""
    try:
        space = read_embeddings(path)
    except InputError as refusal:
        error = refusal
    else:
        assert isinstance(space, Embeddings)
        assert all(np.isfinite(space[name]).all() for name in space.names)
        return True
    assert type(error) is InputError
    assert str(error).isprintable()  # and so one line
    return False


@pytest.mark.parametrize("kind", FILES)
def test_a_mutated_file_is_read_or_refused(tmp_path, kind):
    path = write(tmp_path, kind)
    content = path.read_bytes()
    results = []
    for mutated in mutations(content, seed=kind, count=MUTATIONS):
        path.unlink()  # an array that is still mapped keeps the earlier file
        path.write_bytes(mutated)
        results.append(read_or_refuse(path))
    assert len(results) == MUTATIONS
    assert results.count(False) > MUTATIONS // 10


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_folder_with_a_mutated_file_is_read_or_refused(tmp_path, kind):
    path = write(tmp_path, kind)
    files = sorted(p for p in path.rglob("*") if p.is_file())
    results = []
    for number, file in enumerate(files):
        content = file.read_bytes()
        count = -(-MUTATIONS // len(files))
        for mutated in mutations(content, seed=f"{kind} {number}", count=count):
            file.unlink()
            file.write_bytes(mutated)
            results.append(read_or_refuse(path))
        file.unlink()
        file.write_bytes(content)
    assert len(results) >= MUTATIONS
    assert results.count(False) > MUTATIONS // 20
