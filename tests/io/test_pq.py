"""PQ stills: the right tags in the bytes, the right light on the screen, and back."""

from __future__ import annotations

import struct

import numpy as np
import pytest

import hdrrecon
from hdrrecon.color import matrix_between, pq_encode
from hdrrecon.io import read, read_photo, write
from hdrrecon.io.container import png_chunks
from hdrrecon.io.pq import from_pq, to_pq


def glow(height: int = 40, width: int = 50) -> np.ndarray:
    """(H, W, 3) light from 0 to 4.5 times white, 914 cd/m2: it fits under 1000."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    return (4.5 * np.stack([x, y, x * y], -1) ** 2).astype(np.float32)


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, position = [], 8
    while position < len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        found.append((data[position + 4 : position + 8], data[position + 8 : position + 8 + size]))
        position += 12 + size
    return found


def test_the_tags_are_in_the_bytes(tmp_path):
    data = write(tmp_path / "x.png", glow(), peak_nits=1000).read_bytes()
    png_chunks(data)  # checksums
    names = [name for name, _ in chunks(data)]
    assert names.index(b"cICP") < names.index(b"IDAT") and names[0] == b"IHDR" and names[-1] == b"IEND"
    body = dict(chunks(data))
    assert body[b"IHDR"][8:10] == bytes([16, 2]), "16 bits, RGB"
    assert body[b"cICP"] == bytes([9, 16, 0, 1]), "Rec.2020, PQ, RGB, full range"
    places = struct.unpack(">8HII", body[b"mDCV"])
    assert places == (35400, 14600, 8500, 39850, 6550, 2300, 15635, 16450, 10_000_000, 1)
    brightest, mean = (v / 10_000 for v in struct.unpack(">II", body[b"cLLI"]))
    in_2020 = glow() @ matrix_between("rec709", "rec2020").T
    assert brightest == pytest.approx(203 * in_2020.max(), rel=1e-4)
    assert mean == pytest.approx(203 * in_2020.max(-1).mean(), rel=1e-4)


def test_an_independent_decoder_finds_the_codes(tmp_path):
    """White of 203 cd/m2 is 58 % of the PQ signal (ITU-R BT.2408 table 1); primaries are mixed as BT.2087 has it."""
    imagecodecs = pytest.importorskip("imagecodecs")
    image = np.float32([[[1, 1, 1], [1, 0, 0], [0, 0, 0]]])
    codes = imagecodecs.png_decode(write(tmp_path / "x.png", image).read_bytes()) / 65535
    np.testing.assert_allclose(codes[0, 0], 0.58, atol=0.001)
    np.testing.assert_allclose(codes[0, 1], pq_encode(203 * np.array([0.6274, 0.0691, 0.0164])), atol=1e-4)
    np.testing.assert_allclose(codes[0, 2], 0, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"white_nits": 100.0, "peak_nits": 4000.0}])
def test_round_trip(tmp_path, options):
    white = {k: v for k, v in options.items() if k == "white_nits"}
    got = hdrrecon.read(hdrrecon.write(tmp_path / "x.png", glow(), **options), **white)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, glow(), rtol=2e-3, atol=2e-4)
    photo = read_photo(tmp_path / "x.png")
    assert photo.linear and photo.bits == 32 and np.array_equal(photo.to_rec709, np.eye(3))


def test_colours_between_rec709_and_rec2020_survive(tmp_path):
    green = np.float32([[[0, 1, 0]]]) @ matrix_between("rec2020", "rec709").T.astype(np.float32)
    assert green.min() < -0.1
    np.testing.assert_allclose(read(write(tmp_path / "x.png", green)), green, atol=2e-3)


def test_alpha_and_grey(tmp_path):
    alpha = np.linspace(0, 1, 2000, dtype=np.float32).reshape(40, 50)
    got = read(write(tmp_path / "x.png", glow(), alpha=alpha))
    np.testing.assert_allclose(got[..., 3], alpha, atol=1e-5)
    np.testing.assert_allclose(got[..., :3], glow(), rtol=2e-3, atol=2e-4)
    np.testing.assert_allclose(read(write(tmp_path / "x.png", np.full((4, 5), 2.0))), 2, rtol=1e-3)


def test_light_beyond_the_peak_bends_and_keeps_its_hue():
    light = np.float32([[[1, 1, 1], [2, 2, 2], [100, 100, 100], [100, 50, 50]]])
    codes, brightest, _ = to_pq(light, 203, 1000)
    got = from_pq(codes / np.float32(65535), "rec2020")
    np.testing.assert_allclose(got[0, :2], light[0, :2], rtol=1e-3)
    assert 900 < brightest < 1000
    np.testing.assert_allclose(got[0, 3] / got[0, 3].max(), [1, 0.5, 0.5], rtol=1e-2)
    tall = np.repeat(light, 600, axis=0)
    np.testing.assert_array_equal(to_pq(tall)[0][599], codes[0], err_msg="bands of rows must agree")


def test_light_that_fits_is_not_bent():
    codes, brightest, mean = to_pq(np.full((3, 4, 3), 4.9, np.float32))
    assert brightest == pytest.approx(203 * 4.9, rel=1e-4) == mean


@pytest.mark.parametrize("peak", range(250, 1001, 50))
def test_light_exactly_at_the_peak_is_not_bent(peak):
    from hdrrecon.color import pq_decode
    from hdrrecon.io.pq import to_pq

    codes, brightest, _ = to_pq(np.full((2, 2, 3), peak / 203, np.float32), 203, peak)
    assert brightest == pytest.approx(peak, rel=1e-4)
    assert pq_decode(codes / 65535) == pytest.approx(np.full((2, 2, 3), peak), rel=1e-3)
