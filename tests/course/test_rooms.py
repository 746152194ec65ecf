"""The rooms of the package: imports run one way, doors are short, and every name has one home."""

from __future__ import annotations

import ast
import importlib
import io
import re
import tokenize
from pathlib import Path

import pytest
from helpers import ROOT

PACKAGE = ROOT / "insectlib"
ROOMS = (
    "specimens",
    "data",
    "models",
    "explain",
    "visualise",
    "evaluate",
    "shortcuts",
    "collection",
    "course",
    "cli",
)
SOURCES = sorted(PACKAGE.rglob("*.py"))
PAGES = sorted([*(ROOT / "notebooks").glob("*.md"), *(ROOT / "book").glob("*.md")])


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in SOURCES}


def imported(path: Path) -> set[str]:
    """Return the modules of insectlib that a file imports, also for type checkers only."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{alias.name}" for alias in node.names} & set(MODULES)
            found |= inside or {node.module}
    return {name for name in found if name.split(".")[0] == "insectlib"}


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_imports_run_in_one_direction(path: Path) -> None:
    room = module_name(path).split(".")[1:2]
    if not room:
        return
    for name in imported(path):
        assert name in MODULES, f"{module_name(path)} imports {name}"
        other = name.split(".")[1]
        assert ROOMS.index(other) <= ROOMS.index(room[0]), f"{module_name(path)} imports {name}"


def test_no_two_modules_import_each_other() -> None:
    arrows = {name: imported(path) & set(MODULES) for name, path in MODULES.items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        if name not in done:
            for other in arrows[name]:
                visit(other, (*trail, name))
            done.add(name)

    for name in MODULES:
        visit(name, ())


def test_folders_and_files_stay_small() -> None:
    for folder in [PACKAGE, *(p for p in PACKAGE.rglob("*") if p.is_dir())]:
        names = {p.name for p in folder.iterdir()}
        entries = names - {"__pycache__", "py.typed", "__init__.py", "__init__.pyi"}
        assert len(entries) <= 12, f"{folder} has {len(entries)} entries: {sorted(entries)}"
    for path in SOURCES:
        n = len(path.read_text().splitlines())
        assert n <= 360, f"{path} has {n} lines"


def test_each_room_exports_what_its_door_says() -> None:
    homes: dict[str, str] = {}
    for room in ROOMS:
        if not (PACKAGE / room / "__init__.pyi").exists():
            continue
        module = importlib.import_module(f"insectlib.{room}")
        assert module.__all__
        for name in module.__all__:
            assert getattr(module, name) is not None
            assert name not in homes, f"{name} is in {homes[name]} and in {room}"
            homes[name] = room


def test_references_in_docstrings_resolve() -> None:
    for path in [*SOURCES, *ROOT.glob("notebooks/*.md"), *ROOT.glob("book/*.md")]:
        for reference in re.findall(r"`~?(insectlib(?:\.\w+)+)`", path.read_text()):
            head, _, tail = reference.rpartition(".")
            target: object = None
            for cut in range(reference.count(".") + 1):
                parts = reference.split(".")
                head, rest = ".".join(parts[: len(parts) - cut]), parts[len(parts) - cut :]
                if head in MODULES:
                    target = importlib.import_module(head)
                    for name in rest:
                        target = getattr(target, name)
                    break
            assert target is not None, f"{path} names {reference}"


@pytest.mark.parametrize("page", [*PAGES], ids=lambda path: path.stem)
def test_pages_import_what_is_there(page: Path) -> None:
    """Also in folded solutions, which nobody executes, and only from rooms and the top level."""
    pattern = r"^\s*from (insectlib[\w.]*) import (?:\(([^)]*)\)|([^\n(]*))"
    for module, several, one in re.findall(pattern, page.read_text(), flags=re.MULTILINE):
        assert module.count(".") <= 1, f"{page.stem} imports from {module}, which is no room"
        for name in (several or one).replace("\n", " ").split(","):
            if name.strip():
                getattr(importlib.import_module(module), name.split(" as ")[0].strip())


DIALECT = (
    "calm",
    "foretell",
    "foretells",
    "foretold",
    "kin",
    "livery",
    "probe",
    "probes",
    "riddle",
    "strangers",
    "by heart",
    "leans on",
    "hands a difference",
)
"""Words that say nothing to a reader of the field, each with a plain one in its place."""


def prose(path: Path) -> list[str]:
    """Return the docstrings and the comments of a file."""
    source = path.read_text()
    found = [
        node.value.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return found + [token.string for token in tokens if token.type == tokenize.COMMENT]


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_docstrings_and_comments_speak_plainly(path: Path) -> None:
    words = re.compile(rf"\b({'|'.join(DIALECT)})\b", re.IGNORECASE)
    found = {match for text in prose(path) for match in words.findall(" ".join(text.split()))}
    assert not found, f"{path} says {sorted(found)}"
    seeds = [text for text in prose(path) if re.search(r"seed : int\n\s+Of ", text)]
    assert not seeds, f"{path} does not say of its seed that it is one: {seeds}"
