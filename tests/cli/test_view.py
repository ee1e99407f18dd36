"""The commands preview, view, bracket and light."""

import numpy as np
import pytest
from typer.testing import CliRunner

import hdrrecon
from hdrrecon import view
from hdrrecon.cli.main import app


@pytest.fixture
def files(tmp_path, monkeypatch, small_hdr, small_photo):
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    hdrrecon.write("x.exr", small_hdr, confidence=np.ones((96, 128)))
    hdrrecon.write("sky.exr", np.full((16, 32, 3), 2, np.float32), envmap="latlong")
    Image.fromarray(small_photo).save("x.jpg")
    return tmp_path


def call(*arguments):
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_view(files):
    assert call("view", "x.exr").stdout == "x.html\n"
    assert call("view", "x.exr", "x.jpg", "-o", "new/page.html", "--title", "a sun").stdout == "new/page.html\n"
    page = (files / "new/page.html").read_text()
    assert (
        "<title>a sun</title>" in page
        and '"confidence": true' in page
        and '"white_nits": 203.0' in page
        and "data:image/jpeg" in page
    )
    assert call("view", "x.jpg", "-o", "photo.html").exit_code == 0, "a photo is light through the sRGB curve"


def test_preview(files, small_hdr):
    light = hdrrecon.read("x.exr")
    for option, picture in (
        ("--tone=filmic", view.tonemap(light, "filmic")),
        ("--false-color", view.false_color(light)),
        ("--histogram", view.histogram(light)),
        ("--stops=0,-5", view.exposure_strip(light, (0, -5))),
    ):
        assert call("preview", "x.exr", "-o", "p.png", option).stdout == "p.png\n"
        assert np.array_equal(hdrrecon.read("p.png"), picture), option


def test_bracket(files):
    assert call("bracket", "x.exr", "-o", "s", "--stops=-2,0,2.5").stdout == "s/x-2EV.jpg\ns/x+0EV.jpg\ns/x+2.5EV.jpg\n"
    assert len(list((files / "s").iterdir())) == 3


def test_light(files):
    text = call("light", "sky.exr").stdout
    assert "on level ground   6.283" in text and "broad" in text


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (("view", "none.exr"), 1, "none.exr"),
        (("preview", "x.exr", "-o", "p.png", "--tone=sepia"), 1, "reinhard, filmic"),
        (("view", "x.exr", "-o", "x.pdf"), 1, ".html"),
        (("view", "x.exr", "none.jpg"), 1, "none.jpg"),
        (("view", "sky.exr", "x.jpg"), 1, "do not show the same"),
        (("view", "x.exr", "--max-mb", "0"), 2, "0.5"),
        (("bracket", "x.exr", "-o", "s", "--stops=bright"), 2, "--stops=-4,0,4"),
        (("bracket", "x.exr", "-o", "s", "--stops=99"), 1, "16"),
        (("bracket", "x.exr"), 2, "--out"),
        (
            ("view", "x.exr", "-o", "x.jpg/page.html"),
            1,
            "error: cannot write x.jpg/page.html: ",
        ),  # as in a read-only folder,
        (
            ("preview", "x.exr", "-o", "x.jpg/p.png"),
            1,
            "error: cannot write x.jpg/p.png: ",
        ),  # but root fails there, too
        (("bracket", "x.exr", "-o", "x.jpg"), 1, "error: cannot write x.jpg/x-4EV.jpg: "),
        (("light", "none.exr"), 1, "none.exr"),
    ],
)
def test_bad_usage_is_one_sentence(files, arguments, code, words):
    before = sorted(files.iterdir())
    result = call(*arguments)
    assert result.exit_code == code and words in result.stderr and "Traceback" not in result.stderr
    assert sorted(files.iterdir()) == before
