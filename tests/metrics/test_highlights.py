import numpy as np
import pytest

from hdrrecon.color import pq_encode
from hdrrecon.metrics import delta_e_itp, light_energy, log_bias, log_rmse, stops_map, uv_distance


def test_twice_the_light_is_one_stop(small_hdr):
    stops = stops_map(2 * small_hdr, small_hdr)
    everywhere = np.ones(stops.shape, bool)
    assert log_bias(stops, everywhere) == pytest.approx(1, abs=1e-6)
    assert log_rmse(stops, everywhere) == pytest.approx(1, abs=1e-6)
    assert light_energy(2 * small_hdr, small_hdr, everywhere) == pytest.approx(1, abs=1e-6)


def test_energy_is_the_brightest_pixels(small_hdr):
    """A clipped sun: most pixels are nearly right, most of the light is gone."""
    clipped = np.minimum(small_hdr, 1)
    where = small_hdr.max(2) >= 1
    assert light_energy(clipped, small_hdr, where) < 2 * log_bias(stops_map(clipped, small_hdr), where) < 0


def test_no_pixel_no_number(small_hdr):
    nothing = np.zeros(small_hdr.shape[:2], bool)
    assert np.isnan(light_energy(small_hdr, small_hdr, nothing))
    assert np.isnan(log_rmse(stops_map(small_hdr, small_hdr), nothing))


def test_delta_e_of_grey_is_720_times_the_pq_step():
    a, b = np.full((1, 3), 100.0), np.full((1, 3), 110.0)
    assert delta_e_itp(a, b)[0] == pytest.approx(720 * (pq_encode(110.0) - pq_encode(100.0)), rel=1e-6)


def test_delta_e_of_primaries():
    """Hand computation from the rational matrices of BT.2100 for Rec.2020 red and green, both 100 cd/m2."""
    from hdrrecon.color import matrix_between

    lms = np.array([[1688, 683, 99], [2146, 2951, 309]]) / 4096 * 100
    code = pq_encode(lms)
    i = code[:, 0] / 2 + code[:, 1] / 2
    t = 0.5 * (6610 * code[:, 0] - 13613 * code[:, 1] + 7003 * code[:, 2]) / 4096
    p = (17933 * code[:, 0] - 17390 * code[:, 1] - 543 * code[:, 2]) / 4096
    wanted = 720 * np.sqrt(np.diff(i) ** 2 + np.diff(t) ** 2 + np.diff(p) ** 2)[0]
    red, green = (np.eye(3)[:2] * 100) @ matrix_between("rec2020", "rec709").T
    assert delta_e_itp(red, green) == pytest.approx(wanted, rel=1e-4)


def test_uv_ignores_brightness_and_knows_the_primaries(small_hdr):
    assert uv_distance(3 * small_hdr, small_hdr).max() < 1e-5
    # CIE 1976 u'v' of the Rec.709 primaries: red (0.4507, 0.5229), green (0.1250, 0.5625).
    red, green = np.eye(3)[:1], np.eye(3)[1:2]
    assert uv_distance(red, green)[0] == pytest.approx(np.hypot(0.4507 - 0.1250, 0.5229 - 0.5625), abs=2e-4)
