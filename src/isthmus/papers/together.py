"""Cells side by side, in processes of their own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..errors import InputError
from ..processors import processors
from .bench import Bench
from .cell import Cell


def train_together(
    cells: Sequence[Cell], out: Path, *, jobs: int, console: Console | None = None
) -> None:
    """Train and measure cells in `jobs` processes that share the processors evenly.

    Small models leave processors idle: two trainings of one thread each take less time side by side
    than one after the other with two threads. What fails here is left undone, and said of where it
    is asked for.
    """
    distinct = {cell.key: cell for cell in cells}
    bench = Bench(out)
    left = [cell for cell in distinct.values() if not bench.finished(cell)]
    jobs = min(jobs, len(left))
    if jobs < 2:
        return
    threads = max(1, processors() // jobs)
    others = active_children()
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _begin, (out, threads))
    try:
        done = [pool.submit(_train, cell) for cell in left]
        with _bar(f"Training, {jobs} at a time", len(left), console) as bar:
            for future in as_completed(done):
                with suppress(BrokenProcessPool):
                    future.result()
                bar.advance(bar.task_ids[0])
        pool.shutdown()
    except BaseException:
        for process in active_children():
            if process not in others:
                process.terminate()  # what it has begun goes on from its last checkpoint
        pool.shutdown(cancel_futures=True)
        raise


@contextmanager
def _bar(title: str, total: int, console: Console | None) -> Iterator[Progress]:
    with Progress(
        TextColumn(f"{title:<28}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=console,
        disable=console is None,
    ) as bar:
        bar.add_task("", total=total)
        yield bar


@dataclass
class _Worker:
    """What one process has at hand."""

    bench: Bench
    refused: list[Mapping[str, Any]] = field(default_factory=list)

    def train(self, cell: Cell) -> None:
        """Train and measure, unless its data were refused before: asking again takes long."""
        if cell.data in self.refused:
            return
        try:
            found = self.bench.train([cell])[0]
            for name in cell.measures:
                found.numbers(name)
        except InputError:
            self.refused.append(cell.data)


_WORKER: list[_Worker] = []
"""That of this process."""


def _begin(out: Path, threads: int) -> None:
    """Make ready a process. Ctrl-C is answered by the one that began it."""
    import sklearn.cluster  # noqa: F401 - loads the libraries whose threads are limited
    import torch
    from threadpoolctl import threadpool_limits

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    threadpool_limits(threads)
    torch.set_num_threads(threads)
    _WORKER.append(_Worker(Bench(out)))


def _end_with_parent() -> None:
    """Nobody waits for what a killed one began, and whoever resumes it would wait for its lock."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _train(cell: Cell) -> None:
    _WORKER[0].train(cell)
