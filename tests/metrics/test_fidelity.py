"""PSNR, SSIM, mu-law PSNR and the re-photograph error, by hand and against another implementation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdrrecon.camera.response import ResponseCurve
from hdrrecon.metrics.fidelity import mu_law_psnr, psnr, rephotograph_error, ssim


@given(off=st.floats(1e-3, 10), peak=st.floats(0.1, 1e4))
def test_psnr_of_a_constant_error(off, peak):
    """10 log10(peak^2 / mean square error)."""
    truth = np.random.default_rng(0).random((8, 9, 3))
    assert psnr(truth + off, truth, peak) == pytest.approx(20 * np.log10(peak / off), abs=1e-3)


def test_identical_images_have_a_finite_score():
    truth = np.random.default_rng(0).random((16, 16, 3))
    assert psnr(truth, truth, 1.0) == pytest.approx(120)
    assert ssim(truth[..., 0], truth[..., 0], 1.0) == pytest.approx(1)


def test_ssim_by_its_definition():
    """Wang et al. 2004, equation 13, with Gaussian windows of scipy."""
    from scipy.ndimage import gaussian_filter

    def mean(image):
        return gaussian_filter(image, 1.5, radius=5, mode="reflect")

    rng = np.random.default_rng(1)
    a = rng.random((40, 50))
    b = np.clip(a + rng.normal(0, 0.1, a.shape), 0, 1)
    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    want = ((2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))).mean()
    assert ssim(a, b, 1.0) == pytest.approx(want, abs=1e-6)


@given(unit=st.floats(1e-3, 1e3))
def test_mu_law_does_not_depend_on_the_unit(unit):
    rng = np.random.default_rng(2)
    truth = rng.random((12, 13, 3)) ** 4
    prediction = truth * rng.uniform(0.8, 1.2, truth.shape)
    assert mu_law_psnr(prediction * unit, truth * unit) == pytest.approx(mu_law_psnr(prediction, truth), abs=1e-6)


def test_a_photo_taken_again_gives_itself_back():
    """What lies above the clip level is not seen by the camera; one code value off is one."""
    curve = ResponseCurve.from_inverse(np.linspace(0, 1, 256) ** 2.2)
    photo = np.random.default_rng(3).integers(0, 256, (10, 11, 3), dtype=np.uint8)
    light = (photo / 255) ** 2.2
    invented = np.where(photo == 255, 40.0, light)
    assert rephotograph_error(light, photo, curve) < 0.02 and rephotograph_error(invented, photo, curve) < 0.02
    darker = np.maximum(photo.astype(int) - 1, 0).astype(np.uint8)
    assert rephotograph_error(light, darker, curve) == pytest.approx((photo > 0).mean(), abs=0.02)
