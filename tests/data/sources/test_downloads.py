"""Files arrive whole and as they were published, or are refused by name, soon, leaving nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from errno import ENOSPC
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from bench.faults.mirror import ANSWERS, Mirror, serving
from insectlib.data.sources import downloads
from insectlib.data.sources.downloads import Published, fetch
from insectlib.data.sources.errors import DataUnavailableError

CLASSES = ("beetles", "cockroach", "dragonflies")
FILES = {
    f"train/{name}/{i}.jpg": np.random.default_rng([c, i]).bytes(500)
    for c, name in enumerate(CLASSES)
    for i in range(3)
}
FILES |= {f"test/{name}/0.jpg": FILES[f"train/{name}/0.jpg"] for name in CLASSES}
"""A small publication with the flaw of the real one: the test part is copied."""

LISTED = {path: Published(sha256(data).hexdigest(), len(data)) for path, data in FILES.items()}
VICTIM = "train/cockroach/1.jpg"
TWINS = ("train/beetles/0.jpg", "test/beetles/0.jpg")


@pytest.fixture
def server() -> Iterator[Mirror]:
    with serving(FILES) as running:
        yield running


@pytest.fixture
def healthy() -> Iterator[Mirror]:
    with serving(FILES) as running:
        yield running


def fetched(folder: Path, *servers: Mirror) -> None:
    sources = [server.address for server in servers]
    fetch(LISTED, folder=folder, sources=sources, hint="Take a folder.", progress=False)
    assert there(folder) == FILES


def there(folder: Path) -> dict[str, bytes]:
    """Return all that lies in a folder."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_fetches_every_file_once_and_copies_the_copies(server: Mirror, tmp_path: Path) -> None:
    fetched(tmp_path / "new", server)
    assert len(server.asked) == 9  # the twelve files hold nine pictures
    assert server.encodings == {"identity"}, "compressed, a few bytes could unfold into gigabytes"
    fetched(tmp_path / "new", server)
    assert len(server.asked) == 9


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("404", "the server answered 404"),
        ("500", "the server answered 500"),
        ("redirects in a circle", "redirects in a circle"),
        ("redirect to a file", "'file://'"),
        ("redirect to a closed port", "no connection"),
        ("half of it", "the file was cut off"),
        ("half of it, said to be whole", "the connection broke"),
        ("other bytes, as many", "another SHA-256"),
        ("a page instead of the file", "cut off"),
        ("an endless body", "longer than was published"),
        ("a gzip bomb", "longer than was published"),
        ("a slow body", "no whole file within 1 seconds"),
        ("slow headers", "no whole file within 1 seconds"),
        ("silence", "no whole file within 1 seconds"),
    ],
)
def test_what_a_mirror_does_wrong_is_said_and_the_next_one_asked(
    server: Mirror,
    healthy: Mirror,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    message: str,
) -> None:
    monkeypatch.setattr(downloads, "FILE_SECONDS", 1)
    server.odd[VICTIM] = ANSWERS[name]
    begin = time.monotonic()
    with pytest.raises(DataUnavailableError, match=rf"{VICTIM} .*{message}.*\. Take a folder\."):
        fetched(tmp_path, server)
    assert time.monotonic() - begin < 10
    found = there(tmp_path)
    assert found.items() <= FILES.items() and VICTIM not in found
    server.asked.clear()
    fetched(tmp_path, server, healthy)
    assert healthy.asked == [VICTIM]
    assert not set(found) & set(server.asked)  # it went on where it had stopped


def test_all_together_have_a_deadline(
    server: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "ALL_SECONDS", 1)
    server.odd = {path: ANSWERS["a slow body"] for path in FILES if path != VICTIM}
    begin = time.monotonic()
    with pytest.raises(DataUnavailableError, match="more than 1 seconds.*Take a folder"):
        fetched(tmp_path, server)
    assert time.monotonic() - begin < 10
    assert there(tmp_path).items() <= FILES.items()


def test_offline_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataUnavailableError, match="no connection.*no connection"):
        fetch(LISTED, folder=tmp_path, sources=2 * ["http://127.0.0.1:9/"], progress=False)


def test_a_damaged_file_is_healed_by_its_twin_or_fetched_again(
    server: Mirror, tmp_path: Path
) -> None:
    fetched(tmp_path, server)
    for damaged, asked in ((TWINS[:1], []), (TWINS[1:], []), (TWINS, [min(TWINS)])):
        server.asked.clear()
        for path in damaged:
            (tmp_path / path).write_bytes(FILES[path][:-1] + b"x")
        fetched(tmp_path, server)
        assert server.asked == asked


def test_what_a_killed_fetch_left_is_taken_away(server: Mirror, tmp_path: Path) -> None:
    draft = tmp_path / f"{VICTIM}.part"
    draft.parent.mkdir(parents=True)
    draft.write_bytes(b"half")
    fetched(tmp_path, server)


def test_several_fetches_into_one_folder_wait_for_each_other(
    server: Mirror, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(fetched, tmp_path, server) for _ in range(4)]:
            done.result()
    assert len(server.asked) == 9


def test_a_folder_that_cannot_be_written_is_named(server: Mirror, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for folder in (tmp_path / "file", tmp_path / "file" / "in"):
        with pytest.raises(DataUnavailableError, match="nothing can be kept in .*INSECTLIB_CACHE"):
            fetched(folder, server)


def test_a_disk_that_is_full_leaves_nothing_half_written(
    server: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(path: Path, content: bytes) -> None:
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(DataUnavailableError, match="No space left on device.*make room"):
        fetched(tmp_path, server)
    assert there(tmp_path) == {}


@pytest.mark.parametrize("proxy", ["nonsense", "socks5://127.0.0.1:9", "http://[::"])
def test_odd_proxies_are_named(
    server: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(DataUnavailableError, match="proxy|could not be fetched"):
        fetched(tmp_path, server)
