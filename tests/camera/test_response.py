"""Promises of ResponseCurve."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hdrrecon.camera.response import CODES, ResponseCurve, interpolate_uniform


def curves():
    rng = np.random.default_rng(0)
    three = np.stack([CODES**2, CODES**2.2, CODES**1.8])
    return [
        ResponseCurve.srgb(),
        ResponseCurve.gamma(2.2),
        ResponseCurve.camera(),
        ResponseCurve(three),
        ResponseCurve.from_inverse(np.concatenate([[0], np.sort(rng.random(30)), [1]])),
    ]


@pytest.mark.parametrize("curve", curves(), ids=lambda c: c.name)
def test_round_trip_of_the_256_codes(curve):
    """code -> light -> code gives every 8-bit code back, except where the curve itself is flat."""
    x = np.repeat(np.arange(256)[:, None] / 255, 3, 1)[None]
    light = curve.linearize(x)
    back = curve.expose(light)
    flat = curve.linearize(np.minimum(x + 1 / 255, 1)) <= light + 1e-9
    np.testing.assert_allclose(back[~flat], x[~flat], atol=2e-3)
    assert (np.diff(light, axis=1) >= 0).all() and light.min() == 0 and light.max() == 1


def test_clipped_light_is_the_last_code_even_where_the_curve_is_flat_before_it():
    """Camera JPEGs clip at code 250; light at or above the clip level must still come out as 255."""
    camera = ResponseCurve.camera()
    assert camera.expose(np.array([1.0, 5.0])).tolist() == [1.0, 1.0]
    assert camera.expose(np.array([0.999])) < 250.5 / 255


def test_camera_curve_has_the_long_shoulder():
    """Code 224 is about 0.58 of the clip level in a modern camera, 0.75 in sRGB."""

    def at(c):
        return float(c.linearize(np.array([224 / 255]))[0])

    assert 0.5 < at(ResponseCurve.camera()) < 0.66 and at(ResponseCurve.srgb()) == pytest.approx(0.7454, abs=1e-3)


def test_torch_and_numpy_linearize_alike(small_photo):
    x = small_photo.astype(np.float32) / 255
    tensor = torch.from_numpy(x.transpose(2, 0, 1).copy())[None]
    for curve in curves():
        np.testing.assert_allclose(curve.linearize(tensor)[0].numpy().transpose(1, 2, 0), curve.linearize(x), atol=2e-6)
        assert curve.linearize(tensor).dtype == torch.float32 and curve.linearize(x).dtype == np.float32


def test_torch_and_numpy_expose_alike(small_hdr):
    tensor = torch.from_numpy(small_hdr.transpose(2, 0, 1).copy())[None]
    curve = ResponseCurve.gamma(2.0)
    np.testing.assert_array_equal(curve.expose(tensor)[0].numpy().transpose(1, 2, 0), curve.expose(small_hdr))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=40))
def test_forward_samples_are_inverted(values):
    """from_samples(E, f(E)) linearises f(E) back to E wherever f is strictly increasing."""
    brightness = np.concatenate([[0], np.sort(values), [1]])
    irradiance = np.linspace(0, 1, len(brightness))
    curve = ResponseCurve.from_samples(irradiance, brightness)
    assert (np.diff(curve.inverse) >= 0).all()
    gaps = np.diff(brightness)
    inner = np.flatnonzero((np.r_[1, gaps] > 0.01) & (np.r_[gaps, 1] > 0.01))
    got = np.interp(brightness[inner], CODES, curve.inverse[0])
    steps = 1 / (len(brightness) - 1) / np.minimum(np.r_[1, gaps], np.r_[gaps, 1])[inner] / 1023
    assert (np.abs(got - irradiance[inner]) <= steps + 1e-9).all()


@pytest.mark.parametrize(
    "samples, words",
    [
        (np.zeros(10), "shape"),
        (np.full(1024, np.nan), "not finite"),
        (CODES[::-1], "monotone"),
        (CODES * 0.5, "must be 0"),
    ],
)
def test_bad_curves_are_refused_with_a_reason(samples, words):
    with pytest.raises(ValueError, match=words):
        ResponseCurve(samples)


def test_dictionary_round_trip():
    """Through JSON, with what an estimator knew: a saved estimate keeps its band."""
    facts = {"families": {"camera": 0.9, "srgb": 0.1}, "spread": np.linspace(0, 0.1, 1024), "confidence": 0.8}
    curve = replace(ResponseCurve.camera(), facts=facts)
    again = ResponseCurve.from_dict(json.loads(json.dumps(curve.to_dict())))
    np.testing.assert_array_equal(again.inverse, curve.inverse)
    assert (
        again.name == "camera" and again.facts.keys() == facts.keys() and again.facts["families"] == facts["families"]
    )
    np.testing.assert_array_equal(again.facts["spread"], facts["spread"])
    assert ResponseCurve.from_dict({"name": "old", "inverse": curve.to_dict()["inverse"]}).facts == {}


def test_lookup_has_gradients_for_the_table_and_the_image():
    table = torch.sort(torch.rand(1, 1, 9, dtype=torch.float64)).values.requires_grad_()
    x = (torch.rand(2, 3, 2, 2, dtype=torch.float64) * 0.8 + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(interpolate_uniform, (table, x))
