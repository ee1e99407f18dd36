"""The command line: promises about batches, kept with a reconstructor that only pretends to think."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import hdrrecon
from hdrrecon.cli.main import app
from hdrrecon.io.ultrahdr import read_gain_map
from hdrrecon.options import ReconstructOptions, options_from
from hdrrecon.view.picture import write_picture
from tests.conftest import needs_weights


class Fake:
    """Doubles the light of photos and writes it. Photos whose name has a word in `fails` fail."""

    made: list = []
    device = SimpleNamespace(type="cpu")
    fails = {"boom": ValueError("boom: two lines\n  of text"), "oom": MemoryError(), "key": KeyError("no such key")}

    def __init__(self, model, device, precision):
        if device == "quantum":
            raise ValueError("no device 'quantum'")
        if model == "none":
            raise ValueError("no model 'none'; there are: full")
        Fake.made.append((model, device, precision))

    def to_file(
        self,
        photo,
        target,
        *,
        confidence,
        preview=None,
        tell=None,
        guide=None,
        **options,
    ):
        _, written = options_from(options)
        path, code = photo
        for word, error in self.fails.items():
            if word in path.name:
                raise error
        if preview:
            preview.parent.mkdir(parents=True, exist_ok=True)
            write_picture(preview, np.zeros((2, 4, 3), np.uint8))
        light = np.concatenate([2 * code[..., :3], code[..., 3:]], axis=-1)
        return hdrrecon.write(target, light, **written.keywords())


@pytest.fixture
def photos(tmp_path, monkeypatch) -> Path:
    """p/a.jpg, p/b.png, p/sub/a.jpg; a fake reconstructor; the working folder is the one that holds p."""
    monkeypatch.setattr("hdrrecon.api.Reconstructor", Fake)
    monkeypatch.setattr(
        "hdrrecon.pipeline.inputs.ingest", lambda path: (path, hdrrecon.read(path).astype(np.float32) / 255)
    )
    monkeypatch.setattr(Fake, "made", [])
    for i, name in enumerate(("p/a.jpg", "p/b.png", "p/sub/a.jpg")):
        save(tmp_path / name, 40 * i + 60)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save(path: Path, value: int, mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (12, 8), (value,) * len(mode)).save(path)


def call(*arguments):
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def files(folder: str) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in Path(folder).rglob("*") if p.is_file())


def test_a_folder(photos):
    result = call("run", "p", "-o", "out")
    assert result.exit_code == 0 and result.stdout == "3 done, 0 failed, 0 skipped\n" and result.stderr == ""
    assert files("out") == ["a.exr", "b.exr", "sub/a.exr"]
    assert hdrrecon.read("out/b.exr")[0, 0, 0] == pytest.approx(200 / 255, rel=1e-3)
    assert Fake.made == [("full", "auto", "auto")], "the model is loaded once"


def test_options_reach_the_reconstructor(photos, monkeypatch):
    asked, write = [], Fake.to_file
    monkeypatch.setattr(
        Fake, "to_file", lambda self, photo, target, **how: asked.append(how) or write(self, photo, target, **how)
    )
    call("run", "p/a.jpg", "-o", "x.npy")
    call(
        "run",
        "p/a.jpg",
        "-o",
        "y.npy",
        "--no-exif",
        "--dequantize",
        "--response",
        "srgb",
        "--highlights",
        "energy",
        "--panorama",
        "--memory",
        "1GB",
        "--precision",
        "float32",
    )
    plain = {**ReconstructOptions().keywords(), "confidence": False, "preview": None, "guide": None}
    for how in asked:
        assert callable(how.pop("tell"))
    assert asked == [
        plain,
        dict(plain, response="srgb", exif=False, dequantize=True, highlights="energy", panorama=True, memory=10**9),
    ]
    assert [precision for _, _, precision in Fake.made] == ["auto", "float32"]


def test_photos_that_are_worked_on_together_share_the_memory(photos, monkeypatch):
    import torch

    asked, write = [], Fake.to_file
    monkeypatch.setattr(Fake, "to_file", lambda *photo, **how: asked.append(how["memory"]) or write(*photo, **how))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    call("run", "p", "-o", "out", "--memory", "1GB")
    assert asked == [5 * 10**8] * 3


def test_one_photo_to_one_name(photos):
    assert call("run", "p/a.jpg", "-o", "new/x.hdr").exit_code == 0
    assert files("new") == ["x.hdr"]


@pytest.mark.parametrize("format", ["exr", "hdr", "tif", "npy", ".EXR"])
def test_formats(photos, format):
    assert call("run", "p/a.jpg", "-o", "out", "--format", format).exit_code == 0
    assert files("out") == [f"a.{format.lower().lstrip('.')}"]


def test_ultra_hdr_is_laid_on_the_photo_itself(photos):
    assert call("run", "p/a.jpg", "p/b.png", "-o", "out", "--format", "jpg", "--headroom-stops", "3").exit_code == 0
    assert files("out") == ["a.jpg", "b.jpg"]
    np.testing.assert_array_equal(np.asarray(Image.open("out/a.jpg")), np.asarray(Image.open("p/a.jpg")))
    assert hdrrecon.read("out/a.jpg").dtype == hdrrecon.read("out/b.jpg").dtype == np.float32
    again = call("run", "out/a.jpg", "-o", "again", "--format", "jpg")
    assert again.exit_code == 1 and "--replace-gain-map" in again.stderr
    assert (
        call(
            "run", "out/a.jpg", "-o", "again", "--format", "jpg", "--replace-gain-map", "--gain-channels", "1"
        ).exit_code
        == 0
    )
    channels = [read_gain_map(Path(f"{folder}/a.jpg").read_bytes()).codes.ndim for folder in ("out", "again")]
    assert channels == [3, 2]


def test_pq_stills(photos):
    assert call("run", "p/a.jpg", "-o", "x.png", "--white-nits", "100", "--peak-nits", "400").exit_code == 0
    assert b"cICP\x09\x10\x00\x01" in Path("x.png").read_bytes()
    light = hdrrecon.read("x.png", white_nits=100)
    assert light[0, 0, 0] == pytest.approx(2 * 60 / 255, rel=1e-3)


def test_hlg_stills(photos):
    assert call("run", "p/a.jpg", "-o", "x.png", "--transfer", "hlg").exit_code == 0
    assert b"cICP\x09\x12\x00\x01" in Path("x.png").read_bytes()
    assert hdrrecon.read("x.png")[0, 0, 0] == pytest.approx(2 * 60 / 255, rel=1e-3)


def test_a_missing_extra_is_said_once_before_any_work(photos, monkeypatch):
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    result = call("run", "p", "-o", "out", "--format", "avif")
    assert (
        result.exit_code == 2
        and "needs: pip install" in result.stderr
        and "imagecodecs" in result.stderr
        and not Fake.made
    )


def test_bad_files_never_stop_the_others(photos):
    for name in ("p/0boom.png", "p/1oom.png", "p/2key.png"):
        save(photos / name, 9)
    (photos / "p" / "3.jpg").write_bytes(b"")
    (photos / "p" / "4.jpg").write_text("not a photo")
    (photos / "p" / "5.jpg").write_bytes((photos / "p" / "a.jpg").read_bytes()[:200])
    result = call("run", "p", "missing.jpg", "-o", "out")
    assert result.exit_code == 1 and result.stdout == "3 done, 7 failed, 0 skipped\n"
    lines = result.stderr.splitlines()
    assert len(lines) == 7, result.stderr
    for name in ("missing.jpg", "0boom.png", "1oom.png", "2key.png", "3.jpg", "4.jpg", "5.jpg"):
        assert sum(name in line for line in lines) == 1
    assert files("out") == ["a.exr", "b.exr", "sub/a.exr"]


def test_existing_results_are_skipped_or_overwritten(photos):
    call("run", "p/a.jpg", "-o", "out")
    before = Path("out/a.exr").stat().st_mtime_ns
    result = call("run", "p", "-o", "out")
    assert result.stdout.startswith("2 done, 0 failed, 1 skipped\n") and "--overwrite" in result.stdout
    assert Path("out/a.exr").stat().st_mtime_ns == before
    Fake.made.clear()
    assert call("run", "p", "-o", "out").stdout.startswith("0 done, 0 failed, 3 skipped\n") and not Fake.made, (
        "no work, no model"
    )
    assert call("run", "p", "-o", "out", "--overwrite").stdout == "3 done, 0 failed, 0 skipped\n"


def test_an_earlier_result_survives_a_failure(photos):
    save(photos / "p" / "boom.png", 9)
    Path("out").mkdir()
    Path("out/boom.exr").write_bytes(b"precious")
    assert call("run", "p/boom.png", "-o", "out", "--overwrite").exit_code == 1
    assert Path("out/boom.exr").read_bytes() == b"precious"


def test_names_that_would_meet(photos):
    save(photos / "p" / "a.png", 200)
    call("run", "p", "-o", "out")
    assert files("out") == ["a.jpg.exr", "a.png.exr", "b.exr", "sub/a.exr"]
    assert hdrrecon.read("out/a.png.exr")[0, 0, 0] == pytest.approx(400 / 255, rel=1e-3)


def test_shards_share_the_work(photos):
    for i in range(2):
        call("run", "p", "-o", f"out{i}", "--shard", f"{i}/2")
    assert sorted(files("out0") + files("out1")) == ["a.exr", "b.exr", "sub/a.exr"]
    assert call("run", "p/a.jpg", "-o", "out", "--shard", "1/2").exit_code == 0, "an empty shard is no error"


def test_confidence_and_previews_are_asked_for(photos, monkeypatch):
    asked, write = [], Fake.to_file
    monkeypatch.setattr(Fake, "to_file", lambda *photo, **how: asked.append(how["confidence"]) or write(*photo, **how))
    assert (
        call("run", "p/a.jpg", "-o", "out", "--preview", "--confidence", "--float", "--compression", "piz").exit_code
        == 0
    )
    assert asked == [True] and files("out") == ["a.exr", "a.preview.png"]


def test_alpha_is_kept(photos):
    save(photos / "alpha.png", 90, "RGBA")
    assert call("run", "alpha.png", "-o", "out", "--preview").exit_code == 0
    assert hdrrecon.read("out/alpha.exr")[0, 0, 3] == pytest.approx(90 / 255, abs=1e-3)
    result = call("run", "alpha.png", "-o", "out", "--format", "hdr")
    assert result.exit_code == 0 and "no alpha" in result.stderr and len(result.stderr.splitlines()) == 1


def test_previews_are_not_photos(photos):
    call("run", "p", "-o", "p", "--preview")
    assert call("run", "p", "-o", "p").stdout.startswith("0 done, 0 failed, 3 skipped\n")


@pytest.mark.parametrize("extension", ["exr", "jpg", "png", "tif", "avif"])
def test_running_twice_in_one_folder_changes_nothing(photos, extension):
    if extension == "avif":
        pytest.importorskip("imagecodecs")
    for inputs in (["p"], ["p/*"], ["p/**/*"]):
        call("run", *inputs, "-o", "p", "--format", extension, "--preview")
        before = {name: Path("p", name).read_bytes() for name in files("p")}
        again = call("run", *inputs, "-o", "p", "--format", extension, "--preview")
        assert again.exit_code == 0 and again.stdout.startswith("0 done, 0 failed, "), inputs
        assert {name: Path("p", name).read_bytes() for name in files("p")} == before


def test_names_are_printed_without_their_escapes(photos):
    bad = "boom\x1b[31m\udce9.png"
    save(photos / "p" / "plain.png", 9)
    (photos / "p" / "plain.png").rename(photos / "p" / bad)
    result = call("run", "p", "-o", "out")
    assert result.exit_code == 1 and "\x1b[31m" not in result.stderr and "boom\\x1b[31m\\udce9.png" in result.stderr


def test_a_folder_of_the_name_of_a_result_is_an_error(photos):
    Path("out/a.exr").mkdir(parents=True)
    result = call("run", "p/a.jpg", "-o", "out")
    assert result.exit_code == 1 and "it is a folder" in result.stderr
    assert call("run", "p", "-o", "p/a.jpg").exit_code == 2
    assert "no folder" in call("run", "p", "-o", "/dev/null").stderr


def test_temporaries_of_killed_runs_go_with_the_next_run(photos):
    Path("out").mkdir()
    Path("out/.hdrrecon-0123456789ab.exr").touch()
    call("run", "p", "-o", "out")
    assert files("out") == ["a.exr", "b.exr", "sub/a.exr"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
def test_a_full_output_is_one_sentence():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "hdrrecon", "models"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert done.stderr == "error: the output cannot be written: no space left on device\n"


def test_quiet(photos):
    save(photos / "p" / "boom.png", 9)
    result = call("run", "p", "-o", "out", "--quiet")
    assert result.stdout == "" and "boom" in result.stderr and result.exit_code == 1


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("run", "nowhere", "-o", "out"), "nowhere"),
        (("run", "*.webp", "-o", "out"), "nothing matches"),
        (("run", "empty", "-o", "out"), "no photos"),
        (("run", "p/a.jpg"), "--out"),
        (("run", "-o", "out"), "IN"),
        (("run", "p", "-o", "x.exr"), "name a folder"),
        (("run", "p/a.jpg", "p/b.png", "-o", "x.exr"), "name a folder"),
        (("run", "p/a.jpg", "-o", "x.webp"), "cannot write x.webp"),
        (("run", "p/a.jpg", "-o", "x.exr", "--format", "hdr"), "contradict"),
        (("run", "p", "-o", "out", "--format", "webp"), "exr, hdr, heic, jpeg, jpg, jxl, npy, png, tif"),
        (("run", "p", "-o", "out", "--format", "hdr", "--peak-nits", "400"), "peak_nits, only .png, .avif, .heic"),
        (("run", "p", "-o", "out", "--format", "png", "--peak-nits", "100"), "white_nits <= peak_nits"),
        (("run", "p", "-o", "out", "--format", "exr", "--transfer", "hlg"), "transfer, only .png, .avif, .heic"),
        (("run", "p", "-o", "out", "--format", "png", "--transfer", "log"), "'pq', 'hlg'"),
        (("run", "p", "-o", "out", "--headroom-stops", "2"), "headroom_stops, only .jpg"),
        (("run", "p", "-o", "out", "--format", "jpg", "--headroom-stops", "0"), "above 0"),
        (("run", "p", "-o", "out", "--format", "jpg", "--gain-channels", "2"), "1 or 3"),
        (("run", "p", "-o", "out", "--shard", "4/4"), "0 <= i < n"),
        (("run", "p", "-o", "out", "--compression", "zipp"), "piz"),
        (("run", "p", "-o", "out", "--format", "hdr", "--confidence"), "--confidence"),
        (("run", "p", "-o", "out", "--model", "none"), "there are: full"),
        (("run", "p", "-o", "out", "--device", "quantum"), "quantum"),
        (("run", "p", "-o", "out", "--response", "film"), "estimate, srgb, camera"),
        (("run", "p", "-o", "out", "--highlights", "loud"), "'median', 'energy'"),
        (("run", "p", "-o", "out", "--memory", "much"), "much"),
        (("preview", "p/a.jpg", "--stops", "0,dark"), "0,-2,-4"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else "",
)
def test_bad_usage_is_code_2_and_writes_nothing(photos, arguments, words):
    Path("empty").mkdir()
    before = files(".")
    result = call(*arguments)
    assert result.exit_code == 2 and words in result.stderr
    assert files(".") == before


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(photos):
    Path("locked").mkdir(mode=0o500)
    result = call("run", "p", "-o", "locked")
    assert result.exit_code == 1 and result.stderr.count("locked") >= 3


def test_output_below_a_file(photos):
    Path("out").write_text("I am a file")
    result = call("run", "p", "-o", "out")
    assert result.exit_code == 2 and "out is no folder" in result.stderr and Path("out").read_text() == "I am a file"


def test_info_of_a_photo(photos, monkeypatch):
    from hdrrecon.camera.response import ResponseCurve

    curve = ResponseCurve(ResponseCurve.gamma(2).inverse, "estimate", {"families": {"srgb": 0.2, "camera": 0.8}})
    pipeline = SimpleNamespace(linearize=object(), restore=object(), estimate_response=lambda code, prior: curve)
    monkeypatch.setattr("hdrrecon.pipeline.build.build_pipeline", lambda name: pipeline)
    monkeypatch.setattr("hdrrecon.zoo.list_models", lambda pattern="*": ["full"])
    picture = np.full((10, 20, 3), 128, np.uint8)
    picture[:5, :, 0], picture[9] = 255, 0
    Image.fromarray(picture).save("x.png")
    text = call("info", "x.png").stdout
    for words in (
        "20 x 10",
        "8 bits",
        "sRGB",
        "orientation 1",
        "R 50.00 %  G 0.00 %  B 0.00 %  any 50.00 %  all three 0.00 %",
        "10.00 % of the pixels",
        "camera 80 %, srgb 20 %",
        "g(128) 0.2520",
        "restore light in 50.00 %",
    ):
        assert words in text, text


def test_info_without_weights_and_of_light_and_of_nothing(photos, monkeypatch):
    monkeypatch.setattr("hdrrecon.zoo.list_models", lambda pattern="*": [])
    assert "no weights" in call("info", "p/a.jpg").stdout
    hdrrecon.write("x.exr", np.full((4, 4, 3), 8, np.float32))
    assert "+3.0 stops" in call("info", "x.exr").stdout
    result = call("info", "nothing.jpg")
    assert result.exit_code == 1 and "nothing.jpg" in result.stderr


def test_preview(photos):
    hdrrecon.write("x.exr", np.full((40, 120, 3), 4, np.float32))
    result = call("preview", "x.exr", "-o", "y.png", "--stops", "-2,-4")
    assert result.exit_code == 0 and result.stdout == "y.png\n"
    picture = np.asarray(Image.open("y.png"))
    assert picture.shape == (62, 244, 3) and picture[50, 60, 0] == 255 and picture[50, 200, 0] == 137
    assert call("preview", "x.exr").stdout == "x.preview.png\n"
    assert call("preview", "x.exr", "--false-color", "-o", "f.jpg").exit_code == 0
    assert call("preview", "p/a.jpg", "-o", "a.png", "--stops", "0").exit_code == 0
    assert abs(int(np.asarray(Image.open("a.png"))[25, 5, 0]) - 60) <= 1, "a photo at 0 EV is the photo"
    assert call("preview", "x.exr", "-o", "y.gif").exit_code == 1


def test_preview_of_broken_light(photos):
    light = np.full((8, 8, 3), 0.5, np.float32)
    light[0, 0], light[1, 1] = np.nan, np.inf
    np.save("x.npy", light)
    assert call("preview", "x.npy", "-o", "x.png").exit_code == 0


def test_models(monkeypatch):
    from hdrrecon import zoo

    monkeypatch.setattr(zoo, "WEIGHTS", {"w": zoo.Weights("w.safetensors", "0" * 64)})
    monkeypatch.setattr(
        zoo, "MODELS", {"full": zoo.Model("full", "all stages", "w", "w", 1_234_567, {"PU21-PSNR dB": 31.8}, cost=2.5)}
    )
    text = call("models").stdout
    assert "card: " not in text
    for words in ("full", "1.23 M", "2.5 G", "CC0-1.0", "PU21-PSNR dB 31.8", "(default)"):
        assert words in text
    assert call("models", "x*").exit_code == 1
    monkeypatch.undo()
    assert call("models", "linearize").stdout.splitlines()[-1].endswith("response-net.md")


def test_help_and_version_import_nothing_heavy():
    """What makes them quick; the time itself is the machine's."""
    said = subprocess.run([sys.executable, "-m", "hdrrecon", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout == f"hdrrecon {hdrrecon.__version__}\n"
    heavy = "{'numpy', 'torch', 'cv2', 'scipy', 'kornia', 'OpenEXR', 'PIL'}"
    probe = f"import sys, hdrrecon.cli.main; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True).stdout == "[]\n"


def test_for_real(tmp_path, small_photo):
    """With the shipped weights: clipped photos come back with light above the clip level, and all that was asked for
    beside it."""
    import OpenEXR

    from hdrrecon.io.exr_extras import read_extras

    needs_weights()
    for name in ("sun.png", "again.png"):
        Image.fromarray(small_photo).save(tmp_path / name)
    result = call(
        "run",
        tmp_path / "sun.png",
        tmp_path / "again.png",
        "-o",
        tmp_path,
        "--preview",
        "--confidence",
        "--float",
        "--compression",
        "piz",
        "--device",
        "cpu",
    )
    assert result.exit_code == 0, result.stderr
    light = hdrrecon.read(tmp_path / "sun.exr")
    assert (
        light.shape == small_photo.shape
        and light.max() > 1
        and np.array_equal(light, hdrrecon.read(tmp_path / "again.exr"))
    )
    assert (
        Image.open(tmp_path / "sun.preview.png").size[0] > 3 * 96
        and read_extras(tmp_path / "sun.exr").response is not None
    )
    with OpenEXR.File(str(tmp_path / "sun.exr"), separate_channels=True) as file:
        assert set(file.channels()) == {"R", "G", "B", "confidence"}
        assert file.channels()["R"].pixels.dtype == np.float32
        assert file.header()["compression"] == OpenEXR.PIZ_COMPRESSION and file.header()["software"].startswith(
            "hdrrecon "
        )
    text = call("info", tmp_path / "sun.png").stdout
    assert "g(128)" in text and "restore light in" in text


@pytest.mark.parametrize("command, extra", [("app", "hdrrecon[app]"), ("export", "hdrrecon[export]")])
def test_help_names_the_extra_in_full(command, extra):
    assert extra in " ".join(call(command, "--help").stdout.split())


def test_a_bug_keeps_its_traceback_and_debug_shows_that_of_a_mistake(photos, monkeypatch):
    monkeypatch.setattr("hdrrecon.view.exposure_strip", lambda *_, **__: {}["bug"])
    with pytest.raises(KeyError, match="bug"):
        call("preview", "p/a.jpg")
    assert call("preview", "nowhere.jpg").exit_code == 1
    with pytest.raises(FileNotFoundError):
        call("--debug", "preview", "nowhere.jpg")
