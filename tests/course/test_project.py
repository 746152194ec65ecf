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


class FirstSteps:
    """The Makefile in a folder of its own, with Pythons that only write down what they are told."""

    def __init__(self, folder: Path, shims: Path, works: tuple[str, ...]) -> None:
        self.folder, self.shims = folder, shims
        for path in (folder / "insectlib", folder / "book", shims):
            path.mkdir(parents=True)
        shutil.copy(ROOT / "Makefile", folder)
        for name in ("requirements.txt", "pyproject.toml"):
            (folder / name).touch()
        # what stands in .venv/bin
        self.script("python", 'echo "$*" >> said; env > environment')
        (shims / "python").rename(shims / "inside")
        for name in ("python3.13", "python3.12", "python3.11", "python3", "python"):
            self.script(
                name,
                f'''test "$1" != -c || exec {sys.executable} "$@"
echo {name} "$*" >> said; mkdir -p .venv/bin; cp "{shims}/inside" .venv/bin/python'''
                if name in works
                else "echo not installed >&2; exit 127",
            )

    def script(self, name: str, body: str) -> None:
        (self.shims / name).write_text(f"#!/bin/sh\n{body}\n")
        (self.shims / name).chmod(0o755)

    def make(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", 'umask 077; exec make -s "$@"', "make", *words],
            cwd=self.folder,
            env={"PATH": f"{self.shims}:/usr/bin:/bin", **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def said(self) -> list[str]:
        return (self.folder / "said").read_text().splitlines()

    def environment(self) -> dict[str, str]:
        lines = (self.folder / "environment").read_text().splitlines()
        return {name: value for name, _, value in (line.partition("=") for line in lines)}


@pytest.mark.parametrize(
    ("works", "found"),
    [(("python3.12", "python3.11"), "python3.12"), (("python3",), "python3"), ((), "")],
)
def test_make_finds_a_python_that_works(tmp_path: Path, works: tuple[str, ...], found: str) -> None:
    """A shim that fails under a newer name is passed over; where none works, make says so."""
    steps = FirstSteps(tmp_path / "course", tmp_path / "shims", works)
    done = steps.make("setup")
    if found:
        assert not done.returncode, done.stderr
        first, packages, ours = steps.said()
        assert first == f"{found} -m venv --clear .venv"
        assert "--require-hashes -r requirements.txt" in packages
        assert ours.endswith("-e .")
    else:
        assert done.returncode
        assert "No working Python 3.11, 3.12 or 3.13 was found" in done.stderr
        assert not (steps.folder / "said").exists()


@pytest.mark.parametrize("name", ["two words", "it's", 'a "quote"', "$HOME `x`", "x" * 200])
def test_make_works_in_any_folder_for_any_user(tmp_path: Path, name: str) -> None:
    """No home, no locale, files for oneself alone, and settings that are meant for other work."""
    steps = FirstSteps(tmp_path / name, tmp_path / "shims here", ("python3.12",))
    done = steps.make(
        "setup",
        f"PYTHON={steps.shims}/python3.12",
        LANG="C",
        PYTHONPATH="/of/other/work",
        PYTHONHOME="/of/other/work",
        PYTHONSAFEPATH="1",
        MATPLOTLIBRC="/of/other/work",
        KERAS_HOME="/of/other/work",
        KERAS_BACKEND="torch",
        IPYTHONDIR="/of/other/work",
    )
    assert not done.returncode, done.stderr
    assert (steps.folder / ".venv" / "installed").exists()
    found = steps.environment()
    assert not {"HOME", "PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH"} & set(found)
    assert "/of/other/work" not in found.values()
    assert found["KERAS_BACKEND"] == "tensorflow"
    for variable, place in {"INSECTLIB_CACHE": "cache", "KERAS_HOME": "keras"}.items():
        assert found[variable] == f"{steps.folder}/build/{place}"


VARIABLES = ("CACHE", "PHOTOS", "IMAGENET50", "CIFAR10", "FASHION_MNIST")


@pytest.mark.parametrize("given", ["in the environment", "to make"])
@pytest.mark.parametrize("named", ["my $photos here", "../photos", "/photos of mine", ""])
def test_make_takes_relative_paths_from_its_folder(tmp_path: Path, named: str, given: str) -> None:
    """Notebooks run in another folder."""
    steps = FirstSteps(tmp_path / "course", tmp_path / "shims", ("python3",))
    paths = {f"INSECTLIB_{variable}": named for variable in VARIABLES}
    if given == "to make":
        done = steps.make("setup", *(f"{name}={path}" for name, path in paths.items()))
    else:
        done = steps.make("setup", **paths)
    assert not done.returncode, done.stderr
    found = steps.environment()
    expected = str(steps.folder / named) if named else ""
    assert {found[name] for name in paths} == {expected}


def test_make_says_when_no_package_can_be_fetched_and_begins_anew(tmp_path: Path) -> None:
    steps = FirstSteps(tmp_path / "course", tmp_path / "shims", ("python3",))
    whole = (steps.shims / "inside").read_text()
    steps.script("inside", "echo ERROR: No matching distribution found for keras >&2; exit 1")
    done = steps.make("setup")
    assert done.returncode
    assert "no package index was reached: see to the network" in done.stderr
    assert not (steps.folder / ".venv" / "installed").exists()
    (steps.shims / "inside").write_text(whole)
    assert not steps.make("setup").returncode
    assert steps.said().count("python3 -m venv --clear .venv") == 2


def test_every_test_is_in_a_room() -> None:
    """'make unit' runs the folders below tests/, in two halves."""
    assert [path.name for path in (ROOT / "tests").glob("test_*.py")] == []
    halves = subprocess.run(
        ["make", "-n", "-s", "unit"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in {path.relative_to(ROOT).parts[1] for path in ROOT.glob("tests/*/**/test_*.py")}:
        assert f"tests/{name}" in halves
