"""HLG stills: published values, the right tags in the bytes, and back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hdrrecon.color import hlg_decode, hlg_encode, matrix_between
from hdrrecon.io import read, read_photo, write
from hdrrecon.io.pq import from_hlg, to_hlg
from tests.io.test_pq import chunks, glow

MODULES = {".png": "cv2", ".avif": "imagecodecs", ".heic": "pillow_heif"}


def test_published_values():
    """BT.2408 table 1: 75 % of HLG is 203 cd/m2 on a display of 1000. BT.2100 table 5: 50 % is scene light of 1/12."""
    code = np.full((1, 1, 3), 0.75)
    assert from_hlg(code, "rec2020", white_nits=1) == pytest.approx(203, rel=0.01)
    assert hlg_decode(np.array([0, 0.5, 1])) == pytest.approx([0, 1 / 12, 1], abs=1e-6)
    assert hlg_encode(np.array([1 / 12])) == pytest.approx([0.5], abs=1e-6)
    assert from_hlg(np.ones((1, 1, 3)), "rec2020", white_nits=1) == pytest.approx(1000, rel=1e-5)


def test_an_independent_decoder_finds_codes_and_tags(tmp_path):
    """White and grey by the formulas of BT.2100, written out again here."""
    image = np.float32([[[1, 1, 1], [0.1, 0.1, 0.1], [0, 0, 0], [1, 0, 0]]])
    data = write(tmp_path / "x.png", image, transfer="hlg").read_bytes()
    body = dict(chunks(data))
    assert body[b"cICP"] == bytes([9, 18, 0, 1]), "Rec.2020, HLG, RGB, full range"
    assert b"mDCV" not in body and b"cLLI" not in body, "absolute levels belong to PQ"
    codes = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)[0, :, ::-1] / 65535
    np.testing.assert_allclose(codes[0], 0.75, atol=0.002)
    np.testing.assert_allclose(codes[1], (3 * (20.3 / 1000) ** (1 / 1.2)) ** 0.5, atol=2e-5)
    np.testing.assert_allclose(codes[2], 0, atol=1e-6)
    red = 0.203 * np.array([0.6274, 0.0691, 0.0164])
    scene = red * (red @ [0.2627, 0.6780, 0.0593]) ** (1 / 1.2 - 1)
    log = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    np.testing.assert_allclose(codes[3], np.where(scene <= 1 / 12, np.sqrt(3 * scene), log), atol=2e-4)


@pytest.mark.parametrize("white_nits", [203.0, 100.0])
def test_round_trip_of_png_is_within_the_rounding_of_its_codes(tmp_path, white_nits):
    path = write(tmp_path / "x.png", glow(), white_nits=white_nits, transfer="hlg")
    got = read(path, white_nits=white_nits)
    assert got.dtype == np.float32 and read_photo(path).linear
    assert np.array_equal(read_photo(path).to_rec709, np.eye(3))
    np.testing.assert_allclose(got, glow(), rtol=3e-4, atol=2e-4)


@pytest.mark.parametrize("extension", [".avif", ".heic"])
def test_avif_and_heic(tmp_path, extension):
    """nclx: Rec.2020 (9), HLG (18), Rec.2020 matrix (9), full range. They are lossy."""
    pytest.importorskip(MODULES[extension])
    path = write(tmp_path / f"x{extension}", glow(), transfer="hlg")
    assert b"colrnclx\x00\x09\x00\x12\x00\x09\x80" in path.read_bytes()
    got = read(path)
    assert got.dtype == np.float32 and read_photo(path).linear
    assert np.abs(got - glow()).mean() < 0.02 * glow().mean()
    np.testing.assert_allclose(got, glow(), rtol=0.1, atol=0.06)


def test_light_beyond_what_hlg_holds_bends_and_keeps_its_hue():
    blue = np.float32([0, 0, 4.5]) @ matrix_between("rec2020", "rec709").T.astype(np.float32)  # 914 cd/m2: too much
    light = np.float32([[[0.5, 0.5, 0.5], [100, 100, 100], [100, 50, 50], blue]])
    got = from_hlg(to_hlg(light) / np.float32(65535), "rec2020")[0]
    np.testing.assert_allclose(got[0], 0.5, rtol=1e-3)
    assert 0.9 * 1000 < 203 * got[1].max() <= 1000
    np.testing.assert_allclose(got[2] / got[2].max(), [1, 0.5, 0.5], rtol=1e-2)
    np.testing.assert_allclose(got[3] / got[3].max(), blue / blue.max(), atol=2e-3)
    tall = np.repeat(light, 600, axis=0)
    np.testing.assert_array_equal(to_hlg(tall)[599], to_hlg(light)[0], err_msg="bands of rows must agree")
    white = to_hlg(np.full((1, 2, 3), 1000 / 203, np.float32))
    assert white.min() == 65535, "white at the peak fits"


def test_other_primaries_are_read_by_their_own_luminance():
    """The same light, coded in P3 and in Rec.2020, is the same light."""
    scene = np.float32([[[0.3, 0.2, 0.1], [0.05, 0.4, 0.2]]])
    in_2020 = scene @ matrix_between("p3", "rec2020").T
    a, b = from_hlg(hlg_encode(scene), "p3"), from_hlg(hlg_encode(in_2020), "rec2020")
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "name, options, words",
    [
        ("x.jxl", {}, "transfer, only .png, .avif, .heic"),
        ("x.exr", {}, "transfer, only .png"),
        ("x.png", {"peak_nits": 2000.0}, "1000 in HLG"),
        ("x.png", {"transfer": "log"}, "'pq', 'hlg'"),
    ],
)
def test_what_hlg_cannot_hold_is_refused(tmp_path, name, options, words):
    with pytest.raises(ValueError, match=words):
        write(tmp_path / name, glow(), **{"transfer": "hlg", **options})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("transfer, code", [(18, 0.75), (16, 0.58)])
def test_heic_of_8_bits_is_light_too(tmp_path, transfer, code):
    """75 % of HLG and 58 % of PQ are 203 cd/m2 (BT.2408 table 1), whatever the depth."""
    pillow_heif = pytest.importorskip("pillow_heif")
    codes = np.full((32, 32, 3), round(255 * code), np.uint8)
    file = pillow_heif.from_bytes("RGB", (32, 32), codes.tobytes())
    tags = {"color_primaries": 9, "transfer_characteristics": transfer, "matrix_coefficients": 9, "full_range_flag": 1}
    file.save(tmp_path / "x.heic", quality=95, chroma=444, **tags)
    got = read(tmp_path / "x.heic")
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, 1, rtol=0.06)


def test_the_peak_is_kept_and_light_up_to_it_is_not_bent():
    def shown(light: np.ndarray, peak: float) -> np.ndarray:
        return from_hlg(to_hlg(light, 203, peak) / np.float32(65535), "rec2020", white_nits=1)

    beyond = shown(np.full((1, 1, 3), 50, np.float32), 400)
    assert beyond == pytest.approx(400, rel=0.05) and beyond.max() <= 400
    for peak in range(250, 1001, 50):
        assert shown(np.full((1, 1, 3), peak / 203, np.float32), peak) == pytest.approx(peak, rel=1e-3)
