"""Runs an example against the real thing, and checks its numbers against the exact ones."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from isthmus import Embeddings
from isthmus.closers import Centering
from isthmus.metrics import mixed_search, recall_at_k
from tests.conftest import ROOT

REAL = "clip_coco500/coco_val500_clip_vitb16.npz"
ASK = ["--modalities", "image,text"]


def source(real_data: Callable[[str], Path], folder: Path, *, pairs: int = 500) -> str:
    """Real image and text vectors, or a stand-in with the same gap; the first `pairs` of them."""
    try:
        with np.load(real_data(REAL)) as file:
            arrays = {name: file[name][:pairs] for name in ("image", "text")}
    except pytest.skip.Exception:
        rng = np.random.default_rng(0)
        meaning, gap = rng.normal(size=(pairs, 64)), 8 * np.eye(64)[0]
        noise = {name: rng.normal(size=(pairs, 64)) * 0.8 for name in ("image", "text")}
        arrays = {
            "image": (meaning + noise["image"] + gap).astype(np.float32),
            "text": (meaning + noise["text"] - gap).astype(np.float32),
        }
    np.savez(folder / "vectors.npz", **arrays)
    return str(folder / "vectors.npz")


def example(monkeypatch: pytest.MonkeyPatch, name: str) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "examples")
    return import_module(name)


def check(answers: dict, given: list[str], *, least: float = 0.4) -> None:
    """The numbers are those of exact search, and closing does what it is for."""
    comparison = import_module("comparison")
    vectors = comparison.read(comparison.arguments("").parse_args(given))
    for column, space in (("open", vectors.open), ("closed", vectors.closed)):
        expected = mixed_search(space.arrays, dict(space.groups))
        for name, found in answers[column].mixed.by_modality.items():
            exact = expected.by_modality[name]
            assert found.queries == exact.queries == len(space[name])
            assert found.recall == pytest.approx(exact.recall, abs=1e-9)
            assert found.ndcg == pytest.approx(exact.ndcg, abs=1e-9)
            assert found.top_share == pytest.approx(exact.top_share, abs=1e-9)
            assert found.corpus_share == pytest.approx(exact.corpus_share)
        for (query, gallery), found in answers[column].recall.items():
            assert found == pytest.approx(recall_at_k(space[query], space[gallery]), abs=1e-9)
    for name in ("image", "text"):
        before, after = (answers[column].mixed.by_modality[name] for column in ("open", "closed"))
        assert before.recall <= 0.01
        assert before.top_share[name] >= 0.99
        assert after.recall >= least
    for across, recall in answers["closed"].recall.items():
        assert recall >= answers["open"].recall[across] - 0.05


def page_code(heading: str, language: str = "python") -> str:
    """The first code in a language below a heading of docs/integrations.md."""
    page = (ROOT / "docs" / "integrations.md").read_text("utf-8")
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return section.partition(f"```{language}\n")[2].partition("```")[0]


def page_scope() -> dict:
    """What the page's code takes for granted: a closer, x (images), y (their texts) and ids."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 8)).astype(np.float32)
    y = x + 0.05 * rng.normal(size=x.shape).astype(np.float32)
    x, y = x + 2, y - 2
    closer = Centering().fit(Embeddings({"image": x, "text": y}))
    closed = closer.transform(x, modality="image")
    return {"closer": closer, "x": x, "y": y, "ids": list(range(30)), "closed": closed}
