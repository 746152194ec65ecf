"""Build the pages of an edition: ``python -m tools.pages build/specimens-full``.

They are made under another name, and get their own when all is there: the pages, the notebooks to
download and the lab. Whoever wants them at the same time waits.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from filelock import FileLock
from jupyter_book.cli.main import main as jupyter_book

from tools import distribute
from tools.stage import stage

# warnings are errors, and nothing is left out
STRICT = ("build", "-W", "-n", "--keep-going", "--quiet")


def build(edition: Path) -> Path:
    """Make ``edition/html`` from the executed notebooks and the prose; return it."""
    ready = edition / "html"
    with FileLock(edition / "html.lock"):
        source = stage(edition)
        jupyter_book([*STRICT, "--path-output", str(edition), str(source)], standalone_mode=False)
        html = edition / "_build" / "html"
        distribute.write(source, html)
        if (source / "book" / "lab.md").exists():
            from tools import lab  # which imports TensorFlow

            lab.build(edition, html)
        shutil.rmtree(ready, ignore_errors=True)
        html.rename(ready)
    return ready


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("edition", type=Path)
    print(build(parser.parse_args().edition))
    return 0


if __name__ == "__main__":
    sys.exit(main())
