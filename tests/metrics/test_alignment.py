import numpy as np
import pytest

from hdrrecon.metrics import crf_correction, display_nits, gain, pu21_psnr


def test_gain_finds_the_scale(small_hdr):
    assert gain(small_hdr * 7, small_hdr) == pytest.approx(1 / 7)
    assert gain(np.zeros_like(small_hdr), small_hdr) == 0


def test_gain_looks_only_where_told(small_hdr):
    where = small_hdr.max(2) < 1
    prediction = np.where(where[..., None], small_hdr * 2, 0)
    assert gain(prediction, small_hdr, where) == pytest.approx(0.5)


def test_correction_leaves_a_right_prediction_alone(small_hdr):
    truth = display_nits(small_hdr)
    assert pu21_psnr(crf_correction(truth, truth), truth) > 45


def test_correction_takes_a_gamma_away(small_hdr):
    """The promise: a wrong global curve costs a lot before and little after."""
    truth = display_nits(small_hdr)
    wrong = display_nits(small_hdr**1.4)
    before, after = pu21_psnr(wrong, truth), pu21_psnr(display_nits(crf_correction(wrong, truth), 1), truth)
    assert before < 25 < 35 < after


def test_correction_cannot_invent_highlights(small_hdr):
    clipped, truth = display_nits(np.minimum(small_hdr, 1)), display_nits(small_hdr)
    corrected = crf_correction(clipped, truth)
    sun = small_hdr.max(2) >= 1
    assert np.ptp(np.log2(corrected[sun].max(1))) < 0.5 * np.ptp(np.log2(truth[sun].max(1)))


def test_correction_survives_black_and_grey():
    black = np.zeros((16, 16, 3))
    assert np.isfinite(crf_correction(black, black)).all()
    grey = np.full((16, 16, 3), 100.0)
    np.testing.assert_allclose(crf_correction(grey, grey), grey, rtol=0.02)
