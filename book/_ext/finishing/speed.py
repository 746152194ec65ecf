"""A page asks for what it shows, paints before it has all of it, and stays where it is."""

from __future__ import annotations

from bs4 import BeautifulSoup

# as the theme does it, which comes to it after the first paint
SCROLL_SIDEBAR = """
{
  const bar = document.querySelector("div.bd-sidebar");
  const kept = parseInt(sessionStorage.getItem("sidebar-scroll-top"), 10);
  const here = [...bar.querySelectorAll(".bd-docs-nav .active")].pop()?.getBoundingClientRect().y;
  if (!isNaN(kept)) bar.scrollTop = kept;
  else if (here > innerHeight / 2)
    bar.scrollTop = here - bar.getBoundingClientRect().y - bar.clientHeight / 4;
}
"""


def no_script_for_icons(page: BeautifulSoup) -> None:
    """Icons come from one font; the theme also loads a script of 1.5 MB, and two fonts more."""
    for tag in page.select('script[src*="fontawesome"], link[rel=preload][href*="fontawesome"]'):
        if "fa-solid" not in str(tag.get("href")):
            tag.decompose()


def formulas_where_there_are_any(page: BeautifulSoup) -> None:
    """MathJax is on pages with formulas only."""
    if not page.select_one("article .math"):
        for tag in page.select('script[src*="mathjax"]'):
            tag.decompose()


def scripts_wait(page: BeautifulSoup) -> None:
    """Scripts run in their order once the page is there, but the one that others call at once.

    Formulas come last and hold nothing up.
    """
    for tag in page.select('link[rel=preload][as="script"]'):
        tag.decompose()
    for tag in page.select("head script[src]"):
        if "documentation_options" not in str(tag["src"]):
            del tag["async"], tag["defer"]
            tag["async" if "mathjax" in str(tag["src"]) else "defer"] = ""


def sidebar_in_place(page: BeautifulSoup) -> None:
    """The sidebar shows where the reader is from the first paint on."""
    sidebar = page.select_one("div.bd-sidebar-primary")
    if sidebar and not page.find("script", string=SCROLL_SIDEBAR):
        script = page.new_tag("script")
        script.string = SCROLL_SIDEBAR
        sidebar.insert_after(script)


def colours_from_the_start(page: BeautifulSoup) -> None:
    """A reader whose system is dark sees no light page first."""
    for tag in page.select("head script:not([src])"):
        if tag.string and 'localStorage.getItem("theme")' in tag.string:
            tag.string = tag.string.replace(
                'localStorage.getItem("theme") || "auto"',
                'localStorage.getItem("theme") || '
                '(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")',
            )


def explorers_share_one_script(page: BeautifulSoup) -> None:
    """What each explorer carries along for notebooks is in the book once."""
    for tag in page.select("article [data-explorer]"):
        tag.decompose()


PATCHES = (
    explorers_share_one_script,
    no_script_for_icons,
    formulas_where_there_are_any,
    scripts_wait,
    sidebar_in_place,
    colours_from_the_start,
)
