"""The files around the code: one lock for everybody, and nothing that ties it to one machine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from helpers import ROOT
from packaging.requirements import Requirement


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


def test_the_lock_is_for_three_pythons_and_three_machines() -> None:
    """Every package of the lock is there for each of them; shap has no newer one for 3.11."""
    entries = [
        Requirement(line.rstrip(" \\"))
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if line and not line.startswith((" ", "#"))
    ]
    machines = [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")]
    for version in ("3.11", "3.12", "3.13"):
        for system, machine in machines:
            environment = {
                "python_version": version,
                "python_full_version": f"{version}.9",
                "sys_platform": system,
                "platform_machine": machine,
                "platform_system": {"linux": "Linux", "darwin": "Darwin"}[system],
                "implementation_name": "cpython",
                "platform_python_implementation": "CPython",
                "os_name": "posix",
                "extra": "",
            }
            chosen = {}
            for entry in entries:
                if entry.marker is None or entry.marker.evaluate(environment):
                    assert entry.name not in chosen, f"{entry.name} twice for {environment}"
                    chosen[entry.name] = str(entry.specifier)
            assert {"tensorflow", "shap", "shapiq", "jupyter-book", "jupyterlab"} <= set(chosen)
            assert chosen["shap"].startswith("==0.51" if version == "3.11" else "==0.54")


@pytest.mark.parametrize(
    ("works", "found"),
    [(("python3.12", "python3.11"), "python3.12"), (("python3",), "python3"), ((), "")],
)
def test_make_finds_a_python_that_works(tmp_path: Path, works: tuple[str, ...], found: str) -> None:
    """A shim that fails under a newer name is passed over; where none works, make says so."""
    for name in ("python3.13", "python3.12", "python3.11", "python3", "python"):
        shim = tmp_path / name
        body = (
            f'exec {sys.executable} "$@"' if name in works else "echo not installed >&2; exit 127"
        )
        shim.write_text(f"#!/bin/sh\n{body}\n")
        shim.chmod(0o755)
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements.txt", "pyproject.toml"):
        (tmp_path / name).touch()
    done = subprocess.run(
        ["make", "-n" if found else "-s", "setup"],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    if found:
        assert f"\n{found} -m venv --clear .venv\n" in done.stdout
    else:
        assert done.returncode
        assert "No working Python 3.11, 3.12 or 3.13 was found" in done.stderr


def test_every_test_is_in_a_room() -> None:
    """'make unit' runs the folders below tests/, in two halves."""
    assert [path.name for path in (ROOT / "tests").glob("test_*.py")] == []
    halves = subprocess.run(
        ["make", "-n", "-s", "unit"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in {path.relative_to(ROOT).parts[1] for path in ROOT.glob("tests/*/**/test_*.py")}:
        assert f"tests/{name}" in halves
