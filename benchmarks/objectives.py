"""Time and memory of the losses against open_clip's, as ratios in one run.

    pip install --no-deps open_clip_torch
    python benchmarks/objectives.py [--batch 16384] [--width 512] [--device cuda --dtype bfloat16]

Forward and backward of one symmetric loss on the same rows, each in a process of its own, one
after the other in turns; the median of the ratios and the extra memory at the peak are shown.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor
from torch.nn import functional

from isthmus.objectives import InfoNCE, SigLIP

LOSSES = ("clip", "siglip")
SCALE = {"clip": 1 / 0.07, "siglip": 10.0}


def open_clip_loss() -> ModuleType:
    """The peer's losses, without the models (and their dependencies) around them."""
    package = importlib.util.find_spec("open_clip")
    if package is None or package.submodule_search_locations is None:
        sys.exit("this benchmark needs the peer: pip install --no-deps open_clip_torch")
    path = Path(package.submodule_search_locations[0]) / "loss.py"
    spec = importlib.util.spec_from_file_location("open_clip_loss", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def step(loss: str, who: str, x: Tensor, y: Tensor) -> Callable[[], Tensor]:
    """One forward pass of `who`'s loss over rows x and y of unit length."""
    scale = torch.tensor(SCALE[loss], device=x.device, requires_grad=True)
    bias = torch.tensor(-10.0, device=x.device, requires_grad=True)
    if who == "open_clip":
        peer = open_clip_loss()
        if loss == "clip":
            return lambda: peer.ClipLoss()(x, y, scale)
        return lambda: peer.SigLipLoss()(x, y, scale, bias)
    objective = (InfoNCE if loss == "clip" else SigLIP)(temperature=1 / SCALE[loss], learnable=True)
    objective.to(x.device)
    return lambda: objective({"image": x, "text": y}).total


def measure(loss: str, who: str, batch: int, width: int, device: str, dtype: str) -> None:
    """Print seconds and extra peak memory of one step as JSON."""
    torch.manual_seed(0)
    x, y = (
        functional.normalize(torch.randn(batch, width, device=device), dim=1)
        .to(getattr(torch, dtype))
        .requires_grad_()
        for _ in "xy"
    )
    run = step(loss, who, x, y)
    if device == "cuda":
        run().backward()  # compiles, allocates
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    before = peak(device)
    start = time.perf_counter()
    value = run()
    value.backward()
    if device == "cuda":
        torch.cuda.synchronize()
    seconds = time.perf_counter() - start
    print(json.dumps([seconds, peak(device) - before, float(value)]))


def peak(device: str) -> float:
    """Bytes at the peak: resident (read from /proc) or allocated on the device."""
    if device == "cuda":
        return float(torch.cuda.max_memory_allocated())
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return float(status.split("VmHWM:")[1].split()[0]) * 1024


def ratio(loss: str, turns: int, options: list[str]) -> None:
    """Measure both in turns, and print the medians."""
    found: dict[str, list[list[float]]] = {"isthmus": [], "open_clip": []}
    for _ in range(turns):
        for who, results in found.items():
            command = [sys.executable, __file__, "--one", loss, who, *options]
            output = subprocess.run(command, capture_output=True, check=True, text=True).stdout
            results.append(json.loads(output))
    ours, theirs = found["isthmus"], found["open_clip"]
    times = [a[0] / b[0] for a, b in zip(ours, theirs, strict=True)]
    memory = [a[1] / b[1] for a, b in zip(ours, theirs, strict=True)]
    print(
        f"{loss}: {statistics.median(times):.2f} x the time ({ours[0][0]:.3g} s), "
        f"{statistics.median(memory):.1%} of the extra memory "
        f"({ours[0][1] / 2**20:,.0f} of {theirs[0][1] / 2**20:,.0f} MiB), "
        f"losses {ours[0][2]:.6g} and {theirs[0][2]:.6g}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--batch", type=int, default=16_384)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--one", nargs=2, metavar=("LOSS", "WHO"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        measure(*given.one, given.batch, given.width, given.device, given.dtype)
        return
    machine = torch.cuda.get_device_name() if given.device == "cuda" else "CPU"
    print(
        f"B = {given.batch:,}, D = {given.width}, {given.dtype}, {machine}, "
        f"{torch.get_num_threads()} threads: isthmus against open_clip, forward and backward"
    )
    shared = ("batch", "width", "device", "dtype")
    options = [text for name in shared for text in (f"--{name}", str(getattr(given, name)))]
    for loss in LOSSES:
        ratio(loss, given.turns, options)


if __name__ == "__main__":
    main()
