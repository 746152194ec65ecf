"""The sample report says what was measured, and nothing that the figures do not bear out."""

from __future__ import annotations

import copy
import json
import re

import pytest

from bench.sample_audit import CHANGES, KEPT, PAGE, page

FOUND = json.loads(KEPT.read_text())


def test_page_is_made_of_the_kept_figures() -> None:
    assert PAGE.read_text() == page(FOUND)


def test_marks_add_up() -> None:
    text = PAGE.read_text()
    marks = [int(mark) for mark in re.findall(r"^\| \w+ \| (\d) \|", text, re.MULTILINE)]
    numbers = {8: "Eight", 9: "Nine", 10: "Ten"}
    assert len(marks) == 5
    assert f"{numbers[sum(marks)]} of ten marks" in text


@pytest.mark.parametrize("sentence", ["reads the strip", "suspicious", "two classes"])
def test_a_report_that_its_figures_contradict_is_refused(sentence: str) -> None:
    found = copy.deepcopy(FOUND)
    if sentence == "two classes":
        found["mixed"] = 3
    elif sentence == "suspicious":
        found["shares"]["strip"] = found["areas"]["strip"]
    else:
        found["outcomes"][CHANGES[2]][1] = found["accuracy"][0]
    with pytest.raises(ValueError, match=sentence):
        page(found)
