"""How far long work is: whoever does it says so, and whoever wants to know watches.

Work knows nothing of bars. It is divided with `steps`, and its loops run through `tracked`;
without a watcher both do nothing. A watcher is told the name of what is being done and the
share of everything that is done, which never falls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

Item = TypeVar("Item")

Watcher: TypeAlias = Callable[[str, float], None]
"""Called with a name and a share in [0, 1]."""


@dataclass(frozen=True)
class _Span:
    """A part of all work: from `start`, `length` long, in shares of the whole."""

    watcher: Watcher
    name: str
    start: float
    length: float

    def part(self, name: str, start: float, length: float) -> _Span:
        """A part of this part, `start` and `length` being shares of it."""
        joined = f"{self.name}: {name}" if self.name else name
        return _Span(self.watcher, joined, self.start + start * self.length, length * self.length)

    def tell(self, done: float) -> None:
        self.watcher(self.name, self.start + self.length * min(done, 1.0))


_SPAN: ContextVar[_Span | None] = ContextVar("isthmus_progress", default=None)


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """All work done inside is watched.

    Examples
    --------
    >>> with watched(lambda name, done: print(f"{name} {done:.0%}")):
    ...     with steps({"read": 1, "sort": 3}) as step:
    ...         with step("read"):
    ...             pass
    ...         with step("sort"):
    ...             for _ in tracked("ab", 2):
    ...                 pass
    read 0%
    read 25%
    sort 25%
    sort 62%
    sort 100%
    """
    token = _SPAN.set(_Span(_rising(watcher), "", 0.0, 1.0))
    try:
        yield
    finally:
        _SPAN.reset(token)


@contextmanager
def steps(
    costs: Mapping[str, float],
) -> Iterator[Callable[[str], AbstractContextManager[None]]]:
    """Divide what is being done into named steps, in order, each as long as its cost says.

    Costs are relative to each other; only the watcher's time left depends on them. A step that
    is left out, or raises, moves the share past it.
    """
    span = _SPAN.get()
    total = sum(costs.values()) or 1.0
    names = list(costs)

    @contextmanager
    def step(name: str) -> Iterator[None]:
        if span is None:
            yield
            return
        before = sum(costs[other] for other in names[: names.index(name)]) / total
        part = span.part(name, before, costs[name] / total)
        token = _SPAN.set(part)
        part.tell(0.0)
        try:
            yield
            part.tell(1.0)
        finally:
            _SPAN.reset(token)

    yield step


def ticker(total: float) -> Callable[[float], None]:
    """A function to be called with how much more is done, of `total`, wherever that is known.

    >>> with watched(lambda name, done: print(f"{done:.0%}")):
    ...     done = ticker(4)
    ...     done(1)
    ...     done(3)
    25%
    100%
    """
    span = _SPAN.get()
    reached = 0.0

    def done(size: float) -> None:
        nonlocal reached
        reached += size
        if span is not None:
            span.tell(reached / max(total, 1e-12))

    return done


def tracked(
    items: Iterable[Item], total: float, size: Callable[[Item], float] = lambda _: 1
) -> Iterator[Item]:
    """The items; after each, `size` of it is done, of `total`."""
    done = ticker(total)
    for item in items:
        yield item
        done(size(item))


def tracked_rows(chunks: Iterable[slice], total: int) -> Iterator[slice]:
    """Slices of `total` rows; after each, its rows are done."""
    return tracked(chunks, total, lambda rows: rows.stop - rows.start)


def _rising(watcher: Watcher) -> Watcher:
    """Tells no less than was told before, and nothing twice."""
    last = ("", -1.0)

    def tell(name: str, done: float) -> None:
        nonlocal last
        now = (name, max(done, last[1]))
        if now != last:
            last = now
            watcher(*now)

    return tell
