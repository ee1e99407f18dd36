"""The web app: what it does without gradio, that it says so, and that its page builds with it."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import hdrrecon
from hdrrecon.app import FORMATS, LOOKS, Work, build_app, look_at, save
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.io import WRITABLE
from hdrrecon.io.exr_extras import read_extras
from hdrrecon.pipeline.result import Reconstruction
from tests.conftest import needs_weights


@pytest.fixture
def work(tmp_path, small_hdr, small_photo):
    Image.fromarray(small_photo).save(tmp_path / "sun.jpg", quality=95)
    over = np.repeat((small_hdr.max(axis=2) >= 1)[..., None], 3, axis=2).astype(np.float32)
    parts = {"confidence": 1 - over[..., 0], "over": over, "linear": np.minimum(small_hdr, 1)}
    result = Reconstruction(small_hdr, ResponseCurve.srgb(), make=parts.__getitem__)
    return Work(tmp_path / "sun.jpg", result)


def test_every_format_of_the_library_is_offered():
    assert {f".{name}" for name in FORMATS} >= WRITABLE - {".jpeg", ".tiff"}


@pytest.mark.parametrize("look", LOOKS)
def test_looks(small_hdr, look):
    picture = look_at(small_hdr, look, -2)
    assert picture.dtype == np.uint8 and picture.shape[2] == 3
    assert max(look_at(np.ones((4000, 20, 3), np.float32), "clip", 0).shape) <= 1600


def test_files(work, tmp_path):
    paths, problems = save(work, ["exr", "hdr", "tif", "npy", "jpg", "png", "html"], tmp_path / "out")
    assert problems == [] and [Path(p).name for p in paths] == [
        f"sun.{e}" for e in ("exr", "hdr", "tif", "npy", "jpg", "png", "html")
    ]
    assert np.allclose(hdrrecon.read(paths[0]), work.light, rtol=1e-3)
    extras = read_extras(paths[0])
    assert extras.confidence.shape == work.light.shape[:2] and extras.response.name == work.result.response.name


def test_the_sliders_of_the_files(work, tmp_path):
    save(work, ["jpg", "png"], tmp_path, headroom_stops=2.0, peak_nits=400.0)
    assert 3.5 < hdrrecon.read(tmp_path / "sun.jpg").max() < 4
    assert 360 < 203 * hdrrecon.read(tmp_path / "sun.png").max() < 440, "400 in Rec.2020, in Rec.709 a little else"


def test_photos_that_have_a_gain_map_get_a_new_one(work, tmp_path):
    first, _ = save(work, ["jpg"], tmp_path / "out", headroom_stops=2.0)
    paths, problems = save(replace(work, photo=Path(first[0])), ["jpg"], tmp_path / "again")
    assert problems == [] and hdrrecon.read(paths[0]).max() > 100


def test_a_format_that_fails_does_not_stop_the_others(work, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    paths, problems = save(work, ["avif", "npy"], tmp_path / "out")
    assert len(paths) == 1 and len(problems) == 1 and "imagecodecs" in problems[0]


def test_without_gradio_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(ModuleNotFoundError, match="the web app needs: pip install .*gradio"):
        build_app()
    script = "import sys; sys.modules['gradio'] = None; from hdrrecon.cli.main import app; app(['app'])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 1 and "gradio" in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_the_page_builds_and_its_button_works(work):
    pytest.importorskip("gradio")
    needs_weights()
    page = build_app(device="cpu")
    reconstruct = next(f for f in page.fns.values() if f.name == "reconstruct").fn
    made, text = reconstruct(str(work.photo), "srgb", "energy")
    assert made.light.shape == work.light.shape and "% of the photo is clipped" in text
    show = next(f for f in page.fns.values() if f.name == "show").fn
    before, after = show(made, "clip", -3)
    assert before.dtype == after.dtype == np.uint8 and before.max() < after.max() and show(None, "clip", 0) is None
    with pytest.raises(Exception, match="photo first"):
        reconstruct(None, "srgb", "median")


def test_the_served_app_refuses_strangers_and_leaves_nothing(monkeypatch, tmp_path):
    gradio = pytest.importorskip("gradio")
    needs_weights()
    import urllib.error
    import urllib.request

    from hdrrecon import app as module

    monkeypatch.setattr(module.tempfile, "tempdir", str(tmp_path))
    asked = {}

    def visit(app, **options):
        """What a browser would meet, instead of serving until Ctrl-C."""
        _, url, _ = launch(app, **options, prevent_thread_lock=True, quiet=True)
        asked["folder"] = Path(os.environ["GRADIO_TEMP_DIR"])
        asked["limit"] = options["max_file_size"]
        for name, headers in {
            "own": {},
            "host": {"Host": "evil.example"},
            "origin": {"Origin": "http://evil.example"},
        }.items():
            try:
                asked[name] = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60).status
            except urllib.error.HTTPError as error:
                asked[name] = error.code
        (asked["folder"] / "upload.jpg").touch()
        app.close()

    launch = gradio.Blocks.launch
    monkeypatch.setattr(gradio.Blocks, "launch", visit)
    module.run_app(device="cpu", port=None)
    assert (asked["own"], asked["host"], asked["origin"]) == (200, 403, 403)
    assert asked["limit"] == "500mb" and not asked["folder"].exists()
    assert "GRADIO_TEMP_DIR" not in os.environ


def test_results_do_not_pile_up(tmp_path):
    from hdrrecon import app as module

    places = [tmp_path / str(i) for i in range(9)]
    for place in places:
        place.mkdir()
        module._delete_later(place)
    assert [place.exists() for place in places] == [False] * 5 + [True] * 4
