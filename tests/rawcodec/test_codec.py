"""What the codec promises: less error for few bytes, prefixes that decode, and no wrong light without a word."""

import io
import struct
import warnings

import numpy as np
import pytest
from PIL import Image

import hdrrecon
from hdrrecon import rawcodec
from hdrrecon.rawcodec import StreamError, StreamWarning
from hdrrecon.rawcodec.bitstream import read_header
from hdrrecon.rawcodec.codec import decode_full

from .conftest import photograph


def psnr(a, b):
    return -10 * np.log10(np.mean((a.astype(float) - b) ** 2))


def quiet_decode(jpeg, stream):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StreamWarning)
        return rawcodec.decode(jpeg, stream)


def test_more_bytes_bring_more_of_the_raw_back(exposure):
    raw, jpeg = exposure
    scores = []
    for bpp in (0.1, 0.4, 1.5):
        data = rawcodec.encode(raw, jpeg, bpp)
        assert len(data) <= bpp * raw[..., 0].size / 8
        scores.append(psnr(quiet_decode(jpeg, data), raw))
    assert scores[0] > 25 and scores[1] > scores[0] + 2 and scores[2] > scores[1] + 1


def test_light_above_the_jpegs_white_comes_back(exposure, stream):
    raw, jpeg = exposure
    out = rawcodec.decode(jpeg, stream)
    above = (raw.min(-1) > 0.45) & (raw.max(-1) < 0.95)
    assert above.sum() > 50
    stops = np.log2(out[above].mean(-1) / raw[above].mean(-1))
    assert np.sqrt(np.mean(stops**2)) < 0.1
    assert out.shape == raw.shape and out.dtype == np.float32 and out.min() >= 0 and out.max() <= 1


def test_decoding_twice_gives_the_same(exposure, stream):
    _, jpeg = exposure
    np.testing.assert_array_equal(rawcodec.decode(jpeg, stream), rawcodec.decode(jpeg, stream))


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (8, 8), (33, 17), (70, 300)])
def test_any_size(size):
    raw, jpeg = photograph(*size)
    out = quiet_decode(jpeg, rawcodec.encode(raw, jpeg, 8))
    assert out.shape == raw.shape and np.isfinite(out).all()
    assert np.abs(out - raw).mean() < 0.1


def test_bands_do_not_show(exposure, stream, monkeypatch):
    from hdrrecon.rawcodec import latent_coder, pixel_stage

    _, jpeg = exposure
    whole = rawcodec.decode(jpeg, stream)
    monkeypatch.setattr(pixel_stage, "BAND", 16)
    monkeypatch.setattr(latent_coder, "_BAND", 3)
    np.testing.assert_allclose(rawcodec.decode(jpeg, stream), whole, atol=2e-6)


def test_any_prefix_of_the_chunks_decodes(exposure):
    raw, jpeg = exposure
    data = rawcodec.encode(raw, jpeg, 3)
    _, _, start = read_header(data)
    last, passes = 0.0, []
    for end in np.linspace(start, len(data), 12).astype(int):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StreamWarning)
            found = decode_full(jpeg, data[:end])
        score = psnr(found.raw, raw)
        assert score > last - 0.3
        last = max(last, score)
        passes.append(found.passes)
    assert passes == sorted(passes) and passes[0] == 0 and passes[-1] == 8 and len(set(passes)) > 3


def test_a_short_stream_says_so(exposure, stream):
    _, jpeg = exposure
    with pytest.warns(StreamWarning, match="ends early"):
        rawcodec.decode(jpeg, stream[:-10])


def test_truncated_streams_are_refused_or_shorter(exposure, stream):
    _, jpeg = exposure
    _, _, start = read_header(stream)
    for end in range(0, start):
        with pytest.raises(StreamError):
            rawcodec.decode(jpeg, stream[:end])


def test_flipped_bits_are_noticed(exposure, stream):
    """Of every flipped bit either an error or a warning tells; or nothing was changed by it."""
    _, jpeg = exposure
    whole = rawcodec.decode(jpeg, stream)
    rng = np.random.default_rng(0)
    for position in rng.choice(8 * len(stream), 40, replace=False):
        damaged = bytearray(stream)
        damaged[position // 8] ^= 1 << position % 8
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                out = rawcodec.decode(jpeg, bytes(damaged))
            except StreamError:
                continue
        assert any(w.category is StreamWarning for w in said) or np.array_equal(out, whole), position


@pytest.mark.parametrize("junk", [b"", b"HRW", b"HRW1", b"\0" * 500, b"HRW1" + b"\xff" * 90])
def test_junk_is_no_stream(exposure, junk):
    with pytest.raises(StreamError):
        rawcodec.decode(exposure[1], junk)


def test_a_newer_version_is_refused(exposure, stream):
    newer = bytearray(stream)
    newer[4] = 9
    with pytest.raises(StreamError, match="version 9"):
        rawcodec.decode(exposure[1], bytes(newer))


def test_another_model_is_refused(exposure, stream):
    import zlib

    header, base, start = read_header(stream)
    body = bytearray(stream[: start - 4])
    struct.pack_into("<I", body, 6, header.model ^ 1)
    other = bytes(body) + struct.pack("<I", zlib.crc32(bytes(body))) + stream[start:]
    with pytest.raises(StreamError, match="model"):
        rawcodec.decode(exposure[1], other)


def resaved(jpeg, change=lambda image: image, **options):
    out = io.BytesIO()
    change(Image.open(io.BytesIO(jpeg))).save(out, "JPEG", **{"quality": 80, **options})
    return out.getvalue()


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda im: im, "edited or saved again"),
        (lambda im: im.point(lambda v: min(255, v + 9)), "edited or saved again"),
        (lambda im: im.crop((8, 8, 160, 112)), "cropped, resized"),
        (lambda im: im.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "edited or saved again"),
    ],
)
def test_a_changed_photo_is_never_decoded_with_stale_data(exposure, stream, change, said):
    other = resaved(exposure[1], change)
    with pytest.raises(StreamError, match=said):
        rawcodec.decode(other, stream)
    with pytest.warns(StreamWarning, match="only its global map"):
        found = decode_full(other, stream, stale="map")
    assert found.passes == 0 and np.isfinite(found.raw).all() and found.error.min() > 0.05


def test_metadata_may_change(exposure, stream):
    """A rating or a position written into the file does not touch the picture."""
    from hdrrecon.io.jpeg import SOI

    jpeg = exposure[1]
    comment = b"\xff\xfe\x00\x08rated!"[:10]
    edited = SOI + comment + jpeg[2:]
    np.testing.assert_array_equal(rawcodec.decode(edited, stream), rawcodec.decode(jpeg, stream))


@pytest.mark.parametrize(
    "options", [{"progressive": True}, {"subsampling": 0}, {"quality": 100}, {"restart_marker_rows": 1}]
)
def test_kinds_of_jpeg(options):
    raw, jpeg = photograph(64, 80, **options)
    out = quiet_decode(jpeg, rawcodec.encode(raw, jpeg, 1))
    assert psnr(out, raw) > 26


def test_a_grey_jpeg_works(exposure):
    raw, jpeg = exposure
    out = io.BytesIO()
    Image.open(io.BytesIO(jpeg)).convert("L").save(out, "JPEG")
    grey = np.repeat(raw.mean(-1, keepdims=True), 3, -1)
    assert psnr(quiet_decode(out.getvalue(), rawcodec.encode(grey, out.getvalue(), 1)), grey) > 28


def test_pillows_limit_of_megapixels_is_not_ours(exposure, stream, monkeypatch):
    """As if 120 x 168 pixels were more than 179 million."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5000)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(exposure[1]))
    assert psnr(rawcodec.decode(exposure[1], stream), exposure[0]) > 30


def test_cmyk_is_refused(exposure):
    out = io.BytesIO()
    Image.open(io.BytesIO(exposure[1])).convert("CMYK").save(out, "JPEG")
    with pytest.raises(StreamError, match="CMYK"):
        rawcodec.encode(exposure[0], out.getvalue())


@pytest.mark.parametrize(
    "raw", [np.zeros((10, 10, 3), np.float32), np.zeros((120, 168), np.float32), np.zeros((120, 168, 3), int)]
)
def test_raw_of_another_size_or_kind_is_refused(exposure, raw):
    with pytest.raises(ValueError, match="as large as its JPEG"):
        rawcodec.encode(raw, exposure[1])


@pytest.mark.parametrize("bpp", [0, -1, float("nan"), 1e9])
def test_impossible_rates_are_refused(exposure, bpp):
    with pytest.raises(ValueError, match="bpp"):
        rawcodec.encode(*exposure, bpp)


def test_the_package_is_reached_by_name():
    assert hdrrecon.rawcodec.encode is rawcodec.encode


def test_nothing_large_is_kept_in_double_precision():
    """Twice the memory, and networks refuse it."""
    from hdrrecon.rawcodec.fit import base_light

    light = base_light(np.zeros((40, 50, 3), np.uint8), np.zeros((36, 3)), np.zeros((2, 2)), 8)
    assert light.dtype == np.float32 and light.shape == (40, 50, 3)
