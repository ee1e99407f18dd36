"""Films out: light survives the coding."""

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from hdrrecon.color import pq_decode

av = pytest.importorskip("av")
from hdrrecon.video import decode  # noqa: E402
from hdrrecon.video.encode import FilmOptions, FilmWriter, _decoding_times  # noqa: E402
from tests.video.test_tags import first_frame  # noqa: E402


@pytest.mark.parametrize("codec, name", [("hevc", "a.mp4"), ("av1", "a.mp4"), ("prores", "a.mov")])
def test_light_survives_the_film(codec, name, tmp_path):
    """Flat patches come back as their light in cd/m2, to two percent."""
    light = np.zeros((64, 96, 3), np.float32)
    patches = {(0, 0): (1, 1, 1), (0, 1): (0.18, 0.18, 0.18), (1, 0): (0.8, 0.2, 0.1), (1, 1): (2, 2.2, 1.8)}
    for (row, column), value in patches.items():
        light[row * 32 : row * 32 + 32, column * 48 : column * 48 + 48] = value
    path = tmp_path / name
    with FilmWriter(path, (64, 96), 25, Fraction(1, 12800), FilmOptions(codec, quality=4)) as writer:
        for index in range(3):
            writer.write(light, index * 512)
    frame, _ = first_frame(path)
    planes = tuple(decode._plane(plane, 10) for plane in frame.planes)
    from hdrrecon.color import matrix_between
    from hdrrecon.video.ycbcr import to_rgb

    nits = (
        pq_decode(to_rgb(planes, 10, "bt2020", False, "topleft").astype(np.float64))
        @ matrix_between("rec2020", "rec709").T
    )
    for (row, column), value in patches.items():
        middle = nits[row * 32 + 12 : row * 32 + 20, column * 48 + 20 : column * 48 + 28].mean((0, 1))
        np.testing.assert_allclose(middle, 203 * np.array(value), rtol=0.02, atol=0.6)


@pytest.mark.parametrize(
    "options, name, says",
    [
        (FilmOptions("prores"), "a.mp4", "goes into .mov or .mkv"),
        (FilmOptions("av1"), "a.mov", "goes into .mp4 or .mkv"),
        (FilmOptions(), "a", "a name without ending"),
        (FilmOptions(transfer="srgb"), "a.mp4", "transfer is 'srgb'"),
        (FilmOptions(white_nits=1200), "a.mp4", "white_nits <= peak_nits"),
        (FilmOptions(peak_nits=20_000), "a.mp4", "<= 10000"),
    ],
)
def test_options_that_do_not_fit_are_refused_before_anything_is_written(options, name, says):
    with pytest.raises(ValueError, match=says):
        options.check(Path(name))


def test_times_of_decoding_never_come_after_those_of_showing():
    """A short film of reordered frames: times rise, and no frame is decoded after it is shown."""
    packets = [SimpleNamespace(pts=time, dts=None) for time in (0, 3072, 1024, 512, 1536, 2048)]
    _decoding_times(packets)
    times = [p.dts for p in packets]
    assert times == sorted(times) and len(set(times)) == len(times)
    assert all(p.dts <= p.pts for p in packets)
