"""A book of one short chapter, which draws and trains, to be executed and built."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from bench.faults.started import ROOT, Started

# the Makefile lets every other chapter wait for the one of this name
NAME = "01_data"
EDITION = Path("build/specimens-fast")
COPIED = ("Makefile", "pyproject.toml", "requirements.txt", "_config.yml", "jupytext.toml")
CHAPTER = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# A chapter

```{code-cell} python
:tags: [parameters]

dataset = "specimens"
profile = "fast"
```

```{code-cell} python
import sys

sys.path.insert(0, "..")
from bench.faults.jobs import drawing, training

print(drawing())
```

```{code-cell} python
print(training())
```

```{code-cell} python
---
mystnb:
  figure:
    name: fig-01-nothing
    caption: The picture of its card.
---
import matplotlib.pyplot as plt

figure, axes = plt.subplots()
```
"""


def project(folder: Path) -> Path:
    """Lay out the book, with the tools of this one and a Python that leads to the one in use."""
    for name in ("tools", "insectlib", "bench", "book/_ext", "book/_static"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "book" / "lab").mkdir()
    for name in (*COPIED, "book/references.bib", "book/lab/package-lock.json"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "_toc.yml").write_text(
        "format: jb-book\nroot: book/welcome\nparts:\n  - caption: All\n    chapters:\n"
        f"      - file: notebooks/{NAME}\n      - file: book/status\n"
    )
    (folder / "book" / "welcome.md").write_text("# A book\n\nOf one chapter.\n")
    (folder / "notebooks").mkdir()
    (folder / "notebooks" / f"{NAME}.md").write_text(CHAPTER)
    tools = folder / ".venv" / "bin"
    tools.mkdir(parents=True)
    (tools / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (tools / "python").chmod(0o755)
    (tools.parent / "installed").touch()
    return folder


def execute(folder: Path, cache: Path) -> Started:
    """Start executing the chapter, from nothing for a new cache."""
    target = folder / "executed" / cache.name / f"{NAME}.ipynb"
    if not cache.exists():
        shutil.rmtree(target.parent, ignore_errors=True)
    command = [sys.executable, "-m", "tools.execute", f"notebooks/{NAME}.md", str(target)]
    return Started(command, cache, folder, made=target)


def build(folder: Path, cache: Path) -> Started:
    """Start building the book, from nothing for a new cache."""
    if not cache.exists():
        shutil.rmtree(folder / "build", ignore_errors=True)
        (folder / "build" / "lab").mkdir(parents=True)
        (folder / "build" / "lab" / "installed.json").touch()  # the book has no lab
    command = [
        "make",
        "--old-file=.venv/installed",
        "book",
        "PROFILE=fast",
        f"PYTHON={sys.executable}",
    ]
    return Started(command, cache, folder, made=folder / EDITION / f"html/notebooks/{NAME}.html")
