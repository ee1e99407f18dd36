"""A file that cannot be read says so, with its name, whatever is wrong with it. Never half a picture."""

from __future__ import annotations

import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from hdrrecon.io import ReadError, read, read_photo, write
from tests.io.files import deep_picture, encode, exif_with, jpeg, light, picture, with_png_chunk


def whole_files(folder) -> dict[str, bytes]:
    """One complete file of each kind."""
    cv2 = pytest.importorskip("cv2")
    files = {
        "a.jpg": jpeg(picture()),
        "progressive.jpg": jpeg(picture(), progressive=True),
        "a.png": encode(picture(), "PNG"),
        "a.webp": encode(picture(), "WEBP"),
        "a.bmp": encode(picture(), "BMP"),
        "a.tif": encode(picture(), "TIFF"),
        "lzw.tif": encode(picture(), "TIFF", compression="tiff_lzw"),
        "deep.png": cv2.imencode(".png", deep_picture())[1].tobytes(),
        "deep.tif": cv2.imencode(".tif", deep_picture())[1].tobytes(),
    }
    for name in ("a.exr", "a.hdr", "float.tif", "a.npy"):
        files[name] = write(folder / name, light()).read_bytes()
    (folder / "base.jpg").write_bytes(jpeg(picture()))
    files["ultra.jpg"] = write(folder / "u.jpg", 3 * light() % 7, base=folder / "base.jpg").read_bytes()
    files["pq.png"] = write(folder / "pq.png", light()).read_bytes()
    files["a.pfm"] = b"PF\n40 24\n-1.0\n" + light().tobytes()
    return files


@pytest.mark.filterwarnings("ignore")
def test_no_cut_file_gives_another_picture(tmp_path):
    """Wherever a copy was cut off: an error that names the file or, where only padding is lost, the same."""
    for name, data in whole_files(tmp_path).items():
        path = tmp_path / name
        path.write_bytes(data)
        want = read(path)
        silent = 0
        for cut in {
            0,
            1,
            3,
            9,
            20,
            60,
            len(data) // 4,
            len(data) // 2,
            len(data) * 3 // 4,
            len(data) - 300,
            *range(len(data) - 24, len(data), 4),
            len(data) - 1,
        }:
            path.write_bytes(data[: max(cut, 0)])
            try:
                got = read(path)
            except ReadError as error:
                assert str(path) in str(error)
            else:
                silent += 1
                np.testing.assert_array_equal(got, want, err_msg=f"{name} cut at {cut} of {len(data)}")
        assert silent <= 4, name


@pytest.mark.filterwarnings("ignore")
def test_flipped_bytes_give_a_picture_or_a_read_error(tmp_path):
    """No other kind of exception: a batch catches ReadError and goes on."""
    rng = np.random.default_rng(5)
    for name, data in whole_files(tmp_path).items():
        path = tmp_path / name
        for reach in [len(data)] * 8 + [300] * 12:  # anywhere, and in the headers
            damaged = bytearray(data)
            for place in rng.integers(0, min(reach, len(data)), 3):
                damaged[place] = rng.integers(0, 256)
            path.write_bytes(damaged)
            try:
                assert read_photo(path).pixels.shape[2] == 3
            except ReadError as error:
                assert str(path) in str(error)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "empty"),
        (b"Dear diary,\n today I took a photo", "not an image"),
        (b"BM I am not a bitmap at all", "BMP"),
        (b"\xff\xd8\xff\xe0" + b"junk" * 20, "JPEG"),
        (b"GIF89a" + bytes(40), "GIF"),
        (b"II*\0\x08\0\0\0" + bytes(30), "TIFF"),
        (b"\0\0\0\x1cftypavif" + bytes(40), "AVIF"),
        (b"\0\0\0\x1cftypheic" + bytes(40), "HEIC"),
        (b"PF\nfour by four", "PFM"),
        (b"#?RADIANCE\nhello", "Radiance"),
        (b"\x76\x2f\x31\x01" + bytes(60), "EXR"),
        (b"\x93NUMPY" + bytes(40), "npy"),
    ],
)
@pytest.mark.parametrize("reader", [read, read_photo])
def test_what_is_not_an_image_says_so(tmp_path, content, message, reader):
    path = tmp_path / "holiday.jpg"
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ReadError, match=message) as caught:
            reader(path)
    assert str(path) in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.jpg"):
        read(tmp_path / "nowhere.jpg")
    with pytest.raises(IsADirectoryError, match="folder"):
        read(tmp_path)


def test_camera_raw_in_a_tiff_coat_is_not_taken_for_its_thumbnail(tmp_path):
    (tmp_path / "x.nef").write_bytes(encode(picture(), "TIFF"))
    with pytest.raises(ReadError, match="raw"):
        read(tmp_path / "x.nef")
    (tmp_path / "x.tif").write_bytes(encode(picture(), "TIFF", tiffinfo={50706: b"\1\4\0\0"}))
    with pytest.raises(ReadError, match="DNG"):
        read(tmp_path / "x.tif")


def test_cmyk_without_profile_is_refused(tmp_path):
    for kind in ("JPEG", "TIFF"):
        (tmp_path / "x").write_bytes(encode(Image.fromarray(picture()), kind, mode="CMYK"))
        with pytest.raises(ReadError, match="CMYK.*RGB"):
            read(tmp_path / "x")


def test_hdr_pngs_are_not_taken_for_ordinary_photos(tmp_path):
    (tmp_path / "x.png").write_bytes(with_png_chunk(encode(picture(), "PNG"), b"cICP", bytes([9, 16, 0, 1])))
    assert read_photo(tmp_path / "x.png").linear
    (tmp_path / "x.png").write_bytes(with_png_chunk(encode(picture(), "PNG"), b"cICP", bytes([9, 18, 0, 1])))
    assert read_photo(tmp_path / "x.png").linear and read(tmp_path / "x.png").dtype == np.float32


@pytest.mark.parametrize(
    "array, message",
    [
        (np.zeros((2, 3), np.int64), "int64"),
        (np.zeros((2, 3, 5), np.float32), r"\(2, 3, 5\)"),
        (np.zeros((0, 3, 3), np.float32), r"\(0, 3, 3\)"),
        (np.zeros(4, np.uint8), r"\(4,\)"),
        (np.array("text"), "npy"),
        (np.zeros((2, 3, 3), complex), "complex"),
        (np.array([{}], dtype=object), "npy"),
    ],
)
def test_arrays_that_are_no_images(tmp_path, array, message):
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    with pytest.raises(ReadError, match=message):
        read(tmp_path / "x.npy")


@pytest.mark.parametrize("name", ["x.npy", "x.tif", "x.exr"])
def test_nan_and_infinity_are_counted_in_photos_and_kept_by_read(tmp_path, name):
    bad = light()
    bad[0, 0, 0], bad[1, 2, :2] = np.nan, np.inf
    path = tmp_path / name
    if name.endswith("npy"):
        np.save(path, bad)
    elif name.endswith("tif"):
        pytest.importorskip("tifffile").imwrite(path, bad, photometric="rgb")
    else:
        import OpenEXR

        with OpenEXR.File({}, {"RGB": bad}) as file:
            file.write(str(path))
    np.testing.assert_array_equal(read(path), bad)
    with pytest.raises(ReadError, match=f"{name}: 1 NaN and 2 infinite colour values"):
        read_photo(path)


# What few bytes may not cost: each in a process of its own, for a process remembers its largest memory.
MEASURE = """
import resource, sys, warnings
import cv2, PIL.Image, simplejpeg, tifffile
from hdrrecon.io import ReadError, read, read_photo
from hdrrecon.io.jxl_header import read_header
warnings.simplefilter("ignore")
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before = peak()
for path in sys.argv[1:]:
    for reader in (read, read_photo):
        try:
            reader(path)
        except ReadError as error:
            assert path in str(error)
    print(peak() - before)
"""


def bombs() -> dict[str, bytes]:
    """Small files that claim, or unpack to, gigabytes."""
    sound_png, sound_jpeg = encode(picture(), "PNG"), jpeg(picture())
    zeros = zlib.compress(bytes(300_000_000), 9)
    entries = b"".join(struct.pack(">HHII", 1000 + i, 7, 600_000, 8) for i in range(50_000))
    exif = b"MM\0*\0\0\0\x08" + struct.pack(">H", 50_000) + entries + bytes(4)
    tiff = encode(picture(), "TIFF")
    at = struct.unpack("<I", tiff[4:8])[0]
    count = struct.unpack_from("<H", tiff, at)[0]
    fields = [tiff[at + 2 + 12 * i : at + 14 + 12 * i] for i in range(count)]
    body = tiff + bytes(2_000_000)
    fields += [struct.pack("<HHII", 40_000 + i, 7, 2_000_000, len(tiff)) for i in range(3000)]
    fields.sort(key=lambda field: struct.unpack("<H", field[:2])[0])
    overlapping = b"II*\0" + struct.pack("<I", len(body)) + body[8:] + struct.pack("<H", len(fields))
    many = jpeg(np.zeros((3000, 3000), np.uint8), progressive=True)
    last_scan = many[many.rindex(b"\xff\xda") : -2]
    return {
        "claim.png": sound_png[:16] + struct.pack(">II", 30_000, 30_000) + sound_png[24:],
        "claim.bmp": b"BM" + bytes(12) + struct.pack("<IiiHHI", 40, 30_000, 30_000, 1, 24, 0) + bytes(64),
        "claim.jpg": sound_jpeg.replace(struct.pack(">HH", 24, 40), struct.pack(">HH", 30_000, 30_000), 1),
        "claim.pfm": b"PF\n30000 30000\n-1.0\n" + bytes(64),
        "claim.hdr": b"#?RADIANCE\n\n-Y 30000 +X 30000\n" + bytes(64),
        "long.hdr": b"#?RADIANCE\n" + b"A=1\n" * 1_000_000 + b"\n-Y 4 +X 4\n",
        "claim.npy": b"\x93NUMPY\1\0v\0"
        + b"{'descr': '<f4', 'fortran_order': False, 'shape': (30000, 30000, 3)}".ljust(118),
        "icc.png": with_png_chunk(sound_png, b"iCCP", b"x\0\0" + zeros),
        "text.png": with_png_chunk(sound_png, b"zTXt", b"Raw profile type exif\0\0" + zeros),
        "exif.png": with_png_chunk(sound_png, b"eXIf", exif),
        "tags.tif": overlapping + b"".join(fields) + bytes(4),
        "scans.jpg": many[:-2] + last_scan * (100_000 // len(last_scan)) + b"\xff\xd9",
    }


def test_few_bytes_cost_little_memory(tmp_path):
    for name, data in bombs().items():
        (tmp_path / name).write_bytes(data)
    paths = [str(path) for path in sorted(tmp_path.iterdir())]
    done = subprocess.run([sys.executable, "-c", MEASURE, *paths], capture_output=True, text=True, check=True)
    grown = dict(zip(paths, map(int, done.stdout.split()), strict=True))
    assert max(grown.values()) < 300, grown


def test_what_is_carried_along_stops_nothing(tmp_path):
    """A damaged or long EXIF block, and chunks that nobody needs."""
    for name, exif in {"long": exif_with(6) + bytes(100_000), "damaged": b"Exif\0\0II*\0\xff\xff\xff\xff"}.items():
        png = with_png_chunk(encode(picture(), "PNG"), b"eXIf", exif)
        (tmp_path / "x.png").write_bytes(png)
        shape = read(tmp_path / "x.png").shape
        light = np.ones(shape, np.float32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            write(tmp_path / f"{name}.jpg", light, base=tmp_path / "x.png")
        assert read(tmp_path / f"{name}.jpg").shape == shape
    spoilt = with_png_chunk(encode(picture(), "PNG"), b"tIME", bytes(7))
    at = spoilt.index(b"tIME") + 4
    (tmp_path / "x.png").write_bytes(spoilt[:at] + b"\1" + spoilt[at + 1 :])
    with pytest.warns(UserWarning, match="fails its checksum and is left out"):
        read_photo(tmp_path / "x.png")
