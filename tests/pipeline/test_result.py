"""A `Reconstruction` by itself: said in a line, pickled, asked for what it was made without."""

import pickle

import numpy as np
import pytest

from hdrrecon.api import Reconstructor
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.pipeline.result import Reconstruction
from tests.pipeline.test_pipeline import random_pipeline


def test_it_goes_through_pickle_without_its_networks(small_photo):
    made = Reconstructor(random_pipeline(), device="cpu")(small_photo, details=True)
    text = pickle.dumps(made)
    copy = pickle.loads(text)
    for name in ("radiance", "confidence", "linear", "over", "under"):
        np.testing.assert_array_equal(getattr(copy, name), getattr(made, name))
    np.testing.assert_array_equal(copy.response.inverse, made.response.inverse)
    assert b"HDRPipeline" not in text and b"MaskedFeatures" not in text


def test_it_says_what_it_is(small_photo):
    said = repr(Reconstruction(np.float32([[[0, 1, 12]]]), ResponseCurve.srgb()))
    assert "(1, 1, 3)" in said and "12" in said and "'srgb'" in said


def test_what_it_was_made_without_is_no_attribute():
    with pytest.raises(AttributeError, match="confidence"):
        _ = Reconstruction(np.zeros((1, 1, 3)), ResponseCurve.srgb()).confidence


def test_the_callers_pipeline_is_left_alone():
    own = random_pipeline().train()
    made = Reconstructor(own, device="cpu", precision="float32")
    assert made.pipeline is not own and own.training and own.precision == "auto"
