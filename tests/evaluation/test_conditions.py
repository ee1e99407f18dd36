import numpy as np
import pytest

from hdrrecon.evaluation.conditions import (
    CONDITIONS,
    PROTOCOL,
    choose,
    clean,
    crushed,
    fingerprint,
    held_out_curves,
    sigmoid,
    take_photo,
)
from tests.conftest import shared

V1 = "4770110a1ee740df10c896d15b91b73e66ba642689d2104f770fc8937072932f"


def test_v1_is_frozen():
    """A changed condition is another protocol: write v2, do not edit this hash."""
    assert PROTOCOL == "hdrrecon-eval v1"
    assert fingerprint() == V1
    with pytest.raises(TypeError):
        CONDITIONS["clip_95"] = None


def test_the_base_camera_has_not_moved():
    """Light 1 / 18 % / 1 % at these codes, from the formula by hand."""
    light = np.array([1.0, 0.18, 0.01])
    wanted = 1.3 * light**0.9 / (0.3 + light**0.9)
    np.testing.assert_allclose(sigmoid().expose(light), wanted, atol=1e-3)


@pytest.mark.parametrize("name", [c for c in CONDITIONS if c != "unknown_camera"])
def test_the_stated_share_clips(name, small_hdr):
    condition = CONDITIONS[name]
    case = take_photo(condition, small_hdr * 13, "scene")
    assert case.photo.dtype == np.uint8 and case.photo.shape == small_hdr.shape
    assert 100 * (case.truth.max(2) >= 1).mean() == pytest.approx(condition.clip_percent, abs=0.5)
    again = take_photo(condition, small_hdr * 13, "scene")
    assert np.array_equal(case.photo, again.photo)


def test_two_sided_crushes_and_the_true_curve_explains_it(small_hdr):
    scene = small_hdr * np.linspace(0.05, 1, 128, dtype=np.float32)[None, :, None]
    case = take_photo(CONDITIONS["two_sided"], scene, "scene")
    assert 100 * (case.photo.max(2) == 0).mean() == pytest.approx(5, abs=1)
    measured = (case.photo > 2) & (case.photo < 250)
    np.testing.assert_allclose(
        case.response.linearize(case.photo / 255)[measured], case.truth[measured], rtol=0.1, atol=0.01
    )


def test_noise_differs_between_images(small_hdr):
    a, b = (take_photo(CONDITIONS["noisy"], small_hdr, name) for name in "ab")
    assert np.array_equal(a.truth, b.truth) and not np.array_equal(a.photo, b.photo)


def test_crushed_keeps_its_ends():
    curve = crushed(sigmoid(), 0.1)
    assert curve.inverse[0, 0] == 0 and curve.inverse[0, -1] == 1 and curve.inverse[0, 1] > 0.1


def test_unknown_camera_takes_held_out_curves(small_hdr):
    curves = held_out_curves(shared("data/crf"))
    assert [c.name for c in curves] == [f"dorf {i}" for i in range(7, 201, 20)]
    used = {take_photo(CONDITIONS["unknown_camera"], small_hdr, f"image {i}", curves).response.name for i in range(12)}
    assert len(used) > 3 and used <= {c.name for c in curves}


def test_missing_curves_say_what_to_do(tmp_path, small_hdr):
    with pytest.raises(FileNotFoundError, match="--curves dorf.npz"):
        held_out_curves(tmp_path)
    with pytest.raises(ValueError, match="held_out_curves"):
        take_photo(CONDITIONS["unknown_camera"], small_hdr, "x")


def test_a_wrong_curve_file_is_named(tmp_path):
    np.savez(tmp_path / "dorf.npz", irradiance=np.zeros(4), brightness=np.zeros((3, 4)))
    with pytest.raises(ValueError, match="not the DoRF set"):
        held_out_curves(tmp_path / "dorf.npz")


def test_choose():
    assert [c.name for c in choose(["clip_97", "noisy", "clip_97"])] == ["clip_97", "noisy"]
    assert choose(["all"]) == list(CONDITIONS.values())
    with pytest.raises(ValueError, match="clip_95"):
        choose(["clip_96"])


def test_bad_truths(small_hdr):
    with pytest.raises(ValueError, match="hold any light"):
        take_photo(CONDITIONS["clip_95"], np.zeros((8, 8, 3), np.float32), "night")
    broken = small_hdr.copy()
    broken[0, 0] = np.nan
    with pytest.raises(ValueError, match="3 NaN"):
        take_photo(CONDITIONS["clip_95"], broken, "broken")
    assert clean(np.float32([[[-1, np.inf, 1]]]), "x").tolist() == [[[0, 65504, 1]]]
