"""The solutions of the exercises run with their chapter, each by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import ROOT
from papermill.exceptions import PapermillExecutionError

from tools.execute import execute
from tools.solutions import SOLUTION

CHAPTER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

```{code-cell} ipython3
:tags: [parameters]

dataset, profile = "specimens", "fast"
```

```{code-cell} ipython3
count = 1
```

:::{exercise} Count
:label: ex-count

Count to two.
:::

:::{solution} ex-count
:class: dropdown

```python
count += 1
```
In two steps:
```python
open("FILE", "a").write(f"{count} ")
```
:::

:::{exercise} Again
:label: ex-again

Count from one.
:::

:::{solution} ex-again
```python
LAST
open("FILE", "a").write(f"{count} ")
```
:::

:::{solution} ex-words
In words alone.
:::
"""


def executed(folder: Path, last: str) -> tuple[list[str], str]:
    source = folder / "chapter.md"
    source.write_text(CHAPTER.replace("FILE", str(folder / "said")).replace("LAST", last))
    notebook = execute(source, folder / "out.ipynb", dataset="specimens", profile="fast")
    return [cell.source for cell in notebook.cells], (folder / "said").read_text()


def test_solutions_run_apart_and_leave_no_cell(tmp_path: Path) -> None:
    cells, said = executed(tmp_path, "pass")
    assert said == "2 1 "  # the second does not see what the first has changed
    assert not any("exec(" in cell for cell in cells)


def test_a_solution_that_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(PapermillExecutionError, match="ex-again"):
        executed(tmp_path, "undefined")


@pytest.mark.parametrize(
    "chapter", sorted((ROOT / "notebooks").glob("*.md")), ids=lambda path: path.stem
)
def test_every_solution_is_found(chapter: Path) -> None:
    """A fence that is written otherwise would never be run, and nobody would notice."""
    text = chapter.read_text()
    assert text.count("{solution}") == len(SOLUTION.findall(text))
