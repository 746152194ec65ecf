"""What a reader takes along: an EPUB that readers can open, an archive, and their checksums."""

from __future__ import annotations

import posixpath
import subprocess
import zipfile
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from helpers import HTML

from tools import epub
from tools.release import SUMS, archive, checksums

PAGES = [
    ("", ["book/welcome"]),
    ("Shapley values", ["notebooks/04_shapley", "notebooks/10_clever_hans"]),
    ("At the back", ["book/lab", "book/glossary", "book/exercises"]),
]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    target = tmp_path_factory.mktemp("epub") / "course.epub"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(epub, "contents", lambda _: PAGES)
        epub.write(HTML.parent, target)
    return zipfile.ZipFile(target)


def test_every_page_of_the_epub_is_xml_and_its_pictures_are_there(book: zipfile.ZipFile) -> None:
    names = set(book.namelist())
    ids, links = set(), []
    for name in (name for name in names if name.endswith((".xhtml", ".opf", ".ncx"))):
        for element in ElementTree.fromstring(book.read(name)).iter():
            ids.add((name, element.get("id")))
            links += [(name, element.get(kind)) for kind in ("href", "src") if element.get(kind)]
    own = [(name, link) for name, link in links if not urlsplit(link).scheme]
    assert len(own) > 50
    pages = {name for _, parts in PAGES for name in parts}
    for name, link in own:
        place = urlsplit(link)
        there = posixpath.normpath(posixpath.join(posixpath.dirname(name), place.path))
        file = there if place.path else name
        left_out = not any(place.fragment.startswith(epub.anchor(page)) for page in pages)
        if place.fragment and (left_out or "lesson=" in place.fragment):
            continue  # to a page that is not among these, or to settings of the lab
        assert file in names and (not place.fragment or (file, place.fragment) in ids), link


def test_epub_has_formulas_stills_and_nothing_that_needs_a_script(book: zipfile.ZipFile) -> None:
    text = "".join(book.read(name).decode() for name in book.namelist() if ".xhtml" in name)
    assert "<math" in text and "\\(" not in text
    text = " ".join(text.split())
    assert "The explorer, as it begins" in text and "Left: a drawn beetle." in text
    for gone in ("<script", "<button", "<input", "Hide the code", ".webp"):
        assert gone not in text, gone
    assert "4. Shapley values: from a game to a picture" in book.read("EPUB/nav.xhtml").decode()


def test_archive_is_the_same_every_time_and_the_sums_are_right(tmp_path: Path) -> None:
    html = tmp_path / "html"
    (html / "book").mkdir(parents=True)
    (html / "book" / "a.html").write_text("a")
    (html / "downloads").mkdir()
    (html / "downloads" / "old.pdf").write_text("old")
    out = tmp_path / "out"
    out.mkdir()
    for name in ("one.zip", "two.zip"):
        archive(html, out / name, html / "downloads")
    assert (out / "one.zip").read_bytes() == (out / "two.zip").read_bytes()
    assert zipfile.ZipFile(out / "one.zip").namelist() == ["course/book/a.html"]
    (out / SUMS).write_text(checksums(out))
    subprocess.run(["sha256sum", "--check", "--strict", SUMS], cwd=out, check=True)
