"""Archives as nobody should make them, by kind."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator

Files = dict[str, bytes]
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "tar": bytes,
    "tar.gz": gzip.compress,
    "tar.bz2": bz2.compress,
    "tar.xz": lzma.compress,
}


def sound(files: Files) -> Iterator[bytes]:
    """Make archives of all kinds, with the folder's name and without."""
    for prefix in ("", "./", "insects/"):
        inside = {prefix + name: content for name, content in files.items()}
        for compress in COMPRESSORS.values():
            yield compress(tar(*(member(name, content) for name, content in inside.items())))
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA):
            yield packed(inside, method)


def truncated(files: Files, rng: random.Random) -> Iterator[bytes]:
    """Cut sound archives off somewhere."""
    for content in sound(files):
        for _ in range(2):
            yield content[: rng.randrange(len(content))]


def changed(files: Files, rng: random.Random) -> Iterator[bytes]:
    """Change, zero or repeat some bytes of sound archives."""
    for content in sound(files):
        at, n = rng.randrange(len(content)), rng.randrange(1, 600)
        yield content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]
        yield content[:at] + bytes(n) + content[at + n :]
        yield content[: at + n] + content[at:]


def hostile(files: Files) -> Iterator[bytes]:
    """Make archives with links, devices and names that lead elsewhere, beside what is right."""
    right = [member(name, content) for name, content in files.items()]
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, b"6"):
        yield tar(*right, member("odd", kind=kind))
    for mode in (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK):
        item = zipfile.ZipInfo("odd")
        item.external_attr = (mode | 0o644) << 16
        yield packed({**files, item: b"../../outside"})
    for name in (
        "../out",
        "/out",
        "a/../../out",
        "..\\out",
        "C:/out",
        "\\\\host\\out",
        "a/" * 1500,
    ):
        yield tar(*right, member(name + "x", b"out"))
        yield packed({**files, name + "x": b"out"})
    for name in ("n" * 3000, "odd\udcff", "CON", " ", "a\nb", "$(touch x)"):
        yield tar(*right, member(name, b"out"))


def large(files: Files) -> Iterator[bytes]:
    """Make archives that unfold to too much, and such as say that they do, or that they do not."""
    right = [member(name, content) for name, content in files.items()]
    zeros = bytes(600_000_000)
    yield packed({**files, "zeros": zeros})
    for compress in (gzip.compress, lzma.compress):
        yield compress(tar(*right, member("zeros", zeros)))
    yield gzip.compress(tar(*right) + zeros)
    yield gzip.compress(header("name", tarfile.GNUTYPE_LONGNAME, len(zeros)) + zeros)
    yield gzip.compress(header("name", tarfile.XHDTYPE, len(zeros)) + zeros)
    del zeros
    yield packed({**files, **{f"{i}": b"" for i in range(10_001)}})
    yield tar(*right, *(member(f"{i}") for i in range(10_001)))
    for size in (10**6, 10**13, -1, -512, -1024, -(10**13)):
        for kind in (tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, b"S"):
            yield header("first") + header("odd", kind, size) + bytes(10_240)
            yield header("odd", kind, size) + bytes(10_240)
    for size in (1, 10**9):  # the directory says another size than there is
        made = bytearray(packed({**files, "zeros": bytes(10**6)}))
        at = made.rfind(b"PK\x01\x02")
        made[at + 24 : at + 28] = size.to_bytes(4, "little")
        yield bytes(made)


def strange(files: Files) -> Iterator[bytes]:
    """Make empty, encrypted, nested and unknown archives, and no archives."""
    made = packed(files)
    for places, value in (((6, 8), 1), ((8, 10), 99)):  # encrypted, an unknown method
        content = bytearray(made)
        for mark, place in zip((b"PK\x03\x04", b"PK\x01\x02"), places, strict=True):
            at = -1
            while (at := content.find(mark, at + 1)) >= 0:
                content[at + place] = value
        yield bytes(content)
    yield from (b"", b"PK", b"\x1f\x8b", b"BZh9", b"\xfd7zXZ\x00", b"no archive", bytes(10_240))
    yield from (packed({}), tar(), tar(member("train", kind=tarfile.DIRTYPE)), packed({"a/": b""}))
    yield from (gzip.compress(made), gzip.compress(b""), gzip.compress(gzip.compress(tar())))
    yield from (packed({"inner.zip": made}), tar(member("inner.tar", tar())))
    yield tar(member("a", b"file"), member("a/b", b"in a file"))
    yield tar(member("train"), *(member(name, content) for name, content in files.items()))
    yield b"7z\xbc\xaf\x27\x1c" + made
    yield b"Rar!\x1a\x07" + made


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE) -> tuple[object, bytes]:
    """Return a tar's member: its header and its content."""
    item = tarfile.TarInfo(name)
    item.type, item.linkname, item.size = kind, "../../outside", len(content)
    return item, content


def tar(*members: tuple[object, bytes]) -> bytes:
    """Return a tar of these members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as taped:
        for item, content in members:
            taped.addfile(item, io.BytesIO(content))
    return buffer.getvalue()


def header(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0) -> bytes:
    """Return a tar's header alone, with any size."""
    item = tarfile.TarInfo(name)
    item.type, item.size = kind, size
    return item.tobuf(tarfile.GNU_FORMAT)


def packed(files: dict, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a .zip of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as into:
        for name, content in files.items():
            into.writestr(name, content)
    return buffer.getvalue()
