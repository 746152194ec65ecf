"""Let nbval compare what papermill has executed: ``pytest -p tools.replay --executed FOLDER``.

nbval starts a kernel and runs every cell anew. The book has just run the same cells, with the
same parameters, so its outputs are handed to nbval in place of a kernel's, and nothing is run
twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbval.plugin import IPyNbFile


class ExecutedNotebook:
    """Answers as nbval's kernel would, from a notebook that papermill has executed.

    Parameters
    ----------
    path : Path
        Of the executed notebook.

    Raises
    ------
    FileNotFoundError
        When there is none.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise FileNotFoundError(f"{path} is not there: execute the notebooks first")
        self._path = path
        notebook = nbformat.read(path, as_version=4)
        self._cells = iter([cell for cell in notebook.cells if cell.cell_type == "code"])
        self._messages: Iterator[dict[str, Any]] = iter(())

    def is_alive(self) -> bool:
        """Return that there is something left to say."""
        return True

    def execute_cell_input(self, source: str, allow_stdin: bool = False) -> str:
        """Make the outputs of the next cell ready, which must be the one that is asked for."""
        cell = next(self._cells, None)
        if cell is None or not (cell.source == source or _is_parameters(cell)):
            raise ValueError(f"{self._path} was made from another text: execute it again")
        # as in tools.pair, the error stream (progress, notices of libraries) is not compared
        outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        self._messages = iter([*map(_message, outputs), _idle()])
        return "cell"

    def await_reply(self, msg_id: str, timeout: float | None = None) -> None:
        """Return at once: the cell has run."""

    def get_message(self, stream: str, timeout: float | None = None) -> dict[str, Any]:
        """Return the next output of the cell."""
        message = next(self._messages, None)
        if message is None:
            raise Empty
        return message

    def await_idle(self, parent_id: str, timeout: float) -> None:
        """Pass over what the cell has left to say."""
        self._messages = iter(())

    def stop(self) -> None:
        """Do nothing: no process was started."""


def _is_parameters(cell: NotebookNode) -> bool:
    return "parameters" in cell.metadata.get("tags", [])


def _message(output: NotebookNode) -> dict[str, Any]:
    """Return the message in which a kernel sends an output."""
    return {
        "msg_type": output.output_type,
        "parent_header": {"msg_id": "cell"},
        "content": output,
    }


def _idle() -> dict[str, Any]:
    return {
        "msg_type": "status",
        "parent_header": {"msg_id": "cell"},
        "content": {"execution_state": "idle"},
    }


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the folder of the executed notebooks."""
    parser.addoption("--executed", type=Path, help="folder with the executed notebooks")


def pytest_configure(config: pytest.Config) -> None:
    """Hand every notebook's cells to the executed notebook of the same name."""

    def setup(notebook: Any) -> None:
        notebook.kernel = ExecutedNotebook(config.getoption("executed") / notebook.path.name)
        notebook.setup_sanitize_files()

    IPyNbFile.setup = setup
