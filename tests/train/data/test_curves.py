"""Members of every family of responses are responses."""

import numpy as np

from hdrrecon.camera.basis import FAMILIES
from hdrrecon.camera.response import CODES, ResponseCurve
from hdrrecon.train.data.curves import CurveSampler, MeasuredCurves, WideCurves, load_measured


def family_of_curves():
    """(inverse, forward) of ten films: powers around 1 / 2.2."""
    forward = np.stack([CODES**power for power in np.linspace(0.3, 0.7, 10)])
    return np.stack([ResponseCurve.from_samples(CODES, f).inverse[0] for f in forward]), forward


def test_every_family_gives_valid_curves(curves):
    rng = np.random.default_rng(0)
    for family in FAMILIES:
        for _ in range(40):
            inverse = curves.sample(family, rng).inverse  # ResponseCurve refuses what is not monotone
            assert inverse.shape[0] == (3 if family == "camera" else 1)


def test_wide_cameras_scatter_more_around_the_mean():
    inverse, forward = family_of_curves()
    measured = MeasuredCurves(np.repeat(inverse[:, None], 3, 1), inverse, forward)

    def scatter(sampler):
        rng = np.random.default_rng(0)
        return np.stack([sampler.sample("camera", rng).inverse[0] for _ in range(400)]).std(0).mean()

    assert scatter(WideCurves(measured)) > 1.1 * scatter(CurveSampler(measured))


def test_test_curves_are_never_among_those_of_training(tmp_path):
    inverse, _ = family_of_curves()
    power = np.linspace(0.3, 0.7, 40)
    np.savez(tmp_path / "dorf.npz", irradiance=CODES, brightness=np.stack([CODES**p for p in power]))
    cameras = np.stack([np.repeat(np.interp(np.arange(256) / 255, CODES, one)[None], 3, 0) for one in inverse])
    split = np.array(["train"] * 7 + ["test"] * 3)
    np.savez(tmp_path / "real_cameras.npz", inverse=cameras, split=split)
    train, test = (load_measured(tmp_path, name) for name in ("train", "test"))
    assert len(train.dorf) == 38 and len(train.camera) == 7 and len(test.camera) == 3
    assert np.array_equal(test.dorf_forward, np.stack([CODES**p for p in power[[7, 27]]]))
