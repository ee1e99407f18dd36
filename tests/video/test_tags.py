"""What tells a screen that a film is HDR, read by PyAV and by another reader."""

import re
from fractions import Fraction

import pytest

av = pytest.importorskip("av")
from hdrrecon.video import tags  # noqa: E402
from hdrrecon.video.encode import FilmOptions, FilmWriter  # noqa: E402
from tests.video.test_film import said_by_ffmpeg  # noqa: E402
from tests.video.test_frames import scene  # noqa: E402


def first_frame(path):
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        return frame, container.streams.video[0].codec_context.codec_tag


@pytest.mark.parametrize(
    "codec, transfer, name",
    [
        ("hevc", "pq", "a.mp4"),
        ("hevc", "hlg", "a.mp4"),
        ("hevc", "pq", "a.mkv"),
        ("av1", "pq", "a.mp4"),
        ("av1", "hlg", "a.mp4"),
        ("prores", "pq", "a.mov"),
    ],
)
def test_two_readers_find_the_tags(codec, transfer, name, tmp_path):
    path = tmp_path / name
    light = scene()
    with FilmWriter(path, light.shape[:2], 25, Fraction(1, 12800), FilmOptions(codec, transfer)) as writer:
        for index in range(4):
            writer.write(light, index * 512)
    frame, tag = first_frame(path)
    code = {"pq": 16, "hlg": 18}[transfer]
    assert [int(v) for v in (frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range)] == [
        9,
        code,
        9,
        1,
    ]
    assert frame.format.name in ("yuv420p10le", "yuv422p10le")
    if codec == "hevc" and name == "a.mp4":
        assert tag == "hvc1"
    text = said_by_ffmpeg(path)
    assert re.search(r"tv, bt2020nc/bt2020/" + {"pq": "smpte2084", "hlg": "arib-std-b67"}[transfer], text)
    if transfer == "pq":
        levels = writer.levels
        assert 0 < levels.frame_mean < levels.brightest <= 1000
        assert f"MaxCLL={levels.brightest}, MaxFALL={levels.frame_mean}" in text
        assert "r(0.6800,0.3200) g(0.2650,0.6900) b(0.1500 0.0600) wp(0.3127, 0.3290)" in text
        assert "max_luminance=1000.000000" in text
        kinds = {str(data.type).split(".")[-1] for data in frame.side_data}
        assert {"MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"} <= kinds
    if name.endswith((".mp4", ".mov")):
        data = path.read_bytes()
        expected = 1 if transfer == "pq" else 0
        assert [data.count(box) for box in (b"colr", b"mdcv", b"clli")] == [1, expected, expected]


def test_light_levels_never_look_like_the_start_of_a_unit():
    for brightest in (0, 1, 255, 256, 512, 1000, 65535, 70000):
        for mean in (0, 1, 255, 256):
            stored = tags.storable(tags.LightLevels(brightest, mean))
            data = stored.brightest.to_bytes(2, "big") + stored.frame_mean.to_bytes(2, "big")
            assert b"\0\0" not in data and 0 <= stored.brightest - min(max(brightest, 1), 65535) <= 1
