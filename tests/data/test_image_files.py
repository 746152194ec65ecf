"""Pictures of every kind are read rightly, or the file that is wrong is named."""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from insectlib.data import image_files
from insectlib.data.image_files import class_files, picture_sizes, read_image
from insectlib.data.imageset import ImageSet

RED = (200, 30, 40)


def saved(path: Path, mode: str, colour: object, **options: object) -> Path:
    Image.new(mode, (20, 10), colour).save(path, **options)
    return path


@pytest.mark.parametrize(
    ("name", "mode", "colour", "expected"),
    [
        ("rgb.png", "RGB", RED, RED),
        ("grey.png", "L", 90, (90, 90, 90)),
        ("grey16.png", "I;16", 90 * 257, (90, 90, 90)),
        ("palette.gif", "P", 0, (0, 0, 0)),
        ("clear.png", "RGBA", (*RED, 0), (255, 255, 255)),
        ("half.png", "LA", (0, 128), (127, 127, 127)),
        ("ink.tif", "CMYK", (0, 255, 255, 0), (255, 0, 0)),
        ("bit.png", "1", 1, (255, 255, 255)),
    ],
)
def test_every_mode_becomes_rgb(
    tmp_path: Path, name: str, mode: str, colour: object, expected: tuple[int, ...]
) -> None:
    image = read_image(saved(tmp_path / name, mode, colour), 8)
    assert image.shape == (8, 8, 3)
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - expected).max() <= 1


def test_fine_detail_is_averaged_when_a_picture_shrinks(tmp_path: Path) -> None:
    board = np.kron(np.indices((20, 20)).sum(axis=0) % 2, np.ones((1, 1))) * 255
    Image.fromarray(board.astype(np.uint8)).save(tmp_path / "board.png")
    inner = read_image(tmp_path / "board.png", 5)[1:-1, 1:-1].astype(int)
    assert np.abs(inner - 127).max() < 10


def test_exif_turn_is_followed(tmp_path: Path) -> None:
    pixels = np.zeros((10, 20, 3), np.uint8)
    pixels[:, :10] = 255  # the left half is white
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise: left becomes top
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    image = read_image(tmp_path / "turned.png", 8)
    assert image[0].mean() > 250
    assert image[-1].mean() < 5


@pytest.mark.parametrize(
    ("orientation", "expected"), [(1, [10, 20]), (3, [10, 20]), (6, [20, 10]), (8, [20, 10])]
)
def test_sizes_are_those_of_the_turned_picture(
    tmp_path: Path, orientation: int, expected: list[int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = saved(tmp_path / "turned.jpg", "RGB", RED, exif=exif)
    plain = saved(tmp_path / "plain.png", "L", 0)
    sizes = picture_sizes([turned, plain])
    assert sizes.tolist() == [expected, [10, 20]]
    assert sizes.dtype == np.int64
    assert picture_sizes([]).shape == (0, 2)


def test_one_pixel_is_a_picture(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), RED).save(tmp_path / "dot.png")
    assert (read_image(tmp_path / "dot.png", 4) == RED).all()


def test_bomb_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path / "bomb.png", "RGB", RED)
    monkeypatch.setattr(image_files, "MAX_PIXELS", 199)
    with pytest.raises(ValueError, match=r"bomb\.png.*20x10 pixels"):
        read_image(path, 8)


@pytest.mark.parametrize("content", [b"", b"not a picture", None])
def test_damaged_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "damaged.jpg"
    if content is None:  # the second half is missing
        noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
        Image.fromarray(noise).save(path)
        content = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged\.jpg cannot be read"):
        read_image(path, 8)


NO_PICTURES = {
    "an EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n",
    "a PDF": b"%PDF-1.4\n",
    "a page": b"<!DOCTYPE html><html><svg></svg></html>",
    "a bitmap in C": b"#define im_width 8\n#define im_height 8\nstatic char im_bits[] = {0};\n",
    "a pixmap": b"P6 1 1 255\n\0\0\0",
}


@pytest.mark.parametrize("ending", ["jpg", "png", "tif"])
@pytest.mark.parametrize("kind", NO_PICTURES)
def test_other_formats_are_refused_by_name(tmp_path: Path, kind: str, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    path.write_bytes(NO_PICTURES[kind])
    message = rf"a\.{ending} cannot be read as a picture: expected one of JPEG, PNG"
    for read in (lambda: read_image(path, 8), lambda: picture_sizes([path])):
        with pytest.raises(ValueError, match=message):
            read()


@pytest.mark.parametrize("name", image_files.FORMATS)
def test_every_named_format_is_read_under_any_ending(tmp_path: Path, name: str) -> None:
    for suffix in image_files.SUFFIXES:
        saved(tmp_path / f"a{suffix}", "L", 90, format=name)
        assert np.abs(read_image(tmp_path / f"a{suffix}", 8).astype(int) - 90).max() <= 2


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    """Reading a pipe would wait for ever for its other end, and /dev/zero has none."""
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    (tmp_path / "folder.jpg").mkdir()
    for path in tmp_path.iterdir():
        with pytest.raises(ValueError, match=r"\.jpg cannot be read as a picture \(no regular"):
            read_image(path, 8)
    (tmp_path / "linked.jpg").symlink_to(saved(tmp_path / "a.png", "L", 90))
    assert read_image(tmp_path / "linked.jpg", 8).max() == 90


@pytest.mark.parametrize("closed", ["", "ant"])
def test_a_folder_without_permission_is_named(
    tmp_path: Path, closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, inside = folder_of(tmp_path, ant=1, moth=1), Path.iterdir

    def iterdir(folder: Path) -> Iterator[Path]:
        if folder == root / closed:  # for root every folder is open
            raise PermissionError(13, "Permission denied", str(folder))
        return inside(folder)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    with pytest.raises(PermissionError, match=rf"{root / closed} may not be read: change its"):
        ImageSet.from_folder(root, 8)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.jpg"):
        read_image(tmp_path / "nowhere.jpg", 8)


def folder_of(root: Path, **counts: int) -> Path:
    for name, count in counts.items():
        (root / name).mkdir(parents=True)
        for i in range(count):
            saved(root / name / f"{i}.png", "L", 10 * i)
    return root


def test_folder_of_class_folders(tmp_path: Path) -> None:
    root = folder_of(tmp_path, moth=2, ant=3)
    (root / "ant" / "Thumbs.db").write_bytes(b"no picture")
    (root / ".cache").mkdir()
    images = ImageSet.from_folder(root, 8)
    assert images.class_names == ("ant", "moth")
    assert images.counts() == {"ant": 3, "moth": 2}
    assert images.names == ("0", "1", "2", "0", "1")
    assert images.images.dtype == np.float32
    assert images.images[2].max() == 20
    assert images.digests[0] == images.digests[3] != images.digests[1]
    assert ImageSet.from_folder(root, 8, ["moth", "ant"]).counts() == {"moth": 2, "ant": 3}


@pytest.mark.parametrize(
    ("counts", "message"),
    [({"ant": 2, "moth": 0}, "moth has no pictures"), ({"ant": 2}, "1 class folders")],
)
def test_unfit_folders_are_refused(tmp_path: Path, counts: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        class_files(folder_of(tmp_path, **counts))


def test_missing_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        class_files(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="expected the class 'bee'"):
        class_files(folder_of(tmp_path, ant=1, moth=1), ["ant", "bee"])


RAMP = np.linspace(0, 1, 32 * 32).reshape(32, 32)


@pytest.mark.parametrize("ending", ["tif", "png"])
@pytest.mark.parametrize("top", [65535, 40000, 5000])
def test_16_bits_are_read_in_their_range(tmp_path: Path, ending: str, top: int) -> None:
    path = tmp_path / f"ramp.{ending}"
    Image.fromarray((RAMP * top).astype(np.uint16)).save(path)
    image = read_image(path, 32)
    assert np.abs(image[..., 0] - RAMP * top / 257).max() <= 1
    assert len(np.unique(image)) == 1 + round(top / 257)


@pytest.mark.parametrize("top", [1, 255, 4095])
def test_16_bits_that_hold_fewer_are_refused(tmp_path: Path, top: int) -> None:
    Image.fromarray((RAMP * top).astype(np.uint16)).save(tmp_path / "dark.png")
    with pytest.raises(ValueError, match=rf"dark\.png .*go up to {top}, and 65535 is white"):
        read_image(tmp_path / "dark.png", 32)


def test_a_black_picture_of_16_bits_is_black(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((8, 8), np.uint16)).save(tmp_path / "black.png")
    assert read_image(tmp_path / "black.png", 8).max() == 0


@pytest.mark.parametrize("top", [1, 255, 65535])
@pytest.mark.parametrize(
    ("dtype", "message"), [(np.float32, "floating-point numbers"), (np.int32, "32-bit numbers")]
)
def test_numbers_without_a_known_range_are_refused(
    tmp_path: Path, dtype: type, message: str, top: int
) -> None:
    Image.fromarray((RAMP * top).astype(dtype)).save(tmp_path / "ramp.tif")
    with pytest.raises(ValueError, match=rf"ramp\.tif .*{message} from 0 to {top}, whose range"):
        read_image(tmp_path / "ramp.tif", 32)


def test_of_several_frames_the_first_is_read(tmp_path: Path) -> None:
    first, second = Image.new("L", (8, 8), 200), Image.new("L", (8, 8), 0)
    for name in ("a.gif", "a.tif", "a.webp"):
        first.save(tmp_path / name, save_all=True, append_images=[second])
        assert np.abs(read_image(tmp_path / name, 8).astype(int) - 200).max() <= 2


def ifd(*entries: tuple[int, int, int, bytes], extra: bytes = b"") -> bytes:
    """Return an EXIF block with these entries: tag, type, number, value or offset."""
    head = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(entries))
    rows = b"".join(struct.pack("<HHI", *entry[:3]) + entry[3] for entry in entries)
    return head + rows + bytes(4) + extra


LYING = (0x0112, 3, 1, struct.pack("<HH", 6, 0))
OFFSET = struct.pack("<I", 8 + 2 + 12 * 2 + 4)
BROKEN = {
    "rational without denominator": ifd(
        LYING, (0x011A, 10, 1, OFFSET), extra=struct.pack("<ii", -1, 0)
    ),
    "unsigned rational": ifd(LYING, (0x011A, 5, 1, OFFSET), extra=struct.pack("<II", 1, 0)),
    "header twice": b"Exif\0\0" + ifd(LYING),
    "blank": b"Exif\0\0",
    "no TIFF": b"Exif\0\0XXXXXXXXXXXX",
    "two values": ifd((0x0112, 3, 2, struct.pack("<HH", 6, 6))),
    "orientation 9": ifd((0x0112, 3, 1, struct.pack("<HH", 9, 0))),
    "orientation 0": ifd((0x0112, 3, 1, bytes(4))),
    "text as orientation": ifd((0x0112, 2, 4, b"six\0")),
    "truncated": ifd(LYING)[:20],
    "offset beyond the end": ifd(LYING, (0x010E, 2, 400, struct.pack("<I", 9999))),
    "long list": ifd(LYING, (0x011A, 5, 2, OFFSET), extra=struct.pack("<IIII", 72, 1, 72, 1)),
    "unknown type": ifd(LYING, (0x010F, 99, 1, bytes(4))),
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_pictures_with_a_broken_exif_record_are_read(tmp_path: Path, kind: str) -> None:
    saved(tmp_path / "a.jpg", "RGB", RED, exif=BROKEN[kind])
    (size,) = picture_sizes([tmp_path / "a.jpg"]).tolist()
    assert size in ([10, 20], [20, 10])
    assert np.abs(read_image(tmp_path / "a.jpg", 8).astype(int) - RED).max() <= 3


@pytest.mark.parametrize("ending", ["png", "jpg", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_kind_is_turned_upright(tmp_path: Path, ending: str, orientation: int) -> None:
    """Left half white, top left quarter grey; stored turned, so that EXIF turns it back."""
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:, :16] = 255
    upright[:8, :16] = 128
    back = {6: 8, 8: 6}.get(orientation, orientation)
    stored = Image.fromarray(upright)
    if back > 1:
        stored = stored.transpose(image_files.UPRIGHT[back])
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned.{ending}"
    stored.save(path, exif=exif)
    assert picture_sizes([path]).tolist() == [[16, 32]]
    image = read_image(path, 16)[..., 0].astype(int)
    expected = np.zeros((16, 16), int)
    expected[:, :8], expected[:8, :8] = 255, 128
    assert np.median(np.abs(image - expected)) <= 4


def test_sizes_of_no_picture_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"a\.jpg cannot be read as a picture"):
        picture_sizes([tmp_path / "a.jpg"])
    with pytest.raises(FileNotFoundError, match=r"nowhere\.jpg"):
        picture_sizes([tmp_path / "nowhere.jpg"])


def heic(ant: Path) -> None:
    for i in range(30):
        (ant / f"{i}.HEIC").write_bytes(b"x")


def folder_inside(ant: Path) -> None:
    (ant / "2024" / "May").mkdir(parents=True)
    for i in range(3):
        saved(ant / "2024" / "May" / f"{i}.png", "L", 0)


def folder_with_an_ending(ant: Path) -> None:
    (ant / "folder.jpg").mkdir()


def dangling(ant: Path) -> None:
    (ant / "gone.jpg").symlink_to("/nowhere.jpg")


def pipe(ant: Path) -> None:
    os.mkfifo(ant / "pipe.jpg")


def no_ending(ant: Path) -> None:
    (ant / "README").write_text("x")


def beside(ant: Path) -> None:
    saved(ant.parent / "loose.png", "L", 0)


@pytest.mark.parametrize(
    ("add", "message"),
    [
        (heic, r"30 files ending in \.HEIC in ant"),
        (folder_inside, "1 folders in ant; 3 pictures in folders in ant"),
        (folder_with_an_ending, "1 folders in ant"),
        (dangling, "1 broken links or devices in ant"),
        (pipe, "1 broken links or devices in ant"),
        (no_ending, "1 files without an ending in ant"),
        (beside, "1 pictures beside the class folders"),
    ],
)
def test_what_is_left_out_of_a_folder_is_said(
    tmp_path: Path, add: Callable[[Path], None], message: str
) -> None:
    root = folder_of(tmp_path, ant=2, moth=2)
    add(root / "ant")
    with pytest.warns(UserWarning, match=f"not read are {message}") as caught:
        images = ImageSet.from_folder(root, 8)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert images.counts() == {"ant": 2, "moth": 2}


def test_jfif_is_read_and_what_programs_leave_is_no_news(tmp_path: Path) -> None:
    root = folder_of(tmp_path, ant=2, moth=2)
    saved(root / "ant" / "a.jfif", "L", 0, format="JPEG")
    for name in ("__MACOSX", "__pycache__", ".ipynb_checkpoints", "ant/.ipynb_checkpoints"):
        (root / name).mkdir()
        saved(root / name / "a.png", "L", 0)
    for name in (".DS_Store", "ant/Thumbs.db", "ant/._1.png", "ant/desktop.ini"):
        (root / name).write_bytes(b"x")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ImageSet.from_folder(root, 8).counts() == {"ant": 3, "moth": 2}


@pytest.mark.parametrize(
    "names",
    [
        ["moth", "ant"],
        ("moth", "ant"),
        np.array(["moth", "ant"]),
        np.array(["moth", "ant"], object),
    ],
)
def test_class_names_may_be_arrays(tmp_path: Path, names: object) -> None:
    images = ImageSet.from_folder(folder_of(tmp_path, ant=2, moth=1), 8, names)
    assert images.class_names == ("moth", "ant")
    assert all(type(name) is str for name in images.class_names)
    assert images.counts() == {"moth": 1, "ant": 2}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("ant", "class names are 'ant'; expected a list"),
        (["ant", "ant"], "'ant'.* more than once"),
        (["ant", "../ant"], r"'\.\./ant': expected the name of a folder"),
        (["ant", ".."], "expected the name of a folder"),
        (["ant", "/etc"], "expected the name of a folder"),
        (["ant", "moth/"], "expected the name of a folder"),
        (["ant", ""], "expected the name of a folder"),
        (["ant", None], "class name None is of type NoneType"),
        ([], "0 class folders"),
        (np.array("ant"), "expected a list of names"),
        (np.array([["ant", "moth"]]), "expected a list of names"),
    ],
)
def test_other_class_names_are_refused(tmp_path: Path, names: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ImageSet.from_folder(folder_of(tmp_path, ant=1, moth=1), 8, names)


def test_a_size_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="size is 0"):
        ImageSet.from_folder(folder_of(tmp_path, ant=1, moth=1), 0)
