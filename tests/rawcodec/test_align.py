"""A raw is laid under the JPEG its camera made of it, or the pair is refused."""

import cv2
import numpy as np
import pytest

from hdrrecon.color import linear_to_srgb
from hdrrecon.rawcodec.align import AlignmentError, aligned


@pytest.fixture(scope="module")
def raw():
    """Structure of all sizes, (400, 560, 3)."""
    rng = np.random.default_rng(0)
    layers = [cv2.resize(rng.random((400 // s, 560 // s, 3)).astype(np.float32), (560, 400)) for s in (2, 5, 13, 40)]
    return np.clip(0.5 * np.mean(layers, 0) ** 1.5, 0, 1).astype(np.float32)


def shown(light):
    return np.round(255 * linear_to_srgb(np.clip(light * 1.8, 0, 1))).astype(np.uint8)


@pytest.mark.parametrize("top, left", [(0, 0), (6, 12), (17, 4)])
def test_a_crop_is_found(raw, top, left):
    window = np.s_[top : top + 376, left : left + 536]
    np.testing.assert_array_equal(aligned(raw, shown(raw[window])), raw[window])


def test_a_smaller_jpeg_is_found(raw):
    half = cv2.resize(raw, (280, 200), interpolation=cv2.INTER_AREA)
    out = aligned(raw, shown(half))
    assert out.shape == half.shape and np.abs(out - half)[8:-8, 8:-8].mean() < 0.01


def test_the_same_size_is_left_alone(raw):
    np.testing.assert_array_equal(aligned(raw, shown(raw)), raw)


def test_a_lens_correction_is_refused(raw):
    y, x = np.mgrid[:400, :560].astype(np.float32)
    far = ((y - 200) ** 2 + (x - 280) ** 2) / 280**2
    bent = cv2.remap(raw, 280 + (x - 280) * (1 + 0.012 * far), 200 + (y - 200) * (1 + 0.012 * far), cv2.INTER_LINEAR)
    with pytest.raises(AlignmentError, match="bent"):
        aligned(raw, shown(bent))


def test_another_picture_is_refused(raw):
    with pytest.raises(AlignmentError):
        aligned(raw, shown(raw[::-1, ::-1]))


def test_another_shape_is_refused(raw):
    with pytest.raises(AlignmentError, match="right pair"):
        aligned(raw, shown(raw[:, :300]))
