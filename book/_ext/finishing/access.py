"""What keyboards and screen readers need, and the theme does not give."""

from __future__ import annotations

import re

from bs4 import BeautifulSoup


def no_outdated_roles(page: BeautifulSoup) -> None:
    """Entries of the bibliography have a role that is withdrawn, in a list that may not hold it."""
    for tag in page.select('[role="doc-biblioentry"], .citation-list[role="list"]'):
        del tag["role"]


def sidebar_is_a_landmark(page: BeautifulSoup) -> None:
    """What stands in the sidebars belongs to a landmark, as all of a page does."""
    for tag in page.select("div.bd-sidebar-primary"):
        tag["role"], tag["aria-label"] = "complementary", "Chapters"
    for tag in page.select("div.bd-sidebar-secondary"):
        tag["role"], tag["aria-label"] = "complementary", "On this page"


def toggles_say_what_they_show(page: BeautifulSoup) -> None:
    """The name of a toggle is the text that is seen, in the words of the course."""
    for summary in page.select("summary[aria-label]"):
        del summary["aria-label"]
        for text in summary.find_all(string=True):
            text.replace_with(
                text.replace("code cell source", "the code")
                .replace("code cell output", "the output")
                .replace("code cell content", "the cell")
            )


def search_is_called_what_it_says(page: BeautifulSoup) -> None:
    """The name of the search button is its text, which who speaks to a browser reads out."""
    for tag in page.find_all("script", string=re.compile("search-button-field")):
        tag.string = str(tag.string).replace(' aria-label="Search"', "")


def rows_have_headings(page: BeautifulSoup) -> None:
    """Where the first column has no heading, its cells are the headings of their rows."""
    for table in page.select("article table"):
        corner = table.select_one("thead th")
        if corner and not corner.get_text(strip=True):
            for empty in table.select("thead th"):
                if not empty.get_text(strip=True):
                    empty.name = "td"
            for row in table.select("tbody > tr"):
                first = row.find(["td", "th"])
                first.name, first["scope"] = "th", "row"


PATCHES = (
    no_outdated_roles,
    sidebar_is_a_landmark,
    toggles_say_what_they_show,
    search_is_called_what_it_says,
    rows_have_headings,
)
