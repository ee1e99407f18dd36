"""Films out: light survives the coding."""

from fractions import Fraction

import numpy as np
import pytest

from hdrrecon.color import pq_decode

av = pytest.importorskip("av")
from hdrrecon.video import decode  # noqa: E402
from hdrrecon.video.encode import FilmOptions, FilmWriter  # noqa: E402


def first_frame(path):
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        return frame, container.streams.video[0].codec_context.codec_tag


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
