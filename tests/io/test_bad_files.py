"""A file that cannot be read says so, with its name, whatever is wrong with it. Never half a picture."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from PIL import Image, ImageFile

from hdrrecon.io import ReadError, read, read_photo, write
from tests.io.files import deep_picture, encode, jpeg, light, picture, with_png_chunk


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


def test_truncated_jpeg_is_refused_even_when_pillow_was_told_to_accept_it(tmp_path, monkeypatch):
    """Other libraries in the same process switch this global on."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = jpeg(picture())
    for name, content in (("cut.jpg", data[:-200]), ("zeros.jpg", data[:-200] + bytes(200))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ReadError, match=f"{name}.*truncated"):
            read(tmp_path / name)


def test_png_with_a_flipped_byte_is_refused(tmp_path):
    data = bytearray(encode(picture(), "PNG"))
    data[len(data) // 2] ^= 0x40
    (tmp_path / "x.png").write_bytes(data)
    with pytest.raises(ReadError, match="checksum"):
        read(tmp_path / "x.png")


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


def test_12_bit_jpeg_is_refused_by_its_depth(tmp_path):
    ic = pytest.importorskip("imagecodecs")
    (tmp_path / "x.jpg").write_bytes(ic.jpeg_encode(deep_picture() >> 4, bitspersample=12))
    with pytest.raises(ReadError, match="12-bit JPEG"):
        read(tmp_path / "x.jpg")


def test_hdr_pngs_are_not_taken_for_ordinary_photos(tmp_path):
    (tmp_path / "x.png").write_bytes(with_png_chunk(encode(picture(), "PNG"), b"cICP", bytes([9, 16, 0, 1])))
    assert read_photo(tmp_path / "x.png").linear
    (tmp_path / "x.png").write_bytes(with_png_chunk(encode(picture(), "PNG"), b"cICP", bytes([9, 18, 0, 1])))
    for reader in (read, read_photo):
        with pytest.raises(ReadError, match="HLG"):
            reader(tmp_path / "x.png")


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
