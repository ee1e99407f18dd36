"""The measurement of stage 1 on procedural views and curves."""
import numpy as np
import pytest

from hdrrecon.camera.response import CODES, ResponseCurve
from hdrrecon.train import measure_response
from hdrrecon.train.measure_response import ORACLE, cases, fixed_estimators, markdown, measure


@pytest.fixture
def folders(tmp_path, small_hdr):
    views, curves = tmp_path / "views", tmp_path / "curves"
    views.mkdir(), curves.mkdir()
    for i in range(3):
        np.save(views / f"{i}.npy", small_hdr * (1 + i))
    brightness = np.stack([CODES ** (1 / g) for g in np.linspace(1.5, 3, 20)])
    np.savez(curves / "dorf.npz", irradiance=CODES, brightness=brightness)
    inverse = np.broadcast_to((np.arange(256) / 250) ** 2.8, (2, 3, 256))
    np.savez(curves / "real_cameras.npz", inverse=inverse, split=np.array(["train", "test"]))
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
    rows = measure({**fixed_estimators(), "truth": lambda code: truth[code.numpy().tobytes()]}, *folders)

    def of(method, key, family=None):
        return np.mean([r[key] for r in rows if r["method"] == method and family in (None, r["family"])])

    assert of("truth", "rmse") == 0 and of("truth", "within") == 1 and of("truth", "image") < 0.02
    assert of("plain sRGB", "rmse", "srgb") == 0 and of("plain sRGB", "rmse", "camera") > 0.03
    assert of(ORACLE, "rmse", "dorf") < 1e-3
    text = markdown(rows)
    assert text.count("| truth |") == 4 and "by clipped pixels" in text and "nan" not in text.split("### Curve RMSE")[0]


def test_command_line(folders, tmp_path, capsys, monkeypatch):
    srgb = lambda code: ResponseCurve.srgb().inverse[0]
    monkeypatch.setattr(measure_response, "networks", lambda files: {"default (none)": srgb})
    measure_response.main(["--views", str(folders[0]), "--curves", str(folders[1]), "--out", str(tmp_path / "out.md")])
    assert (tmp_path / "out.md").read_text() == capsys.readouterr().out
    with pytest.raises(FileNotFoundError, match="no HDR views"):
        (tmp_path / "empty").mkdir(), list(cases(tmp_path / "empty", folders[1]))
