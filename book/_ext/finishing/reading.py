"""Tables in one style; cells that a reader may pass over are folded, and say what they hold."""

from __future__ import annotations

import ast
import re

from bs4 import BeautifulSoup, Tag


def fold(cell: Tag, page: BeautifulSoup, summary: str) -> None:
    """Put `cell` below a line that opens it."""
    details = page.new_tag("details", attrs={"class": "folded"})
    line = page.new_tag("summary")
    line.string = summary
    cell.wrap(details).insert(0, line)


def code(cell: Tag) -> list[ast.stmt]:
    """Return the statements of a cell that shows its code; none where it is not Python."""
    source = cell.select_one(":scope > .cell_input pre")
    try:
        return ast.parse(source.get_text()).body if source else []
    except SyntaxError:
        return []


def imports_are_folded(page: BeautifulSoup) -> None:
    """A cell that does nothing but import, and set the style of figures, says from where."""
    for cell in page.select(":not(.folded) > div.cell"):
        lines = [line for line in code(cell) if ast.unparse(line) != "use_style()"]
        if lines and all(isinstance(line, ast.Import | ast.ImportFrom) for line in lines):
            names = [
                line.module or "" if isinstance(line, ast.ImportFrom) else each.name
                for line in lines
                for each in line.names
            ]
            roots = dict.fromkeys(name.partition(".")[0] for name in names)
            fold(cell, page, f"Imports from {', '.join(roots)}")


def true_checks_are_folded(page: BeautifulSoup) -> None:
    """A cell that prints nothing but claims that hold says how many; others stay open."""
    for cell in page.select(":not(.folded) > div.cell.tag_nbval-check-output"):
        printed = "".join(out.get_text() for out in cell.select(".cell_output pre"))
        claims = [claim for claim in printed.splitlines() if claim.strip()]
        teaches = not all(isinstance(line, ast.Expr) for line in code(cell))
        if claims and not teaches and all(re.search(r":( True)+$", claim) for claim in claims):
            many = len(claims)
            fold(cell, page, f"{many} checks, all true" if many > 1 else "1 check, true")


NUMBER = re.compile(r"[-−+±]?[\d.,]+ ?(%|s|ms|MB|MiB|px|×)?")


def tables_scroll_by_themselves(page: BeautifulSoup) -> None:
    """Tables of pandas and of Markdown in cells get what the theme gives to those of the text."""
    for table in page.select("article table"):
        del table["border"]
        if not table.find_parent(class_=["pst-scrollable-table-container", "coalition-explorer"]):
            table.wrap(page.new_tag("div", attrs={"class": "pst-scrollable-table-container"}))


def numbers_stand_below_each_other(page: BeautifulSoup) -> None:
    """A column of nothing but numbers is set to the right, with its heading."""
    for table in page.select("article .pst-scrollable-table-container > table"):
        rows = [row.find_all(["td", "th"]) for row in table.select("tbody > tr")]
        heads = [row.find_all(["td", "th"]) for row in table.select("thead > tr")]
        if not rows or any(len(row) != len(rows[0]) for row in rows + heads):
            continue
        for place in range(len(rows[0])):
            texts = [row[place].get_text(strip=True) for row in rows]
            if any(texts) and all(NUMBER.fullmatch(text) for text in texts if text):
                for row in heads + rows:
                    kept = [each for each in row[place].get("class") or [] if each != "number"]
                    row[place]["class"] = [*kept, "number"]


PATCHES = (
    imports_are_folded,
    true_checks_are_folded,
    tables_scroll_by_themselves,
    numbers_stand_below_each_other,
)
