"""One row of the table that ``make bench`` prints, and how rows are kept between runs.

Every benchmark that takes part in the table has a function ``rows(repeats: int) -> list[Row]``.
Its rows are kept as JSON in ``bench/results``, and ``bench/table.py`` writes the page of the book
from what is there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

RESULTS = Path(__file__).parent / "results"


class Row(NamedTuple):
    """What was compared, and how it came out."""

    what: str
    ours: str
    """A figure with its unit."""
    peer: str
    """The same of the other side, with its name."""
    ratio: float
    """Ours divided by the peer's: below 1 is better."""
    limit: str
    """What the ratio is held against, such as ``at most 0.90``; empty where nothing is claimed."""


def write_rows(name: str, rows: list[Row]) -> None:
    """Keep the rows of the benchmark `name`."""
    RESULTS.mkdir(exist_ok=True)
    lines = ",\n".join(f"  {json.dumps(row._asdict())}" for row in rows)
    (RESULTS / f"{name}.json").write_text(f"[\n{lines}\n]\n")


def read_rows(name: str) -> list[Row]:
    """Return the kept rows of the benchmark `name`; none where it has not been run."""
    path = RESULTS / f"{name}.json"
    return [Row(**entry) for entry in json.loads(path.read_text())] if path.exists() else []
