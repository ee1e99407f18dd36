"""Films in: matrices, ranges, super-white, interlacing, rotation."""

import subprocess

import numpy as np
import pytest

av = pytest.importorskip("av")
from hdrrecon.video import decode  # noqa: E402
from tests.video.test_film import clip, sdr_film  # noqa: E402


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", [1, 5])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p", "yuv422p10le"])
def test_codes_of_films_are_those_of_the_picture(pixels, matrix, full, tmp_path):
    """Both matrices, both ranges, 8 and 10 bits. FFmpeg converts there, we convert back."""
    y, x = np.mgrid[:64, :96]
    rgb = np.stack([40 + x * 2, 30 + y * 3, 200 - x - y], -1).astype(np.uint8)
    path, name = tmp_path / "in.mkv", {1: "ITU709", 5: "ITU601"}[matrix]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 96, pixels
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, 2 if full else 1
        frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(
            format=pixels, dst_colorspace=name, dst_color_range=2 if full else 1
        )
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    film = decode.open_film(path)
    assert film.full_range == full and film.matrix == {1: "bt709", 5: "bt601"}[matrix]
    (got,) = decode.frames(film)
    assert got.code.dtype == (np.uint16 if "10" in pixels else np.uint8)
    codes = got.code / (257.0 if "10" in pixels else 1.0)
    assert np.abs(codes - rgb)[2:-2, 2:-2].mean() < 1.0


def test_white_is_the_highest_code_where_films_go_above_nominal_white(tmp_path):
    def film(path, top):
        with av.open(str(path), "w") as container:
            stream = container.add_stream("ffv1", rate=25)
            stream.height, stream.width, stream.pix_fmt = 32, 32, "yuv420p"
            stream.codec_context.color_range = 1
            frame = av.VideoFrame(32, 32, "yuv420p")
            for plane, value in zip(frame.planes, (top, 128, 128)):
                plane.update(np.full((plane.height, plane.line_size), value, np.uint8).tobytes())
            frame.pts = 0
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return next(decode.frames(decode.open_film(path))).code

    assert film(tmp_path / "nominal.mkv", 235).min() == 255
    assert film(tmp_path / "super.mkv", 254).min() == 255


def test_interlaced_films(tmp_path):
    path = tmp_path / "interlaced.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        stream.codec_context.flags |= 0x40000 | 0x20000000  # interlaced transform and motion
        for index, rgb in enumerate(clip(3)):
            frame = av.VideoFrame.from_ndarray(rgb[:64, :96], "rgb24").reformat(format="yuv420p")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        if not next(container.decode(video=0)).interlaced_frame:
            pytest.skip("this FFmpeg does not mark its frames")
    with pytest.raises(ValueError, match="interlaced.*deinterlace"):
        decode.open_film(path)
    assert len(list(decode.frames(decode.open_film(path, True), True))) == 3


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotated_films_are_upright(degrees, tmp_path):
    exe = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    corner = np.zeros((64, 96, 3), np.uint8)
    corner[:20, :30] = 255
    source, turned = sdr_film(tmp_path / "in.mp4", [corner]), tmp_path / "turned.mp4"
    command = [exe, "-y", "-display_rotation", str(degrees), "-i", str(source), "-c", "copy", str(turned)]
    subprocess.run(command, capture_output=True, check=True)
    (frame,) = decode.frames(decode.open_film(turned))
    raw = [exe, "-i", str(turned), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    shown = subprocess.run(raw, capture_output=True, check=True).stdout
    assert frame.code.shape[:2] == ((96, 64) if degrees != 180 else (64, 96))
    assert np.abs(np.frombuffer(shown, np.uint8).reshape(frame.code.shape).astype(int) - frame.code).mean() < 1
