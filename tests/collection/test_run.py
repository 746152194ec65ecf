"""A run over a whole collection: killed at any moment, it goes on and ends the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import dask
import numpy as np
import pytest
from distributed import Client
from PIL import Image

from insectlib.collection import Job, Store, estimate_run, explain_collection
from insectlib.collection.run import client_of, explain_shard
from insectlib.data import ImageSet

HERE = Path(__file__).parent
SETTINGS: dict[str, Any] = {"n_segments": 6, "budget": 60, "output": "scores", "shard": 2}
RUN = f"""
import sys
from insectlib.collection import explain_collection
if __name__ == "__main__":
    explain_collection(*sys.argv[1:], size=16, workers=1, progress=False, **{SETTINGS})
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(HERE)  # for the model, sums:scores
    random = np.random.default_rng(0)
    (tmp_path / "pictures").mkdir()
    for i in range(40):
        picture = Image.fromarray(random.integers(0, 256, (16, 16, 3), dtype=np.uint8))
        picture.save(tmp_path / "pictures" / f"{i:02d}.png")
    (tmp_path / "pictures" / "07.png").write_bytes(b"no picture")
    return tmp_path / "pictures"


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two threads of this process be the workers: they are there at once."""

    @contextmanager
    def here(*_: object) -> Iterator[Client]:
        with Client(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
        ) as client:
            yield client

    monkeypatch.setattr("insectlib.collection.run.client_of", here)
    monkeypatch.setattr("insectlib.collection.estimate.client_of", here)


def shards(store: Path) -> dict[str, bytes]:
    files = sorted(store.glob("records/c/*/0/0"))
    return {path.parts[-3]: path.read_bytes() for path in files}


def test_a_killed_run_goes_on_and_ends_as_if_it_had_not_been(folder: Path) -> None:
    script, store = folder.parent / "run.py", folder.parent / "store"
    script.write_text(RUN)

    def start() -> subprocess.Popen[str]:
        paths = os.pathsep.join([str(HERE), str(HERE.parents[1])])
        return subprocess.Popen(
            [sys.executable, str(script), str(folder), "sums:scores", str(store)],
            stderr=subprocess.PIPE, text=True, start_new_session=True,
            env=os.environ | {"PYTHONPATH": paths},
        )  # fmt: skip

    killed = start()
    while killed.poll() is None and len(shards(store)) < 3:
        time.sleep(0.02)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait(timeout=60)
    finished, kept = set(Store(store).ledger()), shards(store)
    assert 0 < len(finished) < 20  # or it was killed too late to show anything
    again = start()
    _, said = again.communicate(timeout=300)
    assert again.returncode == 0, said
    opened = Store(store)
    assert list(opened.missing()) == [] and list(opened.unreadable()) == ["07.png"]
    assert len((store / "ledger.jsonl").read_text().splitlines()) == 20  # nothing was done twice
    found = shards(store)
    assert all(found[str(i)] == kept[str(i)] for i in finished)
    options = {"budget": 60}
    job = Job("sums:scores", n_segments=6, output="scores", options=options, batch=2)
    for index in (0, 19):
        first, last = opened.span(index)
        before = np.asarray(opened.records[first:last])
        explain_shard(str(store), job, index)
        np.testing.assert_allclose(opened.records[first:last], before, atol=1e-4)


@pytest.mark.usefixtures("threads")
def test_a_run_reports_goes_on_and_refuses(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = folder.parent / "store"
    explain_collection(folder, "sums:scores", store, size=16, **SETTINGS)
    assert "40/40" in capsys.readouterr().err
    whole = shards(store)
    (store / "records" / "c" / "5" / "0" / "0").unlink()
    explain_collection(folder, "sums:scores", store, size=16, **SETTINGS)
    assert "38/40" in capsys.readouterr().err
    assert shards(store) == whole
    with pytest.raises(ValueError, match="seed was 0 and is 1"):
        explain_collection(folder, "sums:scores", store, size=16, seed=1, **SETTINGS)
    with pytest.raises(ValueError, match="size is missing"):
        explain_collection(folder, "sums:scores", folder.parent / "other", **SETTINGS)


@pytest.mark.usefixtures("threads")
def test_pictures_in_memory_are_explained_too(folder: Path, tiny_set: ImageSet) -> None:
    store = explain_collection(tiny_set, "sums:scores", folder.parent / "store", **SETTINGS)
    assert list(store.pictures.names) == list(tiny_set.names) and not store.unreadable()
    total = np.nansum(store.values(0, 24), axis=1) + store.row("base value", 0, 24)
    np.testing.assert_allclose(total, store.row("output", 0, 24), atol=1e-3)


@pytest.mark.usefixtures("threads")
def test_a_picture_that_ends_the_explainer_ends_the_run_with_its_words(folder: Path) -> None:
    with pytest.raises(ValueError, match="needs? at least|need at least"):
        explain_collection(
            folder, "sums:scores", folder.parent / "store", size=16, **SETTINGS | {"budget": 3}
        )


@pytest.mark.usefixtures("threads")
def test_room_and_evaluations_are_estimated_beforehand(folder: Path) -> None:
    found = estimate_run(folder, "sums:scores", size=16, workers=2, **SETTINGS)
    assert (found.pictures, found.workers) == (40, 2)
    assert found.bytes == 40 * 9 * 3 * 4
    store = explain_collection(folder, "sums:scores", folder.parent / "s", size=16, **SETTINGS)
    assert found.bytes == sum(map(len, shards(store.path).values()))
    asked = sum(line["evaluations"] for line in store.ledger().values())
    assert found.evaluations == pytest.approx(asked, rel=0.2)
    assert "40 pictures with 2 workers: about" in str(found)


def test_a_scheduler_that_is_gone_costs_nothing_that_was_finished(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    store, told = tmp_path / "store", tmp_path / "scheduler.json"

    def started(role: str, *words: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{role}", *map(str, words)]
        return subprocess.Popen([*command, "--no-dashboard"], stderr=subprocess.DEVNULL)

    def kill_with_three_finished() -> None:
        ledger = store / "ledger.jsonl"
        while not ledger.exists() or len(ledger.read_text().splitlines()) < 3:
            time.sleep(0.01)
        scheduler.kill()

    scheduler = started("scheduler", "--port", 0, "--scheduler-file", told)
    try:
        while not told.exists() or not told.read_text().endswith("}"):
            time.sleep(0.05)
        address = json.loads(told.read_text())["address"]
        worker = started("worker", address, "--preload", "insectlib.collection.threads")
        Thread(target=kill_with_three_finished, daemon=True).start()
        run = {**SETTINGS, "size": 16, "progress": False}
        with pytest.raises(ConnectionError, match="what is finished is kept"):
            explain_collection(folder, "sums:scores", store, scheduler=address, **run)
    finally:
        scheduler.kill()
        worker.kill()
    kept = (store / "ledger.jsonl").read_text()
    assert 3 <= len(kept.splitlines()) < 20
    done = explain_collection(folder, "sums:scores", store, workers=1, **run)
    assert (store / "ledger.jsonl").read_text().startswith(kept) and not list(done.missing())


def test_a_killed_worker_comes_back_however_long_it_takes() -> None:
    impatient = dask.config.set({"distributed.deploy.lost-worker-timeout": "10ms"})
    with impatient, client_of(1) as client:
        os.kill(client.submit(os.getpid).result(), signal.SIGKILL)
        assert client.submit(abs, -1).result(timeout=60) == 1


def test_a_shard_that_ends_its_workers_is_said(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    run = {**SETTINGS, "size": 16, "progress": False, "workers": 1}
    with pytest.raises(RuntimeError, match="has ended several workers"):
        explain_collection(folder, "sums:fatal_for_workers", tmp_path / "store", **run)


def test_workers_that_do_not_start_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr("distributed.LocalCluster", fail)
    words = "could not be started.*the same call goes on"
    with pytest.raises(RuntimeError, match=words), client_of(1):
        pass
