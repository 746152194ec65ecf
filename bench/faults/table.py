"""Try all faults and write the page of the book that says what came of them: ``make faults``.

``python -m bench.faults.table kills`` tries one group only, and ``--page`` none: the others stand
in the page as they were found the last time.
"""

from __future__ import annotations

import argparse
import importlib
import tempfile
from pathlib import Path

from bench.faults.outcome import Outcome, read_outcomes, write_outcomes

GROUPS = {
    "kills": "Killed, and run again",
    "caches": "Two at once, damaged files, no room",
    "collection": "A collection, explained",
    "downloads": "Downloads and archives",
}
"""Modules with a function ``run(folder: Path, seed: int) -> list[Outcome]``, and their titles."""

PAGE = Path(__file__).parent.parent.parent / "book" / "faults.md"
HEAD = "| what was done | times | came right | lost | different | hung | left over | seconds |"


def main() -> None:
    """Try what was asked for, print it, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--seed", type=int, default=0, help="decides when and where")
    parser.add_argument("--page", action="store_true", help="write the page from what is kept")
    arguments = parser.parse_args()
    if unknown := set(arguments.groups) - set(GROUPS):
        parser.error(f"no group {', '.join(sorted(unknown))}; expected some of {', '.join(GROUPS)}")
    for group in [] if arguments.page else arguments.groups or GROUPS:
        with tempfile.TemporaryDirectory(prefix="faults-") as folder:
            module = importlib.import_module(f"bench.faults.{group}")
            write_outcomes(group, module.run(Path(folder), arguments.seed))
        print(table(read_outcomes(group)))
    PAGE.write_text(page())


def page() -> str:
    """Return the page of the book: the words in ``page.md``, with the tables in their places."""
    text = (Path(__file__).parent / "page.md").read_text()
    for group, title in GROUPS.items():
        outcomes = read_outcomes(group)
        section = f"## {title}\n\n{table(outcomes)}" if outcomes else ""
        text = text.replace(f"{{{group}}}", section)
    every = [outcome for group in GROUPS for outcome in read_outcomes(group)]
    return text.replace("{all}", table([total(every)])).rstrip() + "\n"


def table(outcomes: list[Outcome]) -> str:
    """Return outcomes as text that Markdown takes."""
    lines = [HEAD, "|---|--:|--:|--:|--:|--:|--:|--:|"]
    for o in outcomes:
        counts = (o.times, o.recovered, o.lost, o.different, o.hangs, o.orphans)
        lines.append(f"| {o.what} | {' | '.join(f'{n:,}' for n in counts)} | {o.seconds:.1f} |")
    return "\n".join(lines)


def total(outcomes: list[Outcome]) -> Outcome:
    """Return all outcomes in one, with the longest of their times."""
    counts = ("times", "recovered", "lost", "different", "hangs", "orphans")
    sums = {name: sum(getattr(o, name) for o in outcomes) for name in counts}
    return Outcome("all of these", **sums, seconds=max((o.seconds for o in outcomes), default=0.0))


if __name__ == "__main__":
    main()
