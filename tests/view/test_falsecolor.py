"""False colour: below the clip level cold, above it warm, and never the same."""

import numpy as np
import pytest

from hdrrecon.view import false_color
from hdrrecon.view.falsecolor import NOT_A_NUMBER, SCALE, colors_of


def grey(values) -> np.ndarray:
    return np.repeat(np.float32(values)[None, :, None], 3, axis=2)


def test_known_stops_have_the_colours_of_the_scale():
    out = false_color(grey([2.0**-4, 2.0, 16.0, 2.0**12]), legend=False)[0]
    assert [tuple(c) for c in out.tolist()] == [SCALE[-4], SCALE[1], SCALE[4], SCALE[10]]


def test_the_clip_level_is_a_border():
    below, above = false_color(grey([1.0, 1.02]), legend=False)[0].astype(int)
    assert below[0] - below[2] < 30 and above[0] - above[2] > 100, "grey up to 1, yellow above"


def test_every_stop_has_its_own_colour():
    colors = colors_of(np.arange(-10, 11)).astype(int)
    assert (np.abs(np.diff(colors, axis=0)).sum(axis=1) > 20).all()


def test_black_negative_and_not_a_number():
    out = false_color(grey([0.0, -1.0, np.nan, np.inf]), legend=False)[0]
    assert [tuple(c) for c in out.tolist()] == [SCALE[-10], SCALE[-10], NOT_A_NUMBER, NOT_A_NUMBER]


@pytest.mark.parametrize("size", [(1, 1), (300, 40), (700, 900)])
def test_legend_is_beside_the_picture(size):
    picture = np.full((*size, 3), 3.0, np.float32)
    out = false_color(picture)
    assert out.dtype == np.uint8 and out.shape[0] > size[0] and out.shape[1] >= size[1] + 80
    assert np.array_equal(out[22 : 22 + size[0], : size[1]], false_color(picture, legend=False))
