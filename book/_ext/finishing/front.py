"""The first page that a host shows, and the footer of each."""

from __future__ import annotations

from pathlib import Path

from bs4 import BeautifulSoup

INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta content="0; url={page}" http-equiv="refresh"/>
<title>{title}</title>
</head>
<body><main><h1><a href="{page}">{title}</a></h1></main></body>
</html>
"""


def footer_links(page: BeautifulSoup) -> None:
    """A link in the footer, which is the same on every page, leads there from this page."""
    root = str(page.html["data-content_root"]) if page.html else ""
    for tag in page.select("a[data-page]"):
        tag["href"] = f"{root}{tag['data-page']}.html"
        del tag["data-page"]


def other_edition(page: BeautifulSoup, name: str) -> None:
    """The switch in the footer leads to the same page, `name`, of the other edition."""
    root = str(page.html["data-content_root"]) if page.html else ""
    for tag in page.select("a[data-other]"):
        tag["href"] = f"{root}{tag['data-other']}{name}"
        del tag["data-other"]


def write_index(out: Path, root: str, title: str) -> None:
    """Have the folder's own page lead to the landing page, with a title."""
    (out / "index.html").write_text(INDEX.format(page=f"{root}.html", title=title))


PATCHES = (footer_links,)
