"""The chapters: paired, readable, and teaching the very code that the package runs."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import jupytext
import nbformat
import pytest
from helpers import ROOT

from tools.exercises import EXERCISE
from tools.pair import CHECKED, paired

CHAPTERS = sorted((ROOT / "notebooks").glob("*.md"))
NUMBERED = [path for path in CHAPTERS if path.stem[:2].isdigit()]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "insectlib").rglob("*.py"))
    if path.name != "cli.py"  # its functions are commands, which no chapter teaches
]


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in jupytext.read(path).cells if cell.cell_type == "code"]


def functions(source: str) -> dict[str, str]:
    """Return the functions defined in `source`, as text without docstrings and comments."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:]
            node.decorator_list = []
            node.returns = None
            for argument in [*node.args.args, *node.args.kwonlyargs]:
                argument.annotation = None
            found[node.name] = ast.unparse(node)
    return found


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_text_and_notebook_have_the_same_cells(chapter: Path) -> None:
    text = jupytext.read(chapter)
    notebook = jupytext.read(chapter.with_suffix(".ipynb"))
    assert [(c.cell_type, c.source, c.metadata.get("tags", [])) for c in text.cells] == [
        (c.cell_type, c.source, c.metadata.get("tags", [])) for c in notebook.cells
    ], "run 'make pair'"


def test_every_notebook_has_its_text() -> None:
    assert {p.stem for p in (ROOT / "notebooks").glob("*.ipynb")} == {p.stem for p in CHAPTERS}


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_committed_outputs_are_the_compared_ones(chapter: Path) -> None:
    notebook = nbformat.read(chapter.with_suffix(".ipynb"), as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            checked = CHECKED in cell.metadata.get("tags", [])
            assert bool(cell.outputs) == checked, cell.source
            assert all(output.output_type == "stream" for output in cell.outputs), cell.source


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_has_its_parameters_and_checks(chapter: Path) -> None:
    tags = [tag for cell in code_cells(chapter) for tag in cell.metadata.get("tags", [])]
    assert tags.count("parameters") == 1
    assert CHECKED in tags


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_every_figure_has_caption_and_alt_text(chapter: Path) -> None:
    for cell in code_cells(chapter):
        settings = cell.metadata.get("mystnb", {})
        if "plt.show()" in cell.source or "figure" in settings:
            assert settings["figure"]["caption"], cell.source
            assert settings["figure"]["name"].startswith("fig-"), cell.source
            assert len(settings["image"]["alt"]) > 30, cell.source


TAUGHT = {
    "01_data": (
        "border_colours",
        "catalogue_groups",
        "deal_groups",
        "forest_hits",
        "join_groups",
        "near_duplicates",
    ),
    "02_cnn": ("regularised_cnn", "small_cnn"),
    "03_transfer": ("head", "transfer_model"),
    "04_shapley": ("all_coalitions", "exact_shapley"),
    "05_kernel_shap": ("mask_image",),
    "08_partition_shap": ("members", "owen_values"),
    "09_evaluation": ("removal_curves", "with_shuffled_weights"),
    "10_clever_hans": ("attribution_penalty", "donors", "evidence_shares", "map_features"),
}
"""Functions that a chapter shows in full and the package holds: a renamed one fails the test."""


def homes() -> dict[str, list[tuple[str, str]]]:
    """Return the modules and the source of every function of the package, by its name."""
    found: dict[str, list[tuple[str, str]]] = {}
    for module in MODULES:
        path = ROOT / Path(*module.split(".")).with_suffix(".py")
        for name, source in functions(path.read_text()).items():
            found.setdefault(name, []).append((module, source))
    return found


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_taught_functions_are_the_ones_in_the_package(chapter: Path) -> None:
    """A function shown in a chapter under a name of the package's is the package's own code."""
    package = homes()
    taught = {}
    for cell in code_cells(chapter):
        taught |= {n: s for n, s in functions(cell.source).items() if n in package}
    assert sorted(taught) == sorted(TAUGHT.get(chapter.stem, ()))
    for name, source in taught.items():
        ((module, expected),) = package[name]
        assert source == expected, f"{name} differs from {module}.{name}"
        doc = getattr(importlib.import_module(module), name).__doc__
        assert chapter.stem in doc, f"{module}.{name} does not name {chapter.stem}"


def test_pairing_refuses_outputs_of_another_text(tmp_path: Path) -> None:
    text = tmp_path / "a.md"
    jupytext.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")]), text)
    executed = tmp_path / "a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 2")]), executed)
    with pytest.raises(ValueError, match="another text"):
        paired(text, executed)


@pytest.mark.parametrize("chapter", NUMBERED, ids=lambda path: path.stem)
def test_chapter_has_its_number_exercises_and_questions(chapter: Path) -> None:
    text = chapter.read_text()
    number = int(chapter.stem[:2])
    assert re.search(rf"^# {number}\. ", text, re.MULTILINE)
    exercises = [label for _, label, _ in EXERCISE.findall(text)]  # each with its level
    solutions = re.findall(r"^:::\{solution\} (ex-\d\d-[\w-]+)$", text, re.MULTILINE)
    assert (
        exercises == solutions
        and len(exercises) >= 2
        and text.count(":::{exercise}") == len(exercises)
    )
    assert all(label.startswith(f"ex-{chapter.stem[:2]}-") for label in exercises)
    assert "{dropdown} Solution" not in text
    assert text.count(":::{quiz} ") >= 3
    quizzes = text.count("> Right:")
    assert quizzes == text.count(":::{quiz} ")


def test_no_page_uses_the_words_that_the_style_page_replaced() -> None:
    style = ROOT / "book" / "style.md"
    rows = re.findall(r"^\| .+ \| .+ \| (.*) \|$", style.read_text(), re.MULTILINE)[1:]
    words = [word for row in rows for word in row.split(", ") if word.strip()]
    assert "foretold" in words and len(words) > 10
    old = re.compile(rf"\b({'|'.join(words)})s?\b", re.IGNORECASE)
    pages = [*CHAPTERS, *(ROOT / "book").glob("*.md")]
    found = {
        path.name: used
        for path in pages
        if path != style and (used := old.findall(path.read_text()))
    }
    assert not found


def test_the_minutes_of_each_path_are_those_of_its_chapters() -> None:
    minutes = {}
    for chapter in NUMBERED:
        found = re.search(r"\*\*Time\.\*\* (\d+) minutes to read", chapter.read_text())
        assert found, chapter
        minutes[f"/notebooks/{chapter.stem}"] = int(found[1])
    text = (ROOT / "book" / "how_to_use.md").read_text()
    paths = re.findall(r"^\| .+? \| (.+) \| about (\d+) \|$", text, re.MULTILINE)
    assert len(paths) == 9
    for read, said in paths:
        parts = re.findall(r"\{doc\}`(/notebooks/\w+)`", read)
        total = sum(minutes[part] for part in parts) if parts else sum(minutes.values())
        own = 10 if "own-pictures" in read else 0
        assert total + own == int(said), read


def test_the_promises_of_a_collection_name_tests_that_are_there() -> None:
    text = (ROOT / "notebooks" / "12_collection.md").read_text()
    named = re.findall(r"\| `(test_\w+)` \|$", text, re.MULTILINE)
    there = "".join(path.read_text() for path in (ROOT / "tests" / "collection").glob("*.py"))
    assert len(named) > 5
    assert not [name for name in named if f"def {name}(" not in there]
