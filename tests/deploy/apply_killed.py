"""Run as a script: kills `apply` at many moments, each in a process of its own, and repeats it.

`python apply_killed.py SOURCE PLACE FOLDER` writes one finished OUT per moment under FOLDER, and
prints, as JSON, moment → how the first process ended, and the rows that the second found done.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from isthmus.deploy import apply_job, apply_partial, apply_sink, lance_sink, parquet_sink
from isthmus.deploy.apply import apply
from tests.deploy.apply_spaces import WIDTH, fitted


def small_blocks() -> None:
    apply_sink._BLOCK_BYTES = 8 * 4 * WIDTH
    parquet_sink._GROUP_BLOCKS = 4
    lance_sink._COMMIT_BLOCKS = 10


def note_every_portion() -> None:
    """And wait until it is noted: else the time that a disk takes says how many notes there are."""
    original = apply_job._Notes.take

    def take(self: Any, *arguments: Any) -> None:
        original(self, *arguments)
        self.wait()

    apply_job.CHECKPOINT_SECONDS = 0
    apply_job._Notes.take = take  # type: ignore[method-assign]


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def at_call(owner: Any, name: str, number: int, *, after: bool = False) -> None:
    """The process is killed when a function is called for the time that is named."""
    original, calls = getattr(owner, name), [0]

    def counted(*arguments: Any, **options: Any) -> Any:
        calls[0] += 1
        if calls[0] == number and not after:
            die()
        result = original(*arguments, **options)
        if calls[0] == number:
            die()
        return result

    setattr(owner, name, counted)


def in_the_middle_of_a_write(number: int) -> None:
    """Half of a piece reaches the file."""
    from isthmus.deploy import npy_sink

    original, calls = npy_sink.write_all, [0]

    def half(file: Any, rows: Any) -> None:
        calls[0] += 1
        if calls[0] == number:
            file.write(rows.tobytes()[: rows.nbytes // 2 + 1])
            die()
        original(file, rows)

    npy_sink.write_all = half


def moments(place: str) -> dict[str, Callable[[], None]]:
    sink = {"": "NpySink", ".parquet": "ParquetSink", ".lance": "LanceSink"}[Path(place).suffix]
    module = sys.modules[f"isthmus.deploy.{sink.removesuffix('Sink').lower()}_sink"]
    owner = getattr(module, sink)
    found: dict[str, Callable[[], None]] = {
        "before the first portion": lambda: at_call(owner, "write", 1),
        "between two portions": lambda: at_call(owner, "write", 4, after=True),
        "before a note": lambda: at_call(apply_partial.Partial, "save", 3),
        "after a note": lambda: at_call(apply_partial.Partial, "save", 3, after=True),
        "before the end": lambda: at_call(owner, "finish", 1),
        "after the end": lambda: at_call(owner, "finish", 1, after=True),
        "before moving": lambda: at_call(apply_job.Job, "_move", 1),
        "after the first move": lambda: at_call(Path, "replace", 1, after=True),
        "before cleaning up": lambda: at_call(apply_partial.Partial, "remove", 1),
    }
    if sink == "NpySink":
        found["in the middle of a write"] = lambda: in_the_middle_of_a_write(30)
    kept = {
        "ParquetSink": ("between two portions", "after a note", "before the end", "before moving"),
        "LanceSink": ("before a note",),  # it takes long to start
    }.get(sink, tuple(found))
    return {name: found[name] for name in kept}


def in_process(work: Callable[[], int]) -> tuple[int, int]:
    """(how it ended, what it gave) of work in a process of its own."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, str(work()).encode())
        os._exit(0)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading) as given:
        result = given.read()
    return os.waitstatus_to_exitcode(status), int(result or -1)


def main() -> None:
    source, place, folder = sys.argv[1:]
    small_blocks()
    note_every_portion()
    found: dict[str, tuple[int, int]] = {}
    for moment, kill in moments(place).items():
        out = Path(folder) / moment / place

        def killed(kill: Callable[[], None] = kill, out: Path = out) -> int:
            kill()
            return apply(fitted(), source, out).resumed

        ended, _ = in_process(killed)
        again, resumed = in_process(lambda out=out: apply(fitted(), source, out).resumed)
        assert again == 0, moment
        found[moment] = (ended, resumed)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
