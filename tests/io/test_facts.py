"""Facts beside the pixels: turn, profile, EXIF, alpha, transfer. Every decoder gives the same ones."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from hdrrecon.color import matrix_between
from hdrrecon.io import ReadError, read, read_photo
from hdrrecon.io.orientation import upright
from tests.io.files import (
    SRGB_PARA,
    deep_picture,
    encode,
    icc,
    jpeg,
    para,
    picture,
    with_avif_properties,
    with_png_chunk,
)

P3 = icc(para(*SRGB_PARA))
# What irot (quarter turns against the clock) and imir (0: top and bottom, 1: left and right) make of an orientation.
BOXES = {2: (None, 1), 3: (2, None), 4: (None, 0), 5: (1, 0), 6: (3, None), 7: (3, 0), 8: (1, None)}


def smooth(height: int = 40, width: int = 64, top: int = 255) -> np.ndarray:
    """A ramp that tells all eight orientations apart and survives lossy coding."""
    y, x = np.mgrid[:height, :width]
    ramp = np.stack([x / width, y / height, (x + y) / (width + height)], -1)
    return np.rint(top * ramp).astype(np.uint8 if top == 255 else np.uint16)


def exif_of_camera(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", orientation
    return exif.tobytes()


def write_avif(orientation: int, deep: bool) -> bytes:
    ic = pytest.importorskip("imagecodecs")
    bits = 10 if deep else 8
    data = ic.avif_encode(smooth(top=2**bits - 1), 95, bitspersample=bits, pixelformat="444")
    turn, mirror = BOXES.get(orientation, (None, None))
    boxes = [(b"colr", b"prof" + P3)]
    boxes += [(b"irot", bytes([turn]))] if turn is not None else []
    boxes += [(b"imir", bytes([mirror]))] if mirror is not None else []
    return with_avif_properties(data, *boxes)


def write_heic(orientation: int, deep: bool) -> bytes:
    heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    pixels = smooth(top=65535) if deep else smooth()
    image = heif.from_bytes("RGB;16" if deep else "RGB", (64, 40), pixels.tobytes())
    image.save(file, quality=95, chroma=444, icc_profile=P3, exif=exif_of_camera(orientation))
    return file.getvalue()


def write_tiff(orientation: int, deep: bool) -> bytes:
    tifffile = pytest.importorskip("tifffile")
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        smooth(top=65535 if deep else 255),
        photometric="rgb",
        iccprofile=P3,
        metadata=None,
        extratags=[(274, 3, 1, orientation, True), (271, 2, 0, "Maker", True)],
    )
    return file.getvalue()


def write_png(orientation: int, deep: bool) -> bytes:
    import cv2

    png = cv2.imencode(".png", smooth(top=65535)[..., ::-1])[1].tobytes() if deep else encode(smooth(), "PNG")
    png = with_png_chunk(png, b"eXIf", exif_of_camera(orientation))
    return with_png_chunk(png, b"iCCP", b"p\0\0" + zlib.compress(P3))


def write_with_pillow(kind: str):
    def write(orientation: int, deep: bool) -> bytes:
        options = {"lossless": True} if kind == "WEBP" else {"quality": 98, "subsampling": 0}
        return encode(smooth(), kind, exif=exif_of_camera(orientation), icc_profile=P3, **options)

    return write


WRITERS = {
    "avif": (write_avif, (False, True)),
    "heic": (write_heic, (False, True)),
    "tiff": (write_tiff, (False, True)),
    "png": (write_png, (False, True)),
    "jpeg": (write_with_pillow("JPEG"), (False,)),
    "webp": (write_with_pillow("WEBP"), (False,)),
}
KINDS = [(kind, deep) for kind, (_, depths) in WRITERS.items() for deep in depths]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind, deep", KINDS)
def test_turn_and_profile_of_every_format_and_depth(tmp_path, kind, deep, orientation):
    (tmp_path / "x").write_bytes(WRITERS[kind][0](orientation, deep))
    photo = read_photo(tmp_path / "x")
    want = upright(smooth(), orientation) / 255
    assert photo.pixels.shape == want.shape
    assert photo.bits == (16 if deep else 8)
    assert np.abs(photo.pixels - want).mean() < 0.02
    assert photo.icc_name == "test profile"
    np.testing.assert_allclose(photo.to_rec709, matrix_between("p3", "rec709"), atol=2e-3)


@pytest.mark.parametrize("kind, deep", [one for one in KINDS if one[0] != "avif"])
def test_exif_of_every_format_and_depth(tmp_path, kind, deep):
    (tmp_path / "x").write_bytes(WRITERS[kind][0](1, deep))
    exif = Image.Exif()
    exif.load(read_photo(tmp_path / "x").exif)
    assert exif[0x010F] == "Maker"


def tiff(pixels, **options) -> bytes:
    tifffile = pytest.importorskip("tifffile")
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **{"photometric": "rgb", "metadata": None, **options})
    return file.getvalue()


@pytest.mark.parametrize("top", [255, 65535])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("colors", [1, 3])
def test_what_tiff_calls_its_fourth_sample_counts(tmp_path, top, planar, colors):
    color = smooth(top=top)[..., :colors]
    alpha = np.full((40, 64, 1), top // 2, color.dtype)
    kind = "rgb" if colors == 3 else "minisblack"

    def written(value: int, pixels) -> np.ndarray:
        full = np.concatenate([pixels, alpha], -1)
        data = tiff(
            np.moveaxis(full, -1, 0) if planar == "separate" else full,
            photometric=kind,
            planarconfig=planar,
            extrasamples=[value],
        )
        (tmp_path / "x.tif").write_bytes(data)
        return read(tmp_path / "x.tif")

    got = written(0, color)  # unspecified
    assert got.shape == (40, 64, 3)
    np.testing.assert_array_equal(got[..., :colors], color)
    got = written(2, color)  # unassociated
    assert got.shape == (40, 64, 4)
    np.testing.assert_array_equal(got[..., :colors], color)
    np.testing.assert_array_equal(got[..., 3], alpha[..., 0])
    multiplied = np.rint(color * (alpha / top)).astype(color.dtype)
    got = written(1, multiplied)  # associated
    assert got.shape == (40, 64, 4)
    assert np.abs(got[..., :colors].astype(int) - color).max() <= 2


def test_the_photo_of_a_tiff_is_not_its_thumbnail(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    small, photo = picture(6, 9), picture(48, 72)
    path = tmp_path / "x.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(small, photometric="rgb", subfiletype=1, metadata=None)
        file.write(photo, photometric="rgb", metadata=None)
    np.testing.assert_array_equal(read(path), photo)
    with tifffile.TiffWriter(path) as file:
        file.write(small, photometric="rgb", subfiletype=1, subifds=1, metadata=None)
        file.write(photo, photometric="rgb", metadata=None)
    np.testing.assert_array_equal(read(path), photo)
    with tifffile.TiffWriter(path) as file:  # pyramids have their smaller versions below the photo
        file.write(photo, photometric="rgb", subifds=1, metadata=None)
        file.write(small, photometric="rgb", subfiletype=1, metadata=None)
    np.testing.assert_array_equal(read(path), photo)


def test_animations_give_their_first_picture(tmp_path):
    frames = [Image.fromarray(np.full((40, 64, 3), value, np.uint8)) for value in (200, 10, 90)]
    for kind in ("WEBP", "AVIF"):
        file = io.BytesIO()
        frames[0].save(file, kind, save_all=True, append_images=frames[1:])
        (tmp_path / "x").write_bytes(file.getvalue())
        assert abs(read(tmp_path / "x").mean() - 200) < 3
    ic = pytest.importorskip("imagecodecs")
    deep = np.stack([np.full((40, 64, 3), value, np.uint16) for value in (800, 40, 360)])
    (tmp_path / "x").write_bytes(ic.avif_encode(deep, bitspersample=10, pixelformat="444"))
    got = read(tmp_path / "x")
    assert got.shape == (40, 64, 3) and abs(got.mean() / 65535 - 800 / 1023) < 0.01
    light = np.stack([np.full((40, 64, 3), value, np.float32) for value in (0.8, 0.1, 0.3)])
    (tmp_path / "x").write_bytes(ic.jpegxl_encode(light))
    assert read(tmp_path / "x").mean() == pytest.approx(0.8, rel=0.02)


def hole(data: bytes, share: float, size: int) -> bytes:
    scan = data.index(b"\xff\xda") + 14
    at = scan + int(share * (len(data) - 2 - size - scan))
    return data[:at] + bytes(size) + data[at + size :]


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 2}, {"mode": "L"}])
def test_a_jpeg_with_a_hole_is_no_photo(tmp_path, options):
    whole = jpeg(picture(400, 600), **options)
    refused = 0
    for share in (0.05, 0.3, 0.6, 0.9):
        (tmp_path / "x.jpg").write_bytes(hole(whole, share, 1500))
        try:
            read(tmp_path / "x.jpg")
        except ReadError as error:
            assert "x.jpg" in str(error) and "damaged" in str(error)
            refused += 1
    assert refused == 4


def test_odd_but_decodable_jpegs_stay_accepted(tmp_path):
    whole = jpeg(picture(100, 150))
    scan = whole.index(b"\xff\xda")
    end = scan + 2 + int.from_bytes(whole[scan + 2 : scan + 4], "big")
    parameters = bytearray(whole)
    parameters[end - 2] = 0  # the spectral end of a progressive scan, in a sequential file
    padded = whole[:-2] + b"\xff" * 40 + whole[-2:]
    for odd in (bytes(parameters), padded, whole + b"film" * 100):
        (tmp_path / "x.jpg").write_bytes(odd)
        np.testing.assert_array_equal(read(tmp_path / "x.jpg"), np.asarray(Image.open(io.BytesIO(whole))))
    (tmp_path / "x.jpg").write_bytes(whole[:-2] + bytes(6) + whole[-2:])
    with pytest.warns(UserWarning, match=r"x\.jpg.*bytes too many"):
        read_photo(tmp_path / "x.jpg")


def test_deep_pictures_keep_every_bit(tmp_path):
    for compression in (None, "zlib"):
        (tmp_path / "x.tif").write_bytes(tiff(deep_picture(), compression=compression))
        np.testing.assert_array_equal(read(tmp_path / "x.tif"), deep_picture())
