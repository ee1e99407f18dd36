"""Colour profiles against LittleCMS (through imagecodecs and Pillow): the same light comes out."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from hdrrecon.color import matrix_between, srgb_to_linear
from hdrrecon.io import read, read_photo
from hdrrecon.io.icc import ProfileError, parse_profile
from tests.io.files import (
    SRGB_PARA,
    curv,
    deep_picture,
    encode,
    icc,
    jpeg,
    para,
    picture,
    table_icc,
    with_png_chunk,
)

D65_REC709 = {"whitepoint": (0.3127, 0.3290), "primaries": (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)}
TABLE = tuple(int(65535 * (i / 255) ** 1.9) for i in range(256))
GAMMA_PARA = {
    "gamma": para(2.2),
    "para 1": para(2.4, 1 / 1.1, 0.1 / 1.1),
    "para 2": para(2.0, 0.9, 0.05, 0.0),
    "para 3": para(*SRGB_PARA),
    "para 4": para(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045, 0.0, 0.0),
    "curv gamma": curv(563),
    "curv table": curv(*TABLE),
    "curv linear": curv(),
    "three": (para(2.2), para(1.8), curv(*TABLE)),
}


def light_of(photo) -> np.ndarray:
    return srgb_to_linear(photo.pixels.astype(np.float64)) @ photo.to_rec709.T


def littlecms(codes: np.ndarray, profile: bytes) -> np.ndarray:
    """Unclipped linear Rec.709 by LittleCMS, in floats."""
    ic = pytest.importorskip("imagecodecs")
    linear = ic.cms_profile("rgb", gamma=1.0, **D65_REC709)
    return ic.cms_transform(codes.astype(np.float32), profile, linear, colorspace="rgb", outcolorspace="rgb")


@pytest.mark.parametrize("name", [n for n in GAMMA_PARA if n != "para 2"])
def test_every_kind_of_curve_agrees_with_littlecms(tmp_path, name):
    ic = pytest.importorskip("imagecodecs")
    profile = icc(GAMMA_PARA[name])
    codes = deep_picture()
    (tmp_path / "x.png").write_bytes(with_icc(ic.png_encode(codes), profile))
    photo = read_photo(tmp_path / "x.png")
    assert photo.icc_name == "test profile" and photo.bits == 16
    np.testing.assert_allclose(light_of(photo), littlecms(codes / 65535, profile), atol=1e-3)


def with_icc(png: bytes, profile: bytes) -> bytes:
    import zlib

    return with_png_chunk(png, b"iCCP", b"profile\0\0" + zlib.compress(profile))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("space", ["p3", "adobe"])
def test_display_p3_and_adobe_rgb_in_every_container(tmp_path, kind, space):
    """An iPhone photo (Display P3) and a photographer's export (Adobe RGB)."""
    if space == "p3":
        profile = icc(para(*SRGB_PARA), name="Display P3")
    else:
        profile = pytest.importorskip("imagecodecs").cms_profile("adobergb")
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
    (tmp_path / "x").write_bytes(encode(picture(), kind, icc_profile=profile, **options))
    photo, codes = read_photo(tmp_path / "x"), read(tmp_path / "x")
    np.testing.assert_allclose(photo.to_rec709, matrix_between(space, "rec709"), atol=1e-3)
    np.testing.assert_allclose(light_of(photo), littlecms(codes / 255, profile), atol=1e-3)
    assert light_of(photo).min() < -0.01  # saturated colours lie outside Rec.709 and are not clipped


@pytest.mark.parametrize("name", GAMMA_PARA)
def test_clipping_survives_the_change_of_curve(tmp_path, name):
    """The pipeline finds clipped pixels by 0 and 1: no code may move there, none may leave."""
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    (tmp_path / "x.png").write_bytes(encode(ramp, "PNG", icc_profile=icc(GAMMA_PARA[name])))
    pixels = read_photo(tmp_path / "x.png").pixels
    np.testing.assert_array_equal(pixels == 1, ramp == 255)
    np.testing.assert_array_equal(pixels == 0, ramp == 0)
    assert (np.diff(pixels, axis=1) >= 0).all()


def test_srgb_profiles_change_nothing_at_all(tmp_path):
    """Bit for bit the photo without its profile."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    (tmp_path / "tagged.jpg").write_bytes(jpeg(picture(), icc_profile=profile))
    (tmp_path / "plain.jpg").write_bytes(jpeg(picture()))
    tagged, plain = read_photo(tmp_path / "tagged.jpg"), read_photo(tmp_path / "plain.jpg")
    np.testing.assert_array_equal(tagged.pixels, plain.pixels)
    np.testing.assert_array_equal(tagged.to_rec709, np.eye(3))


def test_grey_stays_grey(tmp_path):
    mid = np.full((2, 2, 3), 128, np.uint8)
    (tmp_path / "x.png").write_bytes(encode(mid, "PNG", icc_profile=icc(para(1.8))))
    light = light_of(read_photo(tmp_path / "x.png"))
    np.testing.assert_allclose(light, (128 / 255) ** 1.8, atol=2e-6)


def test_grey_profiles_and_grey_images_under_rgb_profiles(tmp_path):
    grey = picture()[..., 0]
    for i, profile in enumerate((icc(para(1.8), space=b"GRAY"), icc(para(1.8)))):
        (tmp_path / f"{i}.png").write_bytes(encode(grey, "PNG", icc_profile=profile))
        photo = read_photo(tmp_path / f"{i}.png")
        np.testing.assert_allclose(light_of(photo)[..., 1], (grey / 255) ** 1.8, atol=1e-6)
        np.testing.assert_array_equal(photo.to_rec709, np.eye(3))


@pytest.mark.parametrize(
    "damage",
    [
        b"rubbish",
        icc(para(2.2))[:200],
        icc(curv(500, 500, 500)),
        icc(para(2.2), space=b"GRAY"),
    ],
    ids=["rubbish", "cut", "flat curve", "grey on RGB"],
)
def test_a_profile_that_cannot_be_used_warns_with_the_files_name(tmp_path, damage):
    (tmp_path / "x.jpg").write_bytes(jpeg(picture(), icc_profile=damage))
    with pytest.warns(UserWarning, match=r"x\.jpg.*sRGB is assumed"):
        photo = read_photo(tmp_path / "x.jpg")
    np.testing.assert_array_equal(photo.pixels, read(tmp_path / "x.jpg").astype(np.float32) / np.float32(255))
    assert photo.icc_name is None


def test_adobe_rgb_by_exif_alone(tmp_path):
    """Cameras set to Adobe RGB write no profile but interoperability index R03 (DCF 2.0)."""
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    exif[0x8769] = {0xA005: {1: "R03"}}
    (tmp_path / "x.jpg").write_bytes(jpeg(picture(), exif=exif))
    photo = read_photo(tmp_path / "x.jpg")
    np.testing.assert_allclose(photo.to_rec709, matrix_between("adobe", "rec709"))
    assert "Adobe" in photo.icc_name
    np.testing.assert_allclose(
        srgb_to_linear(photo.pixels.astype(float)), (read(tmp_path / "x.jpg") / 255) ** (563 / 256), atol=1e-6
    )


def test_png_cicp_names_the_primaries(tmp_path):
    (tmp_path / "x.png").write_bytes(with_png_chunk(encode(picture(), "PNG"), b"cICP", bytes([12, 13, 0, 1])))
    np.testing.assert_allclose(read_photo(tmp_path / "x.png").to_rec709, matrix_between("p3", "rec709"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_rgb_table_profiles_go_through_littlecms(tmp_path, kind):
    profile = table_icc(b"RGB ")
    (tmp_path / "x").write_bytes(encode(picture(), kind, icc_profile=profile))
    photo, codes = read_photo(tmp_path / "x"), read(tmp_path / "x")
    np.testing.assert_allclose(photo.pixels, to_srgb(codes, profile, "rgb") / 255, atol=3 / 255)
    assert photo.icc_name == "table" and np.array_equal(photo.to_rec709, np.eye(3))


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_converted_by_its_profile(tmp_path, kind):
    """Photoshop's CMYK JPEGs are stored inverted: paper must come out white, full black ink dark."""
    profile, ink = table_icc(b"CMYK"), np.zeros((16, 24, 4), np.uint8)
    ink[:, 8:, 3], ink[:, 16:, :3] = 255, 90
    ink[8:, :8, 0] = 128
    (tmp_path / "x").write_bytes(encode(Image.fromarray(ink, "CMYK"), kind, icc_profile=profile))
    for got in (read(tmp_path / "x") / 255, read_photo(tmp_path / "x").pixels):
        assert got.shape == (16, 24, 3)
        np.testing.assert_allclose(got, to_srgb(ink, profile, "cmyk") / 255, atol=8 / 255)
        assert got[1, 1].min() > 0.97 and got[:, 18:].max() < 0.05
    assert read_photo(tmp_path / "x").icc_name is None  # it is sRGB by now


def to_srgb(codes: np.ndarray, profile: bytes, colorspace: str) -> np.ndarray:
    ic = pytest.importorskip("imagecodecs")
    out = ic.cms_transform(codes, profile, ic.cms_profile("srgb"), colorspace=colorspace, outcolorspace="rgb", intent=1)
    return out.astype(float)


def test_16_bit_under_a_table_profile_warns(tmp_path):
    ic = pytest.importorskip("imagecodecs")
    (tmp_path / "x.png").write_bytes(with_icc(ic.png_encode(deep_picture()), table_icc(b"RGB ")))
    with pytest.warns(UserWarning, match="8-bit RGB only; sRGB is assumed"):
        assert read_photo(tmp_path / "x.png").bits == 16


def test_a_profile_of_another_colour_model_warns(tmp_path):
    """A Lab profile means nothing on RGB data: that is said."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert parse_profile(lab).to_rec709 is None
    (tmp_path / "x.jpg").write_bytes(jpeg(picture(), icc_profile=lab))
    with pytest.warns(UserWarning, match="sRGB is assumed"):
        read_photo(tmp_path / "x.jpg")


def test_parse_refuses_what_is_no_profile():
    with pytest.raises(ProfileError):
        parse_profile(b"short")
    with pytest.raises(ProfileError):
        parse_profile(bytes(200))


def test_parse_reads_names_of_both_versions():
    assert parse_profile(icc(para(2.2), name="Größe")).name == "Größe"
    old = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert "sRGB" in parse_profile(old).name
    new = ImageCms.ImageCmsProfile(io.BytesIO(icc(para(2.2))))
    assert ImageCms.getProfileDescription(new).strip() == "test profile"
