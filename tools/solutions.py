"""The solutions of a chapter's exercises, as cells that run after its last one."""

from __future__ import annotations

import re

import nbformat
from nbformat import NotebookNode

TAG = "solution"
SOLUTION = re.compile(r"^(:{3,})\{solution\} (\S+)\n(.*?)^\1\s*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^```python\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)


def solutions(notebook: NotebookNode) -> dict[str, str]:
    """Return the Python code of each solution in `notebook`, by the label of its exercise.

    A solution in several pieces is one program; one in words alone is left out.
    """
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    programs = {label: "\n".join(CODE.findall(body)) for _, label, body in SOLUTION.findall(text)}
    return {label: program for label, program in programs.items() if program}


def with_solutions(notebook: NotebookNode) -> NotebookNode:
    """Add a cell for each solution to the end of `notebook`; return it.

    Each runs in a copy of the chapter's namespace, as if the reader had done no other exercise.
    """
    for label, program in solutions(notebook).items():
        source = f"exec(compile({program!r}, {label!r}, 'exec'), dict(globals()))"
        notebook.cells.append(nbformat.v4.new_code_cell(source, metadata={"tags": [TAG]}))
    return notebook


def without_solutions(notebook: NotebookNode) -> NotebookNode:
    """Take the cells of `with_solutions` away again; return `notebook`."""
    notebook.cells = [cell for cell in notebook.cells if TAG not in cell.metadata.get("tags", [])]
    return notebook
