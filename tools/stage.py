"""Lay out the source of the book: ``python -m tools.stage build/specimens-full``.

Jupyter Book reads one folder. This one takes `_config.yml`, `_toc.yml`, the pages in `book/`,
the executed notebooks and pages made from them: the status, the exercises, what the checks say.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import yaml
from nbformat import NotebookNode

from tools.cards import cards
from tools.claims import claims_page
from tools.exercises import exercises_page

DATASETS = {"specimens": "drawn specimens", "photos": "photographs"}
PUBLISHED = ("notfound.extension", "sphinx_sitemap", "sphinxext.opengraph")
"""What only a book with an address can have: a page for wrong ones, a map, cards for links."""
PICTURE = "A drawn beetle, its superpixels, and maps of what speaks for and against each class"
PACKAGES = ("tensorflow", "keras", "shap", "insectlib")


def stage(edition: Path) -> Path:
    """Fill ``edition/source`` from the repository and ``edition/notebooks``; return it."""
    source = edition / "source"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree("book", source / "book", ignore=shutil.ignore_patterns("lab", "slides"))
    for name in ("explorer.css", "explorer.js"):
        shutil.copy(Path("insectlib", "visualise", name), source / "book" / "_static")
    shutil.copytree(edition / "notebooks", source / "notebooks", ignore=failed_notebooks)
    shutil.copy("_toc.yml", source)
    notebooks = {
        path.stem: nbformat.read(path, as_version=4)
        for path in sorted((source / "notebooks").glob("*.ipynb"))
    }
    if not notebooks:
        raise FileNotFoundError(f"no executed notebooks in {edition / 'notebooks'}: execute them")
    (source / "book" / "status.md").write_text(status_page(notebooks))
    (source / "book" / "claims.md").write_text(claims_page(notebooks))
    (source / "book" / "exercises.md").write_text(exercises_page(notebooks))
    toc = yaml.safe_load(Path("_toc.yml").read_text())
    (source / "book" / "cards.md").write_text(cards(notebooks, toc, source / "book" / "_static"))
    (source / "book" / "downloads.md").write_text(downloads(published="BOOK_ADDRESS" in os.environ))
    dataset, profile = parameters(next(iter(notebooks.values())))
    config = yaml.safe_load(Path("_config.yml").read_text())
    (source / "_config.yml").write_text(
        yaml.safe_dump(configured(config, dataset, profile, finished(notebooks)))
    )
    return source


def failed_notebooks(_folder: str, names: list[str]) -> list[str]:
    """Name the notebooks that stopped half-way, for `shutil.copytree` to leave out."""
    return [name for name in names if name.endswith(".failed.ipynb")]


def parameters(notebook: NotebookNode) -> tuple[str, str]:
    """Return the data set and the profile that `notebook` was executed with."""
    used = notebook.metadata.papermill.parameters
    return used.dataset, used.profile


def finished(notebooks: dict[str, NotebookNode]) -> str:
    """Return the day on which the last of `notebooks` was executed."""
    return max(str(n.metadata.papermill.end_time)[:10] for n in notebooks.values())


def configured(config: dict[str, Any], dataset: str, profile: str, day: str) -> dict[str, Any]:
    """Return `config` with the edition in the footer, and what a published book has besides.

    A published book knows its repository (environment variable ``BOOK_REPOSITORY``), its address
    (``BOOK_ADDRESS``) and, where the other edition is published beside it, the way there
    (``BOOK_OTHER``, from the top of this one). A copy on somebody's disk knows none, and has no
    button that leads nowhere.
    """
    other = ""
    if way := os.environ.get("BOOK_OTHER"):
        (name,) = DATASETS.keys() - {dataset}
        other = f" <a data-other='{way}'>This page with {DATASETS[name]}</a>."
    config["html"]["extra_footer"] = (
        f"<p>Edition: {DATASETS[dataset]}, profile <code>{profile}</code>, version "
        f"{version('insectlib')}, executed on {day}: <a data-page='book/status'>status</a>."
        f"{other}</p>"
    )
    if address := os.environ.get("BOOK_ADDRESS"):
        config["html"]["baseurl"] = address
        sphinx = config.setdefault("sphinx", {})
        sphinx.setdefault("extra_extensions", []).extend(PUBLISHED)
        sphinx.setdefault("config", {}).update(
            notfound_urls_prefix=urlsplit(address).path,
            ogp_site_url=address,
            ogp_site_name=config.get("title", ""),
            ogp_image="_static/readme.png",
            ogp_image_alt=PICTURE,
            sitemap_url_scheme="{link}",
        )
    if repository := os.environ.get("BOOK_REPOSITORY"):
        config["repository"] = {"url": repository, "branch": "main", "path_to_book": ""}
        config["html"] |= {"use_repository_button": True, "use_issues_button": True}
        config["launch_buttons"] = {
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org",
            "thebe": True,
        }
    return config


def downloads(*, published: bool) -> str:
    """Return what the landing page offers to take along: nothing, save in a published book."""
    if not published:
        return ""
    links = {
        "one PDF": "downloads/course.pdf",
        "an EPUB": "downloads/course.epub",
        "pages for a machine without network": "downloads/course.zip",
        "slides": "slides/index.html",
    }
    ways = ", ".join(f'<a href="../{place}">{what}</a>' for what, place in links.items())
    sums = '<a href="../downloads/SHA256SUMS">Checksums</a>'
    return f"**To take along:** this edition as {ways}. {sums} lie beside them.\n"


def status_page(notebooks: dict[str, NotebookNode]) -> str:
    """Return the text of the page that says what was executed, when, how long and with what."""
    rows = [
        "# Status of this edition",
        "",
        "Every chapter is a notebook, executed from its first cell to its last for this edition.",
        "Here is what was executed, how long it took, and with which versions.",
        "",
        "| Chapter | Data set | Profile | Run time | Finished (UTC) |",
        "|---|---|---|---|---|",
    ]
    for stem, notebook in notebooks.items():
        dataset, profile = parameters(notebook)
        run = notebook.metadata.papermill
        finished = str(run.end_time)[:16].replace("T", " ")
        rows.append(
            f"| {{doc}}`/notebooks/{stem}` | {DATASETS[dataset]} | `{profile}` "
            f"| {run.duration:.0f} s | {finished} |"
        )
    python = next(iter(notebooks.values())).metadata.language_info.version
    rows += ["", "| Software | Version |", "|---|---|", f"| Python | {python} |"]
    rows += [f"| {name} | {version(name)} |" for name in PACKAGES]
    rows += [
        "",
        "A chapter that loads a network from the store, because an earlier chapter has trained it,",
        "takes less time than one that trains it.",
        "",
    ]
    return "\n".join(rows)


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("edition", type=Path)
    print(stage(parser.parse_args().edition))
    return 0


if __name__ == "__main__":
    sys.exit(main())
