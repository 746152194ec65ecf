"""What came of one fault that was tried several times, and how that is kept between runs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parent.parent / "results"


@dataclass(frozen=True)
class Outcome:
    """One line of the table.

    Parameters
    ----------
    what : str
        What was done, in a few words.
    times : int
        How often.
    recovered : int
        How often the next run gave what an undisturbed one gives, or where nothing can go on, one
        clear sentence said why.
    lost : int
        How often the next run failed.
    different : int
        How often it gave something else without a word.
    hangs : int
        How often something had to be stopped because it did not end.
    orphans : int
        Processes that were left.
    seconds : float
        Median time until the result was there again.
    """

    what: str
    times: int
    recovered: int = 0
    lost: int = 0
    different: int = 0
    hangs: int = 0
    orphans: int = 0
    seconds: float = 0.0


def write_outcomes(group: str, outcomes: list[Outcome]) -> None:
    """Keep the outcomes of a group, such as ``"caches"``."""
    RESULTS.mkdir(exist_ok=True)
    lines = ",\n".join(f"  {json.dumps(asdict(outcome))}" for outcome in outcomes)
    (RESULTS / f"faults_{group}.json").write_text(f"[\n{lines}\n]\n")


def read_outcomes(group: str) -> list[Outcome]:
    """Return the kept outcomes of a group; none where it has not been run."""
    path = RESULTS / f"faults_{group}.json"
    return [Outcome(**entry) for entry in json.loads(path.read_text())] if path.exists() else []
