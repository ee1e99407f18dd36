import numpy as np
import pytest

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.color import srgb_to_linear
from hdrrecon.metrics import METRICS, aligned, mu_law_psnr, rephotograph_error, score, ssim


def test_the_truth_is_perfect_at_any_scale(small_hdr, small_photo):
    found = score(small_hdr * 40, small_hdr, small_photo, response=ResponseCurve.srgb())
    assert found["pu21_psnr"] > 100 and found["rephotograph"] < 0.01
    for name in ("clipped_log_rmse", "clipped_energy", "well_log_rmse", "border_ring", "clipped_uv"):
        assert found[name] == pytest.approx(0, abs=1e-4), name
    assert found["gain"] == pytest.approx(1 / 40)


def test_every_metric_is_described(small_hdr, small_photo):
    found = score(small_hdr, small_hdr, small_photo)
    assert set(METRICS) - set(found) == {"cvvdp_jod", "hdrvdp3_jod"}


def test_plain_inversion_knows_everything_but_the_highlights(small_hdr, small_photo):
    found = score(srgb_to_linear(small_photo / 255), small_hdr, small_photo, response=ResponseCurve.srgb())
    assert found["well_log_rmse"] < 0.05 < 1 < found["clipped_log_rmse"]
    assert found["clipped_energy"] < -2 < found["clipped_bias"] < -0.3
    assert found["rephotograph"] < 0.5


def test_sizes_must_agree(small_hdr, small_photo):
    with pytest.raises(ValueError, match=r"prediction \(95, 128, 3\), truth \(96, 128, 3\)"):
        score(small_hdr[1:], small_hdr, small_photo)


def test_nan_is_counted_and_costs_points(small_hdr, small_photo):
    broken = small_hdr.copy()
    broken[30:40, 30:60] = np.nan
    broken[0, 0] = np.inf
    found = score(broken, small_hdr, small_photo)
    assert found["nonfinite"] == 10 * 30 * 3 + 3
    assert found["pu21_psnr"] < score(small_hdr, small_hdr, small_photo)["pu21_psnr"] - 40
    assert np.isfinite(found["pu21_psnr_crf"])


def test_all_nan_still_scores_as_black(small_hdr, small_photo):
    found = score(np.full_like(small_hdr, np.nan), small_hdr, small_photo)
    assert found["nonfinite"] == small_hdr.size and np.isfinite(found["pu21_psnr"]) and found["gain"] == 0


def test_a_photo_clipped_everywhere(small_hdr):
    truth = small_hdr + 1
    photo = np.full(truth.shape, 255, np.uint8)
    found = score(truth * 3, truth, photo)
    assert found["clipped_percent"] == 100 and found["clipped_log_rmse"] == pytest.approx(0, abs=1e-6)
    assert np.isnan(found["well_log_rmse"]) and np.isnan(found["border_step"])


def test_a_truth_without_clipped_pixel(small_hdr):
    truth = np.clip(small_hdr, 0, 0.9)
    photo = np.rint(255 * ResponseCurve.srgb().expose(truth)).astype(np.uint8)
    found = score(truth, truth, photo)
    assert found["clipped_percent"] == 0
    assert all(np.isnan(found[name]) for name in METRICS if name in found and name.startswith("clipped"))
    assert found["pu21_psnr"] > 100


def test_a_truth_with_nan_is_refused(small_hdr, small_photo):
    truth = small_hdr.copy()
    truth[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="1 values that are not finite"):
        aligned(small_hdr, truth, small_photo)


def test_rephotograph_sees_changed_measured_light(small_hdr, small_photo):
    srgb = ResponseCurve.srgb()
    assert rephotograph_error(small_hdr + 5 * (small_hdr >= 1), small_photo, srgb) < 0.01
    assert rephotograph_error(small_hdr * 1.2, small_photo, srgb) > 5


def test_mu_law_of_half_light():
    """Constant images: the definition by hand."""
    truth, half = np.full((16, 16, 3), 4.0), np.full((16, 16, 3), 2.0)
    error = 1 - np.log1p(2500) / np.log1p(5000)
    assert mu_law_psnr(half, truth) == pytest.approx(-20 * np.log10(error), abs=1e-6)


def test_ssim_of_unrelated_noise_is_near_zero():
    rng = np.random.default_rng(0)
    assert abs(ssim(rng.random((64, 64)) * 256, rng.random((64, 64)) * 256, 256)) < 0.1


def test_nearly_black_pixels_have_their_own_error(small_hdr):
    truth = small_hdr.copy()
    truth[80:] *= 0.01
    photo = np.rint(255 * ResponseCurve.srgb().expose(truth)).astype(np.uint8)
    prediction = truth.copy()
    prediction[80:] *= 4
    found = score(prediction, truth, photo)
    assert found["dark_bias"] == pytest.approx(2, abs=0.01) and found["well_bias"] == pytest.approx(0, abs=0.01)


def test_a_green_lamp_is_called_green():
    truth = np.full((40, 40, 3), 0.2)
    truth[10:20, 10:20] = 4
    photo = np.full((40, 40, 3), 120, np.uint8)
    photo[10:20, 10:20] = 255
    green = truth.copy()
    green[10:20, 10:20, 1] *= 2
    found = score(green, truth, photo)
    assert found["clipped_red_tint"] == pytest.approx(-1) and found["clipped_blue_tint"] == pytest.approx(-1)
    photo[10:20, 10:20, 2] = 200
    assert np.isnan(score(green, truth, photo)["clipped_red_tint"]), "blue was measured"
