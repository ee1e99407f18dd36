"""Published numbers and round trips of hdrrecon.color."""

import numpy as np
import pytest
import torch

from hdrrecon import color


def test_srgb_has_the_standards_values():
    assert color.srgb_to_linear(np.array([0.0, 0.04045, 0.5, 1.0])) == pytest.approx(
        [0, 0.0031308, 0.21404114, 1], abs=1e-6
    )


def test_srgb_round_trip_beyond_the_unit_interval():
    x = np.linspace(-2, 8, 1001)
    np.testing.assert_allclose(color.srgb_to_linear(color.linear_to_srgb(x)), x, atol=1e-9)


def test_numpy_and_torch_agree():
    x = np.linspace(0, 1, 64)
    for function in (color.srgb_to_linear, color.linear_to_srgb, color.pq_decode, lambda v: color.pq_encode(v * 1e4)):
        np.testing.assert_allclose(function(torch.from_numpy(x)).numpy(), function(x), rtol=1e-10)


def test_pq_has_the_standards_anchors():
    """ST 2084: 100 cd/m2 is code 0.508, 10000 cd/m2 is 1."""
    assert color.pq_encode(np.array([100.0, 1000.0, 10000.0])) == pytest.approx([0.50808, 0.75183, 1.0], abs=1e-4)
    y = np.geomspace(0.01, 1e4, 50)
    np.testing.assert_allclose(color.pq_decode(color.pq_encode(y)), y, rtol=1e-9)


def test_luminance_axis():
    x = np.random.default_rng(0).random((5, 7, 3))
    np.testing.assert_allclose(color.luminance(x), color.luminance(x.transpose(2, 0, 1)[None], 1)[0])
    assert color.luminance(np.ones(3)) == pytest.approx(1)


def test_matrices_have_the_published_values_and_keep_white():
    assert color.REC709_TO_XYZ[1] == pytest.approx([0.2126, 0.7152, 0.0722], abs=1e-4)
    p3 = color.matrix_between("p3", "rec709")
    assert p3[0] == pytest.approx([1.2249, -0.2247, 0.0], abs=1e-3)
    for name in color.PRIMARIES:
        assert color.matrix_between(name, "rec2020") @ np.ones(3) == pytest.approx(np.ones(3))


def test_unknown_primaries_name_the_known_ones():
    with pytest.raises(ValueError, match="rec2020"):
        color.matrix_between("rec709", "prophoto")


def test_srgb_gradient_is_finite_everywhere():
    x = torch.tensor([-0.1, 0.0, 1e-6, 0.5, 4.0], requires_grad=True)
    (color.linear_to_srgb(x) + color.srgb_to_linear(x)).sum().backward()
    assert torch.isfinite(x.grad).all()


def test_uv_of_d65_white_in_numpy_and_torch():
    """Published for D65: u' = 0.1978, v' = 0.4683 (CIE 15)."""
    white = np.array([[1.0, 1.0, 1.0]]) @ color.REC709_TO_XYZ.T
    np.testing.assert_allclose(color.xyz_to_uv(white), [[0.1978, 0.4683]], atol=1e-4)
    np.testing.assert_array_equal(color.xyz_to_uv(torch.from_numpy(white)).numpy(), color.xyz_to_uv(white))
