from types import SimpleNamespace

import numpy as np
import pytest

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.evaluation import methods
from hdrrecon.evaluation.case import Case
from hdrrecon.evaluation.conditions import CONDITIONS, take_photo


@pytest.fixture
def case(small_hdr):
    return take_photo(CONDITIONS["clip_95"], small_hdr, "scene")


@pytest.fixture
def model(monkeypatch):
    """A model whose light is off by a factor of three and whose highlights are flat."""

    def reconstruct(photo, details):
        linear = 3 * np.float32(ResponseCurve.srgb().linearize(photo / 255))
        return SimpleNamespace(radiance=linear * 2, linear=linear, response=ResponseCurve.srgb())

    monkeypatch.setattr(methods, "_reconstructor", lambda name, device: reconstruct)
    monkeypatch.setattr(methods, "_model_version", lambda name: "abc")


def test_oracle_linearisation_is_the_true_light_where_nothing_clips(case):
    light = methods.build("oracle_linearisation").run(case).radiance
    measured = case.photo.max(2) < 250
    np.testing.assert_allclose(light[measured], case.truth[measured], rtol=0.03, atol=0.005)
    assert light.max() <= 1


def test_oracle_linearisation_of_a_real_photo_cuts_the_truth(case):
    real = Case("x", "real", case.photo, case.truth, None, "photo")
    assert np.array_equal(methods.build("oracle_linearisation").run(real).radiance, np.minimum(case.truth, 1))


def test_oracle_restoration_joins_in_the_models_unit(case, model):
    """True highlights, on a linearisation of another scale: their ratio to the true light is the scale."""
    light = methods.build("oracle_restoration").run(case).radiance
    clipped = case.truth.max(2) >= 1
    ratio = light[clipped] / case.truth[clipped]
    assert np.ptp(ratio) < 1e-4 * ratio.mean() and ratio.mean() == pytest.approx(3, rel=0.6)
    assert np.array_equal(light[~clipped], 3 * np.float32(ResponseCurve.srgb().linearize(case.photo / 255))[~clipped])


def test_a_model_reports_its_curve(case, model):
    found = methods.build("ours=full")
    assert (found.label, found.version) == ("ours", "abc") and found.run(case).response.name == "srgb"


def test_classic_operators_run_by_name(case):
    CLASSIC = pytest.importorskip("hdrrecon.pipeline.classic").CLASSIC
    for name in CLASSIC:
        light = methods.build(f"classic:{name}").run(case).radiance
        assert light.shape == case.truth.shape and np.isfinite(light).all(), name
    with pytest.raises(ValueError, match=next(iter(CLASSIC))):
        methods.build("classic:nothing")


def test_a_method_cannot_spoil_the_photo_for_the_next(case, tmp_path, monkeypatch):
    (tmp_path / "vandal_method.py").write_text("def run(photo):\n    photo[:] = 0\n    return photo / 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = case.photo.copy()
    methods.build("vandal_method:run").run(case)
    assert np.array_equal(case.photo, before)


def test_a_changed_source_or_file_is_another_version(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3))
    first = methods.build(f"files:{tmp_path}").version
    np.save(tmp_path / "b.npy", np.zeros(3))
    assert methods.build(f"files:{tmp_path}").version != first


@pytest.mark.parametrize(
    "spec, label",
    [
        ("full", "full"),
        ("x=full", "x"),
        ("classic:landis", "landis"),
        ("files:/a/b", "b"),
        ("m.n:f", "m.n:f"),
        ("me=m:f", "me"),
    ],
)
def test_labels(spec, label):
    assert methods.label_of(spec) == label
