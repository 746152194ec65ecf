"""The cache: whole or not there, checked on reading, made once, and never in the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from insectlib.data.cache import (
    DAMAGED,
    DRAFT,
    LOCKS,
    MANIFEST,
    cache_dir,
    cached,
    cached_array,
)
from insectlib.data.digests import settings_digest

KEY = settings_digest({"what": "numbers"})
NUMBERS = np.arange(7.0)


def write(folder: Path, text: str) -> None:
    (folder / "a.txt").write_text(text)
    (folder / "b.txt").write_text(text[::-1])


def read(folder: Path) -> str:
    return (folder / "a.txt").read_text()


def never() -> str:
    raise AssertionError("made again")


def ask(make: Callable[[], str] = lambda: "made", key: str = KEY) -> str:
    return cached("words", key, make, write=write, read=read)


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != LOCKS)


def test_is_made_once_and_kept_with_its_digests(cache: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ask() == "made"
        assert ask(never) == "made"
    assert visible(cache / "words") == [KEY]
    assert set(json.loads((cache / "words" / KEY / MANIFEST).read_text())) == {"a.txt", "b.txt"}


def test_arrays_keep_their_type(cache: Path) -> None:
    for array in (NUMBERS, NUMBERS.astype(np.float32).reshape(7, 1), np.zeros((0, 3), bool)):
        key = settings_digest(str(array.dtype))
        for _ in range(2):
            found = cached_array("arrays", key, lambda array=array: array)
            np.testing.assert_array_equal(found, array)
            assert found.dtype == array.dtype


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def change(path: Path) -> None:
    path.write_bytes(b"\0" + path.read_bytes()[1:])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("name", ["a.txt", "b.txt", MANIFEST])
@pytest.mark.parametrize("damage", [cut, change, empty, Path.unlink])
def test_damage_is_named_once_set_aside_and_made_again(
    cache: Path, name: str, damage: Callable[[Path], None]
) -> None:
    ask()
    damage(cache / "words" / KEY / name)
    with pytest.warns(UserWarning, match=f"{KEY} is damaged, made again: ") as caught:
        assert ask() == "made"
    assert len(caught) == 1
    assert visible(cache / "words") == [DAMAGED + KEY, KEY]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ask(never) == "made"


@pytest.mark.parametrize("manifest", ["{}", "[]", "{", '{"a.txt": "0"}', '{"../../etc": "0"}', "7"])
def test_a_manifest_of_another_kind_is_damage(cache: Path, manifest: str) -> None:
    ask()
    (cache / "words" / KEY / MANIFEST).write_text(manifest)
    with pytest.warns(UserWarning, match="damaged, made again"):
        assert ask() == "made"


def test_what_cannot_be_read_back_is_damage(cache: Path) -> None:
    ask()

    def fail(folder: Path) -> str:
        raise KeyError("a field is missing")

    with pytest.warns(UserWarning, match="KeyError: 'a field is missing'"):
        assert cached("words", KEY, lambda: "anew", write=write, read=fail) == "anew"


def test_errors_in_making_are_passed_on_and_nothing_is_kept(cache: Path) -> None:
    def fail() -> str:
        raise OSError("no such network")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(OSError, match="no such network"):
            ask(fail)
    assert visible(cache / "words") == []
    assert ask() == "made"


def test_an_interrupted_write_leaves_nothing(cache: Path) -> None:
    def stop(folder: Path, text: str) -> None:
        (folder / "a.txt").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached("words", KEY, lambda: "made", write=stop, read=read)
    assert visible(cache / "words") == []


def test_a_full_disk_is_said_once_and_the_result_is_not_lost(cache: Path) -> None:
    def full(folder: Path, text: str) -> None:
        (folder / "a.txt").write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.warns(UserWarning, match="nothing can be kept in .*No space left") as caught:
        for key in (KEY, KEY, "other"):
            assert cached("words", key, lambda: "made", write=full, read=read) == "made"
    assert len(caught) == 1
    assert visible(cache / "words") == []
    assert ask() == "made"
    assert ask(never) == "made"


def test_without_a_folder_everything_is_made_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("INSECTLIB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(UserWarning, match="INSECTLIB_CACHE") as caught:
        assert [ask(lambda: "one"), ask(lambda: "two")] == ["one", "two"]
    assert len(caught) == 1
    with pytest.raises(OSError, match=r"cannot be made .*INSECTLIB_CACHE"):
        cache_dir("words")


def test_a_read_only_cache_is_read(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may run as root, whom no mode keeps from writing: let the calls fail instead."""
    ask()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(30, "Read-only file system")

    for name in ("mkdir", "rename", "replace", "write_text"):
        monkeypatch.setattr(Path, name, refuse)
    monkeypatch.setattr(FileLock, "acquire", refuse)
    assert ask(never) == "made"
    with pytest.warns(UserWarning, match="Read-only file system"):
        assert ask(lambda: "in memory", key="other") == "in memory"


def test_a_cache_of_somebody_else_is_made_in_memory(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No permission to look into a folder; root has it always, so let the calls fail instead."""

    def refuse(path: object, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    for name in ("stat", "lstat", "mkdir", "open", "listdir", "scandir"):
        monkeypatch.setattr(os, name, refuse)
    with pytest.warns(UserWarning, match="INSECTLIB_CACHE") as caught:
        found = [ask(lambda: "one"), ask(lambda: "two")]
    monkeypatch.undo()
    assert found == ["one", "two"]
    assert len(caught) == 1


SLOW = """
import sys, time
from pathlib import Path
from insectlib.data.cache import cached

def make():
    with open(sys.argv[1], "a") as log:
        log.write("made\\n")
    time.sleep(float(sys.argv[2]))
    return "made"

def write(folder, text):
    (folder / "a.txt").write_text(text)
    if len(sys.argv) > 3:
        print("writing", flush=True)
        time.sleep(60)

print(cached("words", "key", make, write=write, read=lambda f: (f / "a.txt").read_text()))
"""


def start(log: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", SLOW, str(log), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_of_two_processes_one_makes_and_the_other_waits(tmp_path: Path) -> None:
    log = tmp_path / "log"
    running = [start(log, "1") for _ in range(3)]
    assert [process.communicate()[0] for process in running] == ["made\n"] * 3
    assert [process.returncode for process in running] == [0, 0, 0]
    assert log.read_text() == "made\n"


def test_what_a_killed_writer_leaves_is_swept(cache: Path, tmp_path: Path) -> None:
    process = start(tmp_path / "log", "0", "stay")
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    (left,) = (cache / "words").glob(f"{DRAFT}*")
    ask(key="other")  # the writer lives: its draft stays
    assert left.exists()
    process.kill()
    process.communicate()
    assert left.exists()
    ask(key="third")
    assert not left.exists()
    assert ask(key="key") == "made"


def test_a_draft_of_the_same_key_is_swept(cache: Path) -> None:
    left = cache_dir("words") / f"{DRAFT}{KEY}-0"
    left.mkdir()
    (left / "a.txt").write_text("half")
    assert ask() == "made"
    assert not left.exists()


def test_waiting_ends_when_the_lock_is_given_back(cache: Path) -> None:
    (cache_dir("words") / LOCKS).mkdir()
    held = FileLock(cache / "words" / LOCKS / "key")
    held.acquire()
    process = start(cache / "log", "0")
    time.sleep(1.5)
    assert process.poll() is None
    held.release()
    assert process.communicate()[0] == "made\n"
