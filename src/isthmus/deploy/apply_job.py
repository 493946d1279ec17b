"""One application of a closer, from the first row, or from where an earlier process stopped."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ..closers import Closer, Drift
from ..errors import InputError
from ..metrics.moments import Moments
from ..progress import ticker
from .apply_content import Content
from .apply_partial import Partial, State, synchronise, writing
from .apply_rows import Block, Closed, Rows, closed_blocks
from .apply_sink import Sink

CHECKPOINT_SECONDS = 2.0
"""How long the disk is behind at most: what a killed run has to do again."""

CHECKPOINT_BYTES = 2**28
"""How much the disk is behind at most."""


class Job:
    """Closes the rows of a content into a sink, and notes in the partial folder how far it is.

    Attributes
    ----------
    drift:
        Modality → how far its rows lie from the calibration set; after `run`.
    """

    drift: dict[str, Drift]

    def __init__(
        self, closer: Closer, content: Content, sink: Sink, partial: Partial, settings: State
    ) -> None:
        self._closer, self._content, self._sink = closer, content, sink
        self._partial, self._settings = partial, settings
        self._totals = {name: np.zeros(part.source.shape[1]) for name, part in content.items()}
        self._refused = False

    def run(self, state: State | None) -> int:
        """All that is left to do; how many rows an earlier process had done."""
        portions = self._sink.portions()
        if state is not None and not state["finished"] and not self._sink.open(state["sink"]):
            state = None
        if state is None:
            self._partial.clear()
            with writing(self._sink.out):
                self._sink.open(None)
        else:
            self._totals = {name: np.array(total) for name, total in state["totals"].items()}
        done = 0 if state is None else int(state["portions"])
        resumed = sum(block.stop - block.start for block in chain(*portions[:done]))
        try:
            if state is None or not state["finished"]:
                self._write(portions, done, resumed)
        except InputError:
            if self._refused:
                self._partial.clear()
            raise
        finally:
            self._sink.close()
        self._move()
        self.drift = {
            name: Drift.between(
                name, self._closer.calibration_[name], Moments(part.rows, self._totals[name])
            )
            for name, part in self._content.items()
        }
        return resumed

    def _write(self, portions: Sequence[Sequence[Block]], done: int, resumed: int) -> None:
        rows = {
            name: Rows(self._closer, name, part.source, part.width, part.dtype)
            for name, part in self._content.items()
        }
        left = portions[done:]
        self._check_space(chain(*left))
        tick = ticker(sum(part.rows for part in self._content.values()))
        tick(resumed)
        with (
            threadpool_limits(1, user_api="blas"),  # there are threads enough
            closing(closed_blocks(rows, chain(*left))) as stream,
            _Notes(self._sink, self._partial) as notes,
        ):
            for number, portion in enumerate(left, done + 1):
                taken = self._taken(stream, portion, tick)
                with writing(self._sink.out):
                    self._sink.write(portion, taken)
                    notes.take(self._bytes(portion), lambda n=number: self._state(n))
            with writing(self._sink.out):
                notes.wait()
                self._sink.finish()
                self._partial.save(self._state(len(portions), finished=True))

    def _taken(
        self, stream: Iterator[Closed], portion: Sequence[Block], tick: Any
    ) -> Iterator[NDArray[Any]]:
        try:
            for block, closed in zip(portion, islice(stream, len(portion)), strict=True):
                self._totals[block.name] += closed.total
                yield closed.rows
                tick(len(closed.rows))
        except InputError:
            self._refused = True
            raise

    def _state(self, portions: int, *, finished: bool = False) -> State:
        return {
            "settings": self._settings,
            "portions": portions,
            "sink": None if finished else self._sink.state(),
            "totals": {name: total.tolist() for name, total in self._totals.items()},
            "finished": finished,
        }

    def _move(self) -> None:
        """Everything is complete: put it in its place, piece by piece, as often as it takes."""
        with writing(self._sink.out):
            for target, finished in self._sink.moves().items():
                if finished is None:
                    target.unlink(missing_ok=True)
                elif finished.exists():
                    if target.is_dir():
                        target.rename(self._partial.folder / f"{target.name}.old")
                    finished.replace(target)
            synchronise(self._sink.out.parent)
            if self._sink.out.is_dir():
                synchronise(self._sink.out)
        self._partial.remove()

    def _bytes(self, portion: Sequence[Block]) -> int:
        row = {n: part.width * part.dtype.itemsize for n, part in self._content.items()}
        return sum((block.stop - block.start) * row[block.name] for block in portion)

    def _check_space(self, left: Iterator[Block]) -> None:
        needed = self._bytes(list(left))
        free = shutil.disk_usage(self._partial.folder).free
        if free < needed:
            raise InputError(
                f"{self._sink.out} needs {needed:,} bytes more, and {free:,} are free there: make "
                "room or choose another place"
            )


class _Notes:
    """Says on disk how far a sink is, now and then, while it goes on writing."""

    def __init__(self, sink: Sink, partial: Partial) -> None:
        self._sink, self._partial = sink, partial
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="isthmus-notes")
        self._last, self._behind = time.monotonic(), 0
        self._pending: Future[None] | None = None

    def __enter__(self) -> _Notes:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()

    def take(self, written: int, state: Any) -> None:
        """So many bytes more are written; note it, if it is time and the last note is done."""
        self._behind += written
        waited = time.monotonic() - self._last
        if waited < CHECKPOINT_SECONDS and self._behind < CHECKPOINT_BYTES:
            return
        if self._pending is not None and not self._pending.done():
            return
        self.wait()
        self._last, self._behind = time.monotonic(), 0
        self._pending = self._thread.submit(self._note, state())

    def wait(self) -> None:
        """Until the last note is done; an error if it could not be."""
        if self._pending is not None:
            self._pending.result()

    def _note(self, state: State) -> None:
        self._sink.synchronise()
        self._partial.save(state)
