"""Tone curves: known values, order kept, and light that is not a number does no harm."""

import sys

import numpy as np
import pytest

from hdrrecon.view import tonemap

METHODS = ["clip", "reinhard", "filmic"]


def pixel(*rgb) -> np.ndarray:
    return np.float32([[rgb if len(rgb) == 3 else rgb * 3]])


def ramp(top: float) -> np.ndarray:
    return np.repeat(np.linspace(0, top, 500, dtype=np.float32)[None, :, None], 3, axis=2)


def test_clip_is_the_srgb_curve():
    assert tonemap(pixel(0.2140), "clip").tolist() == [[[127, 127, 127]]]
    assert tonemap(pixel(0.2140), "clip", exposure_stops=1)[0, 0, 0] == 175  # 0.428 linear is sRGB 0.6858
    assert tonemap(pixel(9.0, -1.0, 0.0), "clip").tolist() == [[[255, 0, 0]]]


def test_reinhard_leaves_an_ordinary_picture_alone():
    """With white at 1, L (1 + L) / (1 + L) = L."""
    picture = np.random.default_rng(0).random((20, 20, 3)).astype(np.float32)
    assert np.array_equal(tonemap(picture, "reinhard"), tonemap(picture, "clip"))


def test_reinhard_by_hand():
    """White 4: 1 becomes 1 (1 + 1/16) / 2 = 0.53125, sRGB 192.7; 4 becomes exactly white."""
    out = tonemap(np.concatenate([pixel(1.0), pixel(4.0)] * 500, axis=1), "reinhard")
    assert out[0, 0, 0] == 193 and out[0, 1, 0] == 255


def test_filmic_by_hand():
    """x = 0.6: 0.6 (1.506 + 0.03) / (0.6 (1.458 + 0.59) + 0.14) = 0.6733, sRGB 213.7."""
    assert tonemap(pixel(1.0), "filmic")[0, 0, 0] == 214
    assert tonemap(pixel(0.0), "filmic")[0, 0, 0] == 0 and tonemap(pixel(1e30), "filmic")[0, 0, 0] == 255


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("top", [0.5, 1, 50])
def test_brighter_stays_brighter(method, top):
    assert (np.diff(tonemap(ramp(top), method)[0, :, 0].astype(int)) >= 0).all()


@pytest.mark.parametrize("method", METHODS)
def test_not_a_number_is_black_and_infinity_white(method):
    picture = np.full((30, 30, 3), 0.2, np.float32)
    clean = tonemap(picture, method)
    picture[0, 0], picture[0, 1], picture[0, 2] = np.nan, np.inf, -np.inf
    out = tonemap(picture, method)
    assert out[0, 0].tolist() == [0, 0, 0] and out[0, 2].tolist() == [0, 0, 0]
    assert out[0, 1, 0] > out[1, 1, 0]
    assert np.array_equal(out[1:], clean[1:]), "the others are as they were"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, 1e38])
def test_even_pictures(method, value):
    out = tonemap(pixel(value), method)
    assert out.dtype == np.uint8 and out.shape == (1, 1, 3)


def test_errors_name_the_choices():
    with pytest.raises(ValueError, match="reinhard, filmic, clip"):
        tonemap(pixel(1.0), "drago")
    with pytest.raises(ValueError, match="uint8"):
        tonemap(np.zeros((2, 2, 3), np.uint8))


def test_large_light_is_looked_at_in_its_own_precision():
    """A copy in float64 of a 16K panorama would take 3 GB."""
    from hdrrecon.view.tonemap import light_of

    light = np.ones((2, 3, 3), np.float32)
    assert np.shares_memory(light_of(light), light) and light_of(light.astype(np.float16)).dtype == np.float32
    assert light_of(light.astype(np.float64)).dtype == np.float64


@pytest.mark.parametrize("method", METHODS)
def test_bands_do_not_show(method, monkeypatch):
    rng = np.random.default_rng(0)
    light = np.exp(rng.normal(0, 2, (70, 40, 3))).astype(np.float32)
    light[50, 3], light[10, 5], light[60, 7] = np.nan, np.inf, -1
    whole = tonemap(light, method, -1)
    monkeypatch.setattr(sys.modules[tonemap.__module__], "_BAND_ROWS", 16)
    assert np.array_equal(tonemap(light, method, -1), whole)
