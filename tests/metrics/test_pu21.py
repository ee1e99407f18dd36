import numpy as np
import pytest

from hdrrecon.metrics import display_nits, pu21_decode, pu21_encode, pu21_psnr, pu21_ssim

# Published constants evaluated by hand (METHODS.md, section 8).
ANCHORS = {0.005: 0.00, 1: 36.5, 10: 123.6, 100: 256.4, 1000: 420.1, 4000: 527.5, 10000: 595.4}


def test_published_anchors():
    np.testing.assert_allclose(pu21_encode(np.array(list(ANCHORS), float)), list(ANCHORS.values()), atol=0.06)


def test_decode_inverts_encode():
    nits = np.geomspace(0.005, 10_000, 200)
    np.testing.assert_allclose(pu21_decode(pu21_encode(nits)), nits, rtol=1e-6)


def test_values_beyond_the_fit_are_clamped():
    assert pu21_encode(np.array([-1.0, 0.0])).max() == pytest.approx(0, abs=1e-6)
    assert pu21_encode(np.array([1e9])) == pytest.approx(pu21_encode(np.array([1e4])))


def test_code_values_are_refused():
    with pytest.raises(TypeError, match="linearise"):
        pu21_encode(np.uint8([1, 2]))


def test_a_known_error_gives_its_psnr(small_hdr):
    """One PU21 unit everywhere is 20 log10(256) dB."""
    truth = display_nits(small_hdr)
    shifted = pu21_decode(pu21_encode(truth) + 1)
    assert pu21_psnr(shifted, truth) == pytest.approx(20 * np.log10(256), abs=1e-3)


def test_identical_images_stay_finite(small_hdr):
    truth = display_nits(small_hdr)
    assert 150 < pu21_psnr(truth, truth) < np.inf
    assert pu21_ssim(truth, truth) == pytest.approx(1, abs=1e-9)
