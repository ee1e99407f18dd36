"""Streams written once are read for ever: stored files decode to what they did when they were written.

A failure means that the decoder or the model has changed: files that people have would not be readable any more. Then
write a new version of the format beside the old one; do not make new files.
"""

import json

import numpy as np
import pytest

from hdrrecon import rawcodec

from .conftest import photograph
from .make_stored import CASES, STORED, sampled, symbols_crc

FACTS = json.loads((STORED / "facts.json").read_text())


@pytest.mark.parametrize("name", CASES)
def test_latents_agree_to_the_bit(name):
    photo = (STORED / f"{name}.jpg").read_bytes()
    assert symbols_crc(photo, rawcodec.extract(photo)) == FACTS[name]["latents"]


@pytest.mark.parametrize("name", CASES)
def test_the_raw_comes_back(name):
    size, options, _ = CASES[name]
    raw, _ = photograph(*size, **options)
    out = rawcodec.decode(STORED / f"{name}.jpg")
    assert -10 * np.log10(np.mean((out - raw) ** 2)) > 40
    np.testing.assert_allclose(sampled(out), FACTS[name]["raw"], atol=3e-4)
