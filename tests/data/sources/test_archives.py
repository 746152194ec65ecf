"""Archives: what is right is unpacked; what is odd is refused by name, and leaves nothing."""

from __future__ import annotations

import gzip
import stat
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from insectlib.data.sources import archives
from insectlib.data.sources.archives import unpack

CONTENT = np.random.default_rng(0).bytes(40_000)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "target").mkdir()
    return tmp_path / "target"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("train/a/1.bin", "train/b/2.bin", "test/a/1.bin"):
        (tmp_path / "insects" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "insects" / name).write_bytes(CONTENT)
    return tmp_path / "insects"


@pytest.mark.parametrize("where", [".", "train test", "./train ./test"])
@pytest.mark.parametrize("options", ["-cf", "-czf", "-cjf", "-cJf"])
def test_what_tar_packs_is_unpacked(
    folder: Path, tmp_path: Path, target: Path, options: str, where: str
) -> None:
    command = ["tar", "-C", str(folder), options, str(tmp_path / "x.tar"), *where.split()]
    subprocess.run(command, check=True)
    unpack(tmp_path / "x.tar", target)
    assert (target / "train" / "b" / "2.bin").read_bytes() == CONTENT


def packed(path: Path, folder: Path) -> Path:
    """Pack a folder as the ending of `path` says."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as into:
            for file in sorted(folder.rglob("*")):
                into.write(file, file.relative_to(folder))
    else:
        with tarfile.open(path, "w" if path.suffix == ".tar" else f"w:{path.suffix[1:]}") as into:
            into.add(folder, "insects")
    return path


KINDS = ["x.zip", "x.tar", "x.tar.gz", "x.tar.bz2", "x.tar.xz"]


@pytest.mark.parametrize("name", KINDS)
def test_all_kinds_are_unpacked(folder: Path, tmp_path: Path, target: Path, name: str) -> None:
    unpack(packed(tmp_path / name, folder), target)
    assert len([path for path in target.rglob("*.bin") if path.read_bytes() == CONTENT]) == 3


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.85])
def test_truncated_archives_are_refused(
    folder: Path, tmp_path: Path, target: Path, name: str, share: float
) -> None:
    archive = packed(tmp_path / name, folder)
    archive.write_bytes(archive.read_bytes()[: int(share * archive.stat().st_size)])
    refused(archive, target, "")


def test_a_cut_between_two_members_is_seen(folder: Path, tmp_path: Path, target: Path) -> None:
    archive = packed(tmp_path / "x.tar", folder)
    with tarfile.open(archive) as taped:
        last = taped.getmembers()[-1].offset
    archive.write_bytes(archive.read_bytes()[:last])
    refused(archive, target, "truncated")


@pytest.mark.parametrize("name", [name for name in KINDS if name != "x.tar"])
def test_changed_bytes_are_refused(folder: Path, tmp_path: Path, target: Path, name: str) -> None:
    archive = packed(tmp_path / name, folder)
    content = bytearray(archive.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 200] = bytes(200)
    archive.write_bytes(content)
    refused(archive, target, "")


def refused(archive: Path, target: Path, message: str) -> None:
    with pytest.raises(ValueError, match=f"{archive.name} cannot be unpacked: .*{message}"):
        unpack(archive, target)


def member(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0) -> tarfile.TarInfo:
    item = tarfile.TarInfo(name)
    item.type, item.linkname, item.size = kind, "../../outside", size
    return item


def tape(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w") as taped:
        for item in members:
            taped.addfile(item)
    return path


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE],
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, target: Path, kind: bytes) -> None:
    refused(tape(tmp_path / "a.tar", member("odd", kind)), target, "'odd', a link or device")


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO])
def test_links_and_devices_in_a_zip_are_refused(tmp_path: Path, target: Path, mode: int) -> None:
    item = zipfile.ZipInfo("odd")
    item.external_attr = (mode | 0o644) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as into:
        into.writestr(item, "../../outside")
    refused(tmp_path / "a.zip", target, "'odd', a link or device")


@pytest.mark.parametrize(
    "name", ["../out.jpg", "/out.jpg", "a/../../out.jpg", "..\\out.jpg", "C:/out.jpg"]
)
def test_names_that_lead_out_are_refused(tmp_path: Path, target: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as into:
        into.writestr(name, "out")
    refused(tmp_path / "a.zip", target, "leads out of its folder")
    refused(tape(tmp_path / "a.tar", member(name)), target, "leads out of its folder")
    assert not (tmp_path / "out.jpg").exists()


def nothing(path: Path) -> None:
    path.write_bytes(b"")


def no_members(path: Path) -> None:
    with zipfile.ZipFile(path, "w"):
        pass


def no_members_tar(path: Path) -> None:
    tape(path)


def only_folders(path: Path) -> None:
    tape(path, member("train", tarfile.DIRTYPE))


def notes(path: Path) -> None:
    path.write_text("no archive")


def encrypted(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as into:
        into.writestr("a.txt", "secret")
    content = path.read_bytes()
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flag of encryption
        at = content.index(mark) + place
        content = content[:at] + b"\x01" + content[at + 1 :]
    path.write_bytes(content)


def strange_method(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as into:
        into.writestr("a.txt", "text")
    content = path.read_bytes()
    for mark, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = content.index(mark) + place
        content = content[:at] + b"\x63" + content[at + 1 :]
    path.write_bytes(content)


def file_and_folder(path: Path) -> None:
    tape(path, member("a"), member("a/b"))


def name_too_long(path: Path) -> None:
    tape(path, member("a" * 3000))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (nothing, "neither a .zip nor a .tar"),
        (notes, "neither a .zip nor a .tar"),
        (no_members, "it holds no files"),
        (no_members_tar, "it holds no files"),
        (only_folders, "it holds no files"),
        (encrypted, "encrypted"),
        (strange_method, "not supported"),
        (file_and_folder, ""),
        (name_too_long, "too long"),
    ],
)
def test_odd_archives_are_refused(
    tmp_path: Path, target: Path, make: Callable[[Path], None], message: str
) -> None:
    make(tmp_path / "odd")
    refused(tmp_path / "odd", target, message)


@pytest.mark.parametrize("name", KINDS)
def test_size_and_number_have_limits(
    folder: Path, tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    archive = packed(tmp_path / name, folder)
    with monkeypatch.context() as patch:
        patch.setattr(archives, "MAX_BYTES", 3 * len(CONTENT) - 1)
        refused(archive, target, "more than 119,999 bytes")
    with monkeypatch.context() as patch:
        patch.setattr(archives, "MAX_FILES", 4)
        refused(archive, target, "more than 4 files")
    unpack(archive, target)


def test_a_huge_member_is_refused_before_it_is_read(tmp_path: Path, target: Path) -> None:
    """Its header says 10 TB; nothing of them is there to be read, or looked for."""
    header = member("zeros", size=10**13).tobuf(tarfile.GNU_FORMAT)
    (tmp_path / "huge.tar").write_bytes(header + bytes(20 * 512))
    refused(tmp_path / "huge.tar", target, "more than 500,000,000 bytes")


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("place", [0, 1])
def test_a_size_below_zero_ends_the_reading(
    tmp_path: Path, target: Path, kind: bytes, place: int
) -> None:
    headers = [member(f"{i}").tobuf(tarfile.GNU_FORMAT) for i in range(3)]
    headers[place] = member("odd", kind, -1024).tobuf(tarfile.GNU_FORMAT)
    (tmp_path / "negative.tar").write_bytes(b"".join(headers) + bytes(10_240))
    refused(tmp_path / "negative.tar", target, "bytes|damaged")


def test_endless_padding_after_the_last_member_is_not_read(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_BYTES", 10**7)
    with gzip.open(tmp_path / "padding.tar.gz", "wb") as into:
        into.write(member("empty").tobuf(tarfile.GNU_FORMAT))
        for _ in range(11):
            into.write(bytes(10**6))
    refused(tmp_path / "padding.tar.gz", target, "more than 10,000,000 bytes")


def test_endless_notes_of_a_member_are_not_read(tmp_path: Path, target: Path) -> None:
    """Its name has 30 MB, in an archive of 30 kB."""
    with gzip.open(tmp_path / "name.tar.gz", "wb") as into:
        size = 30_000_000
        into.write(member("name", tarfile.GNUTYPE_LONGNAME, size).tobuf(tarfile.GNU_FORMAT))
        for _ in range(size // 10**6):
            into.write(b"n" * 10**6)
    refused(tmp_path / "name.tar.gz", target, "notes of more than 16,384 bytes")


def test_deep_folders_are_refused(tmp_path: Path, target: Path) -> None:
    refused(tape(tmp_path / "deep.tar", member("a/" * 1500 + "b")), target, "more than 20 deep")


def test_a_tar_decides_nothing_about_rights(tmp_path: Path, target: Path) -> None:
    """Files that run as another user, or that everybody may write to, become plain files."""
    item = member("run.sh")
    item.mode = 0o6777
    unpack(tape(tmp_path / "a.tar", item), target)
    mode = (target / "run.sh").stat().st_mode
    assert mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IWGRP | stat.S_IWOTH) == 0


def test_a_tar_that_holds_a_zip_is_a_tar(tmp_path: Path, target: Path) -> None:
    (tmp_path / "inner").mkdir()
    no_members(tmp_path / "inner" / "a.zip")
    unpack(packed(tmp_path / "x.tar", tmp_path / "inner"), target)
    assert (target / "insects" / "a.zip").is_file()


def test_a_full_disk_is_no_fault_of_the_archive(
    folder: Path, tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "extract", full)
    with pytest.raises(OSError, match="No space left"):
        unpack(packed(tmp_path / "x.tar", folder), target)
