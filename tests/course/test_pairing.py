"""Text and notebook of a chapter stay as they are, whoever saves them."""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from helpers import ROOT
from jupytext import TextFileContentsManager

from tools.pair import paired, write_pair

CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.md"))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a copy of the chapters, with the settings of jupytext."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
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


def test_committed_notebooks_are_valid() -> None:
    for name in CHAPTERS:
        nbformat.validate(nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4))
