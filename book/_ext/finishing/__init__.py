"""Sphinx extension: what is done to each page after Sphinx has written it.

The theme is in maintenance, so what it gets wrong is put right here, on the finished HTML: one
small function for each fault, each with a test in ``tests/course/test_finishing.py``.
"""

from __future__ import annotations

from pathlib import Path

from bs4 import BeautifulSoup
from sphinx.application import Sphinx

from . import access, front, pictures, reading, speed

PATCHES = (*speed.PATCHES, *front.PATCHES, *access.PATCHES, *reading.PATCHES)


def finish(app: Sphinx, error: Exception | None) -> None:
    """Patch every page, and write its pictures smaller."""
    if error or app.builder.name != "html":
        return
    out = Path(app.outdir)
    kept = Path(app.doctreedir) / "pictures"
    for path in sorted(out.rglob("*.html")):
        page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for patch in PATCHES:
            patch(page)
        front.other_edition(page, path.relative_to(out).as_posix())
        pictures.shrink(page, path.parent, kept)
        path.write_text(str(page), encoding="utf-8")
    pictures.drop_originals(out / "_images")
    front.write_index(out, app.config.root_doc, app.config.html_title or app.config.project)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx, at its end."""
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
