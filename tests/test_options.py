"""Options are named once and checked at once."""

import inspect
from dataclasses import fields
from typing import get_type_hints

import numpy as np
import pytest

import hdrrecon
from hdrrecon.camera.response import ResponseCurve
from hdrrecon.io.write import write
from hdrrecon.options import (
    ReconstructKeywords,
    ReconstructOptions,
    WriteKeywords,
    WriteOptions,
    options_from,
    reconstruct_options,
)

KINDS = [(ReconstructOptions, ReconstructKeywords), (WriteOptions, WriteKeywords)]


@pytest.mark.parametrize("options, keywords", KINDS)
def test_what_type_checkers_see_is_what_there_is(options, keywords):
    names = {"ResponseCurve": ResponseCurve}
    assert get_type_hints(keywords, localns=names) == get_type_hints(options, localns=names)


def test_every_surface_shows_every_option():
    how, written = ({f.name for f in fields(kind)} for kind, _ in KINDS)
    for function in (hdrrecon.reconstruct, hdrrecon.Reconstructor.__call__):
        assert how <= set(inspect.signature(function).parameters)
    for function in (hdrrecon.reconstruct_file, hdrrecon.Reconstructor.to_file):
        assert how | written <= set(inspect.signature(function).parameters)
    assert written <= set(inspect.signature(write).parameters)


@pytest.mark.parametrize(
    "given, error, words",
    [
        ({"response": "kodak"}, ValueError, "'estimate', 'srgb', 'camera'"),
        ({"highlights": "loud"}, ValueError, "'median'"),
        ({"exif": "no"}, TypeError, "True or False"),
        ({"panorama": 1}, TypeError, "True or False"),
        ({"memory": "plenty"}, ValueError, "2GB"),
        ({"highlight": "median"}, TypeError, "did you mean 'highlights'"),
        ({"compression": "gzip"}, ValueError, "'zip'"),
        ({"dtype": "double"}, ValueError, "'half'"),
        ({"envmap": "cube"}, ValueError, "'latlong'"),
    ],
)
def test_what_is_no_option_is_refused(given, error, words):
    with pytest.raises(error, match=words):
        options_from(given)


def test_options_are_those_of_their_kind():
    how, written = options_from({"memory": "2GB", "dtype": "float", "exif": np.bool_(False)})
    assert how == ReconstructOptions(memory=2 * 10**9, exif=np.bool_(False)) and written == WriteOptions(dtype="float")
    assert written.keywords() == {"dtype": "float"} and set(how.keywords()) == {f.name for f in fields(how)}
    with pytest.raises(TypeError, match="unknown option 'dtype'"):
        reconstruct_options({"dtype": "half"})
