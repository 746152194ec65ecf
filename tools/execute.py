"""Execute a chapter with papermill: ``python -m tools.execute notebooks/01_data.md OUT.ipynb``."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import jupytext
import nbformat
import papermill
from filelock import FileLock
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from papermill.iorw import write_ipynb
from traitlets.config import Config

from tools.solutions import with_solutions, without_solutions
from tools.vendor_lines import without_vendor_lines


def execute(source: Path, target: Path, *, dataset: str, profile: str) -> NotebookNode:
    """Execute the MyST notebook `source` and write it, with its outputs, to `target`.

    `target` appears when every cell has run, and not before: a notebook that stopped is left
    beside it as ``NAME.failed.ipynb``, to be looked at. On the specimens, which everybody has, the
    solutions of the exercises run too, after the last cell, and leave no trace in the result.

    Parameters
    ----------
    source : Path
        A chapter, ``notebooks/NN_name.md``.
    target : Path
        The executed notebook, ``.ipynb``.
    dataset, profile : str
        The papermill parameters of every chapter.

    Returns
    -------
    NotebookNode
        The executed notebook.

    Raises
    ------
    PapermillExecutionError
        When a cell fails.
    """
    asked = time.time()
    locks = target.parent.parent / ".locks"
    locks.mkdir(parents=True, exist_ok=True)
    with FileLock(locks / target.name):
        # another `make` may have been at it meanwhile
        if target.exists() and target.stat().st_mtime >= asked:
            ready: NotebookNode = nbformat.read(target, as_version=4)
            return ready
        return _execute(source, target, dataset, profile)


def _execute(source: Path, target: Path, dataset: str, profile: str) -> NotebookNode:
    target.parent.mkdir(parents=True, exist_ok=True)
    failed = target.with_suffix(".failed.ipynb")
    # the path of a socket may have about a hundred bytes, and a system's own folder may have more
    long = len(os.fsencode(tempfile.gettempdir())) > 60
    with tempfile.TemporaryDirectory(dir="/tmp" if long else None) as sockets:
        # sockets on disk: no open ports, and notebooks that run side by side keep apart
        transport = {"transport": "ipc", "ip": f"{sockets}/kernel"}
        chapter = jupytext.read(source)
        notebook: NotebookNode = papermill.execute_notebook(
            chapter if dataset == "photos" else with_solutions(chapter),
            failed,
            parameters={"dataset": dataset, "profile": profile},
            progress_bar={"desc": target.stem, "mininterval": 10, "ascii": True},
            request_save_on_cell_execute=False,
            cwd=source.parent,
            config=Config({"KernelManager": transport}),
        )
    write_ipynb(without_widgets(show_parameters(without_solutions(notebook))), str(failed))
    failed.replace(target)
    return notebook


def show_parameters(notebook: NotebookNode) -> NotebookNode:
    """Let the parameters cell show the values that were used, and drop papermill's extra cell."""
    tags = [cell.metadata.get("tags", []) for cell in notebook.cells]
    injected = next(i for i, tag in enumerate(tags) if "injected-parameters" in tag)
    default = next(i for i, tag in enumerate(tags) if "parameters" in tag)
    lines = notebook.cells[injected].source.splitlines()
    notebook.cells[default].source = "\n".join(line for line in lines if not line.startswith("#"))
    del notebook.cells[injected]
    return notebook


def without_widgets(notebook: NotebookNode) -> NotebookNode:
    """Take out what a running kernel moves, such as progress bars: a page would need scripts."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [
                out
                for out in cell.outputs
                if "application/vnd.jupyter.widget-view+json" not in out.get("data", {})
            ]
    return notebook


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--dataset", default="specimens", choices=("specimens", "photos"))
    parser.add_argument("--profile", default="fast", choices=("fast", "full"))
    arguments = parser.parse_args()
    # the log lines of TensorFlow's C++ side are of no use to a reader
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    start = time.perf_counter()
    try:
        with without_vendor_lines():
            execute(
                arguments.source,
                arguments.target,
                dataset=arguments.dataset,
                profile=arguments.profile,
            )
    except PapermillExecutionError as error:
        print(
            f"{arguments.source}: cell [{error.exec_count}] failed "
            f"(dataset={arguments.dataset}, profile={arguments.profile})\n{error}",
            file=sys.stderr,
        )
        return 1
    print(f"{arguments.source}: executed in {time.perf_counter() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
