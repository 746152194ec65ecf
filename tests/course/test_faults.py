"""A small sample of the faults that ``make faults`` tries, and the page about all of them."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path

import pytest

from bench.faults.caches import damaged, no_room, together
from bench.faults.jobs import JOBS
from bench.faults.kills import killed
from bench.faults.outcome import Outcome, read_outcomes
from bench.faults.started import job
from bench.faults.table import GROUPS, PAGE, page, total


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the digest of an undisturbed drawing, kept in ``tmp_path / "drawing"``."""
    monkeypatch.setenv("INSECTLIB_CACHE", str(tmp_path / "drawing"))
    return JOBS["drawing"]()


def assert_right(outcome: Outcome) -> None:
    assert outcome.recovered == outcome.times > 0
    assert outcome.lost == outcome.different == outcome.hangs == outcome.orphans == 0


def test_a_killed_drawing_comes_right(drawn: str, tmp_path: Path) -> None:
    start, cache = partial(job, "drawing"), tmp_path / "cache"
    expected = start(tmp_path / "undisturbed").wait()
    assert expected.result == drawn
    assert_right(killed("", start, 1, cache, expected, random.Random(0)))


def test_two_at_once_and_no_room_come_right(drawn: str, tmp_path: Path) -> None:
    assert_right(together("", "drawing", 2, tmp_path / "cache", {"drawing": drawn}))
    assert_right(no_room("drawing", tmp_path / "cache", drawn))


def test_damaged_files_come_right(drawn: str, tmp_path: Path) -> None:
    pattern = "specimens/[!.]*/scenes.json"
    places = random.Random(0)
    assert_right(damaged("", "drawing", tmp_path / "drawing", pattern, drawn, places))


def test_the_page_says_what_was_found() -> None:
    assert PAGE.read_text() == page()
    every = total([outcome for group in GROUPS for outcome in read_outcomes(group)])
    assert_right(every)
