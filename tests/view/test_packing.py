"""What is packed into a page comes out again, bit for bit."""

import base64
import zlib

import numpy as np
import pytest

from hdrrecon.view.packing import half_bits, pack, packed_size


def unpacked(packed, height, width, confidence=False):
    """The inverse, written from the description in packing.py."""
    planes = (
        np.frombuffer(zlib.decompress(base64.b64decode(packed.text)), np.uint8)
        .reshape(-1, height, width)
        .astype(np.int64)
    )
    steps = []
    for high, low in zip(planes[0:6:2], planes[1:6:2]):
        z = high << 8 | low
        steps.append(np.where(z & 1, -(z + 1) // 2, z // 2))
    green, red, blue = steps[0], steps[1] + steps[0], steps[2] + steps[0]
    bits = (np.cumsum(np.stack([red, green, blue], -1), axis=1) & 0xFFFF).astype(np.uint16) << packed.shift
    codes = np.cumsum(planes[6], axis=1) & 255 if confidence else None
    return bits.view(np.float16).astype(np.float32), codes


def test_every_half_float_survives():
    light = np.arange(65536, dtype=np.uint16)[np.random.default_rng(1).permutation(65536)]
    light = np.resize(light, (128, 171 * 3)).reshape(128, 171, 3).view(np.float16)
    back, _ = unpacked(pack(light), 128, 171)
    assert np.array_equal(
        back.astype(np.float16).view(np.uint16) | 0x200 * np.isnan(back),
        light.view(np.uint16) | 0x200 * np.isnan(light),
    )


def test_confidence():
    rng = np.random.default_rng(1)
    confidence = rng.random((9, 14))
    _, codes = unpacked(pack(rng.random((9, 14, 3)), confidence), 9, 14, confidence=True)
    assert np.array_equal(codes, np.rint(confidence * 255))


@pytest.mark.parametrize("shift, error", [(1, 1.1e-3), (2, 2e-3)])
def test_rounding_is_small_and_makes_no_infinities(shift, error):
    light = np.float32([[[65504, -65504, 60000], [1, 0.3333, 3e-3]]])
    back, _ = unpacked(pack(light, shift=shift), 1, 2)
    assert np.isfinite(back).all() and np.abs(back / light - 1).max() < error
    odd = np.float32([[[np.nan, np.inf, -np.inf]]])
    assert np.array_equal(unpacked(pack(odd, shift=shift), 1, 1)[0], odd, equal_nan=True)


def test_light_beyond_half_is_clamped_and_counted():
    packed = pack(np.float32([[[1e6, -1e6, 65504]]]))
    assert packed.clamped == 2 and unpacked(packed, 1, 1)[0].tolist() == [[[65504, -65504, 65504]]]
    assert half_bits(np.float32([[[np.inf, np.nan, 1]]]))[1] == 0


@pytest.mark.parametrize("height", [5, 300, 1000])
def test_the_size_is_known_beforehand(height):
    light = np.random.default_rng(0).random((height, 333, 3), np.float32)
    assert packed_size(light) == pytest.approx(len(pack(light).text), rel=0.03)
