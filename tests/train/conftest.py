"""Scenes and curves small enough to train on in a test."""

import numpy as np
import pytest

from hdrrecon.camera.basis import load_basis
from hdrrecon.train.data.curves import CurveSampler, MeasuredCurves
from hdrrecon.train.data.scenes import Scene


@pytest.fixture(scope="module")
def curves():
    means = load_basis().family_means
    return CurveSampler(MeasuredCurves(np.repeat(means[:1, None], 3, 1), means[2:3], means[2:3]))


@pytest.fixture(scope="module")
def scenes():
    rng = np.random.default_rng(0)
    light = np.exp(rng.normal(0, 1.5, (32, 64, 3))).repeat(4, 0).repeat(4, 1).astype(np.float16)
    return [Scene("noise", light)]
