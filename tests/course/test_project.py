"""The files around the code: one lock for everybody, and nothing that ties it to one machine."""

from __future__ import annotations

import json
import re
import subprocess

import yaml
from helpers import ROOT


def tracked() -> list[str]:
    listing = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return listing.stdout.split()


def test_lock_pins_every_package_by_hash_and_names_no_index() -> None:
    text = (ROOT / "requirements.txt").read_text()
    assert "://" not in text
    assert "--index-url" not in text
    entries = re.split(r"\n(?=\S)", text.strip())
    assert len(entries) > 100
    for entry in entries:
        assert re.match(r"[\w.-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry


def test_every_way_to_install_uses_the_lock() -> None:
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    pip = next(item["pip"] for item in conda["dependencies"] if isinstance(item, dict))
    assert pip == ["-r requirements.txt"]
    assert "-r ../requirements.txt" in (ROOT / ".binder/requirements.txt").read_text()
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    assert container["postCreateCommand"] == "make setup"


def test_ci_and_readme_call_the_same_test_command() -> None:
    assert "\nmake test\n" in (ROOT / ".ci/run").read_text()
    assert "make test" in (ROOT / "README.md").read_text()
    assert "make book" in (ROOT / "README.md").read_text()


def test_no_photograph_is_tracked() -> None:
    """Every raster picture in the repository was drawn by the project itself."""
    pictures = [n for n in tracked() if n.lower().endswith((".jpg", ".jpeg", ".npz", ".npy"))]
    assert pictures == []


def test_every_chapter_is_in_the_table_of_contents() -> None:
    text = (ROOT / "_toc.yml").read_text()
    listed = set(re.findall(r"file: notebooks/(\S+)", text))
    assert listed == {path.stem for path in (ROOT / "notebooks").glob("*.md")}
