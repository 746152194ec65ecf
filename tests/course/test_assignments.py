"""Assignments: students get no solution; right, wrong and empty answers get their marks."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from helpers import ROOT

from tools.assignments import SOURCES, make_course, nbgrader_course

NAMES = sorted(path.stem for path in SOURCES.glob("*.md"))
AUTOMATIC = {"audit": 8, "shapley": 10}
"""Points that the tests give; the rest is for the teacher."""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("course")
    assert make_course(folder) == NAMES
    return folder


def hidden(name: str) -> list[str]:
    """Return the lines of a source that no student may see, but for the shortest."""
    text = (SOURCES / f"{name}.md").read_text()
    parts = re.findall(r"### BEGIN (?:SOLUTION|HIDDEN TESTS)\n(.*?)### END", text, re.DOTALL)
    lines = [line.strip() for part in parts for line in part.splitlines()]
    return [line for line in lines if len(line) > 20]


@pytest.mark.parametrize("name", NAMES)
def test_students_get_no_solution(course: Path, name: str) -> None:
    secrets = hidden(name)
    assert len(secrets) > 10
    for path in (course / "release").rglob("*"):
        if path.is_file():
            found = nbformat.read(path, as_version=4)
            text = "\n".join(cell.source for cell in found.cells)
            assert [line for line in secrets if line in text] == []
            assert "BEGIN" not in text
            assert not any(cell.get("outputs") for cell in found.cells)


@pytest.mark.parametrize("name", NAMES)
def test_points_in_the_text_are_those_of_the_tests(course: Path, name: str) -> None:
    notebook = nbformat.read(course / "source" / name / f"{name}.ipynb", as_version=4)
    marked = [c.metadata.nbgrader for c in notebook.cells if "nbgrader" in c.metadata]
    by_hand = sum(m.points for m in marked if m.grade and m.solution)
    text = (SOURCES / f"{name}.md").read_text()
    told = [int(n) for n in re.findall(r"\((\d+) points[,)]", text)]
    assert sum(m.points for m in marked if m.grade) == sum(told)
    assert f"{sum(told)} points in all" in text
    assert sum(told) - by_hand == AUTOMATIC[name]
    kit = (ROOT / "book" / "teaching_kit.md").read_text()
    assert f"{AUTOMATIC[name]} of {sum(told)}" in kit


@pytest.mark.parametrize("name", NAMES)
def test_right_wrong_and_empty_answers_get_their_marks(course: Path, name: str) -> None:
    right = nbformat.read(course / "source" / name / f"{name}.ipynb", as_version=4)
    wrong = nbformat.from_dict(right)
    wrong.cells = [
        nbformat.from_dict(
            {**cell, "source": re.sub(r"(?s)### BEGIN.*### END SOLUTION", "return 0", cell.source)}
            if cell.metadata.get("nbgrader", {}).get("solution")
            and not cell.metadata.nbgrader.grade
            else cell
        )
        for cell in right.cells
    ]
    empty = nbformat.read(course / "release" / name / f"{name}.ipynb", as_version=4)
    api, scores = nbgrader_course(course), {}
    for student, notebook in {"right": right, "wrong": wrong, "empty": empty}.items():
        folder = course / "submitted" / student / name
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{name}.ipynb")
        result = api.autograde(name, student)
        assert result["success"], result["log"]
        with api.gradebook as gradebook:
            scores[student] = gradebook.find_submission(name, student).score
    assert scores == {"right": AUTOMATIC[name], "wrong": 0, "empty": 0}
