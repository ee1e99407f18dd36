"""The measurement of stage 1 on procedural views and curves."""

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import hdrrecon
from hdrrecon.camera.response import CODES, ResponseCurve
from hdrrecon.cli.main import app
from hdrrecon.evaluation import response_estimators
from hdrrecon.evaluation.response_estimators import (
    ORACLE,
    band_table,
    cases,
    fixed_estimators,
    looks,
    markdown,
    measure,
    real_cases,
)


@pytest.fixture
def folders(tmp_path, small_hdr):
    views, curves = tmp_path / "views", tmp_path / "curves"
    views.mkdir(), curves.mkdir()
    for i in range(3):
        np.save(views / f"{i}.npy", small_hdr * (1 + i))
    brightness = np.stack([CODES ** (1 / g) for g in np.linspace(1.5, 3, 20)])
    np.savez(curves / "dorf.npz", irradiance=CODES, brightness=brightness)
    inverse = np.broadcast_to((np.arange(256) / 250) ** 2.8, (2, 3, 256))
    np.savez(curves / "real_cameras.npz", inverse=inverse, split=np.array(["train", "test"]), name=np.array(["a", "b"]))
    return views, curves


def test_cases_use_held_out_curves_of_all_families(folders):
    found = list(cases(*folders))
    assert len(found) == 9 and {c.family for c in found} == {"camera", "srgb", "dorf"}
    held_out = CODES ** np.linspace(1.5, 3, 20)[7]  # of twenty curves, only index 7 is a test curve
    for c in found:
        if c.family == "dorf":
            np.testing.assert_allclose(c.inverse, held_out, atol=2e-3)
        assert 0 < c.clipped < 0.5 and c.contrast_stops > 0


def test_fixed_curves_and_the_truth_are_scored_as_they_must(folders):
    truth = {c.code.numpy().tobytes(): c.inverse for c in cases(*folders)}
    rows = measure({**fixed_estimators(), "truth": lambda code: truth[code.numpy().tobytes()]}, cases(*folders))

    def of(method, key, family=None):
        return np.mean([r[key] for r in rows if r["method"] == method and family in (None, r["family"])])

    assert of("truth", "rmse") == 0 and of("truth", "within") == 1 and of("truth", "image") < 0.02
    assert of("plain sRGB", "rmse", "srgb") == 0 and of("plain sRGB", "rmse", "camera") > 0.03
    assert of(ORACLE, "rmse", "dorf") < 1e-3
    text = markdown(rows)
    assert text.count("| truth |") == 4 and "by clipped pixels" in text and "nan" not in text.split("### Curve RMSE")[0]


def test_a_band_is_judged_by_the_codes_at_which_it_holds_the_truth(folders):
    class Estimate:
        """The sRGB curve, with no doubt below the middle and all doubt above."""

        def estimate(self, code):
            curve = torch.tensor(ResponseCurve.srgb().inverse[0])
            return {"inverse": curve, "spread": (torch.arange(len(curve)) >= 512).double()}

    table = band_table({"sure below": Estimate()}, cases(*folders)).splitlines()
    assert table[2].split("|")[2:5] == [" camera ", " srgb ", " dorf "]
    camera, srgb, dorf = (int(cell.strip(" %")) for cell in table[-1].split("|")[2:5])
    assert srgb == 100 and camera == dorf == 50


def test_real_photos_are_judged_by_the_curve_of_their_own_bracket(folders, tmp_path, small_hdr):
    """Only the split that nothing was trained on counts; a photo taken with that curve is linearised by it."""
    camera = ResponseCurve(response_estimators.camera_curve((np.arange(256) / 250) ** 2.8))
    photo = np.rint(255 * camera.expose(np.minimum(small_hdr, 1))).astype(np.uint8)
    for name in "ab":
        cv2.imwrite(str(tmp_path / f"{name}.jpg"), photo[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 100])
        hdrrecon.write(tmp_path / f"{name}.exr", small_hdr)
    (case,) = real_cases(tmp_path, folders[1])
    assert (
        case.family == "real" and case.code.shape == case.light.shape == (1, 3, 96, 128) and 0.05 < case.clipped < 0.5
    )
    rows = measure({"own": lambda code: camera.inverse[0], **fixed_estimators()}, [case])
    own, srgb = rows[0], rows[1]
    assert own["rmse"] < 1e-6 and own["image"] < srgb["image"] and own["well"] < srgb["well"]
    assert "By family" not in markdown(rows)


def test_looks_from_afar_and_from_near():
    """A thumbnail is the whole photo made small; pieces are parts of it as they are."""
    seen = []

    def ask(code):
        return seen.append(code) or CODES * float(code.mean())

    code = torch.rand(1, 3, 96, 128)
    for name, look in looks({"x": ask}, 32).items():
        seen.clear()
        answer = look(code)
        assert all(max(c.shape[-2:]) == 32 for c in seen) and np.isfinite(answer).all()
        if "thumbnail" in name:
            torch.testing.assert_close(seen[0].mean(), code.mean())
        else:
            assert len(seen) == 4 and all(
                (code.unfold(2, 32, 1).unfold(3, 32, 1) == c[:, :, None, None]).all((0, 1, 4, 5)).any() for c in seen
            )


def test_command_line(folders, tmp_path, monkeypatch):
    class Srgb:
        def estimate(self, code):
            return {"inverse": torch.tensor(ResponseCurve.srgb().inverse[0]), "spread": torch.zeros(len(CODES))}

    monkeypatch.setattr(response_estimators, "load_networks", lambda files: {"default (none)": Srgb()})
    words = ["--views", str(folders[0]), "--curves", str(folders[1]), "--out", str(tmp_path / "out.md")]
    done = CliRunner().invoke(app, ["evaluate-response", *words])
    assert done.exit_code == 0 and (tmp_path / "out.md").read_text() == done.output and "default (none)" in done.output
    with pytest.raises(FileNotFoundError, match="no HDR views"):
        (tmp_path / "empty").mkdir(), list(cases(tmp_path / "empty", folders[1]))
