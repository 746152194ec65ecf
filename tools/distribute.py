"""Write the notebooks that a reader downloads.

The pages are MyST: their numbers, links and boxes exist in the built book alone. A notebook that
somebody opens in JupyterLab, VS Code or Colab shows plain Markdown, so here this edition's numbers
are filled in, references become words or links, and boxes become what those programs can show.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from pybtex.database import BibliographyData, parse_file
from pybtex.richtext import Text

from insectlib.visualise.style import with_minus

RECORD = "application/papermill.record/text/plain"
ROLE = re.compile(r"\{([a-z]+(?::[a-z]+)?)\}`([^`]+)`")
OPENING = re.compile(r"^(:{3,})\{([a-z]+)\}\s*(.*)$")
LABEL = re.compile(r"^\([\w-]+\)=\n", re.MULTILINE)
OPTION = re.compile(r"^:[a-z]+:.*$")
Role = Callable[[str], str]

EXTRAS = {"flax": "jax", "cluster": "zarr"}
"""Parts of the package that only some chapters need, and what those import."""
INSTALL = """\
# the course's package, where it is missing: on Colab this takes a minute or two
import importlib.util

if importlib.util.find_spec("insectlib") is None:
    %pip install --quiet "insectlib[{parts}] @ {address}\""""


def glued(notebook: NotebookNode) -> dict[str, str]:
    """Return the texts that the cells of an executed notebook have glued, by key."""
    return {
        output.metadata.scrapbook.name: with_minus(str(ast.literal_eval(output.data[RECORD])))
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "scrapbook" in output.get("metadata", {}) and RECORD in output.data
    }


def titles(folder: Path) -> dict[str, str]:
    """Return the first heading of every page and notebook, by its path without suffix."""
    found = {}
    for path in (*folder.glob("book/*.md"), *folder.glob("notebooks/*.ipynb")):
        lines = path.read_text().splitlines()
        if path.suffix == ".ipynb":
            lines = "\n".join(
                c.source for c in nbformat.read(path, as_version=4).cells
            ).splitlines()
        heading = next((line for line in lines if line.startswith("# ")), f"# {path.stem}")
        found[f"/{path.parent.name}/{path.stem}"] = heading[2:]
    return found


def cited(keys: str, works: BibliographyData) -> list[tuple[str, str]]:
    """Return authors and year of each work that is cited."""
    found = []
    for key in keys.split(","):
        entry = works.entries[key.strip()]
        people = entry.persons["author"]
        names = [str(Text.from_latex(" ".join(person.last_names))) for person in people]
        authors = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
        found.append((authors, entry.fields.get("year", "n.d.")))
    return found


def roles(
    numbers: Mapping[str, str], pages: Mapping[str, str], works: BibliographyData
) -> dict[str, Role]:
    """Return what stands for each role that the chapters use."""

    def page(target: str) -> str:
        words, path = named(target)
        title = pages[path] if words == path else words
        return f"[{title}]({Path(path).name}.ipynb)" if path.startswith("/notebooks/") else title

    return {
        "glue:text": lambda key: numbers[key],
        "doc": page,
        "ref": lambda target: named(target)[0].replace("-", " "),
        "term": lambda target: named(target)[0],
        "cite": lambda keys: f"({'; '.join(f'{a}, {y}' for a, y in cited(keys, works))})",
        "cite:t": lambda keys: "; ".join(f"{a} ({y})" for a, y in cited(keys, works)),
    }


def named(target: str) -> tuple[str, str]:
    """Split ``words <target>``; the words are the target where there are none."""
    found = re.fullmatch(r"(.+?)\s*<(.+)>", target, re.DOTALL)
    return (found[1], found[2]) if found else (target, target)


def boxes(text: str) -> str:
    """Return `text` with each directive between colons as plain Markdown.

    Raises
    ------
    ValueError
        For a directive that none of the chapters has used so far.
    """
    lines, plain = text.splitlines(), []
    while lines:
        opening = OPENING.match(lines[0])
        if not opening:
            plain.append(lines.pop(0))
            continue
        fence, kind, title = opening.groups()
        end = lines.index(fence)
        body = lines[1:end]
        while body and OPTION.match(body[0]):
            body.pop(0)
        plain.append(box(kind, title, boxes("\n".join(body)).strip()))
        lines = lines[end + 1 :]
    return "\n".join(plain)


def box(kind: str, title: str, body: str) -> str:
    """Return one directive as plain Markdown."""
    if kind == "exercise":
        return f"**Exercise: {title}.**\n\n{body}"
    if kind in ("dropdown", "solution"):
        summary = "Solution" if kind == "solution" else title
        return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"
    if kind == "quiz":
        options = "\n".join(line for line in body.splitlines() if not line.startswith("  > "))
        return f"**{title}**\n\n{options}\n\n" + box("dropdown", "Answers", body)
    if kind in ("admonition", "note", "tip", "warning", "important"):
        quoted = f"**{title or kind.capitalize()}**\n\n{body}".splitlines()
        return "\n".join(f"> {line}".rstrip() for line in quoted)
    raise ValueError(f"directive {kind!r}: say in tools/distribute.py what a notebook shows for it")


def distributed(notebook: NotebookNode, known: Mapping[str, Role]) -> NotebookNode:
    """Return an executed notebook whose text any program for notebooks can show.

    Raises
    ------
    ValueError
        For a role or a directive that is not known.
    """

    def word(found: re.Match[str]) -> str:
        if found[1] not in known:
            raise ValueError(f"role {found[1]!r}: say in tools/distribute.py what stands for it")
        return known[found[1]](found[2])

    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type == "markdown":
            cell.source = boxes(ROLE.sub(word, LABEL.sub("", cell.source)))
        elif caption := cell.metadata.get("mystnb", {}).get("figure", {}).get("caption"):
            text = ROLE.sub(word, " ".join(caption.split()))
            cells.append(
                nbformat.v4.new_markdown_cell(f"*Figure.* {text}", id=f"{cell.id}-caption")
            )
    notebook.cells = cells
    return notebook


def wheel(folder: Path) -> Path:
    """Write the package to `folder`, as pip installs it."""
    with tempfile.TemporaryDirectory() as name:
        clean = Path(name)  # what a build has left beside the package would get into the next
        shutil.copytree("insectlib", clean / "insectlib")
        for file in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(file, clean)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
        command += ["--no-build-isolation", "--disable-pip-version-check"]
        subprocess.run([*command, "--wheel-dir", str(folder.resolve()), str(clean)], check=True)
    (found,) = folder.glob("insectlib-*.whl")
    return found


def installing(notebook: NotebookNode, address: str) -> NotebookNode:
    """Let a notebook begin with a cell that installs the package, where it is missing.

    Parameters
    ----------
    notebook : NotebookNode
    address : str
        Of the wheel.

    Returns
    -------
    NotebookNode
    """
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    parts = ["chapters", *(part for part, name in EXTRAS.items() if f"import {name}" in code)]
    cell = nbformat.v4.new_code_cell(
        INSTALL.format(parts=",".join(parts), address=address), id="install"
    )
    notebook.cells.insert(0, cell)
    return notebook


def write(source: Path, html: Path) -> None:
    """Write the notebooks of a staged `source` to where the pages in `html` offer them.

    In a book with an address, they know where to get the package from.
    """
    pages = titles(source)
    works = parse_file("book/references.bib")
    address = os.environ.get("BOOK_ADDRESS")
    if address:
        (html / "downloads").mkdir()
        address = f"{address.rstrip('/')}/downloads/{wheel(html / 'downloads').name}"
    for path in sorted((source / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        plain = distributed(notebook, roles(glued(notebook), pages, works))
        if address:
            plain = installing(plain, address)
        nbformat.write(plain, html / "_sources" / "notebooks" / path.name)
