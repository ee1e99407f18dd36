import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from hdrrecon.metrics import border_halo, border_ring, border_step
from hdrrecon.metrics.borders import box_mean


@pytest.fixture
def disc():
    y, x = np.mgrid[:64, :64] - 32
    return x**2 + y**2 < 200


def test_a_seam_is_its_height(disc):
    assert border_step(1.5 * disc, disc) == pytest.approx(1.5)


def test_a_smooth_error_is_no_seam(disc):
    slope = np.linspace(0, 1, 64)[None].repeat(64, 0)
    assert border_step(slope, disc) < 0.02 and border_ring(slope, disc) < 0.02
    assert border_step(np.full((64, 64), 2.0), disc) == 0


def test_a_halo_outside_is_seen(disc):
    from scipy.ndimage import binary_dilation

    halo = binary_dilation(disc, iterations=2) & ~disc
    assert border_ring(0.5 * halo, disc) > 10 * border_ring(0.5 * np.ones_like(halo), disc) + 0.1


def test_a_halo_is_what_is_worse_beside_clipped_regions_than_elsewhere(disc):
    from scipy.ndimage import binary_dilation

    dark, near = np.zeros_like(disc), binary_dilation(disc, iterations=3) & ~disc
    assert border_halo(np.full(disc.shape, 0.3), disc, dark) == pytest.approx(0, abs=1e-12)
    assert border_halo(0.5 * near, disc, dark) > 0.1 > 0 > border_halo(0.5 * ~near, disc, dark)
    assert border_halo(0.5 * near, disc, near) == pytest.approx(0), "dark pixels do not count"
    assert np.isnan(border_halo(np.zeros(disc.shape), dark, dark))


@pytest.mark.parametrize("mask", [np.zeros((20, 20), bool), np.ones((20, 20), bool)])
def test_no_border_no_number(mask):
    assert np.isnan(border_step(np.zeros((20, 20)), mask)) and np.isnan(border_ring(np.zeros((20, 20)), mask))


def test_box_mean_against_scipy():
    image = np.random.default_rng(0).random((13, 21))
    np.testing.assert_allclose(box_mean(image, 9), uniform_filter(image, 9, mode="reflect"), atol=1e-12)
