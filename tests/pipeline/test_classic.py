"""Expansion operators: published formulae by hand, colour kept, nothing breaks on odd pictures."""

import numpy as np
import pytest

from hdrrecon.color import luminance
from hdrrecon.pipeline import classic
from hdrrecon.pipeline.classic import CLASSIC

OPERATORS = list(CLASSIC.items())
each = pytest.mark.parametrize("name, operator", OPERATORS, ids=CLASSIC)


def grey(values) -> np.ndarray:
    """(1, N, 3) grey row of these luminances."""
    return np.repeat(np.float32(values)[None, :, None], 3, axis=2)


def flat(value, size=(8, 8)) -> np.ndarray:
    return np.full((*size, 3), value, np.float32)


@pytest.fixture
def photo_light(small_hdr) -> np.ndarray:
    """What a camera with a linear response would keep of the scene."""
    return np.clip(small_hdr, 0, 1)


@each
def test_sensible_on_a_photo(name, operator, photo_light):
    out = operator(photo_light)
    assert out.shape == photo_light.shape and out.dtype == np.float32
    assert np.isfinite(out).all() and out.min() >= 0
    light = luminance(photo_light)
    mid = (light >= 0.05) & (light <= 0.5)
    assert np.median(luminance(out)[mid] / light[mid]) == pytest.approx(1, abs=0.35), "mid-tones are anchored"


@each
def test_chromaticity_is_kept(name, operator, photo_light):
    out, light = operator(photo_light), luminance(photo_light)[..., None]
    new = luminance(out)[..., None]
    seen = (light > 1e-3) & (new > 1e-4)
    np.testing.assert_allclose(
        np.where(seen, out / np.maximum(new, 1e-9), 0),
        np.where(seen, photo_light / np.maximum(light, 1e-9), 0),
        rtol=1e-4,
        atol=1e-5,
    )


@each
@pytest.mark.parametrize(
    "picture",
    [
        flat(0),
        flat(1),
        flat(0.18),
        flat(0.5, (1, 1)),
        flat(0, (1, 1)),
        flat(1, (1, 1)),
        flat(0.3, (1, 300)),
        grey(np.linspace(0, 1, 50)),
        flat(0.2) * np.float32([1, 0, 0]),
    ],
    ids=["black", "white", "grey", "1x1", "1x1 black", "1x1 white", "1x300", "ramp", "red"],
)
def test_odd_pictures(name, operator, picture):
    out = operator(picture)
    assert out.shape == picture.shape and np.isfinite(out).all() and out.min() >= 0
    assert out[picture == 0].max(initial=0) == 0, "black stays black"
    assert luminance(out).max() >= luminance(picture).max() * 0.999, "the brightest never gets darker"


@each
def test_the_input_is_not_written_to(name, operator, photo_light):
    before = photo_light.copy()
    operator(photo_light)
    assert np.array_equal(photo_light, before)


@pytest.mark.parametrize(
    "operator", [classic.akyuz_2007, classic.landis_2002, lambda x: classic.akyuz_2007(x, gamma=2.2)]
)
def test_pointwise_formulae_are_monotone(operator):
    out = operator(grey(np.linspace(0, 1, 400)))[0, :, 0]
    assert (np.diff(out) >= 0).all()


@each
def test_larger_flat_pictures_come_out_brighter(name, operator):
    """The local operators have no single curve, but over even areas brighter in is brighter out."""
    picture = np.concatenate([flat(v, (32, 64)) for v in (0.1, 0.4, 0.7, 1.0)])
    rows = luminance(operator(picture))[[16, 48, 80, 112], 32]
    assert (np.diff(rows) > 0).all()


def test_akyuz_by_hand():
    """(0.4 - 0.1) / (0.7 - 0.1) = 0.5, squared 0.25; anchored at the one mid-tone that is not black: times 0.4 /
    0.25."""
    out = classic.akyuz_2007(grey([0.1, 0.4, 0.7]), gamma=2)[0, :, 0]
    np.testing.assert_allclose(out, [0, 0.4, 1.6], rtol=1e-5)


def test_akyuz_leaves_a_photo_with_black_alone():
    picture = grey([0, 0.2, 0.5, 1])
    np.testing.assert_allclose(classic.akyuz_2007(picture), picture, atol=1e-6)


def test_landis_by_hand():
    """t = 0.5, alpha = 2, L = 0.75: w = 0.25, 0.75 * 0.75 + 10 * 0.75 * 0.25 = 2.4375."""
    out = classic.landis_2002(grey([0.25, 0.5, 0.75, 1.0]))[0, :, 0]
    np.testing.assert_allclose(out, [0.25, 0.5, 2.4375, 10], rtol=1e-5)


def test_inverse_reinhard_by_hand():
    """Where the map is 1 the curve is inverted: the forward curve takes the output back to the photo."""
    out = classic.inverse_reinhard(flat(1.0), peak=10)
    np.testing.assert_allclose(out, 10, rtol=1e-5)
    high = classic.inverse_reinhard(flat(0.5), peak=10, threshold=-1)  # (0.5 + 1) / 2 = 0.75 of the way
    inverse = 50 * (-0.5 + np.sqrt(0.25 + 4 * 0.5 / 100))  # the root of the quadratic, 0.9808
    assert inverse * (1 + inverse / 100) / (1 + inverse) == pytest.approx(0.5)
    np.testing.assert_allclose(high, 0.5 * 0.25 + inverse * 0.75, rtol=1e-5)


def test_inverse_reinhard_touches_lights_only():
    picture = flat(0.3, (64, 64))
    picture[20:40, 20:40] = 1
    out = classic.inverse_reinhard(picture)
    assert out[30, 30, 0] > 5
    np.testing.assert_allclose(out[0, 0], 0.3, rtol=0.02)


def test_kovaleski_oliveira_by_hand():
    """Everything clipped: gain (3 + 1) / 4 against (0 + 1) / 4 of what is not, four times."""
    np.testing.assert_allclose(classic.kovaleski_oliveira_2014(flat(1.0)), 4, rtol=1e-6)
    np.testing.assert_allclose(classic.kovaleski_oliveira_2014(flat(0.98)), 0.98, rtol=1e-6)


def test_kovaleski_oliveira_stops_at_edges():
    picture = flat(0.1, (80, 80))
    picture[30:50, 30:50] = 1
    out = classic.kovaleski_oliveira_2014(picture)
    assert out[40, 40, 0] > 3.9 and out[40, 25, 0] == pytest.approx(0.1, rel=0.02)


def test_huo_by_hand():
    """Two equal halves, L = 0.2 and 0.8 of a maximum of 0.8: shares 0.25 and 1, geometric mean sqrt(0.25) = 0.5.

    Far from the edge the surround is the pixel: 0.25 (0.25^n + 0.5^n)^(1/n) against 1 (1 + 0.5^n)^(1/n), n = 0.86.
    """
    picture = np.concatenate([flat(0.2, (400, 30)), flat(0.8, (400, 30))])
    out = classic.huo_2014(picture)
    n = 0.86
    want = (1 + 0.5**n) ** (1 / n) / (0.25 * (0.25**n + 0.5**n) ** (1 / n))
    assert out[700, 15, 0] / out[100, 15, 0] == pytest.approx(want, rel=0.01)
    assert want > 8, "four times the light became eight"


def test_masia_gamma_by_hand():
    """Even grey 0.5, nothing clipped: ln 0.5 = -0.6931; no range, so the key is 0.5."""
    assert classic.masia_gamma(flat(0.5)) == pytest.approx(2.4379 - 0.2319 * 0.6931 - 1.1228 * 0.5, abs=1e-3)
    assert classic.masia_gamma(flat(1.0)) == pytest.approx(2.4379 - 1.1228 * 0.5 + 0.85, abs=1e-3)
    assert classic.masia_gamma(flat(1e-7)) < 0, "which is why masia_2017 stops at 1"


def test_masia_power_by_hand():
    """Over even areas detail is 1 and the base is the pixel: luminances 0.2 and 0.8 to the power 2 are 16 times
    apart."""
    out = classic.masia_2017(np.concatenate([flat(0.2, (300, 40)), flat(0.8, (300, 40))]), gamma=2.0)
    assert out[500, 20, 0] / out[100, 20, 0] == pytest.approx(16, rel=1e-3)


def test_bilateral_keeps_edges_and_constants():
    rng = np.random.default_rng(0)
    guide = np.zeros((60, 60))
    guide[:, 30:] = 1
    values = guide + 0.05 * rng.standard_normal(guide.shape)
    smooth = classic.bilateral(values, guide, 8, 0.1)
    assert abs(smooth[30, 28]) < 0.03 and abs(smooth[30, 31] - 1) < 0.03
    assert smooth[:, :30].std() < 0.02
    np.testing.assert_allclose(classic.bilateral(np.full((7, 5), 0.3), rng.random((7, 5)), 3, 0.1), 0.3)


@pytest.mark.parametrize(
    "bad, words",
    [
        (np.zeros((4, 4, 3), np.uint8), "linearize"),
        (np.zeros((4, 4), np.float32), r"\(4, 4\)"),
        (np.full((2, 2, 3), np.nan, np.float32), "12 values"),
        (np.zeros((0, 3, 3), np.float32), r"\(0, 3, 3\)"),
    ],
)
def test_errors_say_what_was_given(bad, words):
    with pytest.raises(ValueError, match=words):
        classic.landis_2002(bad)
