"""Assignments that mark themselves, with nbgrader: ``python -m tools.assignments FOLDER``.

Each text in ``notebooks/assignments`` holds task, solution and tests. From it come the teacher's
version, ``FOLDER/source/NAME``, and the students', ``FOLDER/release/NAME``, without solutions and
without the hidden tests.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config

SOURCES = Path(__file__).parent.parent / "notebooks" / "assignments"

CELL_SECONDS = 300
"""How long a student's cell may take; nbgrader's own 30 s are few where pictures are drawn."""

SETTINGS = f"c = get_config()\nc.Execute.timeout = {CELL_SECONDS}\n"


def make_course(folder: Path) -> list[str]:
    """Write all assignments, for the teacher and for students, to `folder`; return their names.

    Raises
    ------
    RuntimeError
        When nbgrader refuses one, with what it says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "nbgrader_config.py").write_text(SETTINGS)
    course, names = nbgrader_course(folder), []
    for source in sorted(SOURCES.glob("*.md")):
        name = source.stem
        target = folder / "source" / name / f"{name}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(for_teacher(jupytext.read(source), name), target)
        result = course.generate_assignment(name, force=True)
        if not result["success"]:
            raise RuntimeError(f"{source}: {result['error']}\n{result['log']}")
        names.append(name)
    return names


def nbgrader_course(folder: Path) -> NbGraderAPI:
    """Return nbgrader for the course in `folder`."""
    # nbgrader starts programs by their names: those of this environment
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    config = Config()
    config.CourseDirectory.root = str(folder.resolve())
    config.Execute.timeout = CELL_SECONDS
    return NbGraderAPI(config=config)


def for_teacher(notebook: NotebookNode, name: str) -> NotebookNode:
    """Turn the tags ``answer``, ``points-N`` (tests) and ``essay-N`` into nbgrader's metadata."""
    for i, cell in enumerate(notebook.cells):
        cell.id = f"{name}-{i}"
        for tag in cell.metadata.pop("tags", []):
            kind, _, points = tag.partition("-")
            cell.metadata["nbgrader"] = {
                "schema_version": 3,
                "grade_id": cell.id,
                "grade": kind in ("points", "essay"),
                "solution": kind in ("answer", "essay"),
                "locked": kind == "points",
                "task": False,
                **({"points": int(points)} if points else {}),
            }
    return notebook


if __name__ == "__main__":
    print("\n".join(make_course(Path(sys.argv[1]))))
