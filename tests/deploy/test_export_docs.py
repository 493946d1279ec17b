"""docs/export.md: its commands and its code run in their order."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from isthmus import Embeddings
from isthmus.cli import main
from isthmus.closers import Centering
from isthmus.readers.write import write_embeddings
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "export.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(python|)\n(.*?)^```", PAGE, re.S | re.M)


def test_the_page_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = np.random.default_rng(0).normal(size=(20, 16)).astype(np.float32)
    space = Embeddings({"image": rows + 1, "text": rows - 1})
    write_embeddings("vectors", space)
    closer = Centering().fit(space)
    closer.save("closed/closer.safetensors")
    closed = {name: closer.transform(space[name], modality=name) for name in space.names}
    scope: dict[str, object] = {}
    ran: list[str] = []
    for language, code in BLOCKS:
        if language and not code.startswith("# needs"):
            exec(code, scope)
            if "vectors/" in code:
                modality = "image" if "image" in code else "text"
                np.testing.assert_allclose(np.asarray(scope["z"]), closed[modality], atol=1e-6)
            ran.append("python")
        for line in code.splitlines() if not language else ():
            words = shlex.split(line)
            if words[:2] == ["isthmus", "export"] and "open_clip" not in words:
                monkeypatch.setattr(sys, "argv", words)
                with pytest.raises(SystemExit, match="0"):
                    main()
                ran.append(words[words.index("--to") + 1])
    assert ran == ["onnx", "numpy", "python", "onnx", "python", "sql", "python", "torch", "python"]
    assert Path("close.sql").exists()


def test_every_target_has_a_section_and_every_option_exists() -> None:
    from isthmus.cli.export import TAKES

    listed = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.M))
    assert listed == set(TAKES)
    options = {
        option.strip("-").replace("-", "_") for option in re.findall(r"--[a-z][a-z-]*", PAGE)
    }
    known = {"to", "out", "method"} | {name for names in TAKES.values() for name in names}
    assert options <= known
