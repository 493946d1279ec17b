"""Speed and memory of `isthmus apply`, against plain copies: `python benchmarks/close.py`.

Centering of N x 512 float16 in one npy file, written as float16, beside copies of the same file
in the same folder, in turn. Everything is on the disk (fsync) when the clock stops, and what was
written is removed before the next. Each line states what is compared with what.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from isthmus import Embeddings
from isthmus.closers import Centering
from isthmus.deploy.apply import apply

# Read from /proc: unlike getrusage, it does not count the parent before exec.
_PEAK = """
import re, sys
from isthmus.deploy.apply import apply
closer, source, out = sys.argv[1:]
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
before = peak()
if out:
    apply(closer, source, out)
print(before, peak())
"""


def write_rows(path: Path, rows: int, width: int) -> None:
    """Rows around a mean that is not the origin, as of an encoder."""
    rng = np.random.default_rng(0)
    file = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=(rows, width))
    mean = rng.normal(size=width)
    for start in range(0, rows, 50_000):
        noise = rng.normal(size=(min(50_000, rows - start), width))
        file[start : start + 50_000] = noise + mean
    file.flush()


def fit(path: Path) -> Centering:
    image = np.array(np.load(path, mmap_mode="r")[:2_000])
    return Centering().fit(Embeddings({"image": image, "text": -image}))


def synchronised(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    synchronised(target)


def read_and_write(source: Path, target: Path) -> None:
    piece = memoryview(bytearray(2**20))
    with source.open("rb", buffering=0) as given, target.open("wb", buffering=0) as taken:
        while size := given.readinto(piece):
            taken.write(piece[:size])
        os.fsync(taken.fileno())


def timed(run: Callable[[], object]) -> tuple[float, float]:
    """(seconds on the clock, seconds of processors)."""
    wall, processor = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - processor


def speed(folder: Path, rows: int, width: int, repeat: int) -> None:
    source, out = folder / "image.npy", folder / "out"
    closer = fit(source)
    works: dict[str, Callable[[], object]] = {
        "shutil.copyfile": lambda: copy(source, out / "image.npy"),
        "read and write, 1 MiB at a time": lambda: read_and_write(source, out / "image.npy"),
        "isthmus apply": lambda: apply(closer, f"image={source}", out),
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for turn in range(repeat + 1):
        for name, work in works.items():
            out.mkdir()
            found = timed(work)
            shutil.rmtree(out)
            if turn:  # the first warms the page cache
                times[name].append(found)
    medians = {name: np.median(found, axis=0) for name, found in times.items()}
    print(f"Centering, {rows:,} x {width} float16, medians of {repeat}:")
    for name, (wall, processor) in medians.items():
        print(f"  {name}: {wall:.2f} s ({processor:.2f} s of processors)")
    own = np.array([wall for wall, _ in times["isthmus apply"]])
    for name in list(works)[:2]:
        ratios = own / [wall for wall, _ in times[name]]
        print(f"  isthmus apply: {np.median(ratios):.2f} x {name}")


def memory(folder: Path, rows: int, width: int) -> None:
    """Peaks of whole processes, for a quarter of the rows and for all."""
    source = folder / "image.npy"
    fit(source).save(folder / "closer.safetensors")
    quarter = folder / "quarter.npy"
    np.save(quarter, np.load(source, mmap_mode="r")[: max(2, rows // 4)])
    for path in (quarter, source):
        arguments = [str(folder / "closer.safetensors"), f"image={path}", str(folder / "peak")]
        command = [sys.executable, "-c", _PEAK, *arguments]
        found = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        before, peak = (int(kib) / 2**10 for kib in found.split())
        count = len(np.load(path, mmap_mode="r"))
        print(
            f"  peak resident memory, {count:,} rows ({path.stat().st_size / 2**20:,.0f} MiB): "
            f"{peak:.0f} MiB, {peak - before:.0f} MiB more than after imports"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="on the disk to be measured", default=None)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        write_rows(folder / "image.npy", arguments.rows, 512)
        speed(folder, arguments.rows, 512, arguments.repeat)
        memory(folder, arguments.rows, 512)


if __name__ == "__main__":
    main()
