"""A gain map by itself: light = (base + base_offset) * 2^gain - light_offset."""

import struct

import numpy as np
import pytest

from hdrrecon.io.gainmap import GainMap


def test_light_by_hand_offsets_and_their_signs():
    """Code 0 is `low`, code 255 `high`; the base's offset is added before, the light's taken off after."""
    codes = np.array([[0, 255]], np.uint8)
    gains = GainMap(codes, high=(2.0,) * 3, low=(-1.0,) * 3, base_offset=(0.25,) * 3, light_offset=(0.125,) * 3)
    base = np.full((1, 2, 3), 0.5, np.float32)
    light = gains.light(base)
    np.testing.assert_allclose(light[0, 0], (0.5 + 0.25) * 2**-1 - 0.125)
    np.testing.assert_allclose(light[0, 1], (0.5 + 0.25) * 2**2 - 0.125)


def test_metadata_says_the_same_numbers():
    gains = GainMap(np.zeros((1, 1), np.uint8), (3.0,) * 3, (-1.0,) * 3, (1.0,) * 3, (-0.25,) * 3, (0.5,) * 3, 2.0)
    block = gains.iso_block()
    numbers = [n / d for n, d in struct.iter_unpack(">iI", block[5:])]
    assert numbers == pytest.approx([0, 2, -1, 3, 1, -0.25, 0.5])
    assert 'OffsetSDR="-0.250000"' in gains.xmp_description() and 'OffsetHDR="0.500000"' in gains.xmp_description()
