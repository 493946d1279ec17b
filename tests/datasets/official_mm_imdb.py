"""A small MM-IMDb and a small Hateful Memes in their official layouts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

GENRES = (["Drama"], ["Comedy", "Romance"], ["Film-Noir", "News"], ["Drama", "War"])
SPLITS: Mapping[str, int] = {"train": 12, "dev": 4, "test": 6}


def colour(k: int) -> tuple[int, int, int]:
    """The colour of picture k."""
    return (10 * k % 256, 250 - 10 * k % 250, 70 * k % 256)


def movie(k: int) -> dict[str, Any]:
    """What the file of movie k says; its second plot is the longest."""
    return {
        "title": f"Movie {k}",
        "cast": [{"name": "somebody"}],
        "genres": GENRES[k % len(GENRES)],
        "plot": [f"Short {k}.", f"A long plot of number {k}, told  twice.\n", f"Another {k}"],
        "plot outline": f"Outline {k}",
    }


def write_mm_imdb(root: Path, *, inside: str = "mmimdb") -> Path:
    """ROOT/mm_imdb/INSIDE with split.json and dataset/."""
    home = root / "mm_imdb" / inside
    (home / "dataset").mkdir(parents=True)
    split: dict[str, list[str]] = {}
    k = 0
    for name, count in SPLITS.items():
        for _ in range(count):
            number = f"{1000 + k:07d}"
            split.setdefault(name, []).append(number)
            path = home / "dataset" / f"{number}.json"
            path.write_text(json.dumps(movie(k)), encoding="utf-8")
            Image.new("RGB", (20, 30), colour(k)).save(home / "dataset" / f"{number}.jpeg")
            k += 1
    (home / "split.json").write_text(json.dumps(split), encoding="utf-8")
    return home


def meme(k: int, *, label: bool = True) -> dict[str, Any]:
    """The line of meme k."""
    line = {"id": f"{k:05d}", "img": f"img/{k:05d}.png", "text": f"look how  many {k}"}
    return {**line, "label": k % 2} if label else line


def write_lines(path: Path, lines: Sequence[Any]) -> Path:
    """JSON lines."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def write_hateful_memes(root: Path, *, first: bool = False) -> Path:
    """ROOT/hateful_memes of the second edition, or of the first, which keeps labels back."""
    home = root / "hateful_memes"
    (home / "img").mkdir(parents=True)
    names = ("train", "dev", "test") if first else ("train", "dev_seen", "test_seen")
    start = 0
    for name, count in zip(names, (12, 4, 6), strict=True):
        rows = range(start, start + count)
        write_lines(home / f"{name}.jsonl", [meme(k, label=name != "test") for k in rows])
        for k in rows:
            Image.new("RGB", (24, 16), colour(k)).save(home / "img" / f"{k:05d}.png")
        start += count
    return home
