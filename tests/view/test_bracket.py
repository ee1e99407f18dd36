"""Brackets of light: right codes, right EXIF, and mergeable by a program that knows nothing of us."""

import numpy as np
import pytest
from PIL import Image

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.color import luminance
from hdrrecon.view.bracket import bracket, exposure_seconds, write_bracket


def scene(height=120, width=160):
    """Smooth light of 15 stops, coloured, like a room with a window."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / np.float32([[[height]], [[width]]])
    stops = -7 + 12 * x + 2 * np.sin(6 * y)
    return (2.0**stops)[..., None] * np.float32([1, 0.85, 0.7])


def test_codes():
    light = np.float32([[[0.25, 0.5, 1.0]]])
    dark, normal, bright = bracket(light, (-2, 0, 2))
    assert (
        normal.tolist() == [[[137, 188, 255]]]
        and dark.tolist() == [[[71, 99, 137]]]
        and bright.tolist() == [[[255, 255, 255]]]
    )


def test_the_response_is_used():
    assert bracket(np.full((1, 1, 3), 0.16), (0,), response=ResponseCurve.gamma(2))[0].tolist() == [[[102, 102, 102]]]


def test_broken_light_is_shown_as_far_as_it_goes():
    light = np.float32([[[np.nan] * 3, [np.inf] * 3, [-1] * 3]])
    assert bracket(light, (0,))[0][0, :, 0].tolist() == [0, 255, 0]


def test_exposure_times():
    assert [float(exposure_seconds(ev) * 60) for ev in (-4, 0, 4)] == [1 / 16, 1, 16]
    for ev in (-16, -1 / 3, 0.7, 11.3, 16):
        seconds = exposure_seconds(ev)
        assert (
            float(seconds) * 60 == pytest.approx(2**ev, rel=1e-5)
            and max(seconds.numerator, seconds.denominator) < 2**32
        )


def test_files_and_their_exif(tmp_path):
    paths = write_bracket(tmp_path / "new", scene(), (-4, 0, 1.5), name="room")
    assert [p.name for p in paths] == ["room-4EV.jpg", "room+0EV.jpg", "room+1.5EV.jpg"]
    facts = [Image.open(p).getexif().get_ifd(0x8769) for p in paths]
    assert [float(f[0x9204]) for f in facts] == [-4, 0, 1.5]
    assert [float(f[0x829A]) * 60 for f in facts] == pytest.approx([1 / 16, 1, 2**1.5], rel=1e-5)


@pytest.mark.parametrize("evs", [(-6, -4, -2, 0, 2, 4), (-4, 0, 4)])
def test_opencv_merges_the_bracket_back(tmp_path, evs):
    """Files, EXIF times and Debevec's method alone, the curve estimated by it too: the light comes back but for one
    factor."""
    import cv2

    light = scene()
    paths = write_bracket(tmp_path, light, evs)
    pictures = [cv2.imread(str(p)) for p in paths]
    times = np.float32([float(Image.open(p).getexif().get_ifd(0x8769)[0x829A]) for p in paths])
    curve = cv2.createCalibrateDebevec(samples=200).process(pictures, times)
    merged = cv2.createMergeDebevec().process(pictures, times, curve)[..., ::-1]
    seen = (light > 2.0**-7).all(axis=2) & (light < 2.0 ** (-1 - min(evs))).all(axis=2)
    error = np.log2(luminance(merged)[seen] / luminance(light)[seen])
    error -= np.median(error)  # Debevec's unit is his own
    assert np.median(np.abs(error)) < 0.05 and np.percentile(np.abs(error), 95) < 0.2


def test_opencv_merges_it_almost_exactly_when_told_the_curve(tmp_path):
    import cv2

    light = scene()
    evs = (-6, -4, -2, 0, 2, 4)
    pictures = [cv2.imread(str(p)) for p in write_bracket(tmp_path, light, evs, quality=100)]
    curve = np.maximum(ResponseCurve.srgb().linearize(np.arange(256) / 255), 1e-5).astype(np.float32)
    merged = cv2.createMergeDebevec().process(
        pictures, np.float32([2.0**ev for ev in evs]), np.repeat(curve[:, None, None], 3, axis=2)
    )
    seen = (light > 2.0**-7).all(axis=2) & (light < 2.0**5).all(axis=2)
    error = np.abs(np.log2(merged[..., ::-1][seen] / light[seen]))
    assert np.median(error) < 0.02 and np.percentile(error, 99) < 0.1


@pytest.mark.parametrize("evs", [(), (np.nan,), (20,), (0, np.inf)])
def test_impossible_exposures(tmp_path, evs):
    with pytest.raises(ValueError, match="bracket needs"):
        write_bracket(tmp_path, scene(), evs)
    assert not list(tmp_path.iterdir())


def test_the_same_exposure_twice(tmp_path):
    with pytest.raises(ValueError, match="the same"):
        write_bracket(tmp_path, scene(), (0, 1, 0))
