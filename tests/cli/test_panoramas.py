"""`--sun`, the light report and `evaluate --panoramas` from the command line."""

import json

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from typer.testing import CliRunner

import hdrrecon
from hdrrecon.cli.main import app
from hdrrecon.io.exr_extras import read_extras
from tests.pipeline.test_panorama_light import photo


def call(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def panorama(tmp_path):
    # Detail that goes on over the seam: that is how a panorama is known.
    detail = gaussian_filter(np.random.default_rng(0).normal(0, 60, (256, 512)), 2, mode="wrap")[..., None]
    code = photo(256).numpy().astype(float)
    code = np.where(code.min(-1, keepdims=True) >= 250, code, np.clip(code + detail, 5, 235))
    Image.fromarray(np.rint(code).astype(np.uint8)).save(tmp_path / "pano.png")
    return tmp_path / "pano.png"


def test_a_given_sun_is_in_the_file_and_in_the_report(panorama, tmp_path):
    done = call(
        "run",
        panorama,
        "-o",
        tmp_path / "pano.exr",
        "--sun",
        "50,-60,40",
        "--model",
        "fast",
        "--response",
        "srgb",
        "-q",
    )
    assert done.exit_code == 0, done.output
    believed = read_extras(tmp_path / "pano.exr").light
    assert (
        believed["sun_illuminance"] == 40
        and believed["given_strength"]
        and believed["sun_azimuth_deg"] == pytest.approx(-60)
    )
    assert hdrrecon.read(tmp_path / "pano.exr").max() > 65504, "a sun is not cut where half floats end"
    report = call("light", tmp_path / "pano.exr", "--json", tmp_path / "light.json")
    assert report.exit_code == 0 and "as given" in report.output
    told = json.loads((tmp_path / "light.json").read_text())
    assert told["latitude_deg"] == pytest.approx(50, abs=1) and told["longitude_deg"] == pytest.approx(-60, abs=1)
    assert told["normal_illuminance"] == pytest.approx(40, rel=0.1) and told["sun_to_sky"] > 1


def test_off_and_auto_are_energy_answers(panorama, tmp_path):
    for sun in ("off", "auto"):
        done = call(
            "run", panorama, "-o", tmp_path / f"{sun}.exr", "--sun", sun, "--model", "fast", "--response", "srgb", "-q"
        )
        assert done.exit_code == 0, done.output
        assert read_extras(tmp_path / f"{sun}.exr").light is not None
    assert read_extras(tmp_path / "off.exr").light["sun_illuminance"] == 0


@pytest.mark.parametrize("text", ["noon", "40", "40,x", "0,10", "40,10,-1", ""])
def test_what_is_no_sun_is_bad_usage(panorama, tmp_path, text):
    done = call("run", panorama, "-o", tmp_path / "x.exr", "--sun", text)
    assert done.exit_code == 2 and "sun" in done.output and not (tmp_path / "x.exr").exists()


def test_a_sun_for_the_median_answer_is_bad_usage(panorama, tmp_path):
    done = call("run", panorama, "-o", tmp_path / "x.exr", "--sun", "40,10", "--highlights", "median")
    assert done.exit_code == 2 and "energy" in done.output


def test_a_photo_that_is_no_panorama_fails_in_one_sentence_and_stops_no_other(panorama, tmp_path, small_photo):
    Image.fromarray(small_photo).save(tmp_path / "photo.png")
    done = call(
        "run",
        panorama,
        tmp_path / "photo.png",
        "-o",
        tmp_path / "hdr",
        "--sun",
        "40,10",
        "--model",
        "fast",
        "--response",
        "srgb",
    )
    assert done.exit_code == 1 and "panorama" in done.output
    assert (tmp_path / "hdr" / "pano.exr").exists() and not (tmp_path / "hdr" / "photo.exr").exists()


def test_the_report_of_a_perspective_photo_says_what_it_cannot_know(tmp_path):
    hdrrecon.write(tmp_path / "photo.exr", np.full((30, 40, 3), 0.5, np.float32))
    done = call("light", tmp_path / "photo.exr", "--json", tmp_path / "light.json")
    assert done.exit_code == 0 and "not to be known" in done.output
    assert json.loads((tmp_path / "light.json").read_text())["sun_to_sky"] is None


def test_evaluate_panoramas(tmp_path):
    light = photo(64).numpy().astype(np.float32) / 255
    light[20:22, 70:72] = 300
    hdrrecon.write(tmp_path / "hdris" / "a.exr", light)
    hdrrecon.write(tmp_path / "hdris" / "b.exr", np.roll(light, 9, 1))
    hdrrecon.write(tmp_path / "hdris" / "view.exr", light[:, :50])
    done = call(
        "evaluate",
        "--panoramas",
        tmp_path / "hdris",
        "-m",
        "fast",
        "-o",
        tmp_path / "out.csv",
        "--table",
        tmp_path / "t.md",
    )
    assert done.exit_code == 1, "view.exr is no panorama"
    assert "left out: view.exr is 50 x 64" in done.output
    table = (tmp_path / "t.md").read_text()
    assert "2 panoramas" in table and "| fast |" in table and "white ball" in table
    rows = (tmp_path / "out.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * 2 * 2 and rows[0].startswith("image,condition,method,diffuse,level,facing,shadow")


def test_evaluate_panoramas_needs_nothing_else(tmp_path):
    assert call("evaluate", tmp_path, "--panoramas", tmp_path).exit_code == 2
    assert call("evaluate", "--panoramas", tmp_path).exit_code == 2
