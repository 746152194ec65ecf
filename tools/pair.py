"""Pair each chapter's MyST text with its committed notebook: ``python -m tools.pair``.

The committed ``NN_name.ipynb`` carries the cells of ``NN_name.md`` and the outputs of the cells
tagged ``nbval-check-output``, which nbval compares. All other outputs depend on the machine or
are pictures; without them a diff can be read.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import jupytext
import nbformat
from jupytext.cli import jupytext as jupytext_cli
from nbformat import NotebookNode

CHECKED = "nbval-check-output"


def paired(source: Path, executed: Path) -> NotebookNode:
    """Return the notebook to commit for the chapter `source`, with outputs from `executed`.

    Raises
    ------
    ValueError
        When `executed` was not made from the present text of `source`.
    """
    notebook: NotebookNode = jupytext.read(source)
    ran = nbformat.read(executed, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    ran_cells = [cell for cell in ran.cells if cell.cell_type == "code"]
    same = len(cells) == len(ran_cells) and all(
        a.source == b.source or "parameters" in a.metadata.get("tags", [])
        for a, b in zip(cells, ran_cells, strict=True)
    )
    if not same:
        raise ValueError(f"{executed} was made from another text of {source}: execute it again")
    for count, (cell, ran_cell) in enumerate(zip(cells, ran_cells, strict=True), start=1):
        if CHECKED in cell.metadata.get("tags", []):
            cell.execution_count = count  # nbval refuses outputs of a cell that never ran
            cell.outputs = checked_outputs(ran_cell.outputs, source)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # jupytext draws random ones, which no diff needs
    return notebook


def write_pair(source: Path, notebook: NotebookNode) -> None:
    """Write the notebook beside the chapter `source`, both in the form that jupytext gives them.

    Whoever saves the chapter in JupyterLab then changes what they typed, and nothing else.
    """
    target = source.with_suffix(".ipynb")
    draft = target.with_suffix(".tmp")
    nbformat.write(notebook, draft)
    draft.replace(target)
    for newer in (source, target):  # of the two, jupytext believes the newer one
        now = time.time()
        for path in (source, target):
            os.utime(path, (now, now if path == newer else now - 10))
        jupytext_cli(["--sync", "--quiet", str(source)])
    source.touch()  # JupyterLab refuses to open a text that is older than its notebook


def checked_outputs(outputs: list[NotebookNode], source: Path) -> list[NotebookNode]:
    """Return what a checked cell printed; refuse results and pictures.

    What stands on the error stream (progress, notices of libraries) is not compared.

    Raises
    ------
    ValueError
        When the cell showed anything but printed text.
    """
    streams = [output for output in outputs if output.output_type == "stream"]
    if len(streams) < len(outputs):
        raise ValueError(f"{source}: a cell tagged {CHECKED} may print text only, to be compared")
    # the kernel may hand over what one cell prints in any number of pieces
    text = "".join(output.text for output in streams if output.name == "stdout")
    return [nbformat.v4.new_output("stream", name="stdout", text=text)] if text else []


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("executed", type=Path, help="folder with the executed notebooks")
    folder = parser.parse_args().executed
    for source in sorted(Path("notebooks").glob("*.md")):
        write_pair(source, paired(source, folder / f"{source.stem}.ipynb"))
        print(f"{source.with_suffix('.ipynb')}: paired")
    return 0


if __name__ == "__main__":
    sys.exit(main())
