"""Text and notebook of a chapter stay as they are, whoever saves them."""

from __future__ import annotations

import inspect
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
import requests
from helpers import ROOT
from jupytext import TextFileContentsManager

from tools.pair import paired, write_pair

CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.md"))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a copy of the chapters, with the settings of jupytext."""
    # new times for the copies, as in a clone
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", copy_function=shutil.copyfile)
    shutil.copy(ROOT / "jupytext.toml", tmp_path)
    return tmp_path


def unchanged(clone: Path) -> None:
    for name in CHAPTERS:
        for suffix in (".md", ".ipynb"):
            there = (clone / "notebooks" / name).with_suffix(suffix).read_text()
            here = (ROOT / "notebooks" / name).with_suffix(suffix).read_text()
            assert there == here, f"{name}{suffix}: run 'make pair'"


@pytest.mark.parametrize("newer", [".md", ".ipynb"])
def test_a_sync_changes_nothing(clone: Path, newer: str) -> None:
    for name in CHAPTERS:
        for suffix in (".md", ".ipynb"):
            when = 2e9 if suffix == newer else 1e9
            os.utime((clone / "notebooks" / name).with_suffix(suffix), (when, when))
    chapters = [f"notebooks/{name}.md" for name in CHAPTERS]
    command = [sys.executable, "-m", "jupytext", "--sync", *chapters]
    subprocess.run(command, cwd=clone, check=True, capture_output=True)
    unchanged(clone)


@pytest.mark.parametrize("suffix", [".md", ".ipynb"])
def test_saving_in_jupyterlab_changes_nothing(clone: Path, suffix: str) -> None:
    manager = TextFileContentsManager()
    manager.root_dir = str(clone)

    def now(result: Any) -> Any:
        assert not inspect.isawaitable(result)
        return result

    for name in CHAPTERS:
        path = f"notebooks/{name}{suffix}"
        model = now(manager.get(path))
        assert model["type"] == "notebook"
        now(manager.save(model, path))
    unchanged(clone)


def test_an_edit_in_jupyterlab_arrives_in_the_text(clone: Path) -> None:
    manager = TextFileContentsManager()
    manager.root_dir = str(clone)
    path = f"notebooks/{CHAPTERS[0]}.ipynb"
    model = manager.get(path)
    model["content"]["cells"][0]["source"] += "\n\nOne more sentence."
    manager.save(model, path)
    assert "One more sentence." in (clone / path).with_suffix(".md").read_text()


def test_make_pair_changes_nothing_where_the_outputs_are_the_same(clone: Path) -> None:
    for name in CHAPTERS:
        source = clone / "notebooks" / f"{name}.md"
        write_pair(source, paired(source, source.with_suffix(".ipynb")))
    unchanged(clone)


def test_make_lab_opens_a_chapter_with_its_kernel(tmp_path: Path) -> None:
    """The server that 'make lab' starts, asked as JupyterLab in a browser asks it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"open_browser": False, "port": port, "port_retries": 0, "allow_root": True}
    config = {"ServerApp": settings, "IdentityProvider": {"token": "secret"}}
    (tmp_path / "jupyter_server_config.json").write_text(json.dumps(config))
    server = subprocess.Popen(
        ["make", "lab"],
        cwd=ROOT,
        env={**os.environ, "JUPYTER_CONFIG_DIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    def ask(path: str) -> Any:
        url = f"http://127.0.0.1:{port}/api/{path}"
        reply = requests.get(url, headers={"Authorization": "token secret"}, timeout=30)
        reply.raise_for_status()
        return reply.json()

    try:
        deadline = time.monotonic() + 90
        while True:
            try:
                specs = ask("kernelspecs")
                break
            except requests.RequestException:
                assert server.poll() is None and time.monotonic() < deadline, "no server"
                time.sleep(0.5)
        assert specs["default"] == "python3"
        chapter = ask("contents/notebooks/01_data.md?type=notebook")
        assert chapter["type"] == "notebook"
        assert chapter["content"]["metadata"]["kernelspec"]["name"] == "python3"
        # the plain name stands for the interpreter of the server itself
        assert specs["kernelspecs"]["python3"]["spec"]["argv"][0] in ("python", sys.executable)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def test_committed_notebooks_are_valid() -> None:
    for name in CHAPTERS:
        nbformat.validate(nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4))
