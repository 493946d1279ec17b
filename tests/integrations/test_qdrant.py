"""Qdrant: a server where there is one, and the client's local mode, which has no server."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.integrations.one_index_examples import ASK, check, example, page_code, page_scope, source

URL = "ISTHMUS_QDRANT_URL"


def test_one_collection_of_a_server_finds_across_modalities_once_closed(
    real_data, tmp_path, monkeypatch
):
    pytest.importorskip("qdrant_client", reason="qdrant-client is not installed")
    with qdrant(tmp_path / "qdrant") as url:
        given = [source(real_data, tmp_path), *ASK]
        run = example(monkeypatch, "one_index_qdrant").main
        check(run([*given, "--url", url]), given)


def test_one_collection_in_local_mode_finds_across_modalities_once_closed(
    real_data, tmp_path, monkeypatch
):
    """No server: the client's own search in Python, slow, so on fewer rows."""
    pytest.importorskip("qdrant_client", reason="qdrant-client is not installed")
    given = [source(real_data, tmp_path, pairs=160), *ASK]
    check(example(monkeypatch, "one_index_qdrant").main(given), given)


@contextmanager
def qdrant(folder: Path) -> Iterator[str]:
    """The address of a server that runs, or of one started in a folder; else a skip."""
    if os.environ.get(URL):
        yield os.environ[URL]
        return
    if shutil.which("qdrant") is None:
        pytest.skip(f"no Qdrant server: no `qdrant` on the path, and ${URL} names none")
    folder.mkdir()
    port, other = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {
        "QDRANT__SERVICE__HOST": "127.0.0.1",
        "QDRANT__SERVICE__HTTP_PORT": str(port),
        "QDRANT__SERVICE__GRPC_PORT": str(other),
        "QDRANT__STORAGE__STORAGE_PATH": str(folder / "storage"),
        "QDRANT__STORAGE__SNAPSHOTS_PATH": str(folder / "snapshots"),
        "QDRANT__TELEMETRY_DISABLED": "true",
    }
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen(
            ["qdrant"], cwd=folder, env=os.environ | settings, stdout=log, stderr=log
        )
    try:
        for _ in range(200):
            assert server.poll() is None, (folder / "log").read_text()
            try:
                urlopen(f"{url}/readyz", timeout=1).close()
                break
            except (URLError, ConnectionError, TimeoutError):
                time.sleep(0.05)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=20)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_the_page_s_code_finds_the_pair():
    pytest.importorskip("qdrant_client", reason="qdrant-client is not installed")
    from qdrant_client import QdrantClient, models

    client = QdrantClient(":memory:")
    vectors = {"closed": models.VectorParams(size=8, distance=models.Distance.COSINE)}
    client.create_collection("items", vectors_config=vectors)
    *before, last = page_code("Qdrant").splitlines()
    scope = page_scope() | {"client": client, "models": models}
    exec("\n".join(before), scope)
    found = eval(last, scope).points
    assert len(found) == 10
    assert found[0].id == 0
