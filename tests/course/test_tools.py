"""Executing and staging: what stopped is named and never staged, what ran shows its parameters."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jupytext
import nbformat
import pytest
import yaml
from helpers import ROOT

from tools import pages
from tools.claims import claims, claims_page
from tools.execute import without_widgets
from tools.exercises import exercises_page
from tools.stage import configured, downloads, stage, status_page

CELLS = [
    nbformat.v4.new_markdown_cell("# A chapter"),
    nbformat.v4.new_code_cell(
        'dataset = "specimens"\nprofile = "fast"', metadata={"tags": ["parameters"]}
    ),
    nbformat.v4.new_code_cell('print(f"{dataset}, {profile}")'),
]


def chapter(folder: Path, *extra: str) -> Path:
    path = folder / "07_chapter.md"
    cells = [*CELLS, *map(nbformat.v4.new_code_cell, extra)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    jupytext.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)
    return path


def executed(source: Path, target: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.execute", source, target]
        + ["--dataset", "photos", "--profile", "full"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an edition with one executed notebook, with a folder for sockets of a long name."""
    folder = tmp_path_factory.mktemp("edition")
    temporary = folder / ("long " * 20)
    temporary.mkdir()
    target = folder / "notebooks" / "07_chapter.ipynb"
    result = executed(chapter(folder), target, TMPDIR=str(temporary))
    assert result.returncode == 0, result.stderr
    return folder


def test_executed_notebook_shows_the_parameters_used(edition: Path) -> None:
    notebook = nbformat.read(edition / "notebooks" / "07_chapter.ipynb", as_version=4)
    sources = [cell.source for cell in notebook.cells]
    assert len(sources) == 3
    assert sources[1].splitlines() == ['dataset = "photos"', 'profile = "full"']
    assert notebook.cells[2].outputs[0].text == "photos, full\n"


def test_failing_cell_is_named_and_leaves_no_target(tmp_path: Path) -> None:
    source = chapter(tmp_path, "beetles = 0", "1 / beetles")
    target = tmp_path / "out" / "07_chapter.ipynb"
    result = executed(source, target)
    assert result.returncode == 1
    assert f"{source}: cell [5] failed (dataset=photos, profile=full)" in result.stderr
    assert "1 / beetles" in result.stderr
    assert "ZeroDivisionError" in result.stderr
    assert not target.exists()


def test_two_who_want_one_chapter_execute_it_once(tmp_path: Path) -> None:
    said = tmp_path / "said"
    source = chapter(tmp_path, f"open({str(said)!r}, 'a').write('once ')")
    target = tmp_path / "out" / "notebooks" / "07_chapter.ipynb"
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: executed(source, target), range(2)))
    assert [result.returncode for result in results] == [0, 0]
    assert said.read_text() == "once "
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_stage_takes_what_is_whole(edition: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for name in ("REPOSITORY", "ADDRESS", "OTHER"):
        monkeypatch.delenv(f"BOOK_{name}", raising=False)
    (edition / "notebooks" / "08_stopped.failed.ipynb").write_text("{}")
    source = stage(edition)
    assert [path.name for path in (source / "notebooks").iterdir()] == ["07_chapter.ipynb"]
    config = yaml.safe_load((source / "_config.yml").read_text())
    assert "photographs, profile <code>full</code>, version" in config["html"]["extra_footer"]
    assert "launch_buttons" not in config and "baseurl" not in config["html"]
    assert "data-other" not in config["html"]["extra_footer"]


def test_pages_appear_whole_and_two_builders_take_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft, ready = tmp_path / "_build" / "html", tmp_path / "html"
    (tmp_path / "source").mkdir()

    def build_draft(*_: object, **__: object) -> None:
        assert not draft.exists(), "two builders at once"
        draft.mkdir(parents=True)
        time.sleep(0.2)

    def fill_draft(_: Path, html: Path) -> None:
        assert html == draft
        (html / "index.html").write_text("whole")

    monkeypatch.setattr(pages, "stage", lambda edition: edition / "source")
    monkeypatch.setattr(pages, "jupyter_book", build_draft)
    monkeypatch.setattr(pages.distribute, "write", fill_draft)
    ready.mkdir()
    (ready / "old").touch()
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(pages.build, [tmp_path] * 2)) == [ready] * 2
    assert [path.name for path in ready.iterdir()] == ["index.html"]


def test_pages_that_fail_leave_the_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        (tmp_path / "_build" / "html").mkdir(parents=True)
        raise RuntimeError("a warning")

    monkeypatch.setattr(pages, "stage", lambda edition: edition / "source")
    monkeypatch.setattr(pages, "jupyter_book", fail)
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "index.html").write_text("old")
    with pytest.raises(RuntimeError, match="a warning"):
        pages.build(tmp_path)
    assert (tmp_path / "html" / "index.html").read_text() == "old"


def test_status_page_names_run_and_versions(edition: Path) -> None:
    notebook = nbformat.read(edition / "notebooks" / "07_chapter.ipynb", as_version=4)
    page = status_page({"07_chapter": notebook})
    assert "| {doc}`/notebooks/07_chapter` | photographs | `full` |" in page
    for name in ("Python", "tensorflow", "keras", "shap", "insectlib"):
        assert f"| {name} | " in page


def test_published_book_has_launch_buttons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOK_REPOSITORY", "https://example.org/us/course")
    config = configured({"html": {}}, "specimens", "full", "2026-11-28")
    assert config["repository"]["url"] == "https://example.org/us/course"
    assert config["launch_buttons"]["thebe"] is True


def test_published_book_knows_its_address_and_the_other_edition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BOOK_ADDRESS", "https://example.org/course/photos/")
    monkeypatch.setenv("BOOK_OTHER", "../")
    config = configured({"html": {}}, "photos", "full", "2026-11-28")
    assert (
        "<a data-other='../'>This page with drawn specimens</a>" in config["html"]["extra_footer"]
    )
    assert config["html"]["baseurl"] == config["sphinx"]["config"]["ogp_site_url"]
    assert config["sphinx"]["config"]["notfound_urls_prefix"] == "/course/photos/"
    for name in config["sphinx"]["extra_extensions"]:
        importlib.import_module(name)


def test_stage_refuses_an_edition_without_notebooks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    (tmp_path / "notebooks").mkdir()
    with pytest.raises(FileNotFoundError, match="no executed notebooks"):
        stage(tmp_path)


def checked(*lines: str) -> nbformat.NotebookNode:
    cell = nbformat.v4.new_code_cell("...", metadata={"tags": ["nbval-check-output"]})
    cell.outputs = [nbformat.v4.new_output("stream", text="\n".join(lines) + "\n")]
    return cell


def test_claims_page_has_every_line_of_every_check() -> None:
    cell = checked("it adds up: True", "a: b: False", "shape: (3, 2)", "no colon here")
    assert claims(cell) == [("it adds up", "yes"), ("a: b", "no"), ("shape", "(3, 2)")]
    cell.metadata.tags = []
    assert claims(cell) == []
    cells = [CELLS[0], checked("a | b_c: True"), checked("d: False")]
    page = claims_page({"07_chapter": nbformat.v4.new_notebook(cells=cells)})
    assert "## [A chapter](/notebooks/07_chapter)" in page
    assert "1 came out as yes and 1 as no" in page
    assert r"| a \| b\_c | yes |" in page


def test_page_of_exercises_has_each_with_its_level_and_the_questions() -> None:
    text = """# 7. A chapter

:::{exercise} Look
:label: ex-07-look
:class: level-1

Why?
:::

:::{exercise} Try
:label: ex-07-try
:class: level-3
:::

:::{quiz} What is it?
- This.
  > Right: it is.
- That.
  > No: not.
:::"""
    some = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
    page = exercises_page({"07_chapter": some, "no_exercises": nbformat.v4.new_notebook()})
    assert "## [7. A chapter](/notebooks/07_chapter)" in page
    assert "| ● | {ref}`Look <ex-07-look>` |" in page
    assert "| ●●● | {ref}`Try <ex-07-try>` |" in page
    assert 'What is it? <a href="../notebooks/07_chapter.html#quiz-1">Answers</a>' in page
    assert "no_exercises" not in page


def test_only_a_published_book_offers_downloads() -> None:
    assert downloads(published=False) == ""
    for name in ("course.pdf", "course.epub", "course.zip", "SHA256SUMS"):
        assert f'href="../downloads/{name}"' in downloads(published=True)


def test_progress_bars_of_a_running_kernel_are_not_kept() -> None:
    cell = nbformat.v4.new_code_cell("...")
    bar = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "0%"}
    cell.outputs = [
        nbformat.v4.new_output("display_data", data=bar),
        nbformat.v4.new_output("stream", text="kept"),
    ]
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {}})
    assert [out.text for out in without_widgets(notebook).cells[0].outputs] == ["kept"]
    assert "widgets" not in notebook.metadata
