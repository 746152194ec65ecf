"""Fetch published files: each whole and as it was published, or an error, within limits."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import httpx
from anyio.from_thread import start_blocking_portal
from filelock import FileLock
from tqdm import tqdm

from insectlib.data.digests import file_digest
from insectlib.data.sources.errors import DataUnavailableError

FILE_SECONDS = 60
"""A file that takes longer is not waited for."""

ALL_SECONDS = 1800
"""Nor are all of them, together."""

SILENT_SECONDS = 30
"""A server that says nothing for so long is given up."""


class Published(NamedTuple):
    """What is known of a published file: its SHA-256, 64 hexadecimal digits, and its bytes."""

    digest: str
    size: int


def check_folder(root: Path, expected: dict[str, Published]) -> None:
    """Check every file in `root` against its SHA-256.

    Raises
    ------
    DataUnavailableError
        Naming the first five files that are missing, changed or outside of the folder.
    """
    wrong = [f"{path} {what}" for path, what in _wrong(root, expected).items()]
    if wrong:
        more = f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise DataUnavailableError(
            f"{len(wrong)} of {len(expected)} files in {root} are not right: "
            f"{'; '.join(wrong[:5])}{more}. Fetch these files again."
        )


def _wrong(root: Path, expected: dict[str, Published]) -> dict[str, str]:
    """Return what is wrong with which files."""
    wrong = {}
    for path, published in expected.items():
        file = root / path
        try:
            if not file.is_file():
                wrong[path] = "is missing"
            elif not file.resolve().is_relative_to(root.resolve()):
                wrong[path] = "is a link that leads out of the folder"
            elif file.stat().st_size != published.size:
                wrong[path] = f"has {file.stat().st_size:,} bytes, not {published.size:,}"
            elif file_digest(file) != published.digest:
                wrong[path] = "has another SHA-256 than was published"
        except OSError as error:
            wrong[path] = f"cannot be read ({error})"
    return wrong


def fetch(
    expected: dict[str, Published],
    *,
    folder: Path,
    sources: Sequence[str],
    hint: str = "",
    progress: bool = True,
) -> None:
    """Fetch the files that are not there yet, or damaged, and check each as it arrives.

    A fetch that was cut off goes on where it stopped. A file whose copy is there already is
    copied from it. Of two processes that fetch at once, the second waits.

    Parameters
    ----------
    expected : dict of str to Published
        By path.
    folder : Path
        Where to put them; made where it is missing.
    sources : sequence of str
        Addresses that the paths are appended to, tried in this order.
    hint : str
        What can be done without internet, for messages.
    progress : bool
        Whether to show a progress bar on standard error.

    Raises
    ------
    DataUnavailableError
        When a file is to be had from none of the sources, takes more than `FILE_SECONDS` from each,
        or all take more than `ALL_SECONDS`; and when `folder` cannot be written to.
    """
    if not _wrong(folder, expected):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=ALL_SECONDS):
            _complete(folder, expected, sources, progress=progress)
    except TimeoutError as error:
        raise DataUnavailableError(
            f"it took more than {ALL_SECONDS:,} seconds; the files that have arrived are kept in "
            f"{folder}, so that the next call goes on from there. {hint}"
        ) from error
    except DataUnavailableError as error:
        raise DataUnavailableError(f"{error}. {hint}") from error
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        raise DataUnavailableError(
            f"the settings of the proxy are wrong: {error}. {hint}"
        ) from error
    except OSError as error:
        raise DataUnavailableError(
            f"nothing can be kept in {folder} ({error}): make room, or let INSECTLIB_CACHE name a "
            f"folder that can be written to. {hint}"
        ) from error
    check_folder(folder, expected)


def _complete(
    root: Path, expected: dict[str, Published], sources: Sequence[str], *, progress: bool
) -> None:
    """Put what is missing or damaged into a folder that no other process writes to."""
    wrong = _wrong(root, expected)
    right = {expected[path]: path for path in expected.keys() - wrong.keys()}
    wanted: dict[Published, list[str]] = {}
    for path in wrong:
        wanted.setdefault(expected[path], []).append(path)
    for published in wanted.keys() & right.keys():
        _put(root, wanted.pop(published), (root / right[published]).read_bytes())

    async def work(client: httpx.AsyncClient) -> None:
        while wanted:
            published, paths = wanted.popitem()
            _put(root, paths, await _fetched(client, min(paths), published, sources))
            bar.update()

    async def work_together() -> None:
        async with (
            asyncio.timeout(ALL_SECONDS),
            # never decompressed: a few bytes can unfold into gigabytes
            httpx.AsyncClient(
                headers={"Accept-Encoding": "identity"},
                timeout=SILENT_SECONDS,
                follow_redirects=True,
            ) as client,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(8):
                group.create_task(work(client))

    bar = tqdm(total=len(wanted), desc="fetched", unit="file", disable=not progress)
    # in a thread of its own, since a notebook has an event loop already
    with bar, start_blocking_portal() as portal:
        try:
            portal.call(work_together)
        except ExceptionGroup as group:
            raise group.exceptions[0] from group


def _put(root: Path, paths: Sequence[str], content: bytes) -> None:
    """Write the same bytes to several files, of which none is ever half written."""
    for path in paths:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f"{target.name}.part")
        try:
            draft.write_bytes(content)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)


async def _fetched(
    client: httpx.AsyncClient, path: str, published: Published, sources: Sequence[str]
) -> bytes:
    """Return one file from the first of `sources` that has it right."""
    failures = []
    for source in sources:
        try:
            async with asyncio.timeout(FILE_SECONDS):
                return await _answer(client, source + path, published)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            failures.append(f"{source + path}: {_reason(error)}")
    raise DataUnavailableError(f"{path} could not be fetched ({'; '.join(failures)})")


async def _answer(client: httpx.AsyncClient, address: str, published: Published) -> bytes:
    """Return what a server answers, once it is what was published."""
    content = b""
    async with client.stream("GET", address) as answer:
        answer.raise_for_status()
        async for chunk in answer.aiter_raw():
            content += chunk
            if len(content) > published.size:
                raise ValueError("the file is longer than was published")
    if len(content) < published.size:
        raise ValueError("the file was cut off")
    if sha256(content).hexdigest() != published.digest:
        raise ValueError("the file has another SHA-256 than was published")
    return content


def _reason(error: Exception) -> str:
    """Say in a few words why a download failed."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"the server answered {error.response.status_code}"
    if isinstance(error, httpx.TooManyRedirects):
        return "the server redirects in a circle"
    if isinstance(error, (TimeoutError, httpx.TimeoutException)):
        return f"no whole file within {FILE_SECONDS} seconds"
    if isinstance(error, httpx.ConnectError):
        return "no connection"
    if isinstance(error, httpx.TransportError):
        return f"the connection broke: {error or type(error).__name__}"
    return str(error)


@contextmanager
def no_long_silence() -> Iterator[None]:
    """Let downloads that other libraries make end where the server falls silent."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
