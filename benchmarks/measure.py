"""Speed and memory of the metrics, as ratios in one run: `python benchmarks/measure.py`.

Each line states what is compared with what. `--rows` scales the memory-mapped file.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from isthmus.metrics import moad, recall_at_k, rmg

# Read from /proc: unlike getrusage, it does not count the parent before exec.
_PEAK = """
import re, sys
import numpy as np
from isthmus.metrics import rmg
rmg(*(np.load(path, mmap_mode="r") for path in sys.argv[1:]))
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


def seconds(run: Callable[[], object], repeat: int = 3) -> float:
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def write_rows(path: Path, rows: int, width: int) -> None:
    rng = np.random.default_rng(0)
    file = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=(rows, width))
    for start in range(0, rows, 50_000):
        file[start : start + 50_000] = rng.normal(size=(min(50_000, rows - start), width))
    file.flush()


def one_pass(rows: int, width: int) -> None:
    """RMG of two memory-mapped float16 files against a bare sum of the same files."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{name}.npy" for name in ("x", "y")]
        for path in paths:
            write_rows(path, rows, width)
        x, y = (np.load(path, mmap_mode="r") for path in paths)
        step = 512

        def bare() -> None:
            for array in (x, y):
                total = np.zeros(width)
                for start in range(0, rows, step):
                    total += array[start : start + step].astype(np.float32).sum(axis=0)

        ratios = [seconds(lambda: rmg(x, y), 1) / seconds(bare, 1) for _ in range(5)]
        print(f"RMG, 2 x {rows:,} x {width} float16: {np.median(ratios):.2f} x a bare sum")
        command = [sys.executable, "-c", _PEAK, *map(str, paths)]
        peak = int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    print(f"  peak resident memory, pages of the files included: {peak / 2**20:.2f} GiB")


def against_matrix(rows: int, width: int) -> None:
    """RMG against building the N x N matrices."""
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(rows, width)).astype(np.float32) for _ in range(2))

    def dense() -> float:
        u, v = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (x, y))
        spread = [
            (1 - (np.sum(z @ z.T, dtype=np.float64) - rows) / (rows * (rows - 1))) / 2
            for z in (u, v)
        ]
        matched = (1 - float((u * v).sum(axis=1).mean())) / 2
        return matched / (sum(spread) / 2 + matched)

    assert abs(dense() - rmg(x, y)) < 1e-4
    ratio = seconds(dense, 1) / seconds(lambda: rmg(x, y))
    print(f"RMG, N = {rows:,}, D = {width}: {ratio:.0f} x as fast as the N x N matrices")


def against_sorting(rows: int, width: int) -> None:
    """R@1 by counting against a full argsort."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, width)).astype(np.float32)
    y = x + 2 * rng.normal(size=(rows, width)).astype(np.float32)

    def sorting() -> float:
        u, v = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (x, y))
        order = np.argsort(-(u @ v.T), axis=1)
        return float((np.argmax(order == np.arange(rows)[:, None], axis=1) < 1).mean())

    assert abs(sorting() - recall_at_k(x, y)) < 1e-6
    ratio = seconds(sorting, 1) / seconds(lambda: recall_at_k(x, y))
    print(f"R@1, N = {rows:,}, D = {width}: {ratio:.1f} x as fast as argsort")


def against_loops(rows: int, width: int, classes: int, attributes: int) -> None:
    """MOAD from class sums against loops over pairs of classes and pairs of attributes."""
    rng = np.random.default_rng(0)
    objects = rng.integers(classes, size=rows)
    marks = rng.random((rows, attributes)) < 0.1
    x = rng.normal(size=(rows, width)).astype(np.float32)

    def loops() -> None:
        z = x / np.linalg.norm(x, axis=1, keepdims=True)
        members = [z[objects == c] for c in range(classes)]
        carriers = [z[marks[:, a]] for a in range(attributes)]
        for sets in (members, carriers):
            for first in sets:
                for second in sets:
                    (first @ second.T).mean()

    ratio = seconds(loops, 1) / seconds(lambda: moad(x, objects, marks))
    print(
        f"MOAD, N = {rows:,}, D = {width}, {classes} classes, {attributes} attributes: "
        f"{ratio:.0f} x as fast as loops over pairs of classes"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    one_pass(arguments.rows, 512)
    against_matrix(20_000, 512)
    against_sorting(10_000, 256)
    against_loops(20_000, 512, 200, 20)


if __name__ == "__main__":
    main()
