"""Classic operators in the place of a model: the operator's own light, honest confidence, files, clear refusals."""

import warnings

import numpy as np
import pytest
from typer.testing import CliRunner

from hdrrecon import io
from hdrrecon.api import Reconstructor, reconstruct
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.options import UsageError
from hdrrecon.pipeline.classic import CLASSIC
from hdrrecon.pipeline.classic_pipeline import list_classic


@pytest.fixture
def photo() -> np.ndarray:
    """A grey ramp beside a colour, with a clipped corner."""
    ramp = np.tile(np.linspace(20, 230, 64).astype(np.uint8)[None, :, None], (48, 1, 3))
    ramp[24:, :, 0] = 90
    ramp[:12, :12] = 255
    return ramp


def by_hand(photo: np.ndarray, name: str, response: ResponseCurve | None = None) -> np.ndarray:
    return CLASSIC[name]((response or ResponseCurve.srgb()).linearize(photo / np.float32(255)))


@pytest.mark.parametrize("name", CLASSIC)
def test_light_is_the_operators_own(name, photo):
    result = Reconstructor(f"classic:{name}", "cpu")(photo, details=True)
    np.testing.assert_allclose(result.radiance, by_hand(photo, name), rtol=1e-5, atol=1e-7)
    assert result.response.name == "srgb"
    clipped = (photo == 255).all(-1)
    assert (result.confidence[clipped] == 0).all() and (result.confidence[~clipped] == 1).all()


@pytest.mark.parametrize("name", ["landis_2002", "kovaleski_oliveira_2014", "inverse_reinhard"])
def test_the_clip_level_stays_one_where_the_operator_leaves_light_alone(name, photo):
    dark = photo.max(-1) < 100
    result = reconstruct(photo, model=f"classic:{name}", device="cpu", details=True)
    np.testing.assert_allclose(np.median(result.radiance[dark] / result.linear[dark]), 1, rtol=0.01)
    assert result.radiance.max() > 1.5


def test_options_work_as_with_a_model(photo):
    expand = Reconstructor("classic:landis_2002", "cpu")
    full = expand(photo, details=True)
    np.testing.assert_allclose(expand(photo, strength=0), full.linear, rtol=1e-6)
    assert full.radiance.max() > 2 and expand(photo, max_stops=1).max() == 2
    curve = ResponseCurve.camera()
    given = expand(photo, response="camera")
    np.testing.assert_allclose(given, by_hand(photo, "landis_2002", curve), rtol=1e-5, atol=1e-7)
    assert np.array_equal(expand(photo, memory="1GB"), full.radiance)


def test_grey_photos_and_alpha_keep_their_layout(photo):
    expand = Reconstructor("classic:landis_2002", "cpu")
    assert expand(photo[..., 0]).shape == photo.shape[:2]
    with_alpha = np.concatenate([photo, np.full_like(photo[..., :1], 255)], -1)
    light = expand(with_alpha)
    assert (light[..., 3] == 1).all()
    np.testing.assert_array_equal(light[..., :3], expand(photo))


def test_a_file_holds_the_same_light(photo, tmp_path):
    expand, told = Reconstructor("classic:kovaleski_oliveira_2014", "cpu"), []
    target = expand.to_file(source(photo, tmp_path), tmp_path / "light.exr", dtype="float", tell=told.append)
    np.testing.assert_allclose(io.read(target)[..., :3], expand(photo), rtol=1e-6)
    assert "the operator changed" in told[0].sentence() and "restored" not in told[0].sentence()


def source(photo: np.ndarray, folder):
    import cv2

    path = folder / "photo.png"
    cv2.imwrite(str(path), photo[..., ::-1])
    return path


def test_a_guide_is_refused(photo):
    with warnings.catch_warnings(), pytest.raises(UsageError, match="takes no guide"):
        warnings.simplefilter("ignore")
        expand = Reconstructor("classic:landis_2002", "cpu")
        expand(photo, guide=by_hand(photo, "landis_2002")[::4, ::4])


def test_an_unknown_name_is_told_the_known_ones():
    with pytest.raises(UsageError, match="no classic operator 'nothing'") as error:
        Reconstructor("classic:nothing", "cpu")
    assert all(f"classic:{name}" in str(error.value) for name in CLASSIC)


def test_the_command_line_lists_and_runs_them(photo, tmp_path):
    from hdrrecon.cli.main import app

    call = CliRunner().invoke
    listed = call(app, ["models", "classic:*"])
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list_classic() and len(list_classic()) == 6
    assert call(app, ["models", "classic:x*"]).exit_code == 1
    out, path = tmp_path / "light.npy", str(source(photo, tmp_path))
    done = call(app, ["run", path, "-o", str(out), "--model", "classic:landis_2002", "--device", "cpu"])
    assert done.exit_code == 0, done.output
    np.testing.assert_allclose(np.load(out), by_hand(photo, "landis_2002"), rtol=1e-5, atol=1e-7)
    about = call(app, ["info", path, "--model", "classic:landis_2002"]).stdout
    assert "let classic:landis_2002 brighten it" in about and "restore nothing" not in about
    wrong = call(app, ["run", path, "-o", str(tmp_path / "x.npy"), "--model", "classic:nothing"])
    assert wrong.exit_code == 2 and "classic:landis_2002" in wrong.output
