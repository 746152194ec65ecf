"""Put what readers take along beside the pages: ``python -m tools.release build/specimens-full``.

``html/downloads`` then holds the course as one PDF, as an EPUB and as an archive of its pages, with
the SHA-256 of each; ``html/slides`` holds the slides.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import zipfile
from pathlib import Path

from tools import epub, pdf, slides

SUMS = "SHA256SUMS"


def archive(html: Path, target: Path, without: Path) -> None:
    """Write the pages to a ZIP, in an order and with times that depend on nothing."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as pages:
        for path in sorted(html.rglob("*")):
            if path.is_file() and without not in path.parents:
                entry = zipfile.ZipInfo(f"course/{path.relative_to(html).as_posix()}")
                entry.compress_type = zipfile.ZIP_DEFLATED
                pages.writestr(entry, path.read_bytes())


def checksums(folder: Path) -> str:
    """Return the lines that ``sha256sum --check`` reads, for all files of a folder."""
    files = sorted(path for path in folder.iterdir() if path.name != SUMS)
    return "".join(f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in files)


def release(edition: Path) -> Path:
    """Fill ``html/downloads`` of a built edition; return it."""
    html = edition / "html"
    ready, draft = html / "downloads", edition / "downloads.draft"
    shutil.rmtree(draft, ignore_errors=True)
    if ready.exists():  # with the package
        shutil.copytree(ready, draft)
    draft.mkdir(exist_ok=True)
    slides.build(edition)
    pdf.printed(edition).write(draft / "course.pdf")
    epub.write(edition, draft / "course.epub")
    archive(html, draft / "course.zip", ready)
    (draft / SUMS).write_text(checksums(draft))
    shutil.rmtree(ready, ignore_errors=True)
    draft.rename(ready)
    return ready


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("edition", type=Path)
    print(release(parser.parse_args().edition))
    return 0


if __name__ == "__main__":
    sys.exit(main())
