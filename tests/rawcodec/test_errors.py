"""Who reads photos can catch what is wrong with a raw stream, and can go on after a warning."""

import warnings

import pytest

import hdrrecon
from hdrrecon import rawcodec
from hdrrecon.io.photo import ReadError
from hdrrecon.rawcodec.errors import StreamError, StreamWarning


def test_a_bad_stream_is_a_bad_file(exposure):
    _, jpeg = exposure
    with pytest.raises(ReadError, match="signature"):
        rawcodec.decode(jpeg, b"no stream")
    assert rawcodec.StreamError is StreamError
    assert not issubclass(StreamError, Warning)


def test_a_short_stream_can_be_made_an_error(exposure, stream):
    _, jpeg = exposure
    with warnings.catch_warnings():
        warnings.simplefilter("error", StreamWarning)
        with pytest.raises(StreamWarning):
            rawcodec.decode(jpeg, stream[:-10])
    with pytest.warns(StreamWarning):
        assert rawcodec.decode(jpeg, stream[:-10]).shape == (120, 168, 3)
    assert hdrrecon.rawcodec.StreamWarning is StreamWarning
