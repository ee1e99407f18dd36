"""Films in and out: read back by PyAV and by another reader, the ffmpeg inside imageio-ffmpeg."""

import signal
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

import hdrrecon

av = pytest.importorskip("av")

from hdrrecon import video  # noqa: E402
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


def said_by_ffmpeg(path):
    exe = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    command = [exe, "-hide_banner", "-i", str(path), "-vf", "showinfo", "-frames:v", "1", "-f", "null", "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr


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
