"""Films in and out: read back by PyAV and by another reader, the ffmpeg inside imageio-ffmpeg."""

import re
import signal
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

import hdrrecon
from hdrrecon.color import pq_decode

av = pytest.importorskip("av")

from hdrrecon import video  # noqa: E402
from hdrrecon.video import decode, tags  # noqa: E402
from hdrrecon.video.encode import FilmOptions, FilmWriter  # noqa: E402
from tests.video.test_frames import photo, scene  # noqa: E402


@pytest.fixture(scope="module")
def reconstructor():
    return hdrrecon.Reconstructor("fast", "cpu")


def sdr_film(path, frames, codec="libx264", pixels="yuv420p", audio=None, times=None, crf="12", **facts):
    """A film of uint8 R'G'B' frames, coded by FFmpeg's own conversion (BT.709 limited unless said)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        stream.codec_context.time_base = Fraction(1, 12800)
        stream.codec_context.options = {"crf": crf, "preset": "ultrafast"} if codec.startswith("libx26") else {}
        defaults = {"colorspace": 1, "color_range": 1, "color_primaries": 1, "color_trc": 1}
        for name, value in {**defaults, **facts}.items():
            setattr(stream.codec_context, name, value)
        sound = container.add_stream(audio, rate=48000) if audio else None
        for index, rgb in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(
                format=pixels, dst_colorspace="ITU709" if facts.get("colorspace", 1) == 1 else "ITU601"
            )
            frame.pts = times[index] if times else index * 512
            frame.time_base = Fraction(1, 12800)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound:
            for index in range(len(frames) * 2):
                samples = (3000 * np.sin(np.arange(960) * 0.05)).astype(np.int16)[None]
                frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
                frame.sample_rate, frame.pts, frame.time_base = 48000, index * 960, Fraction(1, 48000)
                container.mux(sound.encode(frame))
            container.mux(sound.encode(None))
    return path


def clip(count=6):
    return [photo(scene(lamp=(30, 50 + 2 * i))) for i in range(count)]


def first_frame(path):
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        return frame, container.streams.video[0].codec_context.codec_tag


def said_by_ffmpeg(path):
    exe = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    command = [exe, "-hide_banner", "-i", str(path), "-vf", "showinfo", "-frames:v", "1", "-f", "null", "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr


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


def test_a_film_with_sound_and_uneven_times(reconstructor, tmp_path):
    times = [0, 512, 1100, 1536, 3000, 3600]
    source = sdr_film(tmp_path / "in.mp4", clip(), audio="aac", times=times)
    seen = []
    report = video.reconstruct(
        source, tmp_path / "out.mp4", reconstructor=reconstructor, progress=lambda *step: seen.append(step)
    )
    assert (report.frames, report.shots) == (6, 1) and report.levels.brightest > 203
    assert seen[0][:2] == ("looking", 1) and seen[-1] == ("reconstructing", 6, 6)
    with av.open(str(tmp_path / "out.mp4")) as made, av.open(str(source)) as given:
        assert [float(f.pts * f.time_base) for f in made.decode(video=0)] == pytest.approx(
            [float(f.pts * f.time_base) for f in given.decode(video=0)], abs=1e-4
        )
    with av.open(str(tmp_path / "out.mp4")) as made, av.open(str(source)) as given:
        packets = [[bytes(p) for p in c.demux(audio=0) if p.size] for c in (made, given)]
    assert packets[0] == packets[1]
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


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


def test_hdr_and_interlaced_films_and_what_is_none_are_refused_with_a_sentence(reconstructor, tmp_path):
    with FilmWriter(tmp_path / "hdr.mp4", (64, 64), 25, Fraction(1, 12800), FilmOptions()) as writer:
        writer.write(np.ones((64, 64, 3), np.float32), 0)
    with pytest.raises(ValueError, match="HDR already"):
        video.reconstruct(tmp_path / "hdr.mp4", tmp_path / "out.mp4", reconstructor=reconstructor)
    (tmp_path / "text.mp4").write_text("no film")
    (tmp_path / "empty.mp4").write_bytes(b"")
    for name in ("text.mp4", "empty.mp4", "absent.mp4"):
        with pytest.raises(ValueError, match=name):
            video.reconstruct(tmp_path / name, tmp_path / "out.mp4", reconstructor=reconstructor)
    with pytest.raises(ValueError, match="goes into"):
        video.reconstruct("a.mp4", "b.mp4", options=FilmOptions("prores"))
    with pytest.raises(ValueError, match="codec"):
        video.reconstruct("a.mp4", "b.mp4", options=FilmOptions("h264"))
    assert not (tmp_path / "out.mp4").exists()


def test_interlaced_films(reconstructor, tmp_path):
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


def test_a_film_cut_off_in_the_middle_gives_what_can_be_read(reconstructor, tmp_path):
    whole = sdr_film(tmp_path / "in.mkv", clip(12))
    data = whole.read_bytes()
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(data[: len(data) * 2 // 3])
    report = video.reconstruct(broken, tmp_path / "out.mkv", reconstructor=reconstructor)
    assert 1 <= report.frames < 12
    damaged = bytearray(data)
    rng = np.random.default_rng(0)
    for at in rng.integers(len(data) // 2, len(data) - 10, 60):
        damaged[at] ^= 0x5A
    broken.write_bytes(bytes(damaged))
    assert video.reconstruct(broken, tmp_path / "out2.mkv", reconstructor=reconstructor).frames >= 1


@pytest.mark.parametrize("size", [(1, 1), (17, 31), (64, 2)])
def test_odd_sizes_and_one_frame(reconstructor, size, tmp_path):
    frames = [np.full((*size, 3), 255, np.uint8)]
    source = sdr_film(tmp_path / "in.mkv", frames, codec="ffv1", pixels="yuv444p")
    report = video.reconstruct(source, tmp_path / "out.exr" / "f", reconstructor=reconstructor)
    assert report.frames == 1
    light = hdrrecon.read(tmp_path / "out.exr" / "f" / "frame.000001.exr")
    assert light.shape == (*size, 3)
    if min(size) >= 16:
        assert video.reconstruct(source, tmp_path / "out.mp4", reconstructor=reconstructor).frames == 1


def test_numbered_files_in_and_out_and_resume(reconstructor, tmp_path):
    import cv2

    (tmp_path / "in").mkdir()
    for index, rgb in enumerate(clip(4)):
        cv2.imwrite(str(tmp_path / "in" / f"a.{index + 9}.png"), rgb[..., ::-1])
    (tmp_path / "in" / "a.11.png").write_bytes(b"damaged")
    report = video.reconstruct(tmp_path / "in", tmp_path / "exr" / "b.%03d.exr", reconstructor=reconstructor)
    assert report.frames == 4 and "a.11.png" in report.notes[0]
    made = sorted((tmp_path / "exr").iterdir())
    assert [p.name for p in made] == [f"b.{i:03d}.exr" for i in range(1, 5)]
    before = made[1].read_bytes()
    made[1].unlink()
    again = video.reconstruct(tmp_path / "in", tmp_path / "exr" / "b.%03d.exr", reconstructor=reconstructor)
    assert (again.frames, again.skipped) == (1, 3) and made[1].read_bytes() == before
    film = video.reconstruct(tmp_path / "exr", tmp_path / "film.mp4", fps=24)
    assert film.frames == 4 and film.levels.brightest > 203


KILLED = """
import sys, time
from hdrrecon import video
from hdrrecon.video.encode import FilmWriter
whole = FilmWriter.write
def write(self, *frame):
    whole(self, *frame)
    print("written", flush=True)
    time.sleep(600)
FilmWriter.write = write
video.reconstruct(sys.argv[1], sys.argv[2], model="fast", response="srgb")
"""


def test_a_killed_run_leaves_no_film(tmp_path):
    source = sdr_film(tmp_path / "in.mp4", clip(20))
    command = [sys.executable, "-c", KILLED, str(source), str(tmp_path / "out.mp4")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL and not (tmp_path / "out.mp4").exists()


def test_a_full_disk_is_a_sentence_and_leaves_nothing(reconstructor, tmp_path, monkeypatch):
    source = sdr_film(tmp_path / "in.mp4", clip(3))

    def full(self, packets):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FilmWriter, "_mux", full)
    with pytest.raises(OSError, match="(?i)no space left"):
        video.reconstruct(source, tmp_path / "out.mp4", reconstructor=reconstructor)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4"]


def test_light_levels_never_look_like_the_start_of_a_unit():
    for brightest in (0, 1, 255, 256, 512, 1000, 65535, 70000):
        for mean in (0, 1, 255, 256):
            stored = tags.storable(tags.LightLevels(brightest, mean))
            data = stored.brightest.to_bytes(2, "big") + stored.frame_mean.to_bytes(2, "big")
            assert b"\0\0" not in data and 0 <= stored.brightest - min(max(brightest, 1), 65535) <= 1


def test_sound_that_does_not_fit_the_file_is_left_out_and_named(reconstructor, tmp_path):
    source = sdr_film(tmp_path / "in.mkv", clip(3), audio="pcm_s16le")
    report = video.reconstruct(source, tmp_path / "out.mp4", reconstructor=reconstructor)
    assert "pcm_s16le" in report.notes[0] and ".mkv" in report.notes[0]
    report = video.reconstruct(source, tmp_path / "out.mkv", reconstructor=reconstructor)
    assert not report.notes
    with av.open(str(tmp_path / "out.mkv")) as made:
        assert made.streams.audio[0].codec_context.name == "pcm_s16le"
    video.reconstruct(source, tmp_path / "mute.mkv", reconstructor=reconstructor, copy_streams=False)
    with av.open(str(tmp_path / "mute.mkv")) as made:
        assert not made.streams.audio


def test_the_command_says_what_it_made_and_what_is_wrong(tmp_path):
    from typer.testing import CliRunner

    from hdrrecon.cli.main import app

    source = sdr_film(tmp_path / "in.mp4", clip(2))
    command = ["video", str(source), "-o", str(tmp_path / "out.mp4"), "--model", "fast", "--response", "srgb"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0 and "2 frames of 1 shots, MaxCLL" in done.output
    for wrong, words in (
        (["--codec", "prores"], "goes into"),
        (["--transfer", "sdr"], "pq, hlg"),
        (["--peak-nits", "100"], "white_nits"),
    ):
        failed = CliRunner().invoke(app, [*command, *wrong])
        assert failed.exit_code == 2 and words in failed.output
    absent = CliRunner().invoke(app, ["video", "absent.mp4", "-o", str(tmp_path / "x.mp4"), "--model", "fast"])
    assert absent.exit_code == 2 and "does not exist" in absent.output
