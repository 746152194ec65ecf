"""Tests of nbval on executed notebooks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

REPOSITORY = Path(__file__).parents[2]


def notebook(path: Path, printed: str, source: str = "print(1 + 1)", value: str = "a") -> None:
    """Write a notebook of a parameters cell and a checked one."""
    parameters = new_code_cell(f"name = {value!r}", metadata={"tags": ["parameters"]})
    tags = {"tags": ["nbval-check-output"]}
    outputs = [new_output("stream", name="stdout", text=piece) for piece in printed.split("|")]
    if path.parent.name == "executed":
        outputs.append(new_output("stream", name="stderr", text="a notice"))
    checked = new_code_cell(source, metadata=tags, execution_count=2, outputs=outputs)
    path.parent.mkdir(exist_ok=True)
    nbformat.write(new_notebook(cells=[parameters, checked]), path)


def compared(folder: Path) -> subprocess.CompletedProcess[str]:
    """Let nbval compare the notebook of a folder with the executed one below it."""
    options = ["-p", "tools.replay", "--executed", str(folder / "executed"), "--nbval-lax"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    return subprocess.run(
        [*command, "--rootdir", str(folder), str(folder / "one.ipynb")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("printed", "source", "word"),
    [
        ("2\n", "print(1 + 1)", "2 passed"),
        ("|2|\n", "print(1 + 1)", "2 passed"),  # a kernel sends any number of pieces
        ("3\n", "print(1 + 1)", "mismatch 'stdout'"),
        ("", "print(1 + 1)", "1 failed"),
        ("2\n", "print(2)", "execute it again"),
    ],
)
def test_outputs_of_papermill_are_compared(
    tmp_path: Path, printed: str, source: str, word: str
) -> None:
    notebook(tmp_path / "one.ipynb", "2\n")
    notebook(tmp_path / "executed" / "one.ipynb", printed, source, "another")
    run = compared(tmp_path)
    assert word in run.stdout
    assert (run.returncode == 0) == ("passed" in word)


def test_a_missing_notebook_is_named(tmp_path: Path) -> None:
    notebook(tmp_path / "one.ipynb", "2\n")
    run = compared(tmp_path)
    assert "execute the notebooks first" in run.stdout
    assert run.returncode != 0
